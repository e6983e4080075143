"""From claims to booked awards: the rule in force, its caps counted under the accounts' locks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.group_commit import rounds
from app.credit_bank import ledger
from app.credit_bank.accounts import ISSUER, Owner, open_accounts
from app.credit_bank.holding import Holding, hold
from app.credit_bank.ledger import Booked, Booking, Entry, KeyUsedOtherwise, Stamp
from app.credit_bank.past import History, Look, look_back
from app.credit_bank.rules import Claim, Grant, Rule, evaluate, key_around, rule_for


@dataclass(frozen=True)
class Earner:
    """Who claims what, and where they belonged at this instant."""

    person_id: int
    claims: Sequence[Claim]
    stamp: Stamp
    at: datetime


@dataclass(frozen=True, slots=True)
class Awarded:
    """The outcome of one claim: `transfer` is None where a cap left nothing."""

    rule: Rule
    grant: Grant
    transfer: Booked | None

    @property
    def amount(self) -> int:
        return self.transfer.amount if self.transfer else 0


class _Due(NamedTuple):
    """One claim under the rule in force, by the person who is kept (`owner_id`)."""

    place: tuple[int, int]
    owner_id: int
    claim: Claim
    rule: Rule
    key: tuple[str, str]
    stamp: Stamp
    at: datetime
    day: date


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
    person_ids = {one.person_id for one in earners}
    codes = {claim.rule_code for one in earners for claim in one.claims}
    while True:
        holding = await hold(session, person_ids=person_ids, codes=codes)
        # What a rule has paid a person bears on what it pays next: such claims follow each other.
        apart = list(rounds(_dues(earners, holding), lambda due: (due.owner_id, due.rule.code)))
        if not apart:
            return [[] for _ in earners]
        if missing := _without_account(apart, holding):
            await open_accounts(session, missing)
            continue
        history = await _look_back(session, apart[0])
        if _stands(apart[0], holding, history):
            break
    outcomes = await _pay(session, apart[0], history, holding)
    for dues in apart[1:]:
        outcomes |= await _pay(session, dues, await _look_back(session, dues), holding)
    return [
        [
            outcomes[number, index]
            for index in range(len(earner.claims))
            if (number, index) in outcomes
        ]
        for number, earner in enumerate(earners)
    ]


def _dues(earners: Sequence[Earner], holding: Holding) -> list[_Due]:
    dues = []
    in_force: dict[tuple[str, date], Rule | None] = {}
    for number, earner in enumerate(earners):
        owner_id, day = holding.kept[earner.person_id], local_day(earner.at)
        for index, claim in enumerate(earner.claims):
            asked = (claim.rule_code, day)
            if asked not in in_force:
                in_force[asked] = rule_for(holding.rules, *asked)
            if (rule := in_force[asked]) is not None:
                key, place = key_around(rule, claim, day=day), (number, index)
                dues.append(_Due(place, owner_id, claim, rule, key, earner.stamp, earner.at, day))
    return dues


def _without_account(apart: list[list[_Due]], holding: Holding) -> set[tuple[Owner, str]]:
    wanted = {(due.owner_id, due.rule.unit) for dues in apart for due in dues}
    missing = {(Owner(person_id=who), unit) for who, unit in wanted - holding.owned.keys()}
    units = {unit for _, unit in wanted}
    return missing | {(Owner(program=ISSUER), unit) for unit in units - holding.issuers.keys()}


async def _look_back(session: AsyncSession, dues: Sequence[_Due]) -> History:
    return await look_back(
        session, [Look(due.owner_id, due.key, due.rule, due.day) for due in dues]
    )


def _stands(dues: Sequence[_Due], holding: Holding, history: History) -> bool:
    """Whether everybody is still who they were before their accounts were locked.

    Who claims nothing that a rule pays has no account here, and may be whoever they are.
    """
    concerned, owners = {due.owner_id for due in dues}, history.owners
    return all(
        owners.get(asked) == owners.get(kept) == kept
        for asked, kept in holding.kept.items()
        if kept in concerned
    )


async def _pay(
    session: AsyncSession, dues: Sequence[_Due], history: History, holding: Holding
) -> dict[tuple[int, int], Awarded]:
    """Pay claims of which no two are of one person under one rule."""
    outcomes: dict[tuple[int, int], Awarded] = {}
    granted: list[tuple[_Due, Grant]] = []
    for due, past in zip(dues, history.of, strict=True):
        if past.first is not None:
            if past.first.evidence == due.claim.evidence:
                outcomes[due.place] = _repeated(past.first, due.rule, due.claim)
            continue
        grant = evaluate(due.rule, due.claim, past.spent)
        if grant.amount > 0:
            granted.append((due, grant))
        else:
            outcomes[due.place] = Awarded(due.rule, grant, None)
    bookings = [
        Booking(
            payer=holding.issuers[due.rule.unit],
            payee=holding.owned[due.owner_id, due.rule.unit],
            entry=_entry(due, grant),
            at=due.at,
        )
        for due, grant in granted
    ]
    for (due, grant), made in zip(granted, await ledger.book(session, bookings), strict=True):
        outcomes[due.place] = Awarded(due.rule, grant, made)
    return outcomes


def _entry(due: _Due, grant: Grant) -> Entry:
    rule, claim, (before, after) = due.rule, due.claim, due.key
    facts: dict[str, object] = {"title": claim.title, "version": rule.version}
    if claim.seconds:
        facts["seconds"] = claim.seconds
    if grant.bound_by is not None:
        facts |= {"worth": grant.worth, "bound_by": grant.bound_by, "cap": grant.cap}
    return Entry(
        key=f"{before}{due.owner_id}{after}",
        unit=rule.unit,
        amount=grant.amount,
        kind="award",
        rule_id=rule.id,
        rule_code=rule.code,
        subject=claim.subject,
        evidence=claim.evidence,
        facts=facts,
        stamp=due.stamp,
    )


def _repeated(first: Booked, rule: Rule, claim: Claim) -> Awarded:
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
