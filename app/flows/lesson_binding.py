"""Which version of a lesson a person's study is bound to, for many at once and without its text."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import LiteralString

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.rows import as_rows
from app.core.statements import rows_of
from app.learning.studies import STANDING, Course, Standing


@dataclass(slots=True)
class Bound:
    """A lesson as one person has it open; see `lessons.open_lesson`, which this agrees with.

    `study` is seen without a lock; None where none is begun.
    """

    course: Course
    title: str
    study: Standing | None


BIND: LiteralString = f"""
    SELECT asked.person_id, asked.lesson_id, version.id, version.required_seconds,
        EXISTS (SELECT FROM question WHERE question.version_id = version.id), version.title,
        {STANDING}
    FROM json_to_recordset(%(asked)s::json) AS asked (person_id bigint, lesson_id bigint)
    JOIN lesson ON lesson.id = asked.lesson_id
    LEFT JOIN study
        ON study.person_id = asked.person_id AND study.lesson_id = asked.lesson_id
    JOIN lesson_version version ON version.id = CASE
        WHEN study.id IS NULL OR (study.completed_at IS NOT NULL AND lesson.withdrawn_at IS NULL)
            THEN lesson.current_id
        ELSE study.version_id END
    WHERE lesson.published_at IS NOT NULL
        AND (study.id IS NOT NULL OR lesson.withdrawn_at IS NULL)
    """  # noqa: S608  constants


async def bind(
    session: AsyncSession, pairs: Collection[tuple[int, int]]
) -> dict[tuple[int, int], Bound]:
    """By (person, lesson) what it asks for; without those lessons that are not there to read."""
    asked = as_rows({"person_id": who, "lesson_id": what} for who, what in pairs)
    rows = await rows_of(session, BIND, {"asked": asked})
    return {
        (who, what): Bound(
            Course(what, version_id, seconds, has_questions),
            title,
            Standing(*study) if study[0] is not None else None,
        )
        for who, what, version_id, seconds, has_questions, title, *study in rows
    }
