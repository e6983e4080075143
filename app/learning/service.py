"""Beats, attempts, completion. Each takes its rows in one order: attention, study, study_day."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, case, func, or_, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import TooMany
from app.learning import rules
from app.learning.models import Attempt, Attention, Study, StudyDay
from app.people.models import Merge
from app.people.queries import selves


class TryAgainLater(TooMany):
    title = "先再看看内容，过一会儿再作答"


@dataclass(frozen=True)
class Course:
    """What a study must reach: the version it is bound to, and that version's requirements."""

    lesson_id: int
    version_id: int
    required_seconds: int
    has_questions: bool


async def beat(
    session: AsyncSession, *, person_id: int, course: Course, now: datetime
) -> tuple[Study, int]:
    """Count the time since this person's last beat anywhere; returns the study and the ms added.

    Only the server's clock is asked. The attention row is locked first, so that beats of one person
    queue up, from however many phones. A completed study counts no further.
    """
    last, same = await _last_beat(session, person_id=person_id, lesson_id=course.lesson_id, now=now)
    added = rules.counted(last, now, same_lesson=same)
    study = await _study(session, person_id=person_id, course=course, now=now)
    parts = [] if study.completed_at else rules.split_by_day(now, added)
    for day, milliseconds in parts:
        study.verified_ms += milliseconds
        row = insert(StudyDay).values(study_id=study.id, local_day=day, verified_ms=milliseconds)
        await session.execute(
            row.on_conflict_do_update(
                index_elements=["study_id", "local_day"],
                set_={"verified_ms": StudyDay.verified_ms + milliseconds},
            )
        )
    await session.flush()
    return study, sum(milliseconds for _, milliseconds in parts)


async def record_attempt(
    session: AsyncSession,
    *,
    person_id: int,
    course: Course,
    answers: dict[str, Any],
    right: int,
    total: int,
    now: datetime,
) -> tuple[Study, bool]:
    """Keep one try at the questions; returns the study and whether it passed.

    After a failed one the next must wait (TryAgainLater, with `retry_after` in seconds). Once
    passed, further tries change nothing and are not kept.
    """
    study = await _study(session, person_id=person_id, course=course, now=now)
    if study.passed_at is not None:
        return study, True
    if study.retry_at is not None and now < study.retry_at:
        wait = -(-(study.retry_at - now) // timedelta(seconds=1))
        raise TryAgainLater(retry_after=wait)
    passed = rules.passes(right, total)
    study.attempts += 1
    session.add(
        Attempt(
            study_id=study.id,
            number=study.attempts,
            answers=answers,
            right=right,
            passed=passed,
            made_at=now,
        )
    )
    if passed:
        study.passed_at = now
    else:
        study.retry_at = now + rules.retry_pause(study.attempts)
    await session.flush()
    return study, passed


async def complete(session: AsyncSession, *, study: Study, course: Course, now: datetime) -> bool:
    """Complete the study if time and questions are there; True for exactly one caller, ever."""
    passed: ColumnElement[bool] = Study.passed_at.is_not(None) if course.has_questions else true()
    done = await session.scalar(
        update(Study)
        .where(
            Study.id == study.id,
            Study.completed_at.is_(None),
            Study.verified_ms >= course.required_seconds * 1000,
            passed,
        )
        .values(completed_at=now, completed_on=local_day(now))
        .returning(Study.id)
    )
    if done is None:
        return False
    await session.refresh(study)
    return True


async def adopt(session: AsyncSession, *, merge_id: int, kept_id: int, merged_id: int) -> None:
    """After a merge: the studies of the account that ends continue in the one that is kept.

    Where both studied the same lesson each keeps its own; the kept one's counts.
    """
    already = select(Study.lesson_id).where(Study.person_id == kept_id)
    await session.execute(
        update(Study)
        .where(Study.person_id == merged_id, Study.lesson_id.not_in(already))
        # What came by an earlier merge still goes back by that one.
        .values(person_id=kept_id, merge_id=func.coalesce(Study.merge_id, merge_id))
    )


async def release(session: AsyncSession, *, merge_id: int, merged_id: int) -> None:
    """Undo `adopt`, after the persons have come apart: with what the merged one had adopted."""
    inner = select(Merge.id).where(
        Merge.kept_id.in_(select(selves(merged_id).c.id)), Merge.undone_at.is_(None)
    )
    came_back = Study.merge_id == merge_id
    await session.execute(
        update(Study)
        .where(or_(came_back, Study.merge_id.in_(inner)))
        .values(person_id=merged_id, merge_id=case((came_back, None), else_=Study.merge_id))
        .execution_options(synchronize_session="fetch")
    )


async def _last_beat(
    session: AsyncSession, *, person_id: int, lesson_id: int, now: datetime
) -> tuple[datetime | None, bool]:
    """Set this person's last beat to now, under the row's lock.

    Returns when the one before was, and whether it was for the same lesson.
    """
    held = (
        select(Attention)
        .where(Attention.person_id == person_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    attention = await session.scalar(held)
    if attention is None:
        first = insert(Attention).values(person_id=person_id, lesson_id=lesson_id, beat_at=now)
        made = await session.scalar(first.on_conflict_do_nothing().returning(Attention.person_id))
        if made is not None:
            return None, True
        attention = (await session.scalars(held)).one()
    last, same_lesson = attention.beat_at, attention.lesson_id == lesson_id
    attention.beat_at, attention.lesson_id = max(last, now), lesson_id
    return last, same_lesson


async def _study(session: AsyncSession, *, person_id: int, course: Course, now: datetime) -> Study:
    """The person's study of this lesson, locked; begun now if there is none."""
    row = insert(Study).values(
        person_id=person_id,
        lesson_id=course.lesson_id,
        version_id=course.version_id,
        started_at=now,
        verified_ms=0,
        attempts=0,
    )
    held = (
        select(Study)
        .where(Study.person_id == person_id, Study.lesson_id == course.lesson_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    study = await session.scalar(held)
    if study is None:
        await session.execute(row.on_conflict_do_nothing())
        study = (await session.scalars(held)).one()
    return study
