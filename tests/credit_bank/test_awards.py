from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.awards import Awarded, Earner, award_all
from app.credit_bank.ledger import KeyUsedOtherwise, Stamp, reverse
from app.credit_bank.models import Transfer
from app.credit_bank.rules import Claim
from app.people.errors import PersonNotFound
from app.people.models import Organisation
from tests.credit_bank.books import (
    DAY,
    MONDAY,
    add_rule,
    claim,
    earned,
    held,
    join,
    part,
    pay,
    pay_one,
    somebody,
)
from tests.people.factories import make_town

NEW_YEARS_EVE = datetime(2026, 12, 31, 15, 59, 59, 999_999, tzinfo=UTC)
"""The last instant of the year in town, which is a Thursday."""
INSTANT = timedelta(microseconds=1)


async def count(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Transfer)) or 0


async def undo(session: AsyncSession, transfer_id: int, now: datetime = MONDAY) -> Transfer:
    return await reverse(
        session, transfer_id=transfer_id, reason="有误", ordered_by_id=None, now=now
    )


async def amounts(
    session: AsyncSession, person_id: int, rule: str, numbers: range, now: datetime = MONDAY
) -> list[int]:
    """What these claims were paid, one after the other; -1 where nothing was answered at all."""
    paid = []
    for number in numbers:
        found = await pay(session, person_id, claim(number, rule), now=now)
        paid.append(found[0].amount if found else -1)
    return paid


async def test_a_lesson_is_booked_with_all_that_explains_it(session: AsyncSession) -> None:
    await make_town(session)
    org_id = await session.scalar(select(Organisation.id).where(Organisation.code == "T-1"))
    one = await somebody(session)
    wanted = [
        claim(12, "lesson.credit", seconds=80),
        claim(12, "lesson.points"),
        claim(12, "questions.first_try"),
        Claim("day.learned", "day:2026-11-23", "study:12", "防骗一课"),
    ]
    awards = await pay(session, one, *wanted, stamp=Stamp(org_id, org_id))
    assert [(a.rule.code, a.amount) for a in awards] == [
        ("lesson.credit", 2), ("lesson.points", 2), ("questions.first_try", 1), ("day.learned", 1),
    ]  # fmt: skip
    assert await held(session, one) == {"credit": 2, "points": 4}
    assert await earned(session, one) == {"credit": 2, "points": 4}
    assert awards[0].transfer is not None
    made = await session.get_one(Transfer, awards[0].transfer.id)
    assert (made.kind, made.rule_code, made.unit) == ("award", "lesson.credit", "credit")
    assert (made.subject, made.evidence) == ("lesson:12", "study:12")
    assert made.facts == {"title": "防骗一课", "version": 1, "seconds": 80}
    assert (made.village_id, made.unit_id) == (org_id, org_id)
    assert (made.local_day, made.made_at) == (date(2026, 11, 23), MONDAY)


@pytest.mark.parametrize(
    ("once", "paid"),
    [
        # Another object, another proof of the same object, both again; then the next day.
        ("each", [2, 2, 2, 2]),
        ("object", [2, 2, -1, -1]),
        ("day", [2, -1, -1, 2]),
        ("ever", [2, -1, -1, -1]),
    ],
)
async def test_how_often_a_rule_pays(session: AsyncSession, once: str, paid: list[int]) -> None:
    await add_rule(session, "test.once", once=once)
    one = await somebody(session)
    steps = [
        (Claim("test.once", "lesson:1", "study:1", "甲"), MONDAY),
        (Claim("test.once", "lesson:2", "study:2", "乙"), MONDAY),
        (Claim("test.once", "lesson:1", "study:3", "甲"), MONDAY),
        (Claim("test.once", "lesson:1", "study:4", "甲"), MONDAY + DAY),
    ]
    seen = [await pay(session, one, step, now=now) for step, now in steps]
    assert [found[0].amount if found else -1 for found in seen] == paid
    # Another person has a key of her own.
    two = await somebody(session, "two")
    assert (await pay_one(session, two, steps[0][0])).amount == 2


