"""Whose account, and locking it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import select, text
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


async def hold_accounts(
    session: AsyncSession, *, person_ids: Collection[int], units: Collection[str]
) -> dict[tuple[int, str], Account]:
    """These persons' accounts in these units by (person, unit), opened if need be, and locked."""
    wanted = {(person_id, unit) for person_id in person_ids for unit in units}
    of = {"person_ids": list(person_ids), "units": list(units)}

    async def held() -> dict[tuple[int, str], Account]:
        found = await session.scalars(HOLD, of)
        return {(one.person_id or 0, one.unit): one for one in found}

    accounts = await held()
    if len(accounts) < len(wanted):
        rows = [
            {"person_id": person_id, "unit": unit, "balance": 0, "earned": 0}
            for person_id, unit in sorted(wanted - accounts.keys())
        ]
        await session.execute(insert(Account).values(rows).on_conflict_do_nothing())
        accounts = await held()
    return accounts


HOLD = (
    select(Account)
    .from_statement(
        text(
            "SELECT * FROM account WHERE person_id = ANY(:person_ids) AND unit = ANY(:units)"
            " ORDER BY id FOR NO KEY UPDATE"
        )
    )
    .execution_options(populate_existing=True)
)
"""The lock of `lock_accounts`, for the reasons given there."""


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
