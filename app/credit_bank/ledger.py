"""The only writer of accounts and transfers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter
from typing import Any, LiteralString, NamedTuple

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import Conflict, NotFound
from app.core.metrics import TRANSFERS
from app.core.rows import as_columns, from_columns
from app.core.statements import rows_of
from app.credit_bank.accounts import Held, Owner, lock_accounts, open_account
from app.credit_bank.models import Account, Transfer

REVERSIBLE = ("award", "reinstatement")


class KeyUsedOtherwise(Conflict):
    title = "这笔业务已用同一编号记过别的内容"


class TransferNotFound(NotFound):
    title = "没有这笔记录"


class ReversalRefused(Conflict):
    title = "这笔记录不能冲正"


@dataclass(frozen=True)
class Stamp:
    """The member's village and unit (organisation ids) at the time, for the group rankings."""

    village_id: int | None = None
    unit_id: int | None = None


@dataclass(slots=True)
class Entry:
    """What is to be booked, all but the accounts and the instant."""

    key: str
    unit: str
    amount: int
    kind: str
    subject: str
    evidence: str
    facts: dict[str, Any] = field(default_factory=dict)
    rule_id: int | None = None
    rule_code: str | None = None
    stamp: Stamp = Stamp()
    reverses_id: int | None = None
    reason: str | None = None
    ordered_by_id: int | None = None


class Booking(NamedTuple):
    """An entry between two accounts that the caller holds, at this instant."""

    payer: Held
    payee: Held
    entry: Entry
    at: datetime


class Booked(NamedTuple):
    """What its claimant wants to know of a transfer; the rest of it is in the table."""

    id: int
    key: str
    amount: int
    subject: str
    evidence: str
    facts: dict[str, Any]


async def transfer(
    session: AsyncSession, *, debit: Owner, credit: Owner, entry: Entry, now: datetime
) -> Transfer:
    """Book once per key: a repeat returns the first transfer, other content is a Conflict.

    Raises KeyUsedOtherwise. The instant decides the local day; a closed day refuses it (trigger).
    """
    # In one order, so that two opposite first transfers do not wait for each other's new account.
    opened = {
        owner: await open_account(session, owner=owner, unit=entry.unit)
        for owner in sorted((debit, credit), key=str)
    }
    payer, payee = await lock_accounts(session, (opened[debit], opened[credit]))
    first = await find_by_key(session, key=entry.key)
    if first is not None:
        _must_agree(first, payer, payee, entry)
        return first
    (made,) = await book(session, [Booking(payer, payee, entry, now)])
    return await session.get_one(Transfer, made.id)


async def book(session: AsyncSession, bookings: Sequence[Booking]) -> list[Booked]:
    """Move the amounts, in this order, between accounts that the caller has locked.

    Their keys are not yet used; raises KeyUsedOtherwise if one is. This is the one statement that
    writes transfers.
    """
    if not bookings:
        return []
    changed: dict[int, Held] = {}
    after = [_move(one, changed) for one in bookings]
    held = [changed[number] for number in sorted(changed)]
    given = {
        "transfers": as_columns(_transfers(bookings, after)),
        "balances": as_columns({name: list(map(attrgetter(name), held)) for name in BALANCE}),
    }
    ((made,),) = await rows_of(session, BOOK, given)
    ids: dict[str, int] = made or {}
    entries = [one.entry for one in bookings]
    for entry in entries:
        if entry.key not in ids:
            # Another account took this key (or reversed this transfer) in the same moment.
            raise KeyUsedOtherwise(key=entry.key)
    for labels, number in Counter((one.unit, one.rule_code or one.kind) for one in entries).items():
        TRANSFERS.labels(*labels).inc(number)
    return [
        Booked(ids[one.key], one.key, one.amount, one.subject, one.evidence, one.facts)
        for one in entries
    ]


def _move(booking: Booking, changed: dict[int, Held]) -> tuple[int | None, int | None]:
    """The two balances afterwards; their accounts are now among the `changed`.

    A program's account holds no balance: it is the sum of its transfers.
    """
    entry, payer, payee = booking.entry, booking.payer, booking.payee
    assert entry.amount > 0, entry
    earns = entry.amount if entry.rule_id is not None else 0
    if payer.balance is not None and payer.earned is not None:
        payer.balance -= entry.amount
        payer.earned -= earns if entry.reverses_id else 0
        changed[payer.id] = payer
    if payee.balance is not None and payee.earned is not None:
        payee.balance += entry.amount
        payee.earned += 0 if entry.reverses_id else earns
        changed[payee.id] = payee
    return payer.balance, payee.balance


