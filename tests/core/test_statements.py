"""A statement said to the driver: in the session's transaction, with SQLAlchemy's errors."""

import asyncio
from collections.abc import AsyncIterator
from typing import LiteralString

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import session_maker, transaction
from app.core.statements import rows_of

NOTE: LiteralString = "INSERT INTO note VALUES (77)"
MINE: LiteralString = "SELECT pg_backend_pid()"


@pytest.fixture
async def note(database: AsyncEngine) -> AsyncIterator[AsyncEngine]:
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE note (number int UNIQUE)"))
    yield database
    async with database.begin() as connection:
        await connection.execute(text("DROP TABLE note"))


async def say(*statements: LiteralString) -> list[tuple[int, ...]]:
    """The rows of the last one, all in one transaction."""
    rows: list[tuple[int, ...]] = []
    async with transaction() as session:
        for statement in statements:
            rows = await rows_of(session, statement, {})
    return rows


@pytest.mark.usefixtures("note")
async def test_it_is_part_of_the_sessions_transaction() -> None:
    async with transaction() as session:
        await rows_of(session, "INSERT INTO note VALUES (2)", {})
        async with session.begin_nested() as inner:
            assert await rows_of(session, NOTE, {}) == []
            assert await session.scalar(text("SELECT count(*) FROM note")) == 2
            await inner.rollback()
        found = await rows_of(session, "SELECT number, %(x)s FROM note", {"x": "x"})
        assert found == [(2, "x")]
        await session.rollback()
    assert await say("SELECT count(*) FROM note") == [(0,)]


@pytest.mark.usefixtures("note")
async def test_an_error_is_sqlalchemys_and_undoes_all() -> None:
    with pytest.raises(IntegrityError) as taken:
        await say(NOTE, NOTE)
    assert getattr(taken.value.orig, "sqlstate", None) == "23505"
    assert not taken.value.connection_invalidated
    assert await say("SELECT count(*) FROM note") == [(0,)]


async def test_a_server_that_went_away_empties_the_pool(database: AsyncEngine) -> None:
    async with transaction() as one, transaction() as other:
        for session in (one, other):
            await rows_of(session, "SELECT 1", {})
    end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
    of_ours = f"{end} AND datname = current_database()"
    async with database.connect() as connection:
        await connection.execute(text(of_ours))
    # One of the pool is the connection that ended the other.
    heard = await asyncio.gather(say("SELECT 1"), say("SELECT 1"), return_exceptions=True)
    lost = [one for one in heard if isinstance(one, OperationalError)]
    assert len(lost) == 1
    assert lost[0].connection_invalidated
    assert await asyncio.gather(*(say("SELECT 1") for _ in range(5))) == [[(1,)]] * 5


@pytest.mark.usefixtures("note")
async def test_a_primary_that_became_a_standby_is_left() -> None:
    with pytest.raises(DBAPIError) as refused:
        await say("SET TRANSACTION READ ONLY", NOTE)
    assert refused.value.connection_invalidated


@pytest.mark.parametrize("straight", [True, False])
@pytest.mark.usefixtures("database")
async def test_the_connection_of_a_caller_who_was_cancelled_is_given_up(*, straight: bool) -> None:
    """On either way: nobody knows what the server still does on it."""
    begun: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def wait_long() -> None:
        async with transaction() as session:
            ((pid,),) = await rows_of(session, MINE, {})
            begun.set_result(pid)
            if straight:
                await rows_of(session, "SELECT pg_sleep(30)", {})
            else:
                await session.execute(text("SELECT pg_sleep(30)"))

    waiting = asyncio.create_task(wait_long())
    pid = await begun
    await asyncio.sleep(0.05)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await say(MINE) != [(pid,)]


@pytest.mark.usefixtures("database")
async def test_a_sessions_next_transaction_speaks_on_its_own_connection() -> None:
    """The one it had may be somebody else's by then."""
    async with session_maker() as session, session_maker() as other:
        ((first,),) = await rows_of(session, MINE, {})
        await session.rollback()
        assert await other.scalar(text(MINE)) == first, "the pool hands it on"
        ((second,),) = await rows_of(session, MINE, {})
        assert second == await session.scalar(text(MINE)) != first
        await session.rollback()
