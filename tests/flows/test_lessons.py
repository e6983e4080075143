"""Which lesson is today's, and which version of it one reads."""

from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service
from app.content.errors import LessonNotFound
from app.content.models import Lesson
from app.flows.completion import answer, beat
from app.flows.lessons import open_lesson, todays_lesson
from app.people.models import Organisation, Person
from tests.factories.content import make_lesson
from tests.factories.learning import complete_lesson, read_for
from tests.factories.people import NOW, make_person, make_town

TODAY = date(2026, 11, 23)
DAY = timedelta(days=1)


async def today(session: AsyncSession, person: Person) -> int | None:
    opened = await todays_lesson(session, person_id=person.id, now=NOW)
    return opened.lesson.id if opened else None


async def plan(
    session: AsyncSession, lesson: Lesson, org: Organisation | None, day: date = TODAY
) -> None:
    await service.plan_day(
        session, local_day=day, org_id=org.id if org else None, lesson_id=lesson.id
    )


async def test_nothing_is_published_yet(session: AsyncSession) -> None:
    person = await make_person(session)
    await make_lesson(session)
    assert await today(session, person) is not None
    lesson = await make_lesson(session)
    for one in (lesson.id, lesson.id - 1):
        await service.withdraw(session, lesson_id=one, reason="过时", now=NOW)
    assert await today(session, person) is None


async def test_the_nearest_organisation_that_planned_decides(session: AsyncSession) -> None:
    town = await make_town(session)
    person = await make_person(session, home=town.group)
    for_all, for_town, for_west, for_east, newest = [
        await make_lesson(session, now=NOW + timedelta(minutes=index)) for index in range(5)
    ]
    assert await today(session, person) == newest.id
    await plan(session, for_all, None)
    assert await today(session, person) == for_all.id
    await plan(session, for_east, town.east)
    assert await today(session, person) == for_all.id
    await plan(session, for_town, town.town)
    assert await today(session, person) == for_town.id
    await plan(session, for_west, town.west)
    assert await today(session, person) == for_west.id
    await plan(session, newest, town.west, TODAY + DAY)
    assert await today(session, person) == for_west.id
    # A choice that was withdrawn since is none.
    await service.withdraw(session, lesson_id=for_west.id, reason="过时", now=NOW)
    assert await today(session, person) == for_town.id


async def test_a_schools_choice_comes_before_the_towns(session: AsyncSession) -> None:
    town = await make_town(session)
    pupil = await make_person(session, home=town.west, unit=town.school)
    for_town, for_school = await make_lesson(session), await make_lesson(session)
    await plan(session, for_town, town.town)
    await plan(session, for_school, town.school)
    assert await today(session, pupil) == for_school.id


async def test_without_a_plan_it_is_the_newest_not_learned(session: AsyncSession) -> None:
    person = await make_person(session)
    lessons = [
        await make_lesson(session, questions=0, now=NOW - index * DAY) for index in (3, 2, 1)
    ]
    at, order = NOW - timedelta(hours=5), []
    for _ in range(4):
        lesson_id = await today(session, person)
        assert lesson_id is not None
        order.append(lesson_id)
        if len(order) < 4:
            _, at = await complete_lesson(session, person.id, lesson_id, now=at + DAY / 24)
    # When everything is learned, the newest is shown again.
    assert order == [lessons[2].id, lessons[1].id, lessons[0].id, lessons[2].id]


async def test_a_begun_study_stays_with_its_version(session: AsyncSession) -> None:
    person = await make_person(session)
    lesson = await make_lesson(session, "lesson-v", seconds=30, questions=1)
    old = lesson.current_id
    await read_for(session, person.id, lesson.id, seconds=15, since=NOW)
    await make_lesson(session, "lesson-v", title="新版", seconds=600, questions=3)
    opened = await open_lesson(session, person_id=person.id, lesson_id=lesson.id)
    assert (opened.lesson.version_id, opened.course.required_seconds) == (old, 30)
    (question,) = opened.lesson.questions
    outcome = await answer(
        session, person_id=person.id, lesson_id=lesson.id, answers={question.id: [1]}, now=NOW
    )
    assert outcome.passed
    later = NOW + timedelta(seconds=30)
    outcome = await beat(session, person_id=person.id, lesson_id=lesson.id, now=later)
    assert outcome.completed
    assert outcome.study.version_id == old
    # Once completed, the newest is shown; the credit stays with the version that was learned.
    opened = await open_lesson(session, person_id=person.id, lesson_id=lesson.id)
    assert opened.lesson.title == "新版"
    assert opened.study is not None
    assert opened.study.version_id == old


async def test_a_withdrawn_lesson_can_be_finished_and_read_again(session: AsyncSession) -> None:
    person, late = await make_person(session), await make_person(session)
    lesson = await make_lesson(session, questions=0)
    await read_for(session, person.id, lesson.id, seconds=30, since=NOW)
    await service.withdraw(session, lesson_id=lesson.id, reason="过时", now=NOW)
    with pytest.raises(LessonNotFound):
        await open_lesson(session, person_id=late.id, lesson_id=lesson.id)
    later = NOW + timedelta(minutes=2)
    outcome, _ = await read_for(session, person.id, lesson.id, seconds=30, since=later)
    assert outcome.completed
    opened = await open_lesson(session, person_id=person.id, lesson_id=lesson.id)
    assert opened.lesson.id == lesson.id


async def test_an_unknown_lesson_or_person_is_not_found(session: AsyncSession) -> None:
    person = await make_person(session)
    with pytest.raises(LessonNotFound):
        await beat(session, person_id=person.id, lesson_id=10**9, now=NOW)
