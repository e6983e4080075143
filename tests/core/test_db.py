"""The one place that commits, and what an error may say."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import make_engine, read_transaction, sqlalchemy_url, transaction

KEEP = text("INSERT INTO unit (code, name, decimals, position) VALUES ('sEcReT', '币', 0, 9)")


async def count() -> int:
    async with transaction() as session:
        return await session.scalar(text("SELECT count(*) FROM unit WHERE code = 'sEcReT'")) or 0


@pytest.mark.usefixtures("database")
async def test_a_transaction_is_kept_whole_or_not_at_all() -> None:
    async def work(*, fail: bool) -> None:
        async with transaction() as session:
            await session.execute(KEEP)
            if fail:
                raise LookupError

    with pytest.raises(LookupError):
        await work(fail=True)
    assert await count() == 0
    await work(fail=False)
    assert await count() == 1


@pytest.mark.usefixtures("database")
async def test_a_read_transaction_sees_one_state_and_cannot_write() -> None:
    async with read_transaction() as reading:
        await reading.execute(text("SELECT count(*) FROM unit"))
        async with transaction() as session:
            await session.execute(KEEP)
        seen = await reading.scalar(text("SELECT count(*) FROM unit WHERE code = 'sEcReT'"))
        assert seen == 0
    with pytest.raises(DBAPIError, match="read-only transaction"):
        async with read_transaction() as reading:
            await reading.execute(KEEP)


async def test_an_error_does_not_tell_the_values(database: AsyncEngine) -> None:
    ask = text("SELECT cast(:openid AS integer), :other")
    async with database.connect() as connection:
        with pytest.raises(DBAPIError) as failed:
            await connection.execute(ask, {"openid": "x", "other": "sEcReT"})
    assert "sEcReT" not in str(failed.value)


async def test_statements_give_up(database_url_of_its_own: str) -> None:
    engine = make_engine(database_url_of_its_own, pool_size=1, statement_seconds=1)
    async with engine.connect() as connection:
        with pytest.raises(DBAPIError, match="statement timeout"):
            await connection.execute(text("SELECT pg_sleep(5)"))
        await connection.rollback()
        shown = await connection.scalar(text("SHOW lock_timeout"))
    await engine.dispose()
    assert shown == "5s"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("postgresql://a@/b?host=/c", "postgresql+psycopg://a@/b?host=/c"),
        ("postgres://a:postgres@b/c", "postgresql+psycopg://a:postgres@b/c"),
        ("postgresql+psycopg://a@/b", "postgresql+psycopg://a@/b"),
    ],
)
def test_the_driver_is_named(url: str, name: str) -> None:
    assert sqlalchemy_url(url) == name
