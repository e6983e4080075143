import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.core.db import transaction
from app.credit_bank.closing import (
    GENESIS,
    BooksDoNotBalance,
    DayNotOver,
    close_days,
    seal_of,
)
from app.credit_bank.ledger import reverse
from app.credit_bank.models import DayClose, Transfer
from tests.credit_bank.books import DAY, MONDAY, claim, pay, pay_one, somebody, tamper

SUNDAY, TODAY = date(2026, 11, 22), date(2026, 11, 23)


def days(closes: list[DayClose]) -> list[str]:
    return [close.local_day.isoformat() for close in closes]


async def test_every_day_is_closed_in_a_chain_the_empty_ones_too(session: AsyncSession) -> None:
    one = await somebody(session)
    await pay(session, one, claim(1, "lesson.credit", seconds=3600), claim(1), now=MONDAY - 4 * DAY)
    await pay(session, one, claim(2), now=MONDAY - DAY)
    await pay(session, one, claim(3), now=MONDAY)
    closes = await close_days(session, now=MONDAY)
    assert days(closes) == ["2026-11-19", "2026-11-20", "2026-11-21", "2026-11-22"]
    assert [close.transfers for close in closes] == [2, 0, 0, 1]
    assert [close.previous_digest for close in closes] == [
        GENESIS, *[close.digest for close in closes[:-1]]
    ]  # fmt: skip
    assert closes[0].totals == {
        "credit": {"owners": 100, "programs": -100},
        "points": {"owners": 2, "programs": -2},
    }
    assert closes[1].totals == {}
    assert len({close.digest for close in closes}) == 4
    assert all(close.closed_at == MONDAY for close in closes)


async def test_a_repeat_closes_nothing(session: AsyncSession) -> None:
    assert days(await close_days(session, now=MONDAY)) == ["2026-11-22"]
    assert await close_days(session, now=MONDAY) == []
    assert await close_days(session, until=SUNDAY - timedelta(days=9), now=MONDAY) == []
    assert days(await close_days(session, now=MONDAY + 2 * DAY)) == ["2026-11-23", "2026-11-24"]


async def test_one_may_close_up_to_a_day(session: AsyncSession) -> None:
    await pay(session, await somebody(session), claim(1), now=MONDAY - 5 * DAY)
    first = await close_days(session, until=date(2026, 11, 19), now=MONDAY)
    assert days(first) == ["2026-11-18", "2026-11-19"]
    assert days(await close_days(session, now=MONDAY))[0] == "2026-11-20"


async def test_a_day_that_is_not_over_is_not_closed(session: AsyncSession) -> None:
    midnight = MONDAY + timedelta(hours=14)
    for day, now in ((TODAY, MONDAY), (TODAY + timedelta(days=1), MONDAY)):
        with pytest.raises(DayNotOver):
            await close_days(session, until=day, now=now)
    with pytest.raises(DayNotOver):
        await close_days(session, until=TODAY, now=midnight - timedelta(microseconds=1))
    assert days(await close_days(session, until=TODAY, now=midnight)) == ["2026-11-23"]


async def test_nothing_is_booked_into_a_closed_day(session: AsyncSession) -> None:
    one = await somebody(session)
    await close_days(session, now=MONDAY)
    for late in (MONDAY - DAY, MONDAY - 400 * DAY):
        with pytest.raises(IntegrityError, match="is closed"):
            async with session.begin_nested():
                await pay(session, one, claim(1), now=late)
    session.expire_all()
    # What comes late belongs to the day it comes.
    assert (await pay_one(session, one, claim(1), now=MONDAY)).local_day == TODAY