async def test_a_repeat_is_the_first_award_again(session: AsyncSession) -> None:
    one = await somebody(session)
    capped = claim(1, "lesson.credit", seconds=3 * 3600)
    (first,) = await pay(session, one, capped)
    (again,) = await pay(session, one, capped, now=MONDAY + 2 * DAY)
    assert first.transfer is not None
    assert again.transfer is not None
    assert again.transfer.id == first.transfer.id
    assert again.grant == first.grant
    assert (first.grant.worth, first.grant.amount, first.grant.bound_by) == (300, 200, "day")
    assert await held(session, one) == {"credit": 200}
    assert await count(session) == 1


@pytest.mark.parametrize(
    "other",
    [
        Claim("lesson.credit", "lesson:1", "study:1", "防骗一课", seconds=61),
        Claim("lesson.credit", "lesson:1", "study:1", "另一课", seconds=60),
    ],
)
async def test_the_same_evidence_with_other_content_is_a_conflict(
    session: AsyncSession, other: Claim
) -> None:
    one = await somebody(session)
    await pay(session, one, claim(1, "lesson.credit", seconds=60))
    with pytest.raises(KeyUsedOtherwise):
        await pay(session, one, other)
    assert await count(session) == 1


async def test_the_days_cap_cuts_an_award_and_leaves_nothing_of_the_next(
    session: AsyncSession,
) -> None:
    await add_rule(session, "test.cap", daily_cap=5)
    one = await somebody(session)
    assert await amounts(session, one, "test.cap", range(4)) == [2, 2, 1, 0]
    (zero,) = await pay(session, one, claim(9, "test.cap"))
    assert zero.transfer is None
    assert (zero.grant.worth, zero.grant.amount) == (2, 0)
    assert (zero.grant.bound_by, zero.grant.cap) == ("day", 5)
    assert await count(session) == 3
    assert await amounts(session, one, "test.cap", range(10, 12), MONDAY + DAY) == [2, 2]
    # The cap is each person's own.
    assert await amounts(session, await somebody(session, "b"), "test.cap", range(20, 21)) == [2]


async def test_caps_end_with_the_towns_day_week_and_year(session: AsyncSession) -> None:
    facts = {"daily_cap": 3, "weekly_cap": 4, "yearly_cap": 5}
    await add_rule(session, "test.caps", formula={"kind": "fixed", "amount": 3}, **facts)
    one = await somebody(session)

    async def one_more(number: int, now: datetime) -> tuple[int, str | None]:
        (found,) = await pay(session, one, claim(number, "test.caps"), now=now)
        return found.amount, found.grant.bound_by

    monday = NEW_YEARS_EVE - 3 * DAY
    assert await one_more(1, monday) == (3, None)
    assert await one_more(2, monday) == (0, "day")
    assert await one_more(3, monday + INSTANT) == (1, "week")
    assert await one_more(4, NEW_YEARS_EVE) == (0, "week")
    # The new year begins within the same week, whose cap still holds.
    assert await one_more(5, NEW_YEARS_EVE + INSTANT) == (0, "week")
    assert await one_more(6, NEW_YEARS_EVE + 4 * DAY) == (3, None)
    assert await one_more(7, NEW_YEARS_EVE + 5 * DAY) == (1, "week")
    assert await one_more(8, NEW_YEARS_EVE + 11 * DAY) == (1, "year")
    assert await one_more(9, NEW_YEARS_EVE + 300 * DAY) == (0, "year")
    assert await one_more(10, NEW_YEARS_EVE + 365 * DAY + INSTANT) == (3, None)


async def test_a_reversal_gives_the_room_back_but_not_the_object(session: AsyncSession) -> None:
    await add_rule(session, "test.cap", daily_cap=4, once="object")
    one = await somebody(session)
    first = await pay_one(session, one, claim(1, "test.cap"))
    assert await amounts(session, one, "test.cap", range(2, 4)) == [2, 0]
    await undo(session, first.id)
    assert await amounts(session, one, "test.cap", range(4, 6)) == [2, 0]
    # What was reversed as an error is not earned a second time by the same or by other evidence.
    (again,) = await pay(session, one, claim(1, "test.cap"))
    assert again.transfer is not None
    assert again.transfer.id == first.id
    assert await pay(session, one, Claim("test.cap", "lesson:1", "study:99", "防骗一课")) == []
    assert await held(session, one) == {"points": 4}


