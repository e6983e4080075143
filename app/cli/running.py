"""How every command runs: with settings, a log, a database, and one clear line when it fails."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

import click
import psycopg
from sqlalchemy.exc import SQLAlchemyError

from app.core import db, embedded, installation, logging, schema
from app.core.errors import DomainError
from app.core.settings import Settings, get_settings

STATEMENT_SECONDS = 600
"""An operator's command may take its time: an audit reads everything."""


class Failed(click.ClickException):
    """One clear line on stderr, exit status 1."""


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """The database's URL: the one set, or the embedded cluster, running for this block."""
    if settings.database_url is not None:
        yield settings.database_url
        return
    with embedded.running(settings.data_dir) as url:
        yield url


@asynccontextmanager
async def connected(settings: Settings, url: str) -> AsyncIterator[None]:
    """Connections for `transaction`, and the installation's clock."""
    engine = db.make_engine(url, pool_size=2, statement_seconds=STATEMENT_SECONDS)
    async with db.connected(engine):
        async with db.transaction() as session:
            if not await schema.is_migrated(session, newest=schema.newest_revision()):
                raise Failed("the database is not migrated: run `shoushan migrate` first")
            await installation.settle_clock(session, settings)
        yield


def run(work: Callable[[Settings], Awaitable[None]]) -> None:
    """Run a command's coroutine on the database, and turn expected failures into one line."""
    settings = get_settings()
    logging.configure(settings, process="cli")

    async def main(url: str) -> None:
        async with connected(settings, url):
            await work(settings)

    with plain_failures(), database(settings) as url:
        asyncio.run(main(url))


@contextmanager
def plain_failures() -> Iterator[None]:
    try:
        yield
    except DomainError as error:
        raise Failed(f"{error.code}: {error.detail}") from None
    except (SQLAlchemyError, psycopg.Error, OSError) as error:
        raise Failed(f"{type(error).__name__}: {str(error).splitlines()[0]}") from None


def must_be_migrated(url: str) -> None:
    """A process on an old schema would fail at its first request: it says so at its start."""

    async def ask() -> bool:
        async with db.connected(db.make_engine(url, pool_size=2)), db.transaction() as session:
            return await schema.is_migrated(session, newest=schema.newest_revision())

    if not asyncio.run(ask()):
        raise Failed("the database is not migrated: run `shoushan migrate` first")


async def share_clock(settings: Settings, url: str) -> None:
    async with db.connected(db.make_engine(url, pool_size=2)), db.transaction() as session:
        await installation.settle_clock(session, settings)
