"""Lessons from the studio: kept as drafts by who writes, put on show and taken off by publishers.

Who may is asked before; what was done stands in the audit log of staff.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service
from app.content.lesson_draft import LessonDraft
from app.content.models import Lesson
from app.content.platforms import load_platforms
from app.content.service import Stored
from app.people import queries as people
from app.people import staff_acts


async def keep(
    session: AsyncSession,
    *,
    draft: LessonDraft,
    org_id: int | None,
    by_id: int,
    based_on: str | None,
    now: datetime,
) -> Lesson:
    """The next version of a lesson, or its first; residents see it only once it is published.

    Raises LessonChanged if somebody else saved since `based_on`.
    """
    # A fresh installation has no platforms before its first import.
    await load_platforms(session)
    lesson, stored = await service.store(
        session,
        draft=draft,
        org_id=org_id,
        by_id=by_id,
        show=False,
        based_on=based_on,
        now=now,
    )
    if stored is not Stored.UNCHANGED:
        await _note(session, "lesson.write", lesson.id, draft.digest, by_id=by_id, now=now)
    return lesson


async def publish(
    session: AsyncSession, *, lesson_id: int, digest: str, by_id: int, now: datetime
) -> Lesson:
    """Put the newest version on show, if it is the one that was looked at: LessonChanged."""
    lesson = await service.publish(session, lesson_id=lesson_id, digest=digest, now=now)
    await _note(session, "lesson.publish", lesson_id, digest, by_id=by_id, now=now)
    return lesson


async def withdraw(
    session: AsyncSession, *, lesson_id: int, reason: str, by_id: int, now: datetime
) -> Lesson:
    lesson = await service.withdraw(session, lesson_id=lesson_id, reason=reason, now=now)
    await _note(session, "lesson.withdraw", lesson_id, "", by_id=by_id, now=now)
    return lesson


async def lineage_of(session: AsyncSession, org_id: int | None) -> Collection[int]:
    """For the policies: a lesson of no organisation is the roots' own."""
    if org_id is None:
        return await people.root_ids(session)
    return await people.lineage_of(session, org_id)


async def _note(
    session: AsyncSession, act: str, lesson_id: int, digest: str, *, by_id: int, now: datetime
) -> None:
    facts = {"digest": digest[:12]} if digest else {}
    await staff_acts.note(
        session, person_id=by_id, act=act, subject=f"lesson:{lesson_id}", facts=facts, now=now
    )
