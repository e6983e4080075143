"""Meeting a person through WeChat: from an openid to the one person behind all of theirs.

When a unionid shows that two persons are one, their learning and their credit are joined in the
same transaction, by transfers that can be undone.
"""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.logging import get_logger
from app.credit_bank import merging as credit_merging
from app.learning import studies
from app.people import merging, persons, staff_acts
from app.people.models import Merge

log = get_logger()


async def meet(
    session: AsyncSession, *, appid: str, openid: str, unionid: str | None = None, now: datetime
) -> persons.Resolved:
    """The person behind this identity, made or joined as needed."""
    resolved = await persons.person_of(
        session, appid=appid, openid=openid, unionid=unionid, now=now
    )
    if resolved.merged is not None:
        await _join_books(session, resolved.merged, now)
    return resolved


async def merge(
    session: AsyncSession,
    *,
    kept_id: int,
    merged_id: int,
    reason: str,
    ordered_by_id: int | None,
    now: datetime,
) -> Merge:
    """Two persons found to be one by a human: persons, learning and credit together."""
    made = await merging.merge(
        session,
        kept_id=kept_id,
        merged_id=merged_id,
        reason=reason,
        ordered_by_id=ordered_by_id,
        now=now,
    )
    await _join_books(session, made, now)
    await _note(session, "person.merge", made, None, by_id=ordered_by_id, now=now)
    return made


async def unmerge(
    session: AsyncSession, *, merge_id: int, by_id: int, reason: str | None = None, now: datetime
) -> Merge:
    """Everything that the merge moved goes back; what was learned since stays with the kept one."""
    undone = await merging.unmerge(session, merge_id=merge_id, by_id=by_id, now=now)
    await studies.release(session, merge_id=undone.id, merged_id=undone.merged_id)
    await credit_merging.unmerge_credit(
        session,
        merge_id=undone.id,
        kept_id=undone.kept_id,
        merged_id=undone.merged_id,
        now=now,
    )
    await _note(session, "person.unmerge", undone, reason, by_id=by_id, now=now)
    return undone


async def _note(
    session: AsyncSession,
    act: str,
    merge: Merge,
    reason: str | None,
    *,
    by_id: int | None,
    now: datetime,
) -> None:
    """A merge keeps its reason itself; why it was undone stands here only."""
    facts: dict[str, object] = {"merge_id": merge.id, "merged_id": merge.merged_id}
    if reason is not None:
        facts["reason"] = reason
    subject = f"person:{merge.kept_id}"
    await staff_acts.note(session, person_id=by_id, act=act, subject=subject, facts=facts, now=now)


async def _join_books(session: AsyncSession, merge: Merge, now: datetime) -> None:
    kept_id, merged_id = merge.kept_id, merge.merged_id
    await studies.adopt(session, merge_id=merge.id, kept_id=kept_id, merged_id=merged_id)
    await credit_merging.merge_credit(
        session, merge_id=merge.id, kept_id=kept_id, merged_id=merged_id, now=now
    )
    log.info("person.merged", merge_id=merge.id, kept_id=kept_id, merged_id=merged_id)
