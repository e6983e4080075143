from datetime import UTC, datetime

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank import merging
from app.credit_bank.accounts import Owner
from app.credit_bank.audit import audit_books
from app.credit_bank.ledger import Entry, reverse, transfer
from app.credit_bank.models import Transfer
from app.credit_bank.rules import Claim
from tests.credit_bank.books import (
    DAY,
    MONDAY,
    add_rule,
    claim,
    held,
    join,
    part,
    pay,
    pay_one,
    somebody,
)


async def count(session: AsyncSession, kind: str | None = None) -> int:
    asked = select(func.count()).select_from(Transfer)
    return await session.scalar(asked.where(Transfer.kind == kind) if kind else asked) or 0


async def points(session: AsyncSession, *person_ids: int) -> list[int]:
    return [(await held(session, one)).get("points", 0) for one in person_ids]


@pytest.fixture
async def two(session: AsyncSession) -> tuple[int, int]:
    """Both learned lesson 1; one learned 2, the other 3, which paid time, too."""
    kept, merged = await somebody(session, "kept"), await somebody(session, "merged")
    await pay(session, kept, claim(1), claim(2))
    await pay(session, merged, claim(1), claim(3), claim(3, "lesson.credit", seconds=3600))
    return kept, merged


async def test_what_was_paid_twice_is_reversed_and_the_rest_moves(
    session: AsyncSession, two: tuple[int, int]
) -> None:
    kept, merged = two
    made = await join(session, kept, merged)
    assert await held(session, kept) == {"points": 6, "credit": 100}
    assert await held(session, merged) == {}
    (reversal,) = await session.scalars(select(Transfer).where(Transfer.kind == "reversal"))
    assert (reversal.subject, reversal.ordered_by_id) == ("lesson:1", None)
    assert f"第 {made.id} 号" in (reversal.reason or "")
    assert await count(session, "merge") == 2
    assert (await audit_books(session)).findings == []


async def test_unmerging_restores_both_balances_exactly(
    session: AsyncSession, two: tuple[int, int]
) -> None:
    before = [await held(session, one) for one in two]
    made = await join(session, *two)
    # What is learned in between stays with the kept account.
    await pay(session, two[0], claim(9), now=MONDAY + DAY)
    await part(session, made, now=MONDAY + 2 * DAY)
    before[0]["points"] += 2
    assert [await held(session, one) for one in two] == before
    assert (await audit_books(session)).findings == []


async def test_repeats_change_nothing(session: AsyncSession, two: tuple[int, int]) -> None:
    kept, merged = two
    made = await join(session, kept, merged)
    booked = await count(session)
    for _ in range(2):
        await merging.merge_credit(
            session, merge_id=made.id, kept_id=kept, merged_id=merged, now=MONDAY
        )
    assert await count(session) == booked
    await part(session, made)
    booked = await count(session)
    for _ in range(2):
        await merging.unmerge_credit(
            session, merge_id=made.id, kept_id=kept, merged_id=merged, now=MONDAY + DAY
        )
    assert await count(session) == booked
    assert await points(session, kept, merged) == [4, 4]


async def test_merged_again_it_is_still_paid_once(
    session: AsyncSession, two: tuple[int, int]
) -> None:
    for _ in range(3):
        made = await join(session, *two)
        assert await points(session, *two) == [6, 0]
        await part(session, made)
        assert await points(session, *two) == [4, 4]
    assert await count(session, "reinstatement") == 3
    # The other way round, too.
    await join(session, two[1], two[0])
    assert await points(session, *two) == [0, 6]
    assert (await audit_books(session)).findings == []


async def test_a_debt_is_merged_and_given_back(session: AsyncSession) -> None:
    kept, merged = await somebody(session, "kept"), await somebody(session, "merged")
    other = await somebody(session, "other")
    await pay(session, kept, claim(1))
    spent = await pay_one(session, merged, claim(5))
    await transfer(
        session,
        debit=Owner(person_id=merged),
        credit=Owner(person_id=other),
        entry=Entry("gift", "points", 2, "merge", "gift", "gift"),
        now=MONDAY,
    )
    await reverse(session, transfer_id=spent.id, reason="有误", ordered_by_id=None, now=MONDAY)
    assert await points(session, kept, merged, other) == [2, -2, 2]
    made = await join(session, kept, merged)
    assert await points(session, kept, merged) == [0, 0]
    await part(session, made)
    assert await points(session, kept, merged) == [2, -2]
    assert (await audit_books(session)).findings == []


