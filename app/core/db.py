"""The database: engine, table base, and the one place that commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from psycopg import ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import URL, Engine, ExceptionContext, MetaData, event, text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

from app.core.errors import Invalid

session_maker = async_sessionmaker(expire_on_commit=False)

CONNECT_SECONDS = 5
"""No request waits longer than this for a database that does not answer."""
LIVELY = {
    "connect_timeout": CONNECT_SECONDS,
    # A machine that lost its power says nothing: TCP alone would wait for a quarter of an hour.
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 8000,
}
"""Parameters of libpq (postgresql.org/docs/current/libpq-connect.html); seconds, the last in ms."""
POOLED = "pgbouncer=true"
READ_ONLY = "25006"
"""SQLSTATE read_only_sql_transaction."""


class BadDatabaseUrl(Invalid):
    title = "数据库地址写错了"


ONE_VIEW = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class Model(DeclarativeBase):
    metadata = MetaData(
        naming_convention={
            "ix": "%(table_name)s_%(column_0_N_name)s_idx",
            "uq": "%(table_name)s_%(column_0_N_name)s_key",
            "ck": "%(table_name)s_%(constraint_name)s_check",
            "fk": "%(table_name)s_%(column_0_name)s_fkey",
            "pk": "%(table_name)s_pkey",
        }
    )


@dataclass(frozen=True)
class Place:
    """Where a database is: what libpq takes, and whether a pooler in transaction mode is before it.

    Such a pooler (pgbouncer) lends a server for one transaction: nothing may be left in a session,
    no prepared statement, no setting, no LISTEN (pgbouncer.org/features.html).
    """

    parameters: dict[str, Any]
    pooled: bool

    @property
    def conninfo(self) -> str:
        return make_conninfo(**self.parameters)

    @property
    def arguments(self) -> dict[str, Any]:
        """What psycopg is told beside them."""
        return {"prepare_threshold": None} if self.pooled else {}


def locate(url: str) -> Place:
    """Read a URL as libpq does, several hosts included; ours is the last word `pgbouncer=true`.

    `postgresql://user:password@one:5432,two:5432/shoushan?target_session_attrs=read-write` is a
    primary and its standby. What the URL says goes before our own defaults.
    """
    address, _, query = url.partition("?")
    scheme, colon, rest = address.partition("://")
    words = query.split("&") if query else []
    kept = [word for word in words if word != POOLED]
    plain = f"{scheme.removesuffix('+psycopg')}{colon}{rest}" + ("?" * bool(kept)) + "&".join(kept)
    try:
        told = conninfo_to_dict(plain)
    except ProgrammingError as error:
        # Not the error itself: it quotes the URL, and a password with it.
        raise BadDatabaseUrl(str(error).partition(":")[0]) from None
    return Place(parameters=LIVELY | told, pooled=len(kept) < len(words))


def sqlalchemy_url(url: str) -> URL:
    """The same place in SQLAlchemy's own notation, with the psycopg 3 driver's name."""
    rest = dict(locate(url).parameters)
    return URL.create(
        "postgresql+psycopg",
        username=rest.pop("user", None),
        password=rest.pop("password", None),
        database=rest.pop("dbname", None),
        query={name: str(value) for name, value in rest.items()},
    )


def make_engine(url: str, *, pool_size: int, statement_seconds: int = 8) -> AsyncEngine:
    """An engine whose statements give up: 5 s for a lock, `statement_seconds` in all."""
    engine = create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        # An error that quotes a statement must not quote openids with it.
        hide_parameters=True,
    )
    set_limits(
        engine.sync_engine,
        url,
        statement_timeout=f"{statement_seconds}s",
        lock_timeout="5s",
        idle_in_transaction_session_timeout="30s",
        timezone="UTC",
        # Compiling a statement takes longer than any of ours runs.
        jit="off",
    )
    event.listen(engine.sync_engine, "handle_error", _leave_a_standby)
    return engine


def set_limits(engine: Engine, url: str, **limits: str) -> None:
    """Settings of PostgreSQL for all that this engine does, pooler or not."""
    place = locate(url)
    arguments = place.arguments
    if place.pooled:
        # The session is not ours: they are said again in every transaction.
        said = "; ".join(f"SET LOCAL {name} = '{value}'" for name, value in limits.items())
        event.listen(engine, "begin", lambda begun: begun.exec_driver_sql(said))
    else:
        words = [f"-c {name}={value}" for name, value in limits.items()]
        arguments["options"] = " ".join([str(place.parameters.get("options", "")), *words])
    event.listen(engine, "do_connect", lambda *to: to[-1].update(arguments))


def _leave_a_standby(context: ExceptionContext) -> None:
    """A server that became read-only is the primary no more: its connections are given up.

    A killed one needs nothing: the first error on a closed connection empties the whole pool.
    """
    if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
        context.is_disconnect = True


@asynccontextmanager
async def connected(engine: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    """Let `transaction` use this engine; dispose of it at the end."""
    session_maker.configure(bind=engine)
    try:
        yield engine
    finally:
        await engine.dispose()


@asynccontextmanager
async def transaction() -> AsyncIterator[AsyncSession]:
    """One unit of work: commits if the block ends well, rolls back if it raises."""
    async with session_maker.begin() as session:
        yield session


@asynccontextmanager
async def read_transaction() -> AsyncIterator[AsyncSession]:
    """One consistent view of the books that cannot write."""
    async with session_maker.begin() as session:
        await session.execute(text(ONE_VIEW))
        yield session


@asynccontextmanager
async def read_together() -> AsyncIterator[tuple[AsyncSession, AsyncSession]]:
    """The same consistent view on two connections: long reads then use two cores.

    Either may wait for the other longer than an idle transaction may.
    """
    patient = text("SET LOCAL idle_in_transaction_session_timeout = 0")
    async with read_transaction() as one, session_maker.begin() as other:
        await one.execute(patient)
        view = await one.scalar(text("SELECT pg_export_snapshot()"))
        await other.execute(text(ONE_VIEW))
        # A literal by the grammar; the server made it, of digits and dashes.
        await other.execute(text(f"SET TRANSACTION SNAPSHOT '{view}'"))
        await other.execute(patient)
        yield one, other
