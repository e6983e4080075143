"""Reads of the evidence, one statement each."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.rows import as_ids
from app.core.statements import rows_of
from app.learning.models import Activity, Attempt, Attendance, SignUp, Study, StudyDay
from app.learning.studies import Standing
from app.people.queries import selves


@dataclass(frozen=True)
class Progress:
    seconds: int
    passed: bool
    completed_at: datetime | None
    retry_at: datetime | None


AS_IT_IS = {"populate_existing": True}
"""Studies are changed by statements that the mapper does not see: a row it has seen may be old."""


async def find_study(session: AsyncSession, *, person_id: int, lesson_id: int) -> Study | None:
    asked = select(Study).where(Study.person_id == person_id, Study.lesson_id == lesson_id)
    found: Study | None = await session.scalar(asked, execution_options=AS_IT_IS)
    return found


async def last_attempt(session: AsyncSession, *, study_id: int) -> Attempt | None:
    asked = select(Attempt).where(Attempt.study_id == study_id).order_by(Attempt.number.desc())
    found: Attempt | None = await session.scalar(asked.limit(1))
    return found


def progress_of(study: Study | Standing | None) -> Progress:
    if study is None:
        return Progress(seconds=0, passed=False, completed_at=None, retry_at=None)
    return Progress(
        seconds=study.verified_ms // 1000,
        passed=study.passed_at is not None,
        completed_at=study.completed_at,
        retry_at=study.retry_at,
    )


async def list_progress(
    session: AsyncSession, *, person_id: int, lesson_ids: Sequence[int]
) -> dict[int, Progress]:
    """Progress by lesson, a merged account's included: the furthest where both have begun one."""
    asked = (
        select(Study)
        .where(Study.person_id.in_(select(selves(person_id).c.id)), Study.lesson_id.in_(lesson_ids))
        .order_by(Study.completed_at.desc().nulls_first(), Study.verified_ms)
    )
    found = await session.scalars(asked, execution_options=AS_IT_IS)
    return {study.lesson_id: progress_of(study) for study in found}


async def learned_lesson_ids(session: AsyncSession, *, person_id: int) -> list[int]:
    """Lessons this person completed, under whichever account."""
    asked = select(Study.lesson_id).where(
        Study.person_id.in_(select(selves(person_id).c.id)), Study.completed_at.is_not(None)
    )
    return list(await session.scalars(asked.distinct()))


async def learned_days(session: AsyncSession, *, person_id: int, since: date) -> list[date]:
    """The civil days since `since` on which this person completed a lesson."""
    asked = (
        select(Study.completed_on)
        .where(Study.person_id == person_id, Study.completed_on >= since)
        .distinct()
    )
    return [day for day in await session.scalars(asked) if day is not None]


@dataclass(frozen=True)
class Learned:
    """What somebody has completed: on which days of late, how much ever, all right at once ever."""

    days: Sequence[date] = ()
    completed: int = 0
    full_marks: bool = False


LEARNED: LiteralString = """
    SELECT person_id,
        coalesce(array_agg(DISTINCT completed_on) FILTER (WHERE completed_on >= %(since)s), '{}'),
        count(completed_at),
        bool_or(passed_at IS NOT NULL AND attempts = 1)
    FROM study WHERE person_id = ANY(%(person_ids)s::bigint[]) GROUP BY person_id
    """


async def learned_by(
    session: AsyncSession, *, person_ids: Sequence[int], since: date
) -> dict[int, Learned]:
    """Of each of these persons what they learned; the days from `since` on."""
    rows = await rows_of(session, LEARNED, {"person_ids": as_ids(person_ids), "since": since})
    found = {person_id: Learned(*facts) for person_id, *facts in rows}
    return {person_id: found.get(person_id, Learned()) for person_id in person_ids}


async def list_completed(session: AsyncSession, *, since: date, until: date) -> list[Study]:
    """Studies completed on the days [since, until), in the order they were completed."""
    asked = (
        select(Study)
        .where(Study.completed_on >= since, Study.completed_on < until)
        .order_by(Study.completed_at, Study.id)
    )
    return list(await session.scalars(asked))


async def count_completed_on(session: AsyncSession, *, since: date, until: date) -> int:
    """How many `list_completed` would return."""
    asked = select(func.count()).where(Study.completed_on >= since, Study.completed_on < until)
    return int(await session.scalar(asked) or 0)


async def export(session: AsyncSession, *, person_ids: Sequence[int]) -> dict[str, object]:
    """Everything this package holds about a person, as JSON-able data."""
    studies = await session.scalars(select(Study).where(Study.person_id.in_(person_ids)))
    out = []
    for study in list(studies):
        days = await session.scalars(select(StudyDay).where(StudyDay.study_id == study.id))
        tries = await session.scalars(select(Attempt).where(Attempt.study_id == study.id))
        out.append(
            {
                "lesson_id": study.lesson_id,
                "version_id": study.version_id,
                "started_at": study.started_at.isoformat(),
                "verified_seconds": study.verified_ms // 1000,
                "completed_at": study.completed_at.isoformat() if study.completed_at else None,
                "days": {day.local_day.isoformat(): day.verified_ms // 1000 for day in days},
                "attempts": [
                    {"at": one.made_at.isoformat(), "answers": one.answers, "passed": one.passed}
                    for one in tries
                ],
            }
        )
    attended = await session.execute(
        select(Attendance, Activity.title)
        .join(Activity)
        .where(Attendance.person_id.in_(person_ids))
    )
    activities = [
        {
            "activity": title,
            "signed_in_at": row.signed_in_at.isoformat(),
            "confirmed_at": row.confirmed_at.isoformat() if row.confirmed_at else None,
        }
        for row, title in attended
    ]
    meant = await session.execute(
        select(SignUp, Activity.title).join(Activity).where(SignUp.person_id.in_(person_ids))
    )
    sign_ups = [
        {
            "activity": title,
            "made_at": row.made_at.isoformat(),
            "cancelled_at": row.cancelled_at.isoformat() if row.cancelled_at else None,
        }
        for row, title in meant
    ]
    return {"studies": out, "activities": activities, "sign_ups": sign_ups}
