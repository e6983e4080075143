"""Attempts at a lesson's questions: graded by the caller, kept here, with pauses between them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, LiteralString

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import TooMany
from app.core.rows import as_rows
from app.core.statements import rows_of
from app.learning import rules, studies
from app.learning.studies import Course, Standing


class TryAgainLater(TooMany):
    title = "先再看看内容，过一会儿再作答"


@dataclass(frozen=True)
class Try:
    """One attempt at all the questions: what was chosen, by question, and how much was right."""

    person_id: int
    course: Course
    answers: dict[str, Any]
    right: int
    total: int
    at: datetime


async def record_tries(
    session: AsyncSession, tries: Sequence[Try]
) -> list[tuple[Standing, bool] | TryAgainLater]:
    """Keep each try at the questions: the study, and whether it passed.

    After a failed one the next must wait (TryAgainLater, with `retry_after` in seconds). Once
    passed, further tries change nothing and are not kept. No two may be of one person.
    """
    held = await studies.hold(session, tries)
    results: list[tuple[Standing, bool] | TryAgainLater] = []
    kept: list[tuple[Try, Standing]] = []
    for one in tries:
        study = held[one.person_id, one.course.lesson_id]
        result = _attempted(study, one)
        results.append(result)
        if study.passed_at is None and not isinstance(result, TryAgainLater):
            kept.append((one, study))
    if kept:
        await _keep(session, kept)
    return results


def _attempted(study: Standing, one: Try) -> tuple[Standing, bool] | TryAgainLater:
    if study.passed_at is not None:
        return study, True
    if study.retry_at is not None and one.at < study.retry_at:
        wait = -(-(study.retry_at - one.at) // timedelta(seconds=1))
        return TryAgainLater(retry_after=wait)
    return study, rules.passes(one.right, one.total)


KEEP: LiteralString = """
    WITH tried AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(tries)s::json) AS tried (
            study_id bigint, number int, answers jsonb, "right" int, passed boolean,
            made_at timestamptz, passed_at timestamptz, retry_at timestamptz)
    ), changed AS (
        UPDATE study SET attempts = tried.number, passed_at = tried.passed_at,
            retry_at = coalesce(tried.retry_at, study.retry_at)
        FROM tried WHERE study.id = tried.study_id
    )
    INSERT INTO attempt (study_id, number, answers, "right", passed, made_at)
    SELECT study_id, number, answers, "right", passed, made_at FROM tried ORDER BY study_id
    """


async def _keep(session: AsyncSession, kept: Iterable[tuple[Try, Standing]]) -> None:
    rows = []
    for one, study in kept:
        number, passed = study.attempts + 1, rules.passes(one.right, one.total)
        pause = None if passed else rules.retry_pause(number)
        row = {
            "study_id": study.id,
            "number": number,
            "answers": one.answers,
            "right": one.right,
            "passed": passed,
            "made_at": one.at,
            "passed_at": one.at if passed else None,
            "retry_at": None if pause is None else one.at + pause,
        }
        rows.append(row)
        study.attempts = number
        if passed:
            study.passed_at = one.at
        elif pause is not None:
            study.retry_at = one.at + pause
    await rows_of(session, KEEP, {"tries": as_rows(rows)})
