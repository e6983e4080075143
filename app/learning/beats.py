"""Beats: "I am reading this now", counted by the server's clock alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm.attributes import set_committed_value

from app.core.rows import as_rows
from app.learning import rules, studies
from app.learning.models import Attention, Study
from app.learning.studies import Course


@dataclass(frozen=True)
class Beat:
    """Somebody reads this at this instant."""

    person_id: int
    course: Course
    at: datetime


async def count_beats(session: AsyncSession, beats: Sequence[Beat]) -> list[tuple[Study, int]]:
    """Count the time since each person's last beat anywhere: the study, and the ms added to it.

    Only the server's clock is asked. The attention row is locked first, so that beats of one person
    queue up, from however many phones. A completed study counts no further. No two of the beats may
    be of one person.
    """
    lasts = await _last_beats(session, beats)
    held = await studies.hold(session, beats)
    counted, parts = [], []
    for beat in beats:
        study = held[beat.person_id, beat.course.lesson_id]
        last, same = lasts[beat.person_id]
        added = rules.counted(last, beat.at, same_lesson=same)
        days = [] if study.completed_at else rules.split_by_day(beat.at, added)
        milliseconds = sum(part for _, part in days)
        counted.append((study, milliseconds))
        parts += [{"study_id": study.id, "day": day, "ms": part} for day, part in days]
        if milliseconds:
            set_committed_value(study, "verified_ms", study.verified_ms + milliseconds)
    if parts:
        await session.execute(COUNT, {"parts": as_rows(parts)})
    return counted


LOOK_UP = text(
    "SELECT person_id, lesson_id, beat_at FROM attention WHERE person_id = ANY(:person_ids)"
    " ORDER BY person_id FOR UPDATE"
)
ATTEND = text(
    """
    UPDATE attention SET beat_at = given.at, lesson_id = given.lesson_id
    FROM json_to_recordset(CAST(:given AS json)) AS given (
        person_id int, lesson_id int, at timestamptz)
    WHERE attention.person_id = given.person_id
    """
)
COUNT = text(
    """
    WITH part AS MATERIALIZED (
        SELECT * FROM json_to_recordset(CAST(:parts AS json)) AS part (
            study_id bigint, day date, ms bigint)
    ), changed AS (
        UPDATE study SET verified_ms = study.verified_ms + added.ms
        FROM (SELECT study_id, sum(ms) AS ms FROM part GROUP BY study_id) AS added
        WHERE study.id = added.study_id
    )
    INSERT INTO study_day (study_id, local_day, verified_ms)
    SELECT study_id, day, ms FROM part ORDER BY study_id, day
    ON CONFLICT (study_id, local_day)
    DO UPDATE SET verified_ms = study_day.verified_ms + excluded.verified_ms
    """
)


async def _last_beats(
    session: AsyncSession, beats: Sequence[Beat]
) -> dict[int, tuple[datetime | None, bool]]:
    """Set these persons' last beat to now, under the rows' locks.

    Returns by person when the one before was, and whether it was for the same lesson.
    """
    by_person = {beat.person_id: beat for beat in beats}
    asked = {"person_ids": list(by_person)}
    held = (await session.execute(LOOK_UP, asked)).all()
    found: dict[int, tuple[datetime | None, bool]] = {}
    if len(held) < len(by_person):
        known = {row.person_id for row in held}
        first = [
            {"person_id": beat.person_id, "lesson_id": beat.course.lesson_id, "beat_at": beat.at}
            for person_id, beat in sorted(by_person.items())
            if person_id not in known
        ]
        row = insert(Attention).values(first).on_conflict_do_nothing()
        made = await session.scalars(row.returning(Attention.person_id))
        found |= dict.fromkeys(made, (None, True))
        held = (await session.execute(LOOK_UP, asked)).all()
    given = []
    for person_id, lesson_id, beat_at in held:
        if person_id in found:
            continue
        beat = by_person[person_id]
        found[person_id] = beat_at, lesson_id == beat.course.lesson_id
        given.append(
            {
                "person_id": person_id,
                "lesson_id": beat.course.lesson_id,
                "at": max(beat_at, beat.at),
            }
        )
    if given:
        await session.execute(ATTEND, {"given": as_rows(given)})
    return found
