"""Two phones, many requests, at the same moment, on real connections."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.learning.attempts import TryAgainLater
from app.learning.models import Attempt, Study, StudyDay
from app.learning.studies import Course, Standing
from tests.factories.content import make_lesson
from tests.factories.people import NOW, make_person
from tests.learning import one_by_one as service

pytestmark = pytest.mark.usefixtures("database")

T = TypeVar("T")
SECOND = timedelta(seconds=1)


async def alone(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async with transaction() as session:
        return await work(session)


async def start(lessons: int, *, seconds: int = 60) -> tuple[int, list[Course]]:
    async with transaction() as session:
        person = await make_person(session)
        made = [await make_lesson(session, seconds=seconds) for _ in range(lessons)]
        courses = [
            Course(lesson.id, lesson.current_id or 0, seconds, has_questions=True)
            for lesson in made
        ]
        return person.id, courses


async def test_phones_that_beat_in_parallel_count_the_wall_time_once() -> None:
    person_id, courses = await start(4)

    async def phone(course: Course, offset: float) -> None:
        for beat in range(6):
            at = NOW + (offset + beat * 10) * SECOND
            async with transaction() as session:
                await service.beat(session, person_id=person_id, course=course, now=at)

    await asyncio.gather(*(phone(course, index * 2.5) for index, course in enumerate(courses)))
    async with transaction() as session:
        total = await session.scalar(select(func.sum(Study.verified_ms))) or 0
        by_day = await session.scalar(select(func.sum(StudyDay.verified_ms)))
    # From the first beat to the last: 57.5 s. Beats that arrive out of turn add nothing.
    assert 0 < total <= 57_500
    assert by_day == total


async def test_the_same_beat_many_times_at_once_counts_once() -> None:
    person_id, (course,) = await start(1)

    def beat(at: float) -> Callable[[AsyncSession], Awaitable[tuple[Standing, int]]]:
        async def work(session: AsyncSession) -> tuple[Standing, int]:
            now = NOW + at * SECOND
            return await service.beat(session, person_id=person_id, course=course, now=now)

        return work

    first = await asyncio.gather(*(alone(beat(0)) for _ in range(20)))
    assert [added for _, added in first] == [0] * 20
    second = await asyncio.gather(*(alone(beat(15)) for _ in range(20)))
    assert sorted(added for _, added in second) == [0] * 19 + [15_000]
    async with transaction() as session:
        study = (await session.scalars(select(Study))).one()
        assert study.verified_ms == 15_000


async def test_of_fifty_callers_exactly_one_completes() -> None:
    person_id, (course,) = await start(1, seconds=10)

    async def ready(session: AsyncSession) -> Standing:
        await service.beat(session, person_id=person_id, course=course, now=NOW)
        study, _ = await service.beat(
            session, person_id=person_id, course=course, now=NOW + 10 * SECOND
        )
        await service.record_attempt(
            session, person_id=person_id, course=course, answers={}, right=1, total=1, now=NOW
        )
        return study

    seen = await alone(ready)

    async def complete(session: AsyncSession) -> bool:
        at = NOW + 11 * SECOND
        return await service.complete(session, study=replace(seen), course=course, now=at)

    done = await asyncio.gather(*(alone(complete) for _ in range(50)))
    assert sum(done) == 1


async def test_of_many_attempts_at_once_one_is_tried() -> None:
    person_id, (course,) = await start(1)

    async def wrong(session: AsyncSession) -> bool:
        _, passed = await service.record_attempt(
            session, person_id=person_id, course=course, answers={}, right=0, total=2, now=NOW
        )
        return passed

    results = await asyncio.gather(*(alone(wrong) for _ in range(12)), return_exceptions=True)
    assert results.count(False) == 1, results
    assert sum(isinstance(result, TryAgainLater) for result in results) == 11
    async with transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Attempt)) == 1
