"""转换: giving an amount of one unit for an amount of another, at a dated rate."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import Conflict, Invalid, NotFound
from app.credit_bank import ledger
from app.credit_bank.accounts import CONVERSION, Owner, lock_accounts, open_account
from app.credit_bank.awards import spent_under
from app.credit_bank.ledger import Entry, KeyUsedOtherwise
from app.credit_bank.models import Transfer
from app.credit_bank.queries import list_rules
from app.credit_bank.rules import rule_for


class NoSuchConversion(NotFound):
    title = "没有这种转换"


class NotAMultiple(Invalid):
    title = "转换的数量必须是整数倍"


class BalanceTooSmall(Conflict):
    title = "余额不够转换"


class ConversionCapReached(Conflict):
    title = "今年的转换已到上限"


async def convert(
    session: AsyncSession, *, person_id: int, code: str, lots: int, key: str, now: datetime
) -> tuple[Transfer, Transfer]:
    """Exchange `lots` times the rate's amounts; both transfers or none, once per key.

    The yearly cap is counted in the received unit. `earned` stays as it is: a conversion costs no
    title. Raises NoSuchConversion, NotAMultiple, BalanceTooSmall, ConversionCapReached.
    """
    rule = rule_for(await list_rules(session), code, local_day(now))
    if rule is None or rule.formula["kind"] != "exchange":
        raise NoSuchConversion(code_asked=code)
    if lots < 1:
        raise NotAMultiple(lots=lots)
    given, taken = lots * int(rule.formula["from_amount"]), lots * int(rule.formula["to_amount"])
    person, program = Owner(person_id=person_id), Owner(program=CONVERSION)
    payer = await open_account(session, owner=person, unit=rule.formula["from_unit"])
    payee = await open_account(session, owner=person, unit=rule.unit)
    await lock_accounts(session, (payer, payee))
    key = f"conversion:{person_id}:{key}"
    first = await ledger.find_by_key(session, key=f"{key}:give")
    if first is None:
        if (payer.balance or 0) < given:
            raise BalanceTooSmall(needed=given, balance=payer.balance)
        spent = await spent_under(
            session, account_id=payee.id, rule_code=rule.code, day=local_day(now)
        )
        if rule.yearly_cap is not None and spent.year + taken > rule.yearly_cap:
            raise ConversionCapReached(cap=rule.yearly_cap, converted=spent.year)
    elif (first.amount, first.subject) != (given, f"conversion:{rule.code}"):
        raise KeyUsedOtherwise(key=key)

    def entry(side: str, unit: str, amount: int) -> Entry:
        return Entry(
            key=f"{key}:{side}",
            unit=unit,
            amount=amount,
            kind="conversion",
            rule_code=rule.code,
            subject=f"conversion:{rule.code}",
            evidence=f"{key}:{'take' if side == 'give' else 'give'}",
            facts={"title": rule.name, "version": rule.version},
        )

    gave = await ledger.transfer(
        session,
        debit=person,
        credit=program,
        entry=entry("give", str(rule.formula["from_unit"]), given),
        now=now,
    )
    took = await ledger.transfer(
        session, debit=program, credit=person, entry=entry("take", rule.unit, taken), now=now
    )
    return gave, took
