"""Whose account, and locking it."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import LiteralString

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.rows import as_rows
from app.core.statements import rows_of
from app.credit_bank.models import Account

ISSUER = "issuer"
"""The program that issues what rules award."""
CONVERSION = "conversion"
"""The program that takes one unit and gives another."""


@dataclass(frozen=True)
class Owner:
    """Exactly one of a person, an organisation and a program."""

    person_id: int | None = None
    organisation_id: int | None = None
    program: str | None = None

    def columns(self) -> dict[str, int | str | None]:
        return {
            "person_id": self.person_id,
            "organisation_id": self.organisation_id,
            "program": self.program,
        }


@dataclass(slots=True)
class Held:
    """An account this transaction has locked, as it is after what was booked so far.

    A program's is never locked and has no balance. Not the mapper's object: awards make thousands
    of these a second.
    """

    id: int
    balance: int | None
    earned: int | None


async def open_account(session: AsyncSession, *, owner: Owner, unit: str) -> Account:
    """The owner's account in this unit, opened if there is none. Takes no lock on an old one."""
    wanted = select(Account).where(Account.unit == unit).filter_by(**owner.columns())
    account = await session.scalar(wanted)
    if account is None:
        await open_accounts(session, [(owner, unit)])
        account = (await session.scalars(wanted)).one()
    return account


async def open_accounts(session: AsyncSession, wanted: Collection[tuple[Owner, str]]) -> None:
    """Open these owners' accounts in these units, where they are not there yet.

    In one order for everybody: who meets somebody else's new account waits for it.
    """
    rows = [
        {"unit": unit, "balance": start, "earned": start, **owner.columns()}
        for owner, unit in sorted(wanted, key=str)
        for start in [None if owner.program else 0]
    ]
    await rows_of(session, OPEN, {"given": as_rows(rows)})


OPEN: LiteralString = """
    INSERT INTO account (unit, balance, earned, person_id, organisation_id, program)
    SELECT unit, balance, earned, person_id, organisation_id, program
    FROM json_to_recordset(%(given)s::json) AS given (
        unit text, balance bigint, earned bigint,
        person_id bigint, organisation_id bigint, program text)
    ON CONFLICT DO NOTHING
    """


async def lock_accounts(session: AsyncSession, accounts: Sequence[Account]) -> list[Held]:
    """Hold the owners' accounts until the transaction ends, and read their balances afresh.

    Programs are never locked: every award of the town would wait for the one before.
    FOR NO KEY UPDATE, in one order: a transfer's foreign keys take KEY SHARE on these rows, and
    with a plain FOR UPDATE two transfers wait for each other.
    """
    ids = sorted({account.id for account in accounts if account.program is None})
    held = select(Account).where(Account.id.in_(ids)).order_by(Account.id)
    await session.execute(
        held.with_for_update(key_share=True), execution_options={"populate_existing": True}
    )
    return [Held(one.id, one.balance, one.earned) for one in accounts]