EDIT = "UPDATE transfer SET {} = {} WHERE reverses_id IS NOT NULL"
SWAP = "UPDATE account SET unit = 'course_credit' WHERE id = :id"
EDITS = {
    "id": "id + 1000",
    "debit_id": "debit_id + 1000",
    "credit_id": "credit_id + 1000",
    "amount": "amount + 1",
    "unit": "'credit'",
    "facts": 'facts || \'{"title": "x"}\'',
    "made_at": "made_at + interval '1 microsecond'",
    **dict.fromkeys(
        (
            "rule_id",
            "village_id",
            "unit_id",
            "reverses_id",
            "ordered_by_id",
            "debit_after",
            "credit_after",
        ),
        "1000",
    ),
    **dict.fromkeys(("key", "kind", "rule_code", "subject", "evidence", "reason"), "'x'"),
}


async def test_the_digest_covers_every_column(session: AsyncSession) -> None:
    # A transfer whose local day was changed has left the day altogether.
    assert EDITS.keys() == {column.name for column in Transfer.__table__.columns} - {"local_day"}
    made = await pay_one(session, await somebody(session), claim(1), now=MONDAY - DAY)
    await reverse(session, transfer_id=made.id, reason="有误", ordered_by_id=None, now=MONDAY - DAY)
    before = await seal_of(session, day=SUNDAY, previous=GENESIS)
    assert await seal_of(session, day=SUNDAY, previous=GENESIS) == before
    assert (await seal_of(session, day=SUNDAY, previous="1" * 64)).digest != before.digest
    for column, value in EDITS.items():
        async with session.begin_nested() as edited:
            await tamper(session, EDIT.format(column, value))
            after = await seal_of(session, day=SUNDAY, previous=GENESIS)
            assert after.digest != before.digest, column
            await edited.rollback()


async def test_books_that_do_not_balance_are_not_closed(session: AsyncSession) -> None:
    made = await pay_one(session, await somebody(session), claim(1), now=MONDAY - DAY)
    await tamper(session, SWAP, id=made.credit_id)
    with pytest.raises(BooksDoNotBalance) as refused:
        await close_days(session, now=MONDAY)
    assert refused.value.facts["totals"] == {
        "course_credit": {"owners": 2, "programs": 0},
        "points": {"owners": 0, "programs": -2},
    }
    assert await session.scalar(select(func.count()).select_from(DayClose)) == 0


async def test_concurrent_closes_close_each_day_once(database: AsyncEngine) -> None:
    assert database.pool is not None
    async with transaction() as session:
        await pay(session, await somebody(session), claim(1), now=MONDAY - 3 * DAY)

    async def close() -> list[DayClose]:
        async with transaction() as session:
            return await close_days(session, now=MONDAY)

    closed = await asyncio.gather(*[close() for _ in range(8)])
    assert sorted(len(closes) for closes in closed) == [0] * 7 + [3]


async def test_a_close_waits_for_a_transfer_under_way(database: AsyncEngine) -> None:
    late = MONDAY - DAY
    async with transaction() as session:
        one = await somebody(session)
    async with database.connect() as watcher:
        async with transaction() as session:
            await pay(session, one, claim(1), now=late)

            async def close() -> list[DayClose]:
                async with transaction() as other:
                    return await close_days(other, now=MONDAY)

            closing = asyncio.create_task(close())
            waits = text(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            while not await watcher.scalar(waits):
                assert not closing.done(), "the close did not wait"
                await asyncio.sleep(0.01)
        (closed,) = await closing
    assert (closed.local_day, closed.transfers) == (SUNDAY, 1)


async def test_a_transfer_waits_for_a_close_under_way_and_is_refused(
    database: AsyncEngine,
) -> None:
    async with transaction() as session:
        one = await somebody(session)

    async def book() -> None:
        async with transaction() as session:
            await pay(session, one, claim(1), now=MONDAY - DAY)

    async with database.connect() as watcher:
        async with transaction() as session:
            await close_days(session, now=MONDAY)
            booking = asyncio.create_task(book())
            waits = text(
                "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            )
            while not await watcher.scalar(waits):
                assert not booking.done(), "the transfer did not wait"
                await asyncio.sleep(0.01)
        with pytest.raises(IntegrityError, match="is closed"):
            await booking
