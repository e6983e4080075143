"""Beats: "I am reading this now", counted by the server's clock alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.rows import as_ids, as_rows
from app.core.statements import rows_of
from app.learning import rules, studies
from app.learning.studies import STANDING, Course, Standing


@dataclass(slots=True)
class Beat:
    """Somebody reads this at this instant; `study` is what was seen of it without a lock.

    Nothing rests on what was seen but that a completed study stays completed.
    """

    person_id: int
    course: Course
    at: datetime
    study: Standing | None = None


async def count_beats(session: AsyncSession, beats: Sequence[Beat]) -> list[tuple[Standing, int]]:
    """Count the time since each person's last beat anywhere: the study, and the ms added to it.

    Only the server's clock is asked. The attention row is locked first, so that beats of one person
    queue up, from however many phones. A completed study counts no further. No two of the beats may
    be of one person.
    """
    lasts = await _attend(session, beats)
    begun = [beat for beat in beats if beat.study is None]
    held = await studies.hold(session, begun) if begun else {}
    seen, parts = [], []
    for beat in beats:
        study = beat.study or held[beat.person_id, beat.course.lesson_id]
        last, same = lasts[beat.person_id]
        seen.append((beat, study))
        if study.completed_at is None:
            added = rules.counted(last, beat.at, same_lesson=same)
            # Where nothing is added the row is looked at all the same: it may be completed by now.
            days = rules.split_by_day(beat.at, added) or [(local_day(beat.at), 0)]
            parts += [
                {"study_id": study.id, "person_id": beat.person_id, "day": day, "ms": part}
                for day, part in days
            ]
    counted = await _count(session, parts) if parts else {}
    # A merge may have given a study to another person since it was seen: it begins anew.
    moved = [beat for beat, study in seen if not study.completed_at and study.id not in counted]
    held |= await studies.hold(session, moved) if moved else {}
    return [
        counted.get(study.id) or (held.get((beat.person_id, beat.course.lesson_id), study), 0)
        for beat, study in seen
    ]


ATTEND: LiteralString = """
    WITH given AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(given)s::json) AS given (
            person_id bigint, lesson_id bigint, at timestamptz)
    ), was AS MATERIALIZED (
        SELECT person_id, lesson_id, beat_at FROM attention
        WHERE person_id = ANY(%(person_ids)s::bigint[]) ORDER BY person_id FOR UPDATE
    )
    UPDATE attention SET beat_at = greatest(was.beat_at, given.at), lesson_id = given.lesson_id
    FROM was JOIN given USING (person_id) WHERE attention.person_id = was.person_id
    RETURNING was.person_id, was.beat_at, was.lesson_id = given.lesson_id
    """
FIRST: LiteralString = """
    INSERT INTO attention (person_id, lesson_id, beat_at)
    SELECT person_id, lesson_id, at FROM json_to_recordset(%(given)s::json) AS given (
        person_id bigint, lesson_id bigint, at timestamptz)
    ORDER BY person_id
    ON CONFLICT DO NOTHING RETURNING person_id
    """
COUNT: LiteralString = f"""
    WITH part AS MATERIALIZED (
        SELECT * FROM json_to_recordset(%(parts)s::json) AS part (
            study_id bigint, person_id bigint, day date, ms bigint)
    ), held AS MATERIALIZED (
        SELECT {STANDING} FROM study
        JOIN (SELECT DISTINCT study_id, person_id FROM part) AS wanted
            ON study.id = wanted.study_id AND study.person_id = wanted.person_id
        ORDER BY study.id FOR UPDATE OF study
    ), added AS MATERIALIZED (
        SELECT study_id, day, ms FROM part JOIN held ON held.id = study_id
        WHERE held.completed_at IS NULL AND ms > 0
    ), days AS (
        INSERT INTO study_day (study_id, local_day, verified_ms)
        SELECT study_id, day, ms FROM added ORDER BY study_id, day
        ON CONFLICT (study_id, local_day)
        DO UPDATE SET verified_ms = study_day.verified_ms + excluded.verified_ms
    ), counted AS (
        UPDATE study SET verified_ms = study.verified_ms + one.ms
        FROM (SELECT study_id, sum(ms)::bigint AS ms FROM added GROUP BY study_id) AS one
        WHERE study.id = one.study_id RETURNING study.id, one.ms
    )
    SELECT held.*, coalesce(counted.ms, 0) FROM held LEFT JOIN counted USING (id)
    """  # noqa: S608  constants


async def _attend(
    session: AsyncSession, beats: Sequence[Beat]
) -> dict[int, tuple[datetime | None, bool]]:
    """Set these persons' last beat to now, under the rows' locks.

    Returns by person when the one before was, and whether it was for the same lesson.
    """
    waiting = {
        beat.person_id: {
            "person_id": beat.person_id,
            "lesson_id": beat.course.lesson_id,
            "at": beat.at,
        }
        for beat in beats
    }
    found: dict[int, tuple[datetime | None, bool]] = {}
    while True:
        given = {"given": as_rows(waiting.values()), "person_ids": as_ids(waiting)}
        for person_id, last, same in await rows_of(session, ATTEND, given):
            found[person_id] = last, same
            del waiting[person_id]
        if not waiting:
            return found
        # Never seen before; or just now by another request, for which this one then waits.
        for (person_id,) in await rows_of(session, FIRST, {"given": as_rows(waiting.values())}):
            found[person_id] = None, True
            del waiting[person_id]
        if not waiting:
            return found


async def _count(
    session: AsyncSession, parts: Sequence[dict[str, object]]
) -> dict[int, tuple[Standing, int]]:
    """By number where the studies stand after this time is added, and the ms that were."""
    found = {}
    for *row, ms in await rows_of(session, COUNT, {"parts": as_rows(parts)}):
        study = Standing(*row)
        study.verified_ms += ms
        found[study.id] = study, ms
    return found
