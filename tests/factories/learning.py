"""Learning as the service sees it: beats, answers, whole lessons."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.flows.completion import Outcome, answer, beat
from app.flows.grading import Graded
from app.flows.lessons import open_lesson

EVERY = timedelta(seconds=30)
"""The longest silence that is counted whole: fewer beats, quicker tests."""


async def read_for(
    session: AsyncSession, person_id: int, lesson_id: int, *, seconds: int, since: datetime
) -> tuple[Outcome, datetime]:
    """Beat at `since`, every 30 s and once at the end; the last outcome and its instant.

    A beat of another lesson less than 30 s before counts, too: leave that long between two.
    """
    end = since + timedelta(seconds=seconds)
    at, outcome = since, await beat(session, person_id=person_id, lesson_id=lesson_id, now=since)
    while at < end:
        at = min(at + EVERY, end)
        outcome = await beat(session, person_id=person_id, lesson_id=lesson_id, now=at)
    return outcome, at


async def answer_all(
    session: AsyncSession, person_id: int, lesson_id: int, *, right: bool = True, now: datetime
) -> tuple[Outcome, list[Graded]]:
    opened = await open_lesson(session, person_id=person_id, lesson_id=lesson_id)
    keys = await content.get_answer_key(session, version_id=opened.lesson.version_id)
    answers = {key.question_id: list(key.answer) if right else [0] for key in keys}
    outcome = await answer(
        session, person_id=person_id, lesson_id=lesson_id, answers=answers, now=now
    )
    return outcome, outcome.results


async def complete_lesson(
    session: AsyncSession, person_id: int, lesson_id: int, *, now: datetime
) -> tuple[Outcome, datetime]:
    """Answer right at `now`, then read as long as the lesson asks; the outcome and its instant."""
    opened = await open_lesson(session, person_id=person_id, lesson_id=lesson_id)
    required = opened.lesson.required_seconds
    if opened.lesson.questions:
        await answer_all(session, person_id, lesson_id, now=now)
    outcome, at = await read_for(session, person_id, lesson_id, seconds=required, since=now)
    assert outcome.completed
    return outcome, at
