"""From claims to booked awards: the rule in force, its caps counted under the accounts' locks."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.clock import local_day, period_of
from app.core.group_commit import rounds
from app.credit_bank import ledger
from app.credit_bank.accounts import ISSUER, Owner, hold_accounts, open_account
from app.credit_bank.ledger import Booking, Entry, KeyUsedOtherwise, Stamp
from app.credit_bank.models import Account, Transfer
from app.credit_bank.queries import list_rules
from app.credit_bank.rules import Claim, Grant, Rule, Spent, award_key, evaluate, rule_for
from app.people.errors import PersonNotFound
from app.people.queries import list_selves_of, resolve_aliases


@dataclass(frozen=True)
class Earner:
    """Who claims what, and where they belonged at this instant."""

    person_id: int
    claims: Sequence[Claim]
    stamp: Stamp
    at: datetime


@dataclass(frozen=True)
class Awarded:
    """The outcome of one claim: `transfer` is None where a cap left nothing."""

    rule: Rule
    grant: Grant
    transfer: Transfer | None

    @property
    def amount(self) -> int:
        return self.transfer.amount if self.transfer else 0


@dataclass(frozen=True)
class _Due:
    """One claim under the rule in force, by the person who is kept (`owner_id`)."""

    place: tuple[int, int]
    owner_id: int
    claim: Claim
    rule: Rule
    stamp: Stamp
    at: datetime

    def key_of(self, person_id: int) -> str:
        return award_key(self.rule, self.claim, person_id=person_id, day=local_day(self.at))


async def award(
    session: AsyncSession, *, person_id: int, claims: list[Claim], stamp: Stamp, now: datetime
) -> list[Awarded]:
    """What `award_all` does, for one person."""
    (outcomes,) = await award_all(session, [Earner(person_id, claims, stamp, now)])
    return outcomes


async def award_all(session: AsyncSession, earners: Sequence[Earner]) -> list[list[Awarded]]:
    """Book what these claims are worth to these persons, each once by its rule's natural key.

    A repeat of the same claim returns its first transfer; the same evidence with other content is
    KeyUsedOtherwise; what the rule has already paid by other evidence pays nothing and is left out.
    Claims whose rule is not in force are left out, too. Whom a person was merged into earns it, and
    what either was paid counts for once-rules and caps.
    """
    versions = await list_rules(session)
    found = [
        ((number, index), earner, claim, rule)
        for number, earner in enumerate(earners)
        for index, claim in enumerate(earner.claims)
        if (rule := rule_for(versions, claim.rule_code, local_day(earner.at))) is not None
    ]
    units = sorted({rule.unit for *_, rule in found})
    kept, accounts = await _hold(session, {one.person_id for one in earners}, units)
    issuers = {
        unit: await open_account(session, owner=Owner(program=ISSUER), unit=unit) for unit in units
    }
    owners = await list_selves_of(session, set(kept.values()))
    dues = [
        _Due(place, kept[earner.person_id], claim, rule, earner.stamp, earner.at)
        for place, earner, claim, rule in found
    ]
    outcomes: dict[tuple[int, int], Awarded] = {}
    # What a rule has paid a person bears on what it pays next: such claims follow each other.
    for apart in rounds(dues, lambda due: (due.owner_id, due.rule.code)):
        outcomes |= await _pay(session, apart, owners, accounts, issuers)
    return [
        [one for place, one in sorted(outcomes.items()) if place[0] == number]
        for number in range(len(earners))
    ]


async def _pay(
    session: AsyncSession,
    dues: Sequence[_Due],
    owners: Mapping[int, int],
    accounts: Mapping[tuple[int, str], Account],
    issuers: Mapping[str, Account],
) -> dict[tuple[int, int], Awarded]:
    """Pay claims of which no two are of one person under one rule."""
    selves: dict[int, list[int]] = {}
    for person_id, owner_id in owners.items():
        selves.setdefault(owner_id, []).append(person_id)
    keys = {due.place: [due.key_of(one) for one in selves[due.owner_id]] for due in dues}
    firsts = await _firsts(session, [key for of_one in keys.values() for key in of_one])
    spent: dict[tuple[int, str, date], Spent] = {}
    for day in {local_day(due.at) for due in dues}:
        rules = {due.rule.id: due.rule for due in dues if local_day(due.at) == day}
        paid = await spent_under(session, owners=owners, rules=list(rules.values()), day=day)
        spent |= {(owner_id, code, day): one for (owner_id, code), one in paid.items()}
    outcomes: dict[tuple[int, int], Awarded] = {}
    granted: list[tuple[_Due, Grant]] = []
    for due in dues:
        first = min((firsts[key] for key in keys[due.place] if key in firsts), default=None)
        if first is not None:
            if first[1].evidence == due.claim.evidence:
                outcomes[due.place] = _repeated(first[1], due.rule, due.claim)
            continue
        had = spent.get((due.owner_id, due.rule.code, local_day(due.at)), Spent())
        grant = evaluate(due.rule, due.claim, had)
        outcomes[due.place] = Awarded(due.rule, grant, None)
        if grant.amount > 0:
            granted.append((due, grant))
    made = await ledger.book(
        session,
        [
            Booking(
                payer=issuers[due.rule.unit],
                payee=accounts[due.owner_id, due.rule.unit],
                entry=_entry(due.key_of(due.owner_id), due.rule, due.claim, grant, due.stamp),
                at=due.at,
            )
            for due, grant in granted
        ],
    )
    for (due, grant), transfer in zip(granted, made, strict=True):
        outcomes[due.place] = Awarded(due.rule, grant, transfer)
    return outcomes


async def spent_under(
    session: AsyncSession, *, owners: Mapping[int, int], rules: Collection[Rule], day: date
) -> dict[tuple[int, str], Spent]:
    """What these rules have paid around `day`, less what was reversed, by owner and rule's code.

    `owners` says of each person whose it is by now. One statement, which looks back no further than
    the caps of these rules do.
    """
    reversal = aliased(Transfer)
    week, year = period_of("week", day)[0], period_of("year", day)[0]
    capped = [rule for rule in rules if rule.daily_cap or rule.weekly_cap or rule.yearly_cap]
    if not capped:
        return {}
    units = {rule.code: rule.unit for rule in capped}
    starts = {day}
    starts |= {week for rule in capped if rule.weekly_cap}
    starts |= {year for rule in capped if rule.yearly_cap}

    def total(start: date) -> ColumnElement[int]:
        paid = func.sum(Transfer.amount).filter(Transfer.local_day >= start)
        return func.coalesce(paid, 0)

    rows = await session.execute(
        select(
            Account.person_id,
            Transfer.rule_code,
            Account.unit,
            total(day),
            total(week),
            total(year),
        )
        .join(Account, Account.id == Transfer.credit_id)
        .where(
            Account.person_id == func.any(list(owners)),
            Transfer.rule_code == func.any(sorted(units)),
            Transfer.local_day >= min(starts),
            Transfer.reverses_id.is_(None),
            ~exists().where(reversal.reverses_id == Transfer.id),
        )
        .group_by(Account.person_id, Transfer.rule_code, Account.unit)
    )
    spent: dict[tuple[int, str], Spent] = {}
    for person_id, code, unit, *paid in rows:
        of = owners[person_id or 0], code or ""
        if unit == units[of[1]]:  # Not what an earlier version of the rule paid in another one.
            before = spent.get(of, Spent())
            in_day, in_week, in_year = map(int, paid)
            spent[of] = Spent(before.day + in_day, before.week + in_week, before.year + in_year)
    return spent


async def _hold(
    session: AsyncSession, person_ids: Collection[int], units: Collection[str]
) -> tuple[dict[int, int], dict[tuple[int, str], Account]]:
    """Lock the accounts of whom these persons are by now: who that is, and their accounts.

    A merge holds the same locks, so after waiting for one the persons are looked up again.
    """
    kept = await resolve_aliases(session, person_ids)
    for person_id in person_ids:
        if person_id not in kept:
            raise PersonNotFound(person_id=person_id)
    while True:
        accounts = await hold_accounts(session, person_ids=set(kept.values()), units=units)
        found = await resolve_aliases(session, person_ids)
        if found == kept:
            return kept, accounts
        kept = found


async def _firsts(session: AsyncSession, keys: Collection[str]) -> dict[str, tuple[int, Transfer]]:
    """The awards under these keys, numbered: one that stands goes before one that was reversed."""
    undone = aliased(Transfer)
    rows = await session.scalars(
        select(Transfer)
        .outerjoin(undone, undone.reverses_id == Transfer.id)
        .where(Transfer.key == func.any(list(keys)))
        .order_by(undone.id.is_not(None), Transfer.id)
    )
    return {transfer.key: (number, transfer) for number, transfer in enumerate(rows)}


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
