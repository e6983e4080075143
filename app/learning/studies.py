"""Studies, whichever way they are worked on: begun, locked, completed, merged.

Everything here takes lists, since what many ask for in one moment is done in one transaction
(docs/decisions/0020). Rows are taken in one order: attention by person, study by number, study_day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import LiteralString, Protocol

from sqlalchemy import case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.rows import as_rows
from app.core.statements import rows_of
from app.learning.models import Study
from app.people.models import Merge
from app.people.queries import selves


@dataclass(slots=True)
class Course:
    """What a study must reach: the version it is bound to, and that version's requirements."""

    lesson_id: int
    version_id: int
    required_seconds: int
    has_questions: bool


@dataclass(slots=True)
class Standing:
    """Where a study stands: its row, without the mapper. Who changes the row changes it along."""

    id: int
    person_id: int
    lesson_id: int
    version_id: int
    verified_ms: int
    attempts: int
    retry_at: datetime | None
    passed_at: datetime | None
    completed_at: datetime | None
    completed_on: date | None


STANDING: LiteralString = (
    "study.id, study.person_id, study.lesson_id, study.version_id, study.verified_ms,"
    " study.attempts, study.retry_at, study.passed_at, study.completed_at, study.completed_on"
)
"""The columns of a Standing."""


class Studied(Protocol):
    """A completed study, as a row of the mapper or without it."""

    @property
    def id(self) -> int: ...
    @property
    def lesson_id(self) -> int: ...
    @property
    def verified_ms(self) -> int: ...
    @property
    def attempts(self) -> int: ...
    @property
    def passed_at(self) -> datetime | None: ...
    @property
    def completed_on(self) -> date | None: ...


class Begun(Protocol):
    """Anything a person does with a lesson: it begins the study if there is none yet."""

    @property
    def person_id(self) -> int: ...
    @property
    def course(self) -> Course: ...
    @property
    def at(self) -> datetime: ...


@dataclass(slots=True)
class Reached:
    """A study that may be complete at this instant."""

    study: Standing
    course: Course
    at: datetime


HOLD: LiteralString = f"""
    SELECT {STANDING} FROM study
    JOIN json_to_recordset(%(asked)s::json) AS asked (person_id bigint, lesson_id bigint)
        ON study.person_id = asked.person_id AND study.lesson_id = asked.lesson_id
    ORDER BY study.id FOR UPDATE OF study
    """  # noqa: S608  constants
BEGIN: LiteralString = """
    INSERT INTO study (person_id, lesson_id, version_id, started_at, verified_ms, attempts)
    SELECT person_id, lesson_id, version_id, at, 0, 0
    FROM json_to_recordset(%(begun)s::json) AS begun (
        person_id bigint, lesson_id bigint, version_id bigint, at timestamptz)
    ORDER BY person_id, lesson_id
    ON CONFLICT DO NOTHING
    """


async def hold(session: AsyncSession, begun: Sequence[Begun]) -> dict[tuple[int, int], Standing]:
    """By (person, lesson) where the study stands, locked; begun now if there is none."""
    wanted = {(one.person_id, one.course.lesson_id): one for one in begun}
    asked = {"asked": as_rows({"person_id": who, "lesson_id": what} for who, what in wanted)}

    async def held() -> dict[tuple[int, int], Standing]:
        found = (Standing(*row) for row in await rows_of(session, HOLD, asked))
        return {(one.person_id, one.lesson_id): one for one in found}

    found = await held()
    if len(found) < len(wanted):
        new = [
            {"person_id": who, "lesson_id": what, "version_id": one.course.version_id, "at": one.at}
            for (who, what), one in wanted.items()
            if (who, what) not in found
        ]
        await rows_of(session, BEGIN, {"begun": as_rows(new)})
        found = await held()
    return found


COMPLETE: LiteralString = """
    UPDATE study SET completed_at = reached.at, completed_on = reached.day
    FROM json_to_recordset(%(reached)s::json) AS reached (
        study_id bigint, at timestamptz, day date, required_ms bigint, has_questions boolean)
    WHERE study.id = reached.study_id AND study.completed_at IS NULL
        AND study.verified_ms >= reached.required_ms
        AND (study.passed_at IS NOT NULL OR NOT reached.has_questions)
    RETURNING study.id, study.verified_ms, study.attempts, study.passed_at
    """


async def complete(session: AsyncSession, reached: Sequence[Reached]) -> list[Reached]:
    """Complete those whose time and questions are there; each is among the answers once, ever.

    No study may be named twice.
    """
    rows = [
        {
            "study_id": one.study.id,
            "at": one.at,
            "day": local_day(one.at),
            "required_ms": one.course.required_seconds * 1000,
            "has_questions": one.course.has_questions,
        }
        for one in reached
    ]
    done = {
        study_id: now_is
        for study_id, *now_is in await rows_of(session, COMPLETE, {"reached": as_rows(rows)})
    }
    completed = [one for one in reached if one.study.id in done]
    for one in completed:
        study = one.study
        study.verified_ms, study.attempts, study.passed_at = done[study.id]
        study.completed_at, study.completed_on = one.at, local_day(one.at)
    return completed


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
