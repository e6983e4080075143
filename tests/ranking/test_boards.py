"""The three boards: who stands where, and who does not appear."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.paging import BadCursor
from app.people.merging import merge, unmerge
from app.people.models import Person
from app.ranking.queries import Ranking
from tests.factories.bank import pay, take_back
from tests.factories.people import NOW, make_org, make_person, make_town
from tests.ranking.readings import read_board

DAY = timedelta(days=1)


def ranks(found: Ranking) -> list[tuple[int, str, int]]:
    return [(row.rank, row.name, row.amount) for row in found.items]


async def earner(session: AsyncSession, name: str, amount: int, **facts: Any) -> Person:
    person = await make_person(session, name, **({"visible": True} | facts))
    await pay(session, person, amount, now=NOW)
    return person


async def test_equal_amounts_share_a_rank_and_names_are_masked(session: AsyncSession) -> None:
    town = await make_town(session)
    for name, amount in (("张三", 50), ("欧阳小文", 90), ("李四丰", 90), ("王", 10)):
        await earner(session, name, amount, home=town.west)
    await earner(session, None, 5)  # type: ignore[arg-type]  # somebody who gave no name
    found = await read_board(session, "people")
    assert ranks(found) == [
        (1, "欧**文", 90),
        (1, "李*丰", 90),
        (3, "张*", 50),
        (4, "*", 10),
        (5, "居民", 5),
    ]
    assert [row.org_code for row in found.items] == ["west"] * 4 + [None]
    assert (found.from_day, found.to_day) == (date(2026, 11, 1), date(2026, 12, 1))
    assert (found.as_of, found.digest, found.next, found.me) == (NOW, None, None, None)


async def test_who_hides_is_absent_but_sees_the_own_rank(session: AsyncSession) -> None:
    for amount in (90, 70, 70, 30):
        await earner(session, f"乡亲{amount}", amount)
    await earner(session, "更躲", 80, visible=False)
    hidden = await earner(session, "躲猫猫", 50, visible=False)
    found = await read_board(session, "people", person_id=hidden.id)
    assert ranks(found) == [
        (1, "乡**0", 90),
        (2, "乡**0", 70),
        (2, "乡**0", 70),
        (4, "乡**0", 30),
    ]
    assert found.me is not None
    # Three of those on show have more; who hides is not counted against anybody.
    assert (found.me.rank, found.me.name, found.me.amount) == (4, "躲猫猫", 50)
    assert found.me.is_me
    assert not any(row.is_me for row in found.items)


async def test_a_hidden_persons_rank_equals_that_of_an_equal(session: AsyncSession) -> None:
    await earner(session, "甲", 90)
    await earner(session, "乙", 50)
    hidden = await earner(session, "丙", 50, visible=False)
    found = await read_board(session, "people", person_id=hidden.id)
    assert found.me is not None
    assert found.me.rank == 2


async def test_the_own_row_is_known_from_any_page(session: AsyncSession) -> None:
    persons = [await earner(session, f"名{index}", 100 - index) for index in range(5)]
    found = await read_board(session, "people", person_id=persons[4].id, limit=2)
    assert [row.rank for row in found.items] == [1, 2]
    assert found.me is not None
    assert (found.me.rank, found.me.name) == (5, "名4")
    later = await read_board(session, "people", person_id=persons[4].id, limit=2, cursor=found.next)
    assert later.me == found.me


async def test_nothing_earned_erased_and_other_units_do_not_appear(session: AsyncSession) -> None:
    nobody = await make_person(session, "零", visible=True)
    await pay(session, await make_person(session, "积", visible=True), 5, unit="points", now=NOW)
    erased = await earner(session, "走了", 70)
    erased.name, erased.rank_visible, erased.erased_at = None, False, NOW
    await session.flush()
    found = await read_board(session, "people", person_id=nobody.id)
    assert (found.items, found.me) == ([], None)
    points = await read_board(session, "people", unit="points")
    assert ranks(points) == [(1, "*", 5)]


async def test_a_branch_of_the_tree_has_its_own_ranks(session: AsyncSession) -> None:
    town = await make_town(session)
    await earner(session, "东东东", 90, home=town.east)
    await earner(session, "西西西", 70, home=town.west)
    await earner(session, "组组组", 60, home=town.group)
    pupil = await earner(session, "东学生", 50, home=town.east, unit=town.school)
    found = await read_board(session, "people", org_id=town.west.id, person_id=pupil.id)
    assert ranks(found) == [(1, "西*西", 70), (2, "组*组", 60)]
    assert found.me is None, "who is not of the branch has no rank in it"
    # A pupil belongs to the village and to the school.
    assert ranks(await read_board(session, "people", org_id=town.school.id)) == [(1, "东*生", 50)]
    assert len((await read_board(session, "people", org_id=town.town.id)).items) == 4
    villages = await read_board(session, "villages", org_id=town.west.id)
    assert ranks(villages) == [(1, "west", 130)]


async def test_merged_accounts_count_for_the_person_who_was_kept(session: AsyncSession) -> None:
    first, second, third = [
        await earner(session, name, amount)
        for name, amount in (("甲甲", 10), ("乙乙", 20), ("丙丙", 40))
    ]
    rival = await earner(session, "对手", 30)

    async def join(kept: Person, merged: Person) -> int:
        made = await merge(
            session, kept_id=kept.id, merged_id=merged.id, reason="", ordered_by_id=None, now=NOW
        )
        return made.id

    await join(second, third)
    last = await join(first, second)
    found = await read_board(session, "people", person_id=first.id)
    assert [(row.subject_id, row.amount) for row in found.items] == [
        (first.id, 70),
        (rival.id, 30),
    ]
    await unmerge(session, merge_id=last, by_id=rival.id, now=NOW)
    found = await read_board(session, "people")
    assert [(row.subject_id, row.amount) for row in found.items] == [
        (second.id, 60),
        (rival.id, 30),
        (first.id, 10),
    ]


async def test_villages_are_all_there_and_those_below_count_for_them(
    session: AsyncSession,
) -> None:
    town = await make_town(session)
    north = await make_org(session, "north", parent=town.town)
    for home, amount in ((town.west, 30), (town.group, 50), (town.east, 70), (town.town, 99)):
        await earner(session, "某某", amount, home=home, visible=False)
    await make_person(session, "没学", home=town.group)
    found = await read_board(session, "villages", my_org_ids=[town.east.id])
    assert ranks(found) == [(1, "west", 80), (2, "east", 70), (3, "north", 0)]
    assert [(row.members, row.per_member) for row in found.items] == [(3, 27), (1, 70), (0, 0)]
    assert found.me is not None
    assert (found.me.subject_id, found.me.rank) == (town.east.id, 2)
    assert [row.is_me for row in found.items] == [False, True, False]
    each = await read_board(session, "villages", by="per_member", my_org_ids=[north.id])
    assert [(row.rank, row.name, row.per_member) for row in each.items] == [
        (1, "east", 70),
        (2, "west", 27),
        (3, "north", 0),
    ]
    assert each.me is not None
    assert each.me.rank == 3


async def test_credit_stays_with_the_village_it_was_earned_in(session: AsyncSession) -> None:
    town = await make_town(session)
    person = await earner(session, "搬家", 30, home=town.west)
    person.org_id = town.east.id
    await session.flush()
    found = await read_board(session, "villages")
    assert [(row.name, row.amount, row.members) for row in found.items] == [
        ("west", 30, 0),
        ("east", 0, 1),
    ]


async def test_units_are_schools_departments_and_units(session: AsyncSession) -> None:
    town = await make_town(session)
    office = await make_org(session, "office", "department", parent=town.town)
    home = await make_org(session, "family", "family", parent=town.west)
    for unit, amount in ((town.school, 10), (office, 25), (home, 99)):
        await earner(session, "某某", amount, unit=unit, home=town.west)
    found = await read_board(session, "units")
    assert [(row.name, row.amount, row.members) for row in found.items] == [
        ("office", 25, 1),
        ("school", 10, 1),
    ]


async def test_a_reversal_lowers_the_day_it_is_booked_on(session: AsyncSession) -> None:
    town = await make_town(session)
    person = await make_person(session, "甲甲", home=town.west, visible=True)
    award = await pay(session, person, 50, now=NOW)
    await pay(session, person, 20, now=NOW)
    await take_back(session, award, now=NOW + DAY)
    day, after = date(2026, 11, 23), date(2026, 11, 24)
    assert ranks(await read_board(session, "people"))[0][2] == 20
    assert ranks(await read_board(session, "people", period="day", day=day))[0][2] == 70
    assert ranks(await read_board(session, "people", period="day", day=after)) == []
    villages = await read_board(session, "villages", period="day", day=after)
    assert ranks(villages) == [(1, "east", 0), (2, "west", -50)]


@pytest.mark.parametrize(
    ("period", "amounts"),
    [("day", [4]), ("week", [12]), ("month", [6]), ("year", [7]), ("all", [31])],
)
async def test_periods_have_half_open_borders(
    session: AsyncSession, period: str, amounts: list[int]
) -> None:
    """ISO week 53 of 2026 runs over the year's end, which is asked about."""
    person = await make_person(session, "甲甲", visible=True)
    last_second = datetime.fromisoformat("2026-12-31T23:59:59.999999+08:00")
    for amount, at in (
        (1, datetime.fromisoformat("2026-11-30T23:59:59+08:00")),
        (2, datetime.fromisoformat("2026-12-01T00:00:00+08:00")),
        (4, last_second),
        (8, last_second + timedelta(microseconds=1)),
        (16, datetime.fromisoformat("2027-01-04T00:00:00+08:00")),
    ):
        await pay(session, person, amount, now=at)
    found = await read_board(session, "people", period=period, day=date(2026, 12, 31))
    assert [row.amount for row in found.items] == amounts


