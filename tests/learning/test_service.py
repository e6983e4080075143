"""Beats, attempts and completion on the real database, one call after the other."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.learning import queries
from app.learning.attempts import TryAgainLater
from app.learning.beats import Beat, count_beats
from app.learning.models import Attempt, Study, StudyDay
from app.learning.studies import Course, Standing
from tests.factories.content import make_lesson
from tests.factories.people import NOW, make_person
from tests.learning import one_by_one as service

SECOND = timedelta(seconds=1)


async def make_course(session: AsyncSession, **facts: Any) -> Course:
    lesson = await make_lesson(session, **facts)
    assert lesson.current_id is not None
    return Course(
        lesson_id=lesson.id,
        version_id=lesson.current_id,
        required_seconds=facts.get("seconds", 60),
        has_questions=facts.get("questions", 2) > 0,
    )


async def beat(session: AsyncSession, person_id: int, course: Course, now: datetime) -> int:
    _, added = await service.beat(session, person_id=person_id, course=course, now=now)
    return added


async def attempt(
    session: AsyncSession, person_id: int, course: Course, right: int, now: datetime
) -> tuple[Standing, bool]:
    return await service.record_attempt(
        session,
        person_id=person_id,
        course=course,
        answers={"1": [right]},
        right=right,
        total=2,
        now=now,
    )


async def test_a_lone_beat_is_worth_nothing(session: AsyncSession) -> None:
    person, course = await make_person(session), await make_course(session)
    assert await beat(session, person.id, course, NOW) == 0
    study = await queries.find_study(session, person_id=person.id, lesson_id=course.lesson_id)
    assert study is not None
    assert (study.verified_ms, study.version_id) == (0, course.version_id)


async def test_time_is_counted_up_to_the_cap_and_never_backwards(session: AsyncSession) -> None:
    person, course = await make_person(session), await make_course(session)
    added = [
        await beat(session, person.id, course, NOW + at * SECOND)
        for at in (0, 15, 15, 10, 20.5, 3600, 3615)
    ]
    # After the beat that came late (10 s) only the time since the last one (15 s) counts.
    assert added == [0, 15_000, 0, 0, 5_500, 30_000, 15_000]
    study = await queries.find_study(session, person_id=person.id, lesson_id=course.lesson_id)
    assert queries.progress_of(study).seconds == 65


async def test_two_lessons_on_two_phones_share_one_time(session: AsyncSession) -> None:
    person = await make_person(session)
    one, other = await make_course(session), await make_course(session)
    for at in range(0, 60, 5):
        course = one if at % 10 == 0 else other
        await beat(session, person.id, course, NOW + at * SECOND)
    total = await session.scalar(select(func.sum(Study.verified_ms)))
    assert total == 55_000


async def test_a_lone_beat_of_another_lesson_is_worth_nothing(session: AsyncSession) -> None:
    person = await make_person(session)
    one, other = await make_course(session), await make_course(session)
    assert await beat(session, person.id, one, NOW) == 0
    assert await beat(session, person.id, other, NOW + 3600 * SECOND) == 0
    assert await beat(session, person.id, other, NOW + 3615 * SECOND) == 15_000
    # Going on to the next lesson at once loses nothing.
    assert await beat(session, person.id, one, NOW + 3625 * SECOND) == 10_000


async def test_two_persons_do_not_share_time(session: AsyncSession) -> None:
    course = await make_course(session)
    for _ in range(2):
        person = await make_person(session)
        await beat(session, person.id, course, NOW)
        assert await beat(session, person.id, course, NOW + 15 * SECOND) == 15_000


async def test_a_beat_across_midnight_falls_on_two_days(session: AsyncSession) -> None:
    person, course = await make_person(session), await make_course(session)
    midnight = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
    for at in (-20, -5, 10, 25):
        await beat(session, person.id, course, midnight + at * SECOND)
    rows = await session.scalars(select(StudyDay).order_by(StudyDay.local_day))
    found = {row.local_day: row.verified_ms for row in rows}
    assert found == {date(2026, 11, 23): 20_000, date(2026, 11, 24): 25_000}


async def test_a_completed_study_counts_no_further(session: AsyncSession) -> None:
    person = await make_person(session)
    course = await make_course(session, questions=0, seconds=30)
    for at in (0, 15, 30):
        study, _ = await service.beat(
            session, person_id=person.id, course=course, now=NOW + at * SECOND
        )
    assert await service.complete(session, study=study, course=course, now=NOW + 30 * SECOND)
    assert await beat(session, person.id, course, NOW + 45 * SECOND) == 0
    row = await session.get_one(Study, study.id)
    assert row.verified_ms == study.verified_ms == 30_000
    assert (study.completed_at, study.completed_on) == (row.completed_at, row.completed_on)
    assert (row.completed_at, row.completed_on) == (NOW + 30 * SECOND, date(2026, 11, 23))
    # The time goes on for the person, whatever is read next.
    other = await make_course(session)
    assert await beat(session, person.id, other, NOW + 50 * SECOND) == 5_000


async def test_what_was_seen_of_a_study_decides_nothing(session: AsyncSession) -> None:
    """Between the look and the lock it may have been completed, or a merge have moved it."""
    person, other = await make_person(session), await make_person(session)
    course = await make_course(session, questions=0, seconds=30)
    await beat(session, person.id, course, NOW)
    study, _ = await service.beat(
        session, person_id=person.id, course=course, now=NOW + 30 * SECOND
    )
    seen, later = replace(study), NOW + 45 * SECOND
    assert await service.complete(session, study=study, course=course, now=NOW + 30 * SECOND)
    ((now_is, added),) = await count_beats(session, [Beat(person.id, course, later, seen)])
    assert (added, now_is.verified_ms, now_is.completed_at) == (0, 30_000, study.completed_at)
    row = await session.get_one(Study, study.id)
    row.person_id = other.id
    await session.flush()
    later += 15 * SECOND
    ((now_is, added),) = await count_beats(session, [Beat(person.id, course, later, seen)])
    assert (added, now_is.person_id, now_is.verified_ms) == (0, person.id, 0)
    assert now_is.id != study.id
    await session.refresh(row)
    assert row.verified_ms == 30_000
    assert await session.scalar(select(func.sum(StudyDay.verified_ms))) == 30_000


@pytest.mark.parametrize(
    ("seconds", "passed", "questions", "completes"),
    [
        (30, True, 2, True),
        (29, True, 2, False),
        (30, False, 2, False),
        (30, False, 0, True),
        (29, False, 0, False),
    ],
)
async def test_time_and_questions_are_both_needed(
    session: AsyncSession, seconds: int, passed: bool, questions: int, completes: bool
) -> None:
    person = await make_person(session)
    course = await make_course(session, seconds=30, questions=questions)
    await beat(session, person.id, course, NOW)
    study, _ = await service.beat(
        session, person_id=person.id, course=course, now=NOW + seconds * SECOND
    )
    if passed:
        await attempt(session, person.id, course, 2, NOW)
    at = NOW + 40 * SECOND
    assert await service.complete(session, study=study, course=course, now=at) is completes
    assert not await service.complete(session, study=study, course=course, now=at)


async def test_every_attempt_is_kept_and_the_next_must_wait(session: AsyncSession) -> None:
    person, course = await make_person(session), await make_course(session)
    _, passed = await attempt(session, person.id, course, 1, NOW)
    assert not passed
    with pytest.raises(TryAgainLater) as refused:
        await attempt(session, person.id, course, 2, NOW + 14.2 * SECOND)
    assert refused.value.facts == {"retry_after": 1}
    with pytest.raises(TryAgainLater) as refused:
        await attempt(session, person.id, course, 2, NOW)
    assert refused.value.facts == {"retry_after": 15}
    await attempt(session, person.id, course, 0, NOW + 15 * SECOND)
    with pytest.raises(TryAgainLater) as refused:
        await attempt(session, person.id, course, 2, NOW + 16 * SECOND)
    assert refused.value.facts == {"retry_after": 29}
    study, passed = await attempt(session, person.id, course, 2, NOW + 45 * SECOND)
    assert passed
    assert (study.attempts, study.passed_at) == (3, NOW + 45 * SECOND)
    rows = (await session.scalars(select(Attempt).order_by(Attempt.number))).all()
    assert [(row.number, row.right, row.passed) for row in rows] == [
        (1, 1, False),
        (2, 0, False),
        (3, 2, True),
    ]
    assert rows[0].answers == {"1": [1]}


async def test_once_passed_further_attempts_change_nothing(session: AsyncSession) -> None:
    person, course = await make_person(session), await make_course(session)
    await attempt(session, person.id, course, 2, NOW)
    study, passed = await attempt(session, person.id, course, 0, NOW + SECOND)
    assert passed
    assert (study.attempts, study.passed_at) == (1, NOW)
    assert await session.scalar(select(func.count()).select_from(Attempt)) == 1


async def test_a_study_stays_with_the_version_it_began_with(session: AsyncSession) -> None:
    person = await make_person(session)
    course = await make_course(session, key="lesson-x")
    await beat(session, person.id, course, NOW)
    changed = await make_course(session, key="lesson-x", title="改过的课")
    assert changed.version_id != course.version_id
    study, _ = await service.beat(session, person_id=person.id, course=changed, now=NOW + SECOND)
    assert study.version_id == course.version_id


async def completed(session: AsyncSession, person_id: int, on: datetime) -> Course:
    course = await make_course(session, questions=0, seconds=1)
    study = Study(
        person_id=person_id,
        lesson_id=course.lesson_id,
        version_id=course.version_id,
        started_at=on,
        verified_ms=1000,
        attempts=0,
        completed_at=on,
        completed_on=on.date(),
    )
    session.add(study)
    await session.flush()
    return course


async def test_what_a_person_learned_is_read_back(session: AsyncSession) -> None:
    person, other = await make_person(session), await make_person(session)
    days = [NOW - timedelta(days=ago) for ago in (3, 1, 1, 0)]
    courses = [await completed(session, person.id, day) for day in days]
    await completed(session, other.id, NOW - timedelta(days=2))
    begun, begun_by_nobody = await make_course(session), (await make_person(session)).id
    await beat(session, person.id, begun, NOW)

    learned = await queries.learned_lesson_ids(session, person_id=person.id)
    assert sorted(learned) == sorted(course.lesson_id for course in courses)
    since = NOW.date() - timedelta(days=1)
    record = await queries.learned_by(session, person_ids=[person.id, begun_by_nobody], since=since)
    assert (record[person.id].completed, record[person.id].full_marks) == (4, False)
    assert sorted(record[person.id].days) == [since, NOW.date()]
    assert record[begun_by_nobody] == queries.Learned()
    days_learned = await queries.learned_days(session, person_id=person.id, since=since)
    assert sorted(days_learned) == [since, NOW.date()]
    asked = [courses[0].lesson_id, begun.lesson_id]
    progress = await queries.list_progress(session, person_id=person.id, lesson_ids=asked)
    assert {lesson: one.completed_at for lesson, one in progress.items()} == {
        asked[0]: days[0],
        asked[1]: None,
    }
    spanned = await queries.list_completed(
        session, since=NOW.date() - timedelta(days=3), until=NOW.date()
    )
    assert [(one.person_id, one.completed_on) for one in spanned] == [
        (person.id, NOW.date() - timedelta(days=3)),
        (other.id, NOW.date() - timedelta(days=2)),
        (person.id, NOW.date() - timedelta(days=1)),
        (person.id, NOW.date() - timedelta(days=1)),
    ]


async def test_full_marks_are_for_the_first_attempt(session: AsyncSession) -> None:
    slow, quick = await make_person(session), await make_person(session)
    course = await make_course(session)
    await attempt(session, slow.id, course, 1, NOW)
    await attempt(session, slow.id, course, 2, NOW + 20 * SECOND)
    await attempt(session, quick.id, course, 2, NOW)
    found = await queries.learned_by(session, person_ids=[slow.id, quick.id], since=NOW.date())
    assert [found[one.id].full_marks for one in (slow, quick)] == [False, True]
