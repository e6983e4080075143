"""Standings over any span: the ledger's numbers, by platform and audience, beside another span."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.closing import close_days
from app.credit_bank.models import Transfer
from app.flows.meeting import merge, unmerge
from app.people.models import Organisation
from app.ranking.freezing import freeze_closed
from app.ranking.spans import (
    Branch,
    Question,
    Sort,
    Span,
    Standings,
    get_standings,
)
from tests.factories.bank import pay, take_back
from tests.factories.people import NOW, Town, make_org, make_person, make_town

DAY = timedelta(days=1)
NOVEMBER = Span(date(2026, 11, 1), date(2026, 12, 1))


def branch(org: Organisation) -> Branch:
    return Branch(org_id=org.id, is_root=org.parent_id is None)


async def ask(session: AsyncSession, org: Organisation, **facts: Any) -> Standings:
    page = {
        name: facts.pop(name) for name in ("sort", "descending", "offset", "limit") if name in facts
    }
    wanted: dict[str, Any] = {"of": "villages", "unit": "credit", "span": NOVEMBER}
    question = Question(branch=branch(org), **(wanted | facts))
    return await get_standings(session, question=question, **page)


def told(found: Standings) -> list[tuple[int, str, int]]:
    return [(row.rank, row.name, row.amount) for row in found.rows]


async def ledger_total(session: AsyncSession, span: Span) -> int:
    """What rules awarded less what was reversed, straight from the transfers."""
    signed = func.sum(Transfer.amount).filter(Transfer.reverses_id.is_(None))
    taken = func.sum(Transfer.amount).filter(Transfer.reverses_id.is_not(None))
    asked = select(func.coalesce(signed, 0) - func.coalesce(taken, 0)).where(
        Transfer.rule_id.is_not(None),
        Transfer.unit == "credit",
        Transfer.local_day >= span.since,
        Transfer.local_day < span.until,
    )
    return int(await session.scalar(asked) or 0)


async def lively_town(session: AsyncSession) -> Town:
    """Residents of every kind over a week, with a reversal, a move and somebody of nowhere."""
    town = await make_town(session)
    homes = [town.west, town.group, town.east, None, town.west]
    for number, home in enumerate(homes, 1):
        person = await make_person(
            session, f"乡亲{number}", home=home, visible=number % 2 == 1,
            unit=town.school if number == 2 else None,
        )  # fmt: skip
        for back in range(number):
            paid = await pay(session, person, 10 * number + back, now=NOW - back * DAY)
        if number == 3:
            await take_back(session, paid, now=NOW)
        if number == 5:
            person.org_id = town.east.id
    await session.flush()
    return town


@pytest.mark.parametrize("of", ["people", "villages", "units", "schools"])
@pytest.mark.parametrize(
    "span",
    [
        NOVEMBER,
        Span(date(2026, 11, 23), date(2026, 11, 24)),
        Span(date(2026, 11, 20), date(2026, 11, 23)),
        Span(date(2026, 10, 1), date(2026, 11, 1)),
    ],
)
async def test_the_sums_are_the_ledgers(session: AsyncSession, of: str, span: Span) -> None:
    town = await lively_town(session)
    found = await ask(session, town.town, of=of, span=span, everyone=of == "people")
    assert found.sums.whole == await ledger_total(session, span)
    assert found.sums.amount == sum(row.amount for row in found.rows)
    if of == "people":
        assert found.sums.amount == found.sums.whole


async def test_villages_in_full(session: AsyncSession) -> None:
    town = await lively_town(session)
    found = await ask(session, town.town)
    # west 10 + (20+21) + (50+…+54); east 30+31 after a reversal of 32; nowhere: 40+41+42+43.
    assert told(found) == [(1, "west", 10 + 41 + 260), (2, "east", 61)]
    assert [(one.members, one.learners, one.per_member) for one in found.rows] == [
        (2, 3, 156),
        (2, 1, 31),
    ]
    assert (found.sums.whole, found.sums.amount) == (10 + 41 + 260 + 61 + 166, 372)
    assert (found.sums.rows, found.sums.members, found.sums.learners) == (2, 4, 4)


async def test_a_branch_sees_itself_only(session: AsyncSession) -> None:
    town = await lively_town(session)
    found = await ask(session, town.west)
    assert told(found) == [(1, "west", 311)]
    assert found.sums.whole == found.sums.amount
    people = await ask(session, town.west, of="people", everyone=True)
    assert [row.name for row in people.rows] == ["乡亲2", "乡亲1"], "who moved away left with it"


async def test_people_by_their_own_choice_and_masked_or_all(session: AsyncSession) -> None:
    town = await lively_town(session)
    found = await ask(session, town.town, of="people")
    assert told(found) == [(1, "乡**", 260), (2, "乡**", 61), (3, "乡**", 10)] or [
        row.amount for row in found.rows
    ] == [260, 61, 10]
    assert all("*" in row.name for row in found.rows)
    assert found.sums.whole - found.sums.amount == 41 + 166
    await make_person(session, "没学", home=town.east)
    everyone = await ask(session, town.town, of="people", everyone=True)
    assert [row.name for row in everyone.rows] == [
        "乡亲5",
        "乡亲4",
        "乡亲3",
        "乡亲2",
        "乡亲1",
        "没学",
    ]
    assert everyone.rows[-1].amount == 0


async def test_units_and_schools_stand_apart(session: AsyncSession) -> None:
    town = await make_town(session)
    office = await make_org(session, "office", "department", parent=town.town)
    for unit, amount in ((town.school, 10), (office, 25)):
        await pay(session, await make_person(session, unit=unit), amount, now=NOW)
    assert told(await ask(session, town.town, of="units")) == [(1, "office", 25)]
    assert told(await ask(session, town.town, of="schools")) == [(1, "school", 10)]


async def test_two_spans_side_by_side(session: AsyncSession) -> None:
    town = await make_town(session)
    west, east = [await make_person(session, home=home) for home in (town.west, town.east)]
    for person, amount, at in (
        (west, 30, NOW),
        (west, 10, NOW - 30 * DAY),
        (east, 50, NOW - 30 * DAY),
        (east, 7, NOW - 60 * DAY),
    ):
        await pay(session, person, amount, now=at)
    october = Span(date(2026, 10, 1), date(2026, 11, 1))
    found = await ask(session, town.town, beside=october)
    assert [(row.name, row.amount, row.before, row.change) for row in found.rows] == [
        ("west", 30, 10, 20),
        ("east", 0, 50, -50),
    ]
    assert (found.sums.before, found.sums.whole_before) == (60, 60)
    fallen = await ask(session, town.town, beside=october, sort="change", descending=False)
    assert [row.name for row in fallen.rows] == ["east", "west"]
    overlapping = await ask(session, town.town, span=october, beside=october)
    assert all(row.amount == row.before for row in overlapping.rows)


SORTS: list[tuple[Sort, list[str]]] = [
    ("amount", ["west", "east", "north"]),
    ("per_member", ["east", "west", "north"]),
    ("members", ["west", "east", "north"]),
    ("learners", ["west", "east", "north"]),
    ("place", ["west", "north", "east"]),
]


@pytest.mark.parametrize(("sort", "names"), SORTS)
async def test_any_column_orders(session: AsyncSession, sort: Sort, names: list[str]) -> None:
    town = await make_town(session)
    await make_org(session, "north", parent=town.town)
    for home, amounts in ((town.west, (20, 20)), (town.east, (30,))):
        for amount in amounts:
            await pay(session, await make_person(session, home=home), amount, now=NOW)
    found = await ask(session, town.town, sort=sort)
    assert [row.name for row in found.rows] == names
    ranks = {row.name: row.rank for row in found.rows}
    assert ranks == (
        {"east": 1, "west": 2, "north": 3}
        if sort == "per_member"
        else {"west": 1, "east": 2, "north": 3}
    )


async def test_pages_lose_nobody_and_a_page_beyond_knows_the_sums(session: AsyncSession) -> None:
    town = await make_town(session)
    for number in range(23):
        person = await make_person(session, f"乡亲{number}", home=town.west, visible=True)
        await pay(session, person, 10 + number // 5, now=NOW)
    pages = [
        await ask(session, town.town, of="people", offset=offset, limit=10)
        for offset in (0, 10, 20, 30)
    ]
    assert [len(page.rows) for page in pages] == [10, 10, 3, 0]
    assert {page.sums for page in pages} == {pages[0].sums}
    assert pages[3].sums.rows == 23
    seen = [row.subject_id for page in pages for row in page.rows]
    assert len(set(seen)) == 23


async def test_merged_accounts_are_one(session: AsyncSession) -> None:
    town = await make_town(session)
    first, second = [
        await make_person(session, name, home=town.west, visible=True) for name in ("甲甲", "乙乙")
    ]
    for person, amount in ((first, 10), (second, 20)):
        await pay(session, person, amount, now=NOW)
    made = await merge(
        session, kept_id=first.id, merged_id=second.id, reason="同一人", ordered_by_id=None, now=NOW
    )
    people = await ask(session, town.town, of="people")
    assert [(row.subject_id, row.amount) for row in people.rows] == [(first.id, 30)]
    villages = await ask(session, town.town)
    assert (villages.rows[0].learners, villages.rows[0].members) == (1, 1)
    await unmerge(session, merge_id=made.id, by_id=first.id, now=NOW)
    assert len((await ask(session, town.town, of="people")).rows) == 2


async def test_a_frozen_month_keeps_its_members(session: AsyncSession) -> None:
    town = await make_town(session)
    person = await make_person(session, home=town.west)
    october = Span(date(2026, 10, 1), date(2026, 11, 1))
    await pay(session, person, 30, now=datetime.fromisoformat("2026-10-01T08:00:00+08:00"))
    await close_days(session, until=date(2026, 10, 31), now=NOW)
    await freeze_closed(session, now=NOW)
    for _ in range(2):
        await make_person(session, home=town.west)
    then = await ask(session, town.town, span=october)
    assert then.digest is not None
    assert (then.rows[0].members, then.rows[0].per_member) == (1, 30)
    loose = await ask(session, town.town, span=Span(october.since, october.until + DAY))
    assert (loose.digest, loose.rows[0].members, loose.rows[0].per_member) == (None, 3, 10)


async def test_nothing_at_all(session: AsyncSession) -> None:
    lonely = await make_org(session, "lonely", "town")
    for of in ("people", "villages", "units", "schools"):
        found = await ask(session, lonely, of=of)
        assert (found.rows, found.sums.rows, found.sums.whole) == ([], 0, 0)
