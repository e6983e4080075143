"""The database: engine, table base, and the one place that commits."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from sqlalchemy import MetaData, text
from sqlalchemy.ext.asyncio import (
    AsyncEngine,
    AsyncSession,
    async_sessionmaker,
    create_async_engine,
)
from sqlalchemy.orm import DeclarativeBase

session_maker = async_sessionmaker(expire_on_commit=False)

CONNECT_SECONDS = 5
"""No request waits longer than this for a database that does not answer."""


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


def sqlalchemy_url(url: str) -> str:
    """`postgresql://…`, or its old spelling `postgres://…`, with the psycopg 3 driver's name."""
    scheme, colon, rest = url.partition("://")
    known = {"postgresql", "postgres"}
    return f"postgresql+psycopg{colon}{rest}" if scheme in known else url


def make_engine(url: str, *, pool_size: int, statement_seconds: int = 10) -> AsyncEngine:
    """An engine whose statements give up: 5 s for a lock, `statement_seconds` in all."""
    options = (
        f"-c statement_timeout={statement_seconds}s -c lock_timeout=5s"
        " -c idle_in_transaction_session_timeout=30s -c timezone=UTC -c jit=off"
    )
    return create_async_engine(
        sqlalchemy_url(url),
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=CONNECT_SECONDS,
        # An error that quotes a statement must not quote openids with it.
        hide_parameters=True,
        connect_args={"connect_timeout": CONNECT_SECONDS, "options": options},
    )


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
        await session.execute(text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
        yield session
