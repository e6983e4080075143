"""Studies, whichever way they are worked on: begun, locked, completed, merged.

Everything here takes lists, since what many ask for in one moment is done in one transaction
(docs/decisions/0020). Rows are taken in one order: attention by person, study by number, study_day.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from sqlalchemy import case, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from app.core.clock import local_day
from app.core.rows import as_rows
from app.learning.models import Study
from app.people.models import Merge
from app.people.queries import selves


@dataclass(frozen=True)
class Course:
    """What a study must reach: the version it is bound to, and that version's requirements."""

    lesson_id: int
    version_id: int
    required_seconds: int
    has_questions: bool


class Begun(Protocol):
    """Anything a person does with a lesson: it begins the study if there is none yet."""

    @property
    def person_id(self) -> int: ...
    @property
    def course(self) -> Course: ...
    @property
    def at(self) -> datetime: ...


@dataclass(frozen=True)
class Reached:
    """A study that may be complete at this instant."""

    study: Study
    course: Course
    at: datetime


STUDIES = (
    select(Study)
    .from_statement(
        text(
            """
            SELECT study.* FROM study
            JOIN json_to_recordset(CAST(:asked AS json))
                AS asked (person_id bigint, lesson_id bigint)
                ON study.person_id = asked.person_id AND study.lesson_id = asked.lesson_id
            ORDER BY study.id FOR UPDATE OF study
            """
        )
    )
    .execution_options(populate_existing=True)
)


async def hold(session: AsyncSession, begun: Sequence[Begun]) -> dict[tuple[int, int], Study]:
    """By (person, lesson) the study, locked; begun now if there is none."""
    wanted = {(one.person_id, one.course.lesson_id): one for one in begun}
    asked = {"asked": as_rows({"person_id": who, "lesson_id": what} for who, what in wanted)}

    async def held() -> dict[tuple[int, int], Study]:
        rows = await session.scalars(STUDIES, asked)
        return {(study.person_id, study.lesson_id): study for study in rows}

    found = await held()
    if len(found) < len(wanted):
        rows = [
            {
                "person_id": one.person_id,
                "lesson_id": one.course.lesson_id,
                "version_id": one.course.version_id,
                "started_at": one.at,
                "verified_ms": 0,
                "attempts": 0,
            }
            for pair, one in sorted(wanted.items())
            if pair not in found
        ]
        await session.execute(insert(Study).values(rows).on_conflict_do_nothing())
        found = await held()
    return found


COMPLETE = text(
    """
    UPDATE study SET completed_at = reached.at, completed_on = reached.day
    FROM json_to_recordset(CAST(:reached AS json)) AS reached (
        study_id bigint, at timestamptz, day date, required_ms bigint, has_questions boolean)
    WHERE study.id = reached.study_id AND study.completed_at IS NULL
        AND study.verified_ms >= reached.required_ms
        AND (study.passed_at IS NOT NULL OR NOT reached.has_questions)
    RETURNING study.id, study.verified_ms, study.attempts, study.passed_at
    """
)


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
    done = {row.id: row for row in await session.execute(COMPLETE, {"reached": as_rows(rows)})}
    completed = [one for one in reached if one.study.id in done]
    for one in completed:
        now_is = done[one.study.id]._asdict() | {
            "completed_at": one.at,
            "completed_on": local_day(one.at),
        }
        for name, value in now_is.items():
            set_committed_value(one.study, name, value)
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
