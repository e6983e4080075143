"""转换: giving an amount of one unit for an amount of another, at a dated rate."""

from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import Conflict, Invalid, NotFound
from app.credit_bank import ledger
from app.credit_bank.accounts import CONVERSION, Owner, lock_accounts, open_account
from app.credit_bank.ledger import Booking, Entry, KeyUsedOtherwise
from app.credit_bank.models import Transfer
from app.credit_bank.past import Look, look_back
from app.credit_bank.queries import list_rules
from app.credit_bank.rules import Rule, rule_for


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

    A repeat of the same wish returns the first two transfers, whatever the rate is by then. The
    yearly cap is counted in the received unit. `earned` stays as it is: a conversion costs no
    title. Raises NoSuchConversion, NotAMultiple, BalanceTooSmall, ConversionCapReached,
    KeyUsedOtherwise.
    """
    rule = rule_for(await list_rules(session), code, local_day(now))
    if rule is None or rule.formula["kind"] != "exchange":
        raise NoSuchConversion(code_asked=code)
    if lots < 1:
        raise NotAMultiple(lots=lots)
    units = (str(rule.formula["from_unit"]), rule.unit)
    accounts = {
        unit: await open_account(session, owner=Owner(person_id=person_id), unit=unit)
        for unit in sorted(units)
    }
    programs = [
        await open_account(session, owner=Owner(program=CONVERSION), unit=unit) for unit in units
    ]
    payer, payee, *issuing = await lock_accounts(
        session, [*(accounts[unit] for unit in units), *programs]
    )
    key = f"conversion:{person_id}:{key}"
    give, take = _entry(key, rule, lots, "give"), _entry(key, rule, lots, "take")
    first = await ledger.find_by_key(session, key=give.key)
    if first is not None:
        if (first.subject, first.facts["lots"]) != (give.subject, lots):
            raise KeyUsedOtherwise(key=key)
        second = await ledger.find_by_key(session, key=take.key)
        assert second is not None, key
        return first, second
    if (payer.balance or 0) < give.amount:
        raise BalanceTooSmall(needed=give.amount, balance=payer.balance)
    (past,) = (await look_back(session, [Look(person_id, ("", ""), rule, local_day(now))])).of
    if rule.yearly_cap is not None and past.spent.year + take.amount > rule.yearly_cap:
        raise ConversionCapReached(cap=rule.yearly_cap, converted=past.spent.year)
    pair = [Booking(payer, issuing[0], give, now), Booking(issuing[1], payee, take, now)]
    given, taken = [
        await session.get_one(Transfer, made.id) for made in await ledger.book(session, pair)
    ]
    return given, taken


def _entry(key: str, rule: Rule, lots: int, side: Literal["give", "take"]) -> Entry:
    """One of the two transfers; each names the other as its evidence."""
    gives = side == "give"
    return Entry(
        key=f"{key}:{side}",
        unit=str(rule.formula["from_unit"]) if gives else rule.unit,
        amount=lots * int(rule.formula["from_amount" if gives else "to_amount"]),
        kind="conversion",
        rule_code=rule.code,
        subject=f"conversion:{rule.code}",
        evidence=f"{key}:{'take' if gives else 'give'}",
        facts={"title": rule.name, "version": rule.version, "lots": lots},
    )