@pytest.mark.parametrize("limit", [1, 7, 20, 60])
async def test_pages_are_stable_and_lose_nobody(session: AsyncSession, limit: int) -> None:
    persons = [await earner(session, f"乡亲{index}", 100 + index // 7 * 5) for index in range(60)]
    seen: list[tuple[int, int]] = []
    cursor, pages = None, 0
    while True:
        found = await read_board(session, "people", limit=limit, cursor=cursor)
        seen += [(row.rank, row.subject_id) for row in found.items]
        cursor, pages = found.next, pages + 1
        if cursor is None:
            break
    ids = [person.id for person in persons]
    by_amount = sorted(range(60), key=lambda index: (-(index // 7), index))
    assert [subject for _, subject in seen] == [ids[index] for index in by_amount]
    assert [rank for rank, _ in seen] == [
        1 + sum(other // 7 > index // 7 for other in range(60)) for index in by_amount
    ]
    assert pages == -(-60 // limit)


async def test_groups_are_paged_by_what_they_are_ordered_by(session: AsyncSession) -> None:
    town = await make_org(session, "town", "town")
    for index in range(9):
        village = await make_org(session, f"v{index}", parent=town)
        for _ in range(1 + index % 3):
            await earner(session, "某某", 30 - index // 2, home=village)
    for by in ("total", "per_member"):
        whole = await read_board(session, "villages", by=by)
        names, cursor = [], None
        while True:
            page = await read_board(session, "villages", by=by, limit=2, cursor=cursor)
            names += [(row.rank, row.name) for row in page.items]
            cursor = page.next
            if cursor is None:
                break
        assert names == [(row.rank, row.name) for row in whole.items]
        assert len(names) == 9


async def test_a_cursor_of_another_list_is_refused(session: AsyncSession) -> None:
    with pytest.raises(BadCursor):
        await read_board(session, "people", cursor="WyJhIl0")
