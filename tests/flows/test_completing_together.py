"""Many beats and answers at once come to exactly what they come to one by one, in any order."""

import random
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.credit_bank.audit import audit_books
from app.credit_bank.models import Account, Transfer
from app.flows.completion import Answering, Outcome, Reading, answer_all, beat_all
from app.learning.models import Attempt, Attention, Study, StudyDay
from app.people import merging
from app.push.models import Letter
from app.recognition.models import Honour
from tests.factories.content import make_lesson
from tests.factories.people import NOW, make_person, make_town

SECOND = timedelta(seconds=1)
LESSONS = 5  # At two points each, the day's cap of six falls in the middle.


async def prepare(
    session: AsyncSession, rng: random.Random
) -> tuple[list[int], list[int], dict[int, list[int]]]:
    """Persons, lessons they are a beat short of having read, and the questions by lesson.

    Somebody was merged into the first person, and had completed a lesson before.
    """
    await make_town(session)
    persons = [(await make_person(session)).id for _ in range(3)]
    lessons = [await make_lesson(session, questions=index % 3) for index in range(LESSONS)]
    questions = {}
    for lesson in lessons:
        keys = await content.get_answer_key(session, version_id=lesson.current_id or 0)
        questions[lesson.id] = [key.question_id for key in keys]
        session.add_all(
            Study(person_id=who, lesson_id=lesson.id, version_id=lesson.current_id or 0,
                  started_at=NOW, verified_ms=rng.choice([55_000, 60_000, 60_000]), attempts=0)
            for who in persons
        )  # fmt: skip
    session.add_all(
        Attention(person_id=who, lesson_id=lessons[0].id, beat_at=NOW) for who in persons[:2]
    )
    await session.flush()
    first = Reading(persons[2], lessons[0].id, None, NOW - SECOND)
    await beat_all(session, [first, replace(first, at=NOW)])
    await merging.merge(
        session,
        kept_id=persons[0],
        merged_id=persons[2],
        reason="核实",
        ordered_by_id=None,
        now=NOW,
    )
    return persons[:2], [*(lesson.id for lesson in lessons), 10**12], questions


def told(outcome: object) -> Any:
    if not isinstance(outcome, Outcome):
        return type(outcome).__name__
    return (
        outcome.study.person_id,
        outcome.study.verified_ms,
        outcome.study.attempts,
        outcome.counted_seconds,
        outcome.passed,
        outcome.completed,
        [(one.rule.code, one.amount, one.grant) for one in outcome.awards],
        sorted(one.code for one in outcome.honours),
        [one.right for one in outcome.results],
    )


async def state(session: AsyncSession) -> Any:
    """Everything that these requests write, but for the numbers of rows."""
    session.expire_all()
    columns = {
        Transfer: ("key", "amount", "evidence", "facts", "local_day", "made_at", "village_id"),
        Account: ("person_id", "unit", "balance", "earned"),
        Study: ("person_id", "lesson_id", "verified_ms", "attempts", "passed_at", "retry_at",
                "completed_at", "completed_on"),
        StudyDay: ("study_id", "local_day", "verified_ms"),
        Attempt: ("study_id", "number", "answers", "right", "passed", "made_at"),
        Attention: ("person_id", "lesson_id", "beat_at"),
        Honour: ("person_id", "code", "evidence", "granted_at"),
        Letter: ("person_id", "kind", "text"),
    }  # fmt: skip
    found = {}
    for table, names in columns.items():
        rows = await session.execute(select(*(getattr(table, name) for name in names)))
        found[table.__name__] = sorted(map(str, rows.all()))
    return found


@pytest.mark.parametrize("seed", range(8))
async def test_together_and_one_by_one_come_to_the_same(session: AsyncSession, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311  chance, but the same again
    persons, lessons, questions = await prepare(session, rng)
    beats = [
        Reading(rng.choice(persons), rng.choice(lessons), None, NOW + SECOND * (at + 5))
        for at in range(14)
    ]
    answerings = [
        Answering(who, what, None, NOW + SECOND * (at + 60), {
            question: [rng.choice([1, 1, 1, 1, 0])] for question in questions.get(what, [])
        })
        for at in range(16)
        for who, what in [(rng.choice(persons), rng.choice(lessons))]
    ]  # fmt: skip
    found = []
    for together in (False, True):
        async with session.begin_nested() as savepoint:
            outcomes: list[object] = []
            for some in [beats] if together else [[one] for one in beats]:
                outcomes += await beat_all(session, some)
            for tries in [answerings] if together else [[one] for one in answerings]:
                outcomes += await answer_all(session, tries)
            found.append(([told(one) for one in outcomes], await state(session)))
            assert (await audit_books(session)).findings == []
            await savepoint.rollback()
    one_by_one, at_once = found
    assert at_once[0] == one_by_one[0]
    assert at_once[1] == one_by_one[1]
    assert any(isinstance(one, tuple) and one[6] for one in at_once[0]), "something was earned"