async def test_each_claim_is_paid_by_the_version_of_its_day(session: AsyncSession) -> None:
    today = date(2026, 11, 23)
    await add_rule(session, "test.dated", valid_from=today)
    await add_rule(
        session,
        "test.dated",
        version=2,
        valid_from=today + timedelta(days=2),
        formula={"kind": "fixed", "amount": 5},
    )
    one = await somebody(session)
    assert await pay(session, one, claim(0, "test.dated"), now=MONDAY - DAY) == []
    found: list[Awarded] = []
    for number in range(1, 4):
        found += await pay(
            session, one, claim(number, "test.dated"), now=MONDAY + (number - 1) * DAY
        )
    assert [(one.rule.version, one.amount) for one in found] == [(1, 2), (1, 2), (2, 5)]
    booked = await session.scalars(select(Transfer.rule_id).order_by(Transfer.id))
    assert list(booked) == [one.rule.id for one in found]
    # A repeat under the new version returns what the old one paid.
    (again,) = await pay(session, one, claim(1, "test.dated"), now=MONDAY + 9 * DAY)
    assert again.amount == 2


async def test_claims_without_a_rule_or_a_person(session: AsyncSession) -> None:
    one = await somebody(session)
    assert await pay(session, one, claim(1, "no.such.rule")) == []
    assert await pay(session, one) == []
    with pytest.raises(PersonNotFound):
        await pay(session, 10**9, claim())
    assert await count(session) == 0


async def test_who_claims_nothing_that_is_paid_does_not_keep_the_others(
    session: AsyncSession,
) -> None:
    one, two = await somebody(session), await somebody(session, "two")
    earners = [
        Earner(one, [claim(1, "no.such.rule")], Stamp(), MONDAY),
        Earner(two, [claim(1)], Stamp(), MONDAY),
    ]
    nothing, (paid,) = await award_all(session, earners)
    assert (nothing, paid.amount) == ([], 2)


async def test_one_proof_of_two_things_in_one_batch_is_a_conflict(session: AsyncSession) -> None:
    one = await somebody(session)
    wanted = [claim(1), claim(1, title="另一课")]
    with pytest.raises(KeyUsedOtherwise):
        await award_all(session, [Earner(one, wanted, Stamp(), MONDAY)])


async def test_a_rule_whose_new_version_has_come_into_force_is_not_remembered(
    session: AsyncSession,
) -> None:
    await add_rule(session, "test.dated")
    one = await somebody(session)
    assert await amounts(session, one, "test.dated", range(2)) == [2, 2]
    worth = {"kind": "fixed", "amount": 5}
    await add_rule(session, "test.dated", version=2, formula=worth)
    assert await amounts(session, one, "test.dated", range(2, 3)) == [5]


async def test_whom_one_was_merged_into_earns_it(session: AsyncSession) -> None:
    # A sign-in under the old account, confirmed by the tutor after the merge.
    kept, merged = await somebody(session, "one"), await somebody(session, "two")
    await join(session, kept, merged)
    await pay_one(
        session, merged, Claim("activity.credit", "activity:1", "attendance:1", "院坝会", 60)
    )
    assert (await held(session, kept), await held(session, merged)) == ({"credit": 2}, {})


async def test_a_merged_account_counts_for_once_rules_and_caps(session: AsyncSession) -> None:
    kept, merged = await somebody(session, "one"), await somebody(session, "two")
    first = await pay_one(session, merged, claim(1))
    assert await amounts(session, merged, "lesson.points", range(2, 3)) == [2]
    made = await join(session, kept, merged)
    # The same evidence, adopted by the merge, is the same award; other evidence pays nothing.
    (again,) = await pay(session, kept, claim(1))
    assert again.transfer is not None
    assert again.transfer.id == first.id
    assert (
        await pay(session, kept, Claim("lesson.points", "lesson:1", "study:99", "防骗一课")) == []
    )
    # Of the day's six points the other account had four.
    assert await amounts(session, kept, "lesson.points", range(3, 5)) == [2, 0]
    await part(session, made)
    assert await amounts(session, kept, "lesson.points", range(5, 8)) == [2, 2, 0]
