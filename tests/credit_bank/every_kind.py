"""Books in which every kind of transfer stands, some of them in closed days."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank import conversion
from app.credit_bank.closing import close_days
from app.credit_bank.ledger import reverse
from app.credit_bank.models import Account, Transfer
from tests.credit_bank.books import (
    DAY,
    MONDAY,
    add_rule,
    claim,
    join,
    part,
    pay,
    pay_one,
    somebody,
)


@dataclass(frozen=True)
class Books:
    """Ids by which the statements below find their rows."""

    mei: int
    account: int
    points: int
    time: int
    reversal: int
    reinstatement: int
    conversion: int
    merge: int
    rule: int


async def some_books(session: AsyncSession) -> Books:
    """Three closed days and an open one, with every kind of transfer; mei's `points` is today's."""
    dear = {"kind": "per_hour", "amount": 10**6}
    await add_rule(session, "test.dear", unit="credit", formula=dear)
    mei, old = await somebody(session, "mei"), await somebody(session, "old")
    clerk = await somebody(session, "clerk")
    await pay(session, mei, claim(90, "lesson.credit", seconds=7200), now=MONDAY - 4 * DAY)
    await pay(session, mei, claim(1), now=MONDAY - 4 * DAY)
    await pay(session, old, claim(1), claim(2), now=MONDAY - 4 * DAY)
    wrong = await pay_one(session, mei, claim(3), now=MONDAY - 3 * DAY)
    reversal = await reverse(
        session, transfer_id=wrong.id, reason="有误", ordered_by_id=clerk, now=MONDAY - 3 * DAY
    )
    made = await join(session, mei, old, now=MONDAY - 2 * DAY)
    await part(session, made, now=MONDAY - 2 * DAY)
    await pay(session, mei, claim(91, "test.dear", seconds=3600), now=MONDAY - 2 * DAY)
    await add_rule(session, "test.exchange")
    await close_days(session, now=MONDAY)
    time = await pay_one(session, mei, claim(4, "lesson.credit", seconds=3 * 3600))
    points = await pay_one(session, mei, claim(4))
    gave, _ = await conversion.convert(
        session, person_id=mei, code="credit.to.course_credit", lots=1, key="wish", now=MONDAY
    )
    kinds = {row.kind: row.id for row in await session.scalars(select(Transfer))}
    account = await session.get_one(Account, points.credit_id)
    assert points.rule_id is not None
    return Books(
        mei=mei,
        account=account.id,
        points=points.id,
        time=time.id,
        reversal=reversal.id,
        reinstatement=kinds["reinstatement"],
        conversion=gave.id,
        merge=kinds["merge"],
        rule=points.rule_id,
    )
