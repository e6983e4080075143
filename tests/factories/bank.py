"""Booked awards without the learning behind them."""

from datetime import datetime
from itertools import count

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank import ledger
from app.credit_bank.accounts import ISSUER, Owner
from app.credit_bank.ledger import Entry, Stamp
from app.credit_bank.models import CreditRule, Transfer
from app.people import queries as people
from app.people.models import Person

NUMBERS = count(1)


async def pay(
    session: AsyncSession, person: Person, amount: int, *, unit: str = "credit", now: datetime
) -> Transfer:
    """An award of `amount`, beyond any cap, stamped with where the person belongs now."""
    code = {"credit": "lesson.credit", "points": "lesson.points"}[unit]
    rule = (await session.scalars(select(CreditRule).where(CreditRule.code == code))).one()
    at = await people.stamp(session, person.id)
    number = next(NUMBERS)
    return await ledger.transfer(
        session,
        debit=Owner(program=ISSUER),
        credit=Owner(person_id=person.id),
        entry=Entry(
            key=f"paid:{number}",
            unit=unit,
            amount=amount,
            kind="award",
            subject=f"lesson:{number}",
            evidence=f"paid:{number}",
            facts={"title": "课"},
            rule_id=rule.id,
            rule_code=rule.code,
            stamp=Stamp(village_id=at.village_id, unit_id=at.unit_id),
        ),
        now=now,
    )


async def take_back(session: AsyncSession, transfer: Transfer, *, now: datetime) -> Transfer:
    return await ledger.reverse(
        session, transfer_id=transfer.id, reason="记错了", ordered_by_id=None, now=now
    )
