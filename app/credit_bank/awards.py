"""From a claim to a booked award: the rule in force, its caps counted under the account's lock."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.clock import local_day, period_of
from app.credit_bank import ledger
from app.credit_bank.accounts import ISSUER, Owner, lock_accounts, open_account
from app.credit_bank.ledger import Entry, KeyUsedOtherwise, Stamp
from app.credit_bank.models import Transfer
from app.credit_bank.queries import list_rules
from app.credit_bank.rules import Claim, Grant, Rule, Spent, award_key, evaluate, rule_for


@dataclass(frozen=True)
class Awarded:
    """The outcome of one claim: `transfer` is None where a cap left nothing."""

    rule: Rule
    grant: Grant
    transfer: Transfer | None

    @property
    def amount(self) -> int:
        return self.transfer.amount if self.transfer else 0


async def award(
    session: AsyncSession, *, person_id: int, claims: list[Claim], stamp: Stamp, now: datetime
) -> list[Awarded]:
    """Book what these claims are worth to this person, each once by its rule's natural key.

    A repeat of the same claim returns its first transfer; the same evidence with other content is
    KeyUsedOtherwise; what the rule has already paid by other evidence pays nothing and is left out.
    Claims whose rule is not in force are left out, too. Accounts are locked in the order of their
    ids, so that two completions of one person cannot wait for each other.
    """
    versions = await list_rules(session)
    day = local_day(now)
    in_force = [
        (claim, rule)
        for claim in claims
        if (rule := rule_for(versions, claim.rule_code, day)) is not None
    ]
    accounts = {
        unit: await open_account(session, owner=Owner(person_id=person_id), unit=unit)
        for unit in sorted({rule.unit for _, rule in in_force})
    }
    await lock_accounts(session, accounts.values())
    outcomes = []
    for claim, rule in in_force:
        key = award_key(rule, claim, person_id=person_id, day=day)
        first = await ledger.find_by_key(session, key=key)
        if first is not None:
            if first.evidence == claim.evidence:
                outcomes.append(_repeated(first, rule, claim))
            continue
        account = accounts[rule.unit]
        spent = await spent_under(session, account_id=account.id, rule_code=rule.code, day=day)
        grant = evaluate(rule, claim, spent)
        transfer = None
        if grant.amount > 0:
            issuer = await open_account(session, owner=Owner(program=ISSUER), unit=rule.unit)
            entry = _entry(key, rule, claim, grant, stamp)
            transfer = await ledger.book(session, payer=issuer, payee=account, entry=entry, now=now)
        outcomes.append(Awarded(rule=rule, grant=grant, transfer=transfer))
    return outcomes


async def spent_under(
    session: AsyncSession, *, account_id: int, rule_code: str, day: date
) -> Spent:
    """What this rule has paid this account around `day`, less what was reversed. One statement."""
    reversal = aliased(Transfer)
    week, year = period_of("week", day)[0], period_of("year", day)[0]
    since = min(week, year)

    def total(start: date) -> ColumnElement[int]:
        paid = func.sum(Transfer.amount).filter(Transfer.local_day >= start)
        return func.coalesce(paid, 0)

    found = await session.execute(
        select(total(day), total(week), total(year)).where(
            Transfer.credit_id == account_id,
            Transfer.rule_code == rule_code,
            Transfer.local_day >= since,
            Transfer.reverses_id.is_(None),
            ~exists().where(reversal.reverses_id == Transfer.id),
        )
    )
    in_day, in_week, in_year = found.one()
    return Spent(day=int(in_day), week=int(in_week), year=int(in_year))


def _entry(key: str, rule: Rule, claim: Claim, grant: Grant, stamp: Stamp) -> Entry:
    facts: dict[str, object] = {"title": claim.title, "version": rule.version}
    if claim.seconds:
        facts["seconds"] = claim.seconds
    if grant.bound_by is not None:
        facts |= {"worth": grant.worth, "bound_by": grant.bound_by, "cap": grant.cap}
    return Entry(
        key=key,
        unit=rule.unit,
        amount=grant.amount,
        kind="award",
        rule_id=rule.id,
        rule_code=rule.code,
        subject=claim.subject,
        evidence=claim.evidence,
        facts=facts,
        stamp=stamp,
    )


def _repeated(first: Transfer, rule: Rule, claim: Claim) -> Awarded:
    said = (first.subject, first.facts.get("seconds", 0), first.facts.get("title"))
    if said != (claim.subject, claim.seconds, claim.title):
        raise KeyUsedOtherwise(key=first.key)
    worth = int(first.facts.get("worth", first.amount))
    grant = Grant(
        worth=worth,
        amount=first.amount,
        bound_by=first.facts.get("bound_by"),
        cap=first.facts.get("cap"),
    )
    return Awarded(rule=rule, grant=grant, transfer=first)
