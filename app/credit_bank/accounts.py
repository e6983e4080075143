"""Whose account, and locking it."""

from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

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


async def open_account(session: AsyncSession, *, owner: Owner, unit: str) -> Account:
    """The owner's account in this unit, opened if there is none. Takes no lock on an old one."""
    wanted = select(Account).where(Account.unit == unit).filter_by(**owner.columns())
    account = await session.scalar(wanted)
    if account is None:
        start = None if owner.program else 0
        row = insert(Account).values(unit=unit, balance=start, earned=start, **owner.columns())
        await session.execute(row.on_conflict_do_nothing())
        account = (await session.scalars(wanted)).one()
    return account


async def lock_accounts(session: AsyncSession, accounts: Iterable[Account]) -> None:
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
