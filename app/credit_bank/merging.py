"""Two accounts of one person become one, by transfers that can be undone.

What both had been awarded for the same object is reversed on the side that ends; the rest moves in
one transfer per unit. Nothing is copied and nothing is edited. A later booking on an account that
has ended (a correction) is carried on to the one that was kept, under the same merge.
"""

from datetime import datetime

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.credit_bank import ledger
from app.credit_bank.accounts import ISSUER, Owner, lock_accounts, open_account
from app.credit_bank.ledger import Entry, Stamp
from app.credit_bank.models import Account, Transfer
from app.credit_bank.queries import list_units
from app.credit_bank.rules import scope_of
from app.people.models import Merge
from app.people.queries import selves


async def merge_credit(
    session: AsyncSession, *, merge_id: int, kept_id: int, merged_id: int, now: datetime
) -> None:
    """Reverse what was paid twice and move what is left, once per merge.

    The merge already stands in `people`.
    """
    accounts = await _hold(session, merged_id, kept_id)
    for transfer_id in await _paid_twice(session, kept_id=kept_id, merged_id=merged_id):
        reversal = await ledger.reverse(
            session,
            transfer_id=transfer_id,
            reason=_reason(merge_id),
            ordered_by_id=None,
            now=now,
        )
        await carry_on(session, after=reversal, now=now)
    for account in accounts:
        if account.person_id == merged_id:
            await _carry(session, account=account, cause="balance", now=now)


async def carry_on(session: AsyncSession, *, after: Transfer, now: datetime) -> None:
    """What a correction left on the account of a person who was merged since, the kept one bears.

    Call it after every reversal. Does nothing where nobody was merged.
    """
    account_id = after.debit_id if after.reverses_id else after.credit_id
    account = await session.get_one(Account, account_id)
    await _carry(session, account=account, cause=f"transfer:{after.id}", now=now)


async def unmerge_credit(
    session: AsyncSession, *, merge_id: int, kept_id: int, merged_id: int, now: datetime
) -> None:
    """Move back what the merge moved, and book again what it had reversed.

    The merge no longer stands in `people`.
    """
    await _hold(session, merged_id, kept_id)
    moved = await session.scalars(
        select(Transfer)
        .where(Transfer.kind == "merge", Transfer.evidence == f"merge:{merge_id}")
        .order_by(Transfer.id)
    )
    for transfer in list(moved):
        entry = Entry(
            key=f"unmerge:{transfer.id}",
            unit=transfer.unit,
            amount=transfer.amount,
            kind="unmerge",
            subject=f"unmerge:{merge_id}",
            evidence=f"transfer:{transfer.id}",
        )
        await ledger.transfer(
            session,
            debit=await _owner(session, transfer.credit_id),
            credit=await _owner(session, transfer.debit_id),
            entry=entry,
            now=now,
        )
    reversals = await session.scalars(
        select(Transfer)
        .where(
            Transfer.kind == "reversal",
            Transfer.reason == _reason(merge_id),
            Transfer.ordered_by_id.is_(None),
        )
        .order_by(Transfer.id)
    )
    for reversal in list(reversals):
        await carry_on(session, after=await _reinstate(session, reversal, now), now=now)


async def _hold(session: AsyncSession, *person_ids: int) -> list[Account]:
    """Lock these persons' accounts, in every unit, at once.

    One that is not there yet is opened, so that an award that is opening it right now is waited
    for.
    """
    accounts = [
        await open_account(session, owner=Owner(person_id=person_id), unit=unit)
        for person_id in person_ids
        for unit in sorted(unit.code for unit in await list_units(session))
    ]
    await lock_accounts(session, accounts)
    return accounts


def _reason(merge_id: int) -> str:
    return f"账户合并（第 {merge_id} 号），同一学习成果只计一次"


async def _reinstate(session: AsyncSession, reversal: Transfer, now: datetime) -> Transfer:
    assert reversal.reverses_id is not None, reversal.id
    original = await session.get_one(Transfer, reversal.reverses_id)
    entry = Entry(
        # The first award's key stays legible in it: a later merge must find what was paid twice.
        key=f"{original.key.partition('#')[0]}#{reversal.id}",
        unit=original.unit,
        amount=original.amount,
        kind="reinstatement",
        rule_id=original.rule_id,
        rule_code=original.rule_code,
        subject=original.subject,
        evidence=f"transfer:{reversal.id}",
        facts=original.facts,
        stamp=Stamp(original.village_id, original.unit_id),
    )
    return await ledger.transfer(
        session,
        debit=Owner(program=ISSUER),
        credit=await _owner(session, original.credit_id),
        entry=entry,
        now=now,
    )


async def _paid_twice(session: AsyncSession, *, kept_id: int, merged_id: int) -> list[int]:
    """The merged person's awards for what the kept one was paid, too: same rule, same scope.

    Either may have been merged from others before.
    """
    merged_ids = set(await session.scalars(select(selves(merged_id).c.id)))
    kept_ids = set(await session.scalars(select(selves(kept_id).c.id))) - merged_ids
    merged, kept = [await _standing_awards(session, ids) for ids in (merged_ids, kept_ids)]
    return sorted(merged[scope] for scope in merged.keys() & kept.keys())


async def _standing_awards(session: AsyncSession, person_ids: set[int]) -> dict[str, int]:
    """What these persons were awarded and kept: the key without its person → the transfer."""
    undone = aliased(Transfer)
    rows = await session.execute(
        select(Transfer.key, Transfer.id)
        .join(Account, Account.id == Transfer.credit_id)
        .where(
            Account.person_id.in_(person_ids),
            Transfer.kind.in_(("award", "reinstatement")),
            ~exists().where(undone.reverses_id == Transfer.id),
        )
    )
    return {scope_of(key): transfer_id for key, transfer_id in rows}


async def _carry(session: AsyncSession, *, account: Account, cause: str, now: datetime) -> None:
    """Move this account's balance along the merges that stand, to the person at their end.

    A negative balance moves the other way, so that debts are kept, too.
    """
    while (merge := await _merge_of(session, account.person_id)) is not None:
        kept = await open_account(session, owner=Owner(person_id=merge.kept_id), unit=account.unit)
        await lock_accounts(session, (account, kept))
        balance = account.balance or 0
        if balance != 0:
            payer, payee = (account, kept) if balance > 0 else (kept, account)
            await ledger.transfer(
                session,
                debit=Owner(person_id=payer.person_id),
                credit=Owner(person_id=payee.person_id),
                entry=Entry(
                    key=f"merge:{merge.id}:{account.unit}:{cause}",
                    unit=account.unit,
                    amount=abs(balance),
                    kind="merge",
                    subject=f"merge:{merge.id}",
                    evidence=f"merge:{merge.id}",
                ),
                now=now,
            )
        account = kept


async def _merge_of(session: AsyncSession, person_id: int | None) -> Merge | None:
    """The merge by which this person ended, if it stands."""
    found: Merge | None = await session.scalar(
        select(Merge).where(Merge.merged_id == person_id, Merge.undone_at.is_(None))
    )
    return found


async def _owner(session: AsyncSession, account_id: int) -> Owner:
    return Owner(person_id=(await session.get_one(Account, account_id)).person_id)