async def test_what_the_kept_one_has_lost_again_is_not_paid_twice(session: AsyncSession) -> None:
    kept, merged = await somebody(session, "kept"), await somebody(session, "merged")
    wrong = await pay_one(session, kept, claim(1))
    await reverse(session, transfer_id=wrong.id, reason="有误", ordered_by_id=None, now=MONDAY)
    await pay(session, merged, claim(1))
    await join(session, kept, merged)
    assert await points(session, kept, merged) == [2, 0]


async def test_a_documents_credit_is_paid_to_one_of_the_accounts(session: AsyncSession) -> None:
    ids = [await somebody(session, name) for name in ("kept", "merged")]
    for number, one in enumerate(ids):
        await pay(
            session,
            one,
            Claim("prior_learning.credit", "document:ab", f"prior_learning:{number}", "证书", 3600),
        )
    await join(session, ids[0], ids[1])
    assert await held(session, ids[0]) == {"credit": 100}


async def test_day_and_ever_rules_pay_merged_accounts_once(session: AsyncSession) -> None:
    await add_rule(session, "test.day", once="day")
    await add_rule(session, "test.ever", once="ever")
    await add_rule(session, "test.each", once="each")
    kept, merged = await somebody(session, "kept"), await somebody(session, "merged")
    for number, one in enumerate((kept, merged)):
        for rule in ("test.day", "test.ever", "test.each"):
            await pay(session, one, claim(number, rule))
        await pay(session, one, claim(8 + number, "test.day"), now=MONDAY + (1 + number) * DAY)
    assert await points(session, kept, merged) == [8, 8]
    await join(session, kept, merged, now=MONDAY + 5 * DAY)
    assert await points(session, kept, merged) == [12, 0]


async def test_a_reason_that_looks_like_a_merges_is_not_undone_by_it(
    session: AsyncSession, two: tuple[int, int]
) -> None:
    kept, merged = two
    other = await pay_one(session, merged, claim(4))
    made = await join(session, kept, merged)
    (mine,) = await session.scalars(select(Transfer).where(Transfer.kind == "reversal"))
    assert mine.reason is not None
    forged = await reverse(
        session, transfer_id=other.id, reason=mine.reason, ordered_by_id=kept, now=MONDAY
    )
    await merging.carry_on(session, after=forged, now=MONDAY)
    await part(session, made)
    assert await points(session, kept, merged) == [4, 4]


async def test_a_correction_of_a_merged_account_is_borne_by_the_kept_one(
    session: AsyncSession, two: tuple[int, int]
) -> None:
    kept, merged = two
    wrong = await pay_one(session, merged, claim(4))
    made = await join(session, kept, merged)
    undone = await reverse(
        session, transfer_id=wrong.id, reason="有误", ordered_by_id=None, now=MONDAY
    )
    for _ in range(2):
        await merging.carry_on(session, after=undone, now=MONDAY)
    assert await points(session, kept, merged) == [6, 0]
    await part(session, made)
    assert await points(session, kept, merged) == [4, 4]
    assert (await audit_books(session)).findings == []


async def test_a_correction_where_nobody_was_merged_moves_nothing(session: AsyncSession) -> None:
    one = await somebody(session)
    wrong = await pay_one(session, one, claim(1))
    undone = await reverse(
        session, transfer_id=wrong.id, reason="有误", ordered_by_id=None, now=MONDAY
    )
    await merging.carry_on(session, after=undone, now=MONDAY)
    assert await count(session) == 2


async def test_a_chain_of_merges_pays_once_and_is_undone_from_its_end(
    session: AsyncSession,
) -> None:
    one, two, three = [await somebody(session, name) for name in ("one", "two", "three")]
    for number, who in ((1, one), (2, one), (2, two), (3, two), (1, three), (3, three), (4, three)):
        await pay(session, who, claim(number), now=datetime(2026, 11, number, 2, tzinfo=UTC))
    assert await points(session, one, two, three) == [4, 4, 6]
    first = await join(session, two, one)
    assert await points(session, one, two, three) == [0, 6, 6]
    # Lesson 1 was paid to the first and the third, lesson 3 to the second and the third.
    second = await join(session, three, two)
    assert await points(session, one, two, three) == [0, 0, 8]
    assert (await audit_books(session)).findings == []
    await part(session, second)
    assert await points(session, one, two, three) == [0, 6, 6]
    await part(session, first)
    assert await points(session, one, two, three) == [4, 4, 6]
    assert (await audit_books(session)).findings == []
