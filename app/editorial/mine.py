"""A writer's own manuscripts: all of them, and those that came back with remarks."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import paging
from app.core.paging import Page
from app.editorial.models import Manuscript, ManuscriptStep, ManuscriptVersion
from app.editorial.rules import Kind


@dataclass(frozen=True)
class Returned:
    """A draft whose last step was a reviewer's: what to mend."""

    manuscript: Manuscript
    step: str
    remarks: str
    by_id: int | None
    at: datetime


async def list_readable(
    session: AsyncSession,
    *,
    person_ids: Collection[int],
    org_ids: Collection[int],
    kind: Kind,
    cursor: str | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> Page[Manuscript]:
    """The newest first: of these organisations, and whatever these persons wrote elsewhere."""
    mine = Manuscript.author_id.in_(person_ids)
    rows = select(Manuscript).where(
        Manuscript.kind == kind, or_(Manuscript.org_id.in_(org_ids), mine)
    )
    if cursor is not None:
        (before,) = paging.decode(cursor, int)
        rows = rows.where(Manuscript.id < before)
    found = (await session.scalars(rows.order_by(Manuscript.id.desc()).limit(limit + 1))).all()
    items = list(found[:limit])
    return Page(items, paging.encode(items[-1].id) if len(found) > limit else None)


async def list_returned(session: AsyncSession, *, person_ids: Collection[int]) -> list[Returned]:
    """Drafts of these persons that a reviewer sent back, the latest first."""
    last = (
        select(func.max(ManuscriptStep.id))
        .where(ManuscriptStep.manuscript_id == Manuscript.id)
        .correlate(Manuscript)
        .scalar_subquery()
    )
    wrote = exists().where(
        ManuscriptVersion.manuscript_id == Manuscript.id,
        ManuscriptVersion.made_by_id.in_(person_ids),
    )
    rows = (
        select(Manuscript, ManuscriptStep)
        .join(
            ManuscriptStep,
            and_(ManuscriptStep.manuscript_id == Manuscript.id, ManuscriptStep.id == last),
        )
        .where(
            Manuscript.state == "draft",
            ManuscriptStep.decision == "return",
            or_(Manuscript.author_id.in_(person_ids), wrote),
        )
        .order_by(ManuscriptStep.id.desc())
    )
    return [
        Returned(one, step.step, step.remarks, step.person_id, step.made_at)
        for one, step in await session.execute(rows)
    ]
