"""Two persons who turn out to be one, and the undoing of it. Credit is moved by the flow above.

What a merge moves are the identities, so the next login finds the kept person. Offices, consents,
tokens and declarations stay where they are and are read through the alias, which makes undoing
exact.
"""

from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.consents import hide_child
from app.people.errors import (
    AlreadyMerged,
    LaterMergeFirst,
    MergeAlreadyUndone,
    MergeNotFound,
    MergeWithSelf,
)
from app.people.models import Identity, Merge, Person
from app.people.queries import lock_person

INHERITED = {
    "name": ("name",),
    "org_id": ("org_id", "org_stated_by_id", "org_stated_at"),
    "unit_id": ("unit_id",),
    "birth_year": ("birth_year",),
}
"""Declarations the kept person takes over where it has none, each with all its columns."""


async def merge(
    session: AsyncSession,
    *,
    kept_id: int,
    merged_id: int,
    reason: str,
    ordered_by_id: int | None,
    now: datetime,
) -> Merge:
    """Let `merged` live on as `kept`. `ordered_by_id` is None when WeChat's unionid proves it."""
    if kept_id == merged_id:
        raise MergeWithSelf(person_id=kept_id)
    kept, merged = await _lock_both(session, kept_id, merged_id)
    for person in (kept, merged):
        if person.merged_into_id is not None:
            raise AlreadyMerged(person_id=person.id, into_id=person.merged_into_id)
    moved = await session.scalars(
        update(Identity)
        .where(Identity.person_id == merged_id)
        .values(person_id=kept_id)
        .returning(Identity.id)
    )
    made = Merge(
        kept_id=kept_id,
        merged_id=merged_id,
        identity_ids=sorted(moved),
        taken=[field for field in INHERITED if _is_to_take(field, kept, merged)],
        reason=reason,
        ordered_by_id=ordered_by_id,
        made_at=now,
    )
    for column in (column for field in made.taken for column in INHERITED[field]):
        setattr(kept, column, getattr(merged, column))
    merged.merged_into_id = kept_id
    session.add(made)
    await session.flush()
    if "birth_year" in made.taken:
        await hide_child(session, person=kept, now=now)
    return made


async def unmerge(session: AsyncSession, *, merge_id: int, by_id: int, now: datetime) -> Merge:
    """Give back exactly the identities of this merge, and what the kept person took over."""
    undone = await session.get(Merge, merge_id)
    if undone is None:
        raise MergeNotFound(merge_id=merge_id)
    kept, merged = await _lock_both(session, undone.kept_id, undone.merged_id)
    await session.refresh(undone)
    if undone.undone_at is not None:
        raise MergeAlreadyUndone(merge_id=merge_id)
    if kept.merged_into_id is not None:
        # The identities went further; the last merge is undone first.
        raise LaterMergeFirst(merge_id=merge_id, person_id=kept.id)
    await session.execute(
        update(Identity).where(Identity.id.in_(undone.identity_ids)).values(person_id=merged.id)
    )
    for field in undone.taken:
        # Unless the kept person has said something else since.
        if getattr(kept, field) == getattr(merged, field):
            for column in INHERITED[field]:
                setattr(kept, column, None)
    merged.merged_into_id = None
    undone.undone_at, undone.undone_by_id = now, by_id
    await session.flush()
    return undone


def _is_to_take(field: str, kept: Person, merged: Person) -> bool:
    return getattr(kept, field) is None and getattr(merged, field) is not None


async def _lock_both(session: AsyncSession, one_id: int, other_id: int) -> tuple[Person, Person]:
    """Both persons, locked in the order of their ids, so that two merges never deadlock."""
    locked = {id_: await lock_person(session, id_) for id_ in sorted((one_id, other_id))}
    return locked[one_id], locked[other_id]


async def is_undone(session: AsyncSession, *, one_id: int, other_id: int) -> bool:
    """Whether somebody once said that these two are not the same person."""
    both = (one_id, other_id)
    pair = select(Merge.id).where(
        Merge.kept_id.in_(both), Merge.merged_id.in_(both), Merge.undone_at.is_not(None)
    )
    return await session.scalar(pair.limit(1)) is not None
