"""What is done with lessons: store a version, publish, withdraw, choose the lesson of a day."""

from dataclasses import asdict
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ColumnElement, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.errors import (
    AlreadyWithdrawn,
    LessonChanged,
    LessonNotFound,
    LessonNotPublished,
    ReasonMissing,
)
from app.content.lesson_draft import LessonDraft, QuestionDraft
from app.content.models import Lesson, LessonPlan, LessonVersion, Question

REASON_MAX = 200


class Stored(StrEnum):
    CREATED = "created"
    UPDATED = "updated"
    UNCHANGED = "unchanged"


async def store(
    session: AsyncSession,
    *,
    draft: LessonDraft,
    org_id: int | None = None,
    by_id: int | None = None,
    show: bool = True,
    based_on: str | None = None,
    now: datetime,
) -> tuple[Lesson, Stored]:
    """Keep a draft under its key: other content than the newest version's is the next version.

    A lesson on show shows the new version from now on, unless `show` is False: then `publish` does
    it; an unpublished or withdrawn one does not. `org_id` is whose a new lesson is. `based_on` is
    the digest of the version that the writer had before their eyes: LessonChanged if there is a
    newer one.
    """
    row = insert(Lesson).values(key=draft.key, org_id=org_id, created_at=now)
    made = await session.scalar(
        row.on_conflict_do_nothing(index_elements=["key"]).returning(Lesson.id)
    )
    lesson = await _locked(session, Lesson.key == draft.key)
    newest = await _newest_version(session, lesson.id)
    if newest is not None and newest.digest == draft.digest:
        return lesson, Stored.UNCHANGED
    if based_on is not None and newest is not None and newest.digest != based_on:
        raise LessonChanged(lesson_id=lesson.id, version=newest.number)
    version = await _add_version(
        session, lesson.id, 1 if newest is None else newest.number + 1, draft, by_id=by_id, now=now
    )
    if show and _is_on_show(lesson):
        lesson.current_id = version.id
        await session.flush()
    return lesson, Stored.UPDATED if made is None else Stored.CREATED


async def publish(
    session: AsyncSession, *, lesson_id: int, digest: str | None = None, now: datetime
) -> Lesson:
    """Put the newest version on show; a withdrawn lesson comes back as a new one of this moment.

    A lesson that is on show already stays as it is. `digest` names the version that is meant:
    LessonChanged if there is a newer one.
    """
    lesson = await _locked(session, Lesson.id == lesson_id)
    newest = await _newest_version(session, lesson_id)
    if newest is None:
        raise LessonNotFound(lesson_id=lesson_id)
    if digest is not None and newest.digest != digest:
        raise LessonChanged(lesson_id=lesson_id, version=newest.number)
    if not _is_on_show(lesson):
        lesson.published_at = now
        lesson.withdrawn_at = lesson.withdrawn_reason = None
    lesson.current_id = newest.id
    await session.flush()
    return lesson


async def withdraw(session: AsyncSession, *, lesson_id: int, reason: str, now: datetime) -> Lesson:
    """Take a lesson off the shelf. Credit earned by it stays; who was reading may finish."""
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_MAX:
        raise ReasonMissing
    lesson = await _locked(session, Lesson.id == lesson_id)
    if lesson.published_at is None:
        raise LessonNotPublished(lesson_id=lesson_id)
    if lesson.withdrawn_at is None:
        lesson.withdrawn_at, lesson.withdrawn_reason = now, reason
        await session.flush()
    elif lesson.withdrawn_reason != reason:
        raise AlreadyWithdrawn(lesson_id=lesson_id)
    return lesson


async def plan_day(
    session: AsyncSession, *, local_day: date, org_id: int | None, lesson_id: int
) -> None:
    """Choose the lesson of a day for an organisation, or (None) for everyone without a choice."""
    # Locked, so that it is not withdrawn while it is being chosen.
    lesson = await _locked(session, Lesson.id == lesson_id)
    if not _is_on_show(lesson):
        raise LessonNotFound(lesson_id=lesson_id)
    row = insert(LessonPlan).values(local_day=local_day, org_id=org_id, lesson_id=lesson_id)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["local_day", "org_id"], set_={"lesson_id": lesson_id}
        )
    )


def _is_on_show(lesson: Lesson) -> bool:
    return lesson.published_at is not None and lesson.withdrawn_at is None


async def _locked(session: AsyncSession, which: ColumnElement[bool]) -> Lesson:
    # FOR NO KEY UPDATE: learning's foreign keys may go on pointing at the row meanwhile.
    found = select(Lesson).where(which).with_for_update(key_share=True)
    lesson = await session.scalar(found.execution_options(populate_existing=True))
    if lesson is None:
        raise LessonNotFound
    return lesson


async def _newest_version(session: AsyncSession, lesson_id: int) -> LessonVersion | None:
    versions = select(LessonVersion).where(LessonVersion.lesson_id == lesson_id)
    newest: LessonVersion | None = await session.scalar(
        versions.order_by(LessonVersion.number.desc()).limit(1)
    )
    return newest


async def _add_version(
    session: AsyncSession,
    lesson_id: int,
    number: int,
    draft: LessonDraft,
    *,
    by_id: int | None,
    now: datetime,
) -> LessonVersion:
    version = LessonVersion(
        lesson_id=lesson_id,
        number=number,
        title=draft.title,
        kind=draft.kind,
        platform=draft.platform,
        audience=list(draft.audience),
        summary=draft.summary,
        source=draft.source,
        html=draft.html,
        plain=draft.plain,
        media_url=draft.media_url,
        required_seconds=draft.required_seconds,
        digest=draft.digest,
        made_by_id=by_id,
        made_at=now,
    )
    session.add(version)
    await session.flush()
    for position, question in enumerate(draft.questions, 1):
        session.add(Question(version_id=version.id, position=position, **_row(question)))
    await session.flush()
    return version


def _row(question: QuestionDraft) -> dict[str, object]:
    return asdict(question) | {"options": list(question.options), "answer": list(question.answer)}
