"""A reversal ordered by an administrator of the resident's branch."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Forbidden
from app.credit_bank import ledger, merging
from app.credit_bank.models import Account, Transfer
from app.people import policy, staff_acts
from app.people import queries as people
from app.people.policy import Actor


class MayNotReverse(Forbidden):
    title = "只有本单位（村）的管理员可以冲正，且不能冲正自己的记录"


async def reverse(
    session: AsyncSession, *, actor: Actor, transfer_id: int, reason: str, now: datetime
) -> Transfer:
    """Raises TransferNotFound, MayNotReverse, ReversalRefused, KeyUsedOtherwise."""
    original = await session.get(Transfer, transfer_id)
    if original is None:
        raise ledger.TransferNotFound(transfer_id=transfer_id)
    account = await session.get_one(Account, original.credit_id)
    if account.person_id is None:
        raise ledger.ReversalRefused("只有记给居民的学分和积分可以冲正", transfer_id=transfer_id)
    person_id = await people.resolve_alias(session, account.person_id)
    if person_id == actor.person_id:
        raise MayNotReverse(transfer_id=transfer_id)
    lineage = await people.lineage_of_person(session, person_id)
    if not policy.can_administer(actor, lineage):
        raise MayNotReverse(transfer_id=transfer_id)
    made = await ledger.reverse(
        session, transfer_id=transfer_id, reason=reason, ordered_by_id=actor.person_id, now=now
    )
    await merging.carry_on(session, after=made, now=now)
    if made.made_at == now:  # Not the first one's again.
        await staff_acts.note(
            session,
            person_id=actor.person_id,
            act="transfer.reverse",
            subject=f"transfer:{transfer_id}",
            facts={"reversal_id": made.id, "unit": made.unit, "amount": made.amount},
            now=now,
        )
    return made
