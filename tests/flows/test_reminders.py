"""Reminders go to who asked for them, once, and not to who has no need of them."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.models import Lesson, LessonPlan
from app.flows import reminders
from app.flows.founding import found
from app.learning import activities
from app.learning.activities import ActivityNotFound, SignUpOver
from app.learning.models import Activity
from app.people.merging import merge
from app.people.models import Organisation, Person
from app.push import permits, reminding
from app.push.models import Letter
from tests.factories.content import make_lesson
from tests.factories.learning import complete_lesson
from tests.factories.people import MINI, NOW, make_identity, make_person, make_town

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EVENING = NOW + 9 * HOUR


async def make_asker(
    session: AsyncSession, *, accepts: int = 1, home: Organisation | None = None
) -> Person:
    person = await make_person(session, home=home)
    identity = await make_identity(session, person, appid=MINI)
    for number in range(accepts):
        await permits.give(
            session,
            key=f"{identity.id}:{number}",
            identity_id=identity.id,
            template_id="T",
            now=NOW,
        )
    return person


async def remind(session: AsyncSession) -> list[Letter]:
    for after in await reminders.list_batches(session):
        await reminders.remind_learners(
            session, appid=MINI, template_id="T", after=after, now=EVENING
        )
    guest: tuple[int, int] | None = (0, 0)
    while guest is not None:
        guest = await reminders.remind_guests(session, after=guest, now=EVENING)
    return list(await session.scalars(select(Letter).order_by(Letter.id)))


async def plan(session: AsyncSession, lesson: Lesson, home: Organisation | None = None) -> None:
    org_id = home.id if home else None
    session.add(LessonPlan(local_day=NOW.date(), lesson_id=lesson.id, org_id=org_id))
    await session.flush()


@pytest.mark.parametrize(("batch", "jobs_of"), [(5000, [2, 1]), (1, [1, 1, 1])])
async def test_who_asked_and_has_not_learned_is_reminded_once(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch, batch: int, jobs_of: list[int]
) -> None:
    monkeypatch.setattr(reminders, "BATCH", batch)
    monkeypatch.setattr(reminding, "OF_ONE_JOB", 2)
    await found(session)
    lesson = await make_lesson(session, title="防诈骗")
    askers = [await make_asker(session, accepts=number) for number in (1, 3, 1, 0, 1)]
    await complete_lesson(session, askers[2].id, lesson.id, now=NOW)
    await session.execute(text("DELETE FROM letter"))
    withdrew = await make_asker(session)
    await session.execute(
        text(
            "UPDATE permit SET withdrawn_at = :now WHERE identity_id = ("
            "SELECT id FROM identity WHERE person_id = :id)"
        ),
        {"now": NOW, "id": withdrew.id},
    )
    for _ in range(2):
        told = await remind(session)
        assert [one.person_id for one in told] == [askers[0].id, askers[1].id, askers[4].id]
    assert {tuple(one.routes) for one in told} == {("notice",)}
    jobs = await session.scalars(
        text("SELECT args FROM procrastinate_jobs WHERE task_name = 'push.deliver' ORDER BY id")
    )
    # One job for many of a batch.
    ours = iter(told)
    spans = [[next(ours) for _ in range(letters)] for letters in jobs_of]
    assert [(job["letter_id"], job["until_id"]) for job in list(jobs)[-len(spans) :]] == [
        (some[0].id, some[-1].id) for some in spans
    ]
    between = {"first_id": told[0].id, "last_id": told[2].id}
    told[1].state = "claimed"
    await session.flush()
    assert await reminding.list_waiting(session, **between) == [told[0].id, told[2].id]


async def test_the_lesson_is_that_of_ones_village(session: AsyncSession) -> None:
    await found(session)
    town = await make_town(session)
    of_all = await make_lesson(session, title="全镇的课")
    of_west = await make_lesson(session, title="西村的课")
    await plan(session, of_all)
    await plan(session, of_west, town.west)
    west = await make_asker(session, home=town.group)
    east = await make_asker(session, home=town.east)
    # The town's lesson is not the village's: she is still reminded of her own.
    await complete_lesson(session, west.id, of_all.id, now=NOW)
    done = await make_asker(session, home=town.west)
    await complete_lesson(session, done.id, of_west.id, now=NOW)
    told = {one.person_id: one.values for one in await remind(session) if one.kind == "lesson"}
    assert {person: values and values["what"] for person, values in told.items()} == {
        west.id: "西村的课",
        east.id: "全镇的课",
    }


async def make_activity(session: AsyncSession, begins_in: timedelta, title: str) -> Activity:
    org = (await session.scalars(select(Organisation).limit(1))).one()
    teacher = await make_person(session)
    return await activities.announce(
        session,
        title=title,
        platform="微讲堂",
        org_id=org.id,
        starts_at=NOW + begins_in,
        ends_at=NOW + begins_in + HOUR,
        made_by_id=teacher.id,
    )


async def test_guests_are_reminded_on_the_day_before(session: AsyncSession) -> None:
    await found(session)
    await make_town(session)
    today, tomorrow, later = [
        await make_activity(session, at, f"院坝会{at.days}") for at in (HOUR, DAY, 2 * DAY)
    ]
    comes, changed, twice, kept = [await make_person(session) for _ in range(4)]
    for activity in (today, tomorrow, later):
        for person in (comes, changed, twice, kept):
            await activities.sign_up(session, activity_id=activity.id, person_id=person.id, now=NOW)
    await activities.cancel_sign_up(
        session, activity_id=tomorrow.id, person_ids=[changed.id], now=NOW
    )
    await merge(
        session, kept_id=kept.id, merged_id=twice.id, reason="", ordered_by_id=None, now=NOW
    )
    for _ in range(2):
        told = await remind(session)
        assert [one.person_id for one in told] == [comes.id, kept.id]
    assert told[0].text == "您报名的活动「院坝会1」将于11月24日 10:00开始。"
    assert told[0].routes == ["notice", "custom"]


async def test_signing_up_is_changed_at_will_until_it_begins(session: AsyncSession) -> None:
    await found(session)
    await make_town(session)
    activity = await make_activity(session, HOUR, "院坝会")
    person = await make_person(session)

    async def signed_up() -> list[bool]:
        page = await activities.list_upcoming(
            session, person_ids=[person.id], now=NOW, cursor=None, limit=5
        )
        return [flag for _, flag in page.items]

    facts = {"activity_id": activity.id, "person_id": person.id}
    for _ in range(2):
        await activities.sign_up(session, **facts, now=NOW)
    assert await signed_up() == [True]
    mine = {"activity_id": activity.id, "person_ids": [person.id]}
    for _ in range(2):
        await activities.cancel_sign_up(session, **mine, now=NOW)  # type: ignore[arg-type]
    assert await signed_up() == [False]
    await activities.sign_up(session, **facts, now=NOW)
    assert await signed_up() == [True]
    with pytest.raises(SignUpOver):
        await activities.sign_up(session, **facts, now=activity.starts_at)
    with pytest.raises(ActivityNotFound):
        await activities.sign_up(session, activity_id=10**9, person_id=person.id, now=NOW)
