"""What was paid before bears on what is paid now."""

from datetime import date, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.ledger import reverse
from app.credit_bank.rules import Claim
from tests.credit_bank.books import DAY, MONDAY, add_rule, claim, held, join, pay, pay_one, somebody


async def test_a_cap_counts_what_was_paid_in_its_own_unit(session: AsyncSession) -> None:
    today = date(2026, 11, 23)
    await add_rule(session, "test.unit", valid_from=today, weekly_cap=3)
    await add_rule(session, "test.unit", version=2, unit="credit", weekly_cap=3,
                   valid_from=today + timedelta(days=1))  # fmt: skip
    one = await somebody(session)
    paid = []
    for number, now in enumerate([MONDAY] * 2 + [MONDAY + DAY] * 3):
        paid += await pay(session, one, claim(number, "test.unit"), now=now)
    assert [award.amount for award in paid] == [2, 1, 2, 1, 0]
    assert await held(session, one) == {"points": 3, "credit": 3}


async def test_of_two_accounts_awards_the_one_that_stands_is_met_again(
    session: AsyncSession,
) -> None:
    """Both learned the same before they were merged, and the earlier award was an error."""
    kept, merged = await somebody(session, "one"), await somebody(session, "two")
    wrong = await pay_one(session, kept, claim(1))
    right = await pay_one(
        session, merged, Claim("lesson.points", "lesson:1", "study:99", "防骗一课")
    )
    await reverse(session, transfer_id=wrong.id, reason="有误", ordered_by_id=None, now=MONDAY)
    await join(session, kept, merged)
    (again,) = await pay(session, kept, Claim("lesson.points", "lesson:1", "study:99", "防骗一课"))
    assert again.transfer is not None
    assert again.transfer.id == right.id
    assert await pay(session, kept, claim(1)) == []
