"""Two accounts of one person become one, by transfers that can be undone .

What both had been awarded for the same object is reversed on the side that ends; the rest moves in
one transfer per unit. Nothing is copied and nothing is edited.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.credit_bank import ledger
from app.credit_bank.accounts import ISSUER, Owner, lock_accounts, open_account
from app.credit_bank.ledger import Entry, Stamp
from app.credit_bank.models import Account, Transfer


async def merge_credit(
    session: AsyncSession, *, merge_id: int, kept_id: int, merged_id: int, now: datetime
) -> None:
    """Reverse what was paid twice and move what is left, once per merge."""
    reason = f"账户合并（第 {merge_id} 号），同一学习成果只计一次"
    for transfer_id in await _paid_twice(session, kept_id=kept_id, merged_id=merged_id):
        await ledger.reverse(
            session, transfer_id=transfer_id, reason=reason, ordered_by_id=None, now=now
        )
    await _move_all(session, merge_id, "merge", source=merged_id, target=kept_id, now=now)


async def unmerge_credit(
    session: AsyncSession, *, merge_id: int, kept_id: int, merged_id: int, now: datetime
) -> None:
    """Move back what the merge moved, and book again what it had reversed."""
    moved = await session.scalars(
        select(Transfer).where(Transfer.kind == "merge", Transfer.evidence == f"merge:{merge_id}")
    )
    for transfer in list(moved):
        payer = await session.get_one(Account, transfer.debit_id)
        back_from, back_to = Owner(person_id=kept_id), Owner(person_id=merged_id)
        if payer.person_id == kept_id:
            back_from, back_to = back_to, back_from
        await ledger.transfer(
            session,
            debit=back_from,
            credit=back_to,
            entry=_moving(f"unmerge:{merge_id}:{transfer.unit}", transfer.unit, transfer.amount,
                          f"unmerge:{merge_id}"),
            now=now,
        )  # fmt: skip
    reversals = await session.scalars(
        select(Transfer).where(
            Transfer.kind == "reversal", Transfer.reason.startswith(f"账户合并（第 {merge_id} 号）")
        )
    )
    for reversal in list(reversals):
        await ledger.transfer(
            session,
            debit=Owner(program=ISSUER),
            credit=Owner(person_id=merged_id),
            entry=Entry(
                key=f"reinstatement:{reversal.id}",
                unit=reversal.unit,
                amount=reversal.amount,
                kind="reinstatement",
                rule_id=reversal.rule_id,
                rule_code=reversal.rule_code,
                subject=reversal.subject,
                evidence=f"transfer:{reversal.id}",
                facts=reversal.facts,
                stamp=Stamp(reversal.village_id, reversal.unit_id),
            ),
            now=now,
        )


async def _paid_twice(session: AsyncSession, *, kept_id: int, merged_id: int) -> list[int]:
    """The merged person's awards for what the kept one was paid, too: same rule, same scope."""
    kept, ours = aliased(Transfer), aliased(Account)
    undone = aliased(Transfer)
    mine, theirs = f":person:{merged_id}:", f":person:{kept_id}:"
    rows = await session.execute(
        select(Transfer.id, Transfer.key)
        .join(Account, Account.id == Transfer.credit_id)
        .outerjoin(undone, undone.reverses_id == Transfer.id)
        .where(Account.person_id == merged_id, Transfer.kind == "award", undone.id.is_(None))
        .order_by(Transfer.id)
    )
    by_key = {key.replace(mine, theirs): transfer_id for transfer_id, key in rows}
    known = await session.scalars(
        select(kept.key)
        .join(ours, ours.id == kept.credit_id)
        .where(ours.person_id == kept_id, kept.kind == "award", kept.key.in_(by_key))
    )
    return [by_key[key] for key in known]


async def _move_all(
    session: AsyncSession, merge_id: int, kind: str, *, source: int, target: int, now: datetime
) -> None:
    """Move every balance; a negative one moves the other way, so that debts are kept, too."""
    giving = list(
        await session.scalars(
            select(Account).where(Account.person_id == source).order_by(Account.unit)
        )
    )
    taking = [
        await open_account(session, owner=Owner(person_id=target), unit=account.unit)
        for account in giving
    ]
    await lock_accounts(session, (*giving, *taking))
    for account in giving:
        balance = account.balance or 0
        if balance == 0:
            continue
        payer, payee = (source, target) if balance > 0 else (target, source)
        await ledger.transfer(
            session,
            debit=Owner(person_id=payer),
            credit=Owner(person_id=payee),
            entry=_moving(f"{kind}:{merge_id}:{account.unit}", account.unit, abs(balance),
                          f"{kind}:{merge_id}"),
            now=now,
        )  # fmt: skip


def _moving(key: str, unit: str, amount: int, evidence: str) -> Entry:
    return Entry(
        key=key, unit=unit, amount=amount, kind="merge", subject=evidence, evidence=evidence
    )
