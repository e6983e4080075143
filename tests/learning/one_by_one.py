"""The lists of app/learning, with one in them."""

from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.learning import attempts, beats, studies
from app.learning.attempts import Try, TryAgainLater
from app.learning.beats import Beat
from app.learning.studies import Course, Reached, Standing


async def beat(
    session: AsyncSession, *, person_id: int, course: Course, now: datetime
) -> tuple[Standing, int]:
    (counted,) = await beats.count_beats(session, [Beat(person_id, course, now)])
    return counted


async def record_attempt(
    session: AsyncSession,
    *,
    person_id: int,
    course: Course,
    answers: dict[str, Any],
    right: int,
    total: int,
    now: datetime,
) -> tuple[Standing, bool]:
    one = Try(person_id, course, answers, right, total, now)
    (result,) = await attempts.record_tries(session, [one])
    if isinstance(result, TryAgainLater):
        raise result
    return result


async def complete(
    session: AsyncSession, *, study: Standing, course: Course, now: datetime
) -> bool:
    return bool(await studies.complete(session, [Reached(study, course, now)]))
