"""Two accounts of one person, as an administrator of both finds out; and the undoing of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Forbidden
from app.flows import meeting
from app.people import policy
from app.people import queries as people
from app.people.errors import MergeNotFound, MergeOwn
from app.people.models import Merge, Organisation, Person
from app.people.policy import Actor
from app.people.rules import clean_reason


class MayNotMerge(Forbidden):
    title = "两个账户都在您管理的范围内，才能合并或撤销"


@dataclass(frozen=True)
class Side:
    """One of the two accounts."""

    person: Person
    place: Organisation | None
    accounts: int
    """How many accounts of WeChat's or others' lead to it."""


async def sides_of(
    session: AsyncSession, *, actor: Actor, kept_id: int, merged_id: int
) -> tuple[Side, Side]:
    """Both, for whoever may merge them. Raises PersonNotFound, MayNotMerge, MergeOwn."""
    kept, merged = [await _side(session, one) for one in (kept_id, merged_id)]
    await _require(session, actor, kept_id, merged_id)
    return kept, merged


async def merge(
    session: AsyncSession, *, actor: Actor, kept_id: int, merged_id: int, reason: str, now: datetime
) -> Merge:
    """Raises MayNotMerge, MergeOwn, ReasonNotFit, and what keeps them apart."""
    reason = clean_reason(reason)
    await sides_of(session, actor=actor, kept_id=kept_id, merged_id=merged_id)
    return await meeting.merge(
        session,
        kept_id=kept_id,
        merged_id=merged_id,
        reason=reason,
        ordered_by_id=actor.person_id,
        now=now,
    )


async def unmerge(
    session: AsyncSession, *, actor: Actor, merge_id: int, reason: str, now: datetime
) -> Merge:
    """Raises MergeNotFound, MayNotMerge, MergeOwn, ReasonNotFit, MergeAlreadyUndone."""
    reason = clean_reason(reason)
    made = await session.get(Merge, merge_id)
    if made is None:
        raise MergeNotFound(merge_id=merge_id)
    await _require(session, actor, made.kept_id, made.merged_id)
    return await meeting.unmerge(
        session, merge_id=merge_id, by_id=actor.person_id, reason=reason, now=now
    )


async def _side(session: AsyncSession, person_id: int) -> Side:
    person = await people.get_person(session, person_id)
    identities = await people.list_identities(session, person_id)
    return Side(person, await people.shown_org(session, person), len(identities))


async def _require(session: AsyncSession, actor: Actor, kept_id: int, merged_id: int) -> None:
    """An administrator of both, whose own credit and offices do not move by it."""
    if actor.person_id in {
        await people.resolve_alias(session, one) for one in (kept_id, merged_id)
    }:
        raise MergeOwn
    kept, merged = [await people.lineage_of_person(session, one) for one in (kept_id, merged_id)]
    if not policy.can_merge(actor, kept, merged):
        raise MayNotMerge
