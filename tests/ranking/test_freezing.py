"""Closed periods: what was won stays won."""

import asyncio
import hashlib
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.credit_bank.closing import close_days
from app.people.merging import merge, unmerge
from app.ranking.freezing import freeze_closed
from app.ranking.models import FrozenRanking, FrozenRow
from app.ranking.queries import Board, Ranking
from tests.factories.bank import pay, take_back
from tests.factories.people import NOW, Town, make_person, make_town
from tests.ranking.readings import read_board

DAY = timedelta(days=1)
MONDAY = date(2026, 11, 23)


async def close_and_freeze(session: AsyncSession, now: datetime) -> list[FrozenRanking]:
    await close_days(session, now=now)
    return await freeze_closed(session, now=now)


async def week(session: AsyncSession, board: Board = "people", *, me: int | None = None) -> Ranking:
    return await read_board(session, board, period="week", person_id=me, now=NOW + 30 * DAY)


def amounts(found: Ranking) -> dict[int, int]:
    return {row.subject_id: row.amount for row in found.items}


async def test_nothing_is_frozen_before_a_day_is_closed(session: AsyncSession) -> None:
    await pay(session, await make_person(session), 5, now=NOW)
    assert await freeze_closed(session, now=NOW + 30 * DAY) == []


async def test_every_period_that_has_ended_is_frozen_once(session: AsyncSession) -> None:
    await pay(session, await make_person(session), 5, now=NOW)
    made = await close_and_freeze(session, NOW + 2 * DAY)
    # Two days, three boards, two units; the week, the month and the year go on.
    assert {(one.period, one.from_day) for one in made} == {
        ("day", MONDAY),
        ("day", MONDAY + DAY),
    }
    assert len(made) == 2 * 3 * 2
    assert await close_and_freeze(session, NOW + 2 * DAY) == []
    later = await close_and_freeze(session, NOW + 9 * DAY)
    assert {(one.period, one.from_day, one.to_day) for one in later if one.period != "day"} == {
        ("week", MONDAY, MONDAY + 7 * DAY),
        ("month", date(2026, 11, 1), date(2026, 12, 1)),
    }
    assert len([one for one in later if one.period == "day"]) == 7 * 3 * 2


async def test_a_later_reversal_does_not_change_a_frozen_board(session: AsyncSession) -> None:
    town = await make_town(session)
    person = await make_person(session, "甲甲", home=town.west, visible=True)
    award = await pay(session, person, 50, now=NOW)
    await close_and_freeze(session, NOW + 7 * DAY)
    before = await week(session)
    assert before.digest is not None
    assert before.as_of == NOW + 7 * DAY
    await take_back(session, award, now=NOW + 8 * DAY)
    assert await close_and_freeze(session, NOW + 8 * DAY) != []
    assert await week(session) == before
    assert amounts(before) == {person.id: 50}
    villages = await week(session, "villages")
    assert amounts(villages) == {town.west.id: 50, town.east.id: 0}
    assert [row.members for row in villages.items] == [1, 0]


async def test_members_are_those_of_the_freeze(session: AsyncSession) -> None:
    town = await make_town(session)
    await pay(session, await make_person(session, home=town.west), 50, now=NOW)
    await close_and_freeze(session, NOW + 7 * DAY)
    await make_person(session, home=town.west)
    assert (await week(session, "villages")).items[0].members == 1


async def test_the_digest_covers_every_row(session: AsyncSession) -> None:
    ids = []
    for amount in (5, 7):
        person = await make_person(session)
        await pay(session, person, amount, now=NOW)
        ids.append(person.id)
    await close_and_freeze(session, NOW + DAY)
    frozen = (
        await session.scalars(
            select(FrozenRanking).filter_by(board="people", unit="credit", period="day")
        )
    ).one()
    said = f"people credit day 2026-11-23 2026-11-24\n{ids[0]} 5 1\n{ids[1]} 7 1"
    assert frozen.digest == hashlib.sha256(said.encode()).hexdigest()
    rows = await session.execute(
        select(FrozenRow.subject_id, FrozenRow.amount, FrozenRow.members)
        .where(FrozenRow.ranking_id == frozen.id)
        .order_by(FrozenRow.subject_id)
    )
    assert [tuple(row) for row in rows] == [(ids[0], 5, 1), (ids[1], 7, 1)]


async def test_who_opts_out_or_is_erased_leaves_a_frozen_board(session: AsyncSession) -> None:
    shy, gone, stays = [
        await make_person(session, name, visible=True) for name in ("羞羞", "走了", "还在")
    ]
    for person, amount in ((shy, 50), (gone, 40), (stays, 30)):
        await pay(session, person, amount, now=NOW)
    await close_and_freeze(session, NOW + 7 * DAY)
    assert amounts(await week(session)) == {shy.id: 50, gone.id: 40, stays.id: 30}
    shy.rank_visible = gone.rank_visible = False
    gone.name, gone.erased_at = None, NOW
    await session.flush()
    found = await week(session, me=shy.id)
    assert [(row.rank, row.subject_id) for row in found.items] == [(1, stays.id)]
    assert found.me is not None
    assert (found.me.rank, found.me.amount) == (1, 50)


async def test_merged_since_is_one_person_on_a_frozen_board(session: AsyncSession) -> None:
    kept, merged = [await make_person(session, name, visible=True) for name in ("甲甲", "乙乙")]
    await pay(session, kept, 20, now=NOW)
    await pay(session, merged, 30, now=NOW)
    await close_and_freeze(session, NOW + 7 * DAY)
    digest = (await week(session)).digest
    made = await merge(
        session, kept_id=kept.id, merged_id=merged.id, reason="", ordered_by_id=None, now=NOW
    )
    found = await week(session)
    assert amounts(found) == {kept.id: 50}
    assert found.digest == digest
    await unmerge(session, merge_id=made.id, by_id=kept.id, now=NOW)
    assert amounts(await week(session)) == {kept.id: 20, merged.id: 30}


@pytest.mark.usefixtures("database")
async def test_two_workers_freeze_once() -> None:
    town: Town
    async with transaction() as session:
        town = await make_town(session)
        await pay(session, await make_person(session, home=town.west), 5, now=NOW)
        await close_days(session, now=NOW + 3 * DAY)

    async def freeze() -> int:
        async with transaction() as session:
            return len(await freeze_closed(session, now=NOW + 3 * DAY))

    made = await asyncio.gather(*(freeze() for _ in range(4)))
    assert sum(made) == 3 * 3 * 2
    async with transaction() as session:
        assert await session.scalar(select(func.count()).select_from(FrozenRanking)) == 18
        # Per day: one person's row on its first day only, two villages, one school; two units.
        rows = await session.scalar(select(func.count()).select_from(FrozenRow))
    assert rows == 1 + 3 * 2 * (2 + 1)
