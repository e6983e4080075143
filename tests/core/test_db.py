"""The one place that commits, and what an error may say."""

import pytest
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import (
    BadDatabaseUrl,
    connected,
    locate,
    make_engine,
    read_transaction,
    sqlalchemy_url,
    transaction,
)

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
    ("url", "user", "hosts", "ports", "pooled"),
    [
        ("postgresql://a@/b?host=/c", "a", "/c", None, False),
        ("postgres://a:postgres@c:5/b", "a", "c", "5", False),
        ("postgresql+psycopg://a@c/b?pgbouncer=true", "a", "c", None, True),
        (
            "postgresql://a:%40@c:5,d:6/b?pgbouncer=true&target_session_attrs=read-write",
            "a",
            "c,d",
            "5,6",
            True,
        ),
    ],
)
def test_a_url_is_read_as_libpq_reads_it(
    url: str, user: str, hosts: str, ports: str | None, *, pooled: bool
) -> None:
    place = locate(url)
    assert place.pooled is pooled
    # What the queue's pool and what SQLAlchemy would connect to is the same.
    theirs = conninfo_to_dict(place.conninfo)
    url_of_sqlalchemy = sqlalchemy_url(url)
    _, ours = url_of_sqlalchemy.get_dialect()().create_connect_args(url_of_sqlalchemy)
    assert {name: str(value) for name, value in theirs.items()} == {
        name: str(value) for name, value in ours.items()
    }
    assert (ours["user"], ours["host"], ours.get("port"), ours["dbname"]) == (
        user,
        hosts,
        ports,
        "b",
    )
    if "%40" in url:
        assert ours["password"] == "@"
        assert ours["target_session_attrs"] == "read-write"


def test_what_the_url_says_goes_before_our_own_defaults() -> None:
    assert locate("postgresql://a/b").parameters["connect_timeout"] == 5
    assert locate("postgresql://a/b?connect_timeout=2").parameters["connect_timeout"] == "2"


def test_a_wrong_url_is_refused_without_its_password() -> None:
    with pytest.raises(BadDatabaseUrl) as refused:
        locate("postgresql://a:sEcReT@b/c?pgbouncer=yes")
    assert "sEcReT" not in str(refused.value)


async def test_behind_a_pooler_every_transaction_says_its_limits(
    database_url_of_its_own: str,
) -> None:
    url = f"{database_url_of_its_own}&pgbouncer=true"
    async with connected(make_engine(url, pool_size=1, statement_seconds=7)) as engine:
        ask = text("SELECT current_setting('statement_timeout'), current_setting('lock_timeout')")
        for opened in (transaction, read_transaction):
            async with opened() as session:
                assert tuple((await session.execute(ask)).one()) == ("7s", "5s")
        async with engine.connect() as connection:
            raw = await connection.get_raw_connection()
            assert raw.driver_connection is not None
            assert raw.driver_connection.prepare_threshold is None
            # Outside of a transaction nothing was left behind for whoever gets the session next.
            shown = await raw.driver_connection.execute("SHOW statement_timeout")
            assert await shown.fetchone() == ("0",)


async def test_a_primary_that_became_a_standby_is_left(database_url_of_its_own: str) -> None:
    engine = make_engine(database_url_of_its_own, pool_size=2)
    async with connected(engine):
        async with transaction() as session:
            before = await session.scalar(text("SELECT pg_backend_pid()"))
            await session.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY"))
        with pytest.raises(DBAPIError, match="read-only"):
            async with transaction() as session:
                await session.execute(KEEP)
        async with transaction() as session:
            await session.execute(KEEP)
            assert await session.scalar(text("SELECT pg_backend_pid()")) != before
