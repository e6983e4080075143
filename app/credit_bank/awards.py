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
from app.credit_bank.models import Account, Transfer
from app.credit_bank.queries import list_rules
from app.credit_bank.rules import Claim, Grant, Rule, Spent, award_key, evaluate, rule_for
from app.people.queries import resolve_alias, selves


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
    Claims whose rule is not in force are left out, too. Whom the person was merged into earns it,
    and what either was paid counts for once-rules and caps.
    """
    versions = await list_rules(session)
    day = local_day(now)
    in_force = [
        (claim, rule)
        for claim in claims
        if (rule := rule_for(versions, claim.rule_code, day)) is not None
    ]
    units = sorted({rule.unit for _, rule in in_force})
    kept_id, accounts = await _hold(session, person_id=person_id, units=units)
    issuers = {
        unit: await open_account(session, owner=Owner(program=ISSUER), unit=unit) for unit in units
    }
    person_ids = list(await session.scalars(select(selves(kept_id).c.id)))
    outcomes = []
    for claim, rule in in_force:
        keys = [award_key(rule, claim, person_id=one, day=day) for one in person_ids]
        first = await _first_of(session, keys)
        if first is not None:
            if first.evidence == claim.evidence:
                outcomes.append(_repeated(first, rule, claim))
            continue
        spent = await spent_under(session, person_ids=person_ids, rule=rule, day=day)
        grant = evaluate(rule, claim, spent)
        transfer = None
        if grant.amount > 0:
            key = award_key(rule, claim, person_id=kept_id, day=day)
            entry = _entry(key, rule, claim, grant, stamp)
            payer, payee = issuers[rule.unit], accounts[rule.unit]
            transfer = await ledger.book(session, payer=payer, payee=payee, entry=entry, now=now)
        outcomes.append(Awarded(rule=rule, grant=grant, transfer=transfer))
    return outcomes


async def spent_under(
    session: AsyncSession, *, person_ids: list[int], rule: Rule, day: date
) -> Spent:
    """What this rule has paid these persons around `day`, less what was reversed. One statement."""
    reversal = aliased(Transfer)
    week, year = period_of("week", day)[0], period_of("year", day)[0]
    since = min(week, year)

    def total(start: date) -> ColumnElement[int]:
        paid = func.sum(Transfer.amount).filter(Transfer.local_day >= start)
        return func.coalesce(paid, 0)

    found = await session.execute(
        select(total(day), total(week), total(year))
        .join(Account, Account.id == Transfer.credit_id)
        .where(
            Account.person_id.in_(person_ids),
            Account.unit == rule.unit,
            Transfer.rule_code == rule.code,
            Transfer.local_day >= since,
            Transfer.reverses_id.is_(None),
            ~exists().where(reversal.reverses_id == Transfer.id),
        )
    )
    in_day, in_week, in_year = found.one()
    return Spent(day=int(in_day), week=int(in_week), year=int(in_year))


async def _hold(
    session: AsyncSession, *, person_id: int, units: list[str]
) -> tuple[int, dict[str, Account]]:
    """Lock the accounts of whom this person is by now; returns that person's id and accounts.

    A merge holds the same locks, so after waiting for one the person is looked up again.
    """
    kept_id = await resolve_alias(session, person_id)
    while True:
        owner = Owner(person_id=kept_id)
        accounts = {unit: await open_account(session, owner=owner, unit=unit) for unit in units}
        await lock_accounts(session, accounts.values())
        found_id = await resolve_alias(session, person_id)
        if found_id == kept_id:
            return kept_id, accounts
        kept_id = found_id


async def _first_of(session: AsyncSession, keys: list[str]) -> Transfer | None:
    """The award under one of these keys; one that stands goes before one that was reversed."""
    undone = aliased(Transfer)
    found: Transfer | None = await session.scalar(
        select(Transfer)
        .outerjoin(undone, undone.reverses_id == Transfer.id)
        .where(Transfer.key.in_(keys))
        .order_by(undone.id.is_not(None), Transfer.id)
        .limit(1)
    )
    return found


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