def _transfers(
    bookings: Sequence[Booking], after: Sequence[tuple[int | None, int | None]]
) -> dict[str, list[Any]]:
    """The columns of TRANSFER."""
    entries = [one.entry for one in bookings]
    instants = {at: (local_day(at).isoformat(), at.isoformat()) for *_, at in bookings}
    return {name: list(map(attrgetter(name), entries)) for name in SAID} | {
        "debit_id": [one.payer.id for one in bookings],
        "credit_id": [one.payee.id for one in bookings],
        "village_id": [one.stamp.village_id for one in entries],
        "unit_id": [one.stamp.unit_id for one in entries],
        "debit_after": [debit for debit, _ in after],
        "credit_after": [credit for _, credit in after],
        "local_day": [instants[one.at][0] for one in bookings],
        "made_at": [instants[one.at][1] for one in bookings],
    }


SAID = {
    "key": "text",
    "unit": "text",
    "amount": "bigint",
    "kind": "text",
    "rule_id": "bigint",
    "rule_code": "text",
    "subject": "text",
    "evidence": "text",
    "facts": "jsonb",
    "reverses_id": "bigint",
    "reason": "text",
    "ordered_by_id": "bigint",
}
"""What an entry says itself, by the names of its fields."""
TRANSFER = SAID | {
    "debit_id": "bigint",
    "credit_id": "bigint",
    "village_id": "bigint",
    "unit_id": "bigint",
    "debit_after": "bigint",
    "credit_after": "bigint",
    "local_day": "date",
    "made_at": "timestamptz",
}
BALANCE = {"id": "bigint", "balance": "bigint", "earned": "bigint"}
BOOK: LiteralString = f"""
    WITH changed AS (
        UPDATE account SET balance = given.balance, earned = given.earned
        FROM {from_columns("balances", BALANCE)}
        WHERE account.id = given.id
    ), made AS (
        INSERT INTO transfer ({", ".join(TRANSFER)})
        SELECT {", ".join(f"given.{name}" for name in TRANSFER)}
        FROM {from_columns("transfers", TRANSFER)} ORDER BY n
        ON CONFLICT DO NOTHING
        RETURNING key, id
    )
    SELECT json_object_agg(key, id) FROM made
    """  # noqa: S608  constants of ours


async def reverse(
    session: AsyncSession,
    *,
    transfer_id: int,
    reason: str,
    ordered_by_id: int | None,
    now: datetime,
) -> Transfer:
    """Undo a transfer by its opposite, once. The earned balance may go below zero, and says so.

    A repeat with the same reason and person returns the first reversal; others are a Conflict.
    Raises TransferNotFound, ReversalRefused, KeyUsedOtherwise.
    """
    original = await _get_reversible(session, transfer_id)
    if not reason.strip():
        raise ReversalRefused("冲正要写明原因", transfer_id=transfer_id)
    accounts = {
        account.id: account
        for account in await session.scalars(
            select(Account).where(Account.id.in_((original.debit_id, original.credit_id)))
        )
    }
    payer, payee = await lock_accounts(
        session, (accounts[original.credit_id], accounts[original.debit_id])
    )
    entry = Entry(
        key=f"reversal:{original.id}",
        unit=original.unit,
        amount=original.amount,
        kind="reversal",
        rule_id=original.rule_id,
        rule_code=original.rule_code,
        subject=original.subject,
        evidence=f"transfer:{original.id}",
        facts=original.facts,
        stamp=Stamp(original.village_id, original.unit_id),
        reverses_id=original.id,
        reason=reason.strip(),
        ordered_by_id=ordered_by_id,
    )
    first = await find_by_key(session, key=entry.key)
    if first is not None:
        _must_agree(first, payer, payee, entry)
        return first
    (made,) = await book(session, [Booking(payer, payee, entry, now)])
    return await session.get_one(Transfer, made.id)


async def _get_reversible(session: AsyncSession, transfer_id: int) -> Transfer:
    original = await session.get(Transfer, transfer_id)
    if original is None:
        raise TransferNotFound(transfer_id=transfer_id)
    if original.reverses_id is not None:
        raise ReversalRefused("冲正记录本身不能再冲正", transfer_id=transfer_id)
    if original.kind not in REVERSIBLE:
        # A merge is undone as a whole, and half a conversion back would leave the other half.
        raise ReversalRefused("只有学习所得可以冲正", transfer_id=transfer_id)
    return original


async def find_by_key(session: AsyncSession, *, key: str) -> Transfer | None:
    found: Transfer | None = await session.scalar(select(Transfer).where(Transfer.key == key))
    return found


def _must_agree(first: Transfer, payer: Held, payee: Held, entry: Entry) -> None:
    same = (
        (first.debit_id, first.credit_id, first.amount) == (payer.id, payee.id, entry.amount)
        and (first.kind, first.rule_id) == (entry.kind, entry.rule_id)
        and (first.subject, first.evidence) == (entry.subject, entry.evidence)
        and (first.reason, first.ordered_by_id) == (entry.reason, entry.ordered_by_id)
        and first.facts == entry.facts
    )
    if not same:
        raise KeyUsedOtherwise(key=entry.key)
