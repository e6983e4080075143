"""One throw-away PostgreSQL for the run, migrated once into a template database.

`session`: a transaction that is rolled back, for services and queries.
`database`: a database of the test's own with real commits, for races, flows and HTTP.
"""

import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from app.cli.data import migrate_database
from app.core import clock, db, embedded, logging
from app.core.settings import Settings, get_settings
from tests.databases import (
    TEMPLATE,
    VARIABLE,
    Reused,
    administer,
    create_from_template,
    database_url,
    drop,
)

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""A Monday, ten in the morning in town."""


def pytest_configure(config: pytest.Config) -> None:
    # As the processes do it; structlog's own default draws every traceback at great length.
    logging.configure(Settings(env="development", log_level="INFO"), process="tests")
    structlog.configure(cache_logger_on_first_use=False)  # or capture_logs sees nothing
    os.environ.setdefault("SHOUSHAN_DATA_DIR", tempfile.mkdtemp(prefix="shoushan-data-"))
    if hasattr(config, "workerinput"):
        return
    home = Path(tempfile.mkdtemp(prefix="shoushan-test-"))
    home.chmod(0o755)
    cluster = embedded.Cluster(home, fsync=False)
    cluster.start()
    config.stash[CLUSTER] = cluster
    os.environ[VARIABLE] = cluster.url("{database}")
    administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(TEMPLATE)))
    migrate_database(database_url(TEMPLATE))


def pytest_unconfigure(config: pytest.Config) -> None:
    cluster = config.stash.get(CLUSTER, None)
    if cluster is not None:
        cluster.stop()
        shutil.rmtree(cluster.home, ignore_errors=True)


CLUSTER = pytest.StashKey[embedded.Cluster]()


@pytest.fixture(scope="session")
def rolled_back_url() -> Iterator[str]:
    name = create_from_template()
    yield database_url(name)
    drop(name)


@pytest.fixture(scope="session")
def reused_database() -> Iterator[Reused]:
    reused = Reused()
    yield reused
    reused.close()


@pytest.fixture(autouse=True)
def real_clock() -> Iterator[None]:
    """A test that settles another clock does not leave it to the next."""
    yield
    clock.settle(None)


@pytest.fixture(autouse=True)
def one_log(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command run inside the tests keeps their log: its own cached loggers capture nothing."""
    monkeypatch.setattr(logging, "configure", lambda *_, **__: None)


@pytest.fixture(autouse=True)
def fresh_settings() -> Iterator[None]:
    yield
    get_settings.cache_clear()


@pytest.fixture
def our_town(monkeypatch: pytest.MonkeyPatch) -> None:
    """The official account is that of the tests' small town."""
    monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "T")
    get_settings.cache_clear()


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture
async def session(rolled_back_url: str) -> AsyncIterator[AsyncSession]:
    engine = create_async_engine(db.sqlalchemy_url(rolled_back_url), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.begin()
        async with AsyncSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as opened:
            yield opened
        await connection.rollback()
    await engine.dispose()


@pytest.fixture
def database_url_of_its_own(reused_database: Reused) -> str:
    return database_url(reused_database.lend())


@pytest.fixture
async def database(database_url_of_its_own: str) -> AsyncIterator[AsyncEngine]:
    engine = db.make_engine(database_url_of_its_own, pool_size=25)
    async with db.connected(engine):
        yield engine
