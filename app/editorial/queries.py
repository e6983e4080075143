"""Reading manuscripts, their wordings and their steps."""

from collections.abc import Collection, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import paging
from app.core.paging import Page
from app.editorial.errors import ManuscriptNotFound
from app.editorial.models import Manuscript, ManuscriptStep, ManuscriptVersion
from app.editorial.rules import Kind


async def get(session: AsyncSession, manuscript_id: int) -> Manuscript:
    """Raises ManuscriptNotFound."""
    manuscript = await session.get(Manuscript, manuscript_id)
    if manuscript is None:
        raise ManuscriptNotFound(manuscript_id=manuscript_id)
    return manuscript


async def body_of(
    session: AsyncSession, *, manuscript_id: int, version: int | None = None
) -> dict[str, Any]:
    """The content of one version, the newest unless told. Raises ManuscriptNotFound."""
    rows = select(ManuscriptVersion.body).where(ManuscriptVersion.manuscript_id == manuscript_id)
    if version is not None:
        rows = rows.where(ManuscriptVersion.version == version)
    body: dict[str, Any] | None = await session.scalar(
        rows.order_by(ManuscriptVersion.version.desc()).limit(1)
    )
    if body is None:
        raise ManuscriptNotFound(manuscript_id=manuscript_id, version=version)
    return body


async def list_steps(session: AsyncSession, *, manuscript_id: int) -> Sequence[ManuscriptStep]:
    """Every step, in the order they were taken."""
    rows = select(ManuscriptStep).where(ManuscriptStep.manuscript_id == manuscript_id)
    return (await session.scalars(rows.order_by(ManuscriptStep.id))).all()


async def writers_of(session: AsyncSession, *, manuscript_id: int) -> set[int]:
    """Who wrote any of its wordings."""
    rows = select(ManuscriptVersion.made_by_id).where(
        ManuscriptVersion.manuscript_id == manuscript_id, ManuscriptVersion.made_by_id.is_not(None)
    )
    return {one for one in await session.scalars(rows) if one is not None}


async def approvers_of(session: AsyncSession, *, manuscript_id: int, round: int) -> set[int]:  # noqa: A002  the column's name
    """Who approved it since it was last submitted."""
    rows = select(ManuscriptStep.person_id).where(
        ManuscriptStep.manuscript_id == manuscript_id,
        ManuscriptStep.round == round,
        ManuscriptStep.decision == "approve",
    )
    return {one for one in await session.scalars(rows) if one is not None}


async def list_manuscripts(
    session: AsyncSession,
    *,
    kind: Kind | None = None,
    org_ids: Collection[int] | None = None,
    states: Collection[str] | None = None,
    cursor: str | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> Page[Manuscript]:
    """The newest first; None asks for both kinds, every organisation, every state."""
    rows = select(Manuscript)
    if kind is not None:
        rows = rows.where(Manuscript.kind == kind)
    if org_ids is not None:
        rows = rows.where(Manuscript.org_id.in_(org_ids))
    if states is not None:
        rows = rows.where(Manuscript.state.in_(states))
    if cursor is not None:
        (before,) = paging.decode(cursor, int)
        rows = rows.where(Manuscript.id < before)
    found = (await session.scalars(rows.order_by(Manuscript.id.desc()).limit(limit + 1))).all()
    items = list(found[:limit])
    more = len(found) > limit
    return Page(items=items, next=paging.encode(items[-1].id) if more else None)
