"""A town whose groups would go without hears of it in time, whatever the reason."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service as lessons
from app.flows import daily_push, push_watch
from app.push.models import Letter, Task
from tests.factories.content import make_lesson
from tests.factories.people import NOW, Town, make_office, make_person, make_town
from tests.factories.pushing import TOMORROW, at, make_group, make_push

EVENING, MORNING = at(20, 45), at(8, 30, day=TOMORROW)


@pytest.fixture
async def town(session: AsyncSession) -> Town:
    """With a group that begins tomorrow, an administrator and an editor."""
    town = await make_town(session)
    for role in ("admin", "editor"):
        await make_office(session, await make_person(session), role, town.town)
    await make_group(session, town.west, await make_person(session), made_at=at(10))
    return town


async def tasks_of(session: AsyncSession) -> list[str]:
    rows = select(Task.kind).where(Task.state == "open").order_by(Task.id)
    return list(await session.scalars(rows))


async def letters_of(session: AsyncSession) -> int:
    return len((await session.scalars(select(Letter))).all())


@pytest.mark.parametrize("state", [None, "withdrawn"])
async def test_a_push_that_nobody_wrote_or_that_was_withdrawn(
    session: AsyncSession, town: Town, state: str | None
) -> None:
    lesson = await make_lesson(session)
    if state is not None:
        await make_push(session, town.town, lesson, day=TOMORROW, state=state)
    await push_watch.warn_unapproved(session, now=at(20, 29))
    assert await tasks_of(session) == []
    for instant, tasks in ((EVENING, 1), (at(23), 1), (MORNING, 2)):
        await push_watch.warn_unapproved(session, now=instant)
        assert await tasks_of(session) == ["push_not_approved"] * tasks
        assert await letters_of(session) == tasks
    if state is None:
        await make_push(session, town.town, lesson, day=TOMORROW, state="approved")
        await daily_push.schedule_approved(session, now=MORNING)
        assert await tasks_of(session) == []


async def test_a_group_that_begins_tomorrow_misses_nothing_today(session: AsyncSession) -> None:
    town = await make_town(session)
    await make_group(session, town.west, await make_person(session), made_at=at(10))
    await push_watch.warn_unapproved(session, now=at(10, 1))
    assert await tasks_of(session) == []


async def test_a_lesson_that_is_no_longer_what_was_reviewed(
    session: AsyncSession, town: Town
) -> None:
    lesson = await make_lesson(session)
    await make_push(session, town.town, lesson, day=TOMORROW)
    await push_watch.warn_unapproved(session, now=EVENING)
    assert await tasks_of(session) == []
    await lessons.withdraw(session, lesson_id=lesson.id, reason="有误", now=NOW)
    for instant in (EVENING, MORNING):
        await push_watch.warn_unapproved(session, now=instant)
    # The administrator and the editor, once.
    assert (await tasks_of(session), await letters_of(session)) == (["push_lesson_gone"], 2)


async def test_the_administrator_hears_of_a_late_push_twice(
    session: AsyncSession, town: Town
) -> None:
    push = await make_push(
        session, town.town, await make_lesson(session), day=TOMORROW, state="second_review"
    )
    for instant, letters in (
        (at(20, 29), 0),
        (at(20, 30), 1),
        (at(23), 1),
        (at(7, 59, day=TOMORROW), 1),
        (at(8, day=TOMORROW), 2),
        (at(9, day=TOMORROW), 2),
    ):
        await push_watch.warn_unapproved(session, now=instant)
        found = (await session.scalars(select(Letter))).all()
        assert len(found) == letters, instant
    push.state = "approved"
    await daily_push.schedule_approved(session, now=at(9, day=TOMORROW))
    assert await tasks_of(session) == []
