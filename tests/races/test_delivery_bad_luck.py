"""Two workers at once, a robot that is gone, a bot that may not speak, midnight, an ended group."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from app.content.models import Lesson
from app.core.clock import utcnow
from app.core.db import transaction
from app.editorial.models import Manuscript
from app.flows import delivery_acts, group_tasks
from app.push import groups, planning
from app.push.acts import DayIsOver
from app.push.models import Group
from app.worker import deliveries as worker
from tests.api.service import set_clock
from tests.factories.content import make_lesson
from tests.factories.people import make_person
from tests.factories.pushing import TODAY, TOMORROW, at
from tests.races.delivery_town import Town, open_town


@pytest.fixture
async def town(
    database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    async with open_town(database_url_of_its_own, monkeypatch) as town:
        yield town


async def manuscript_of(town: Town) -> Manuscript:
    async with transaction() as session:
        return await session.get_one(Manuscript, town.manuscript_id)


async def test_many_workers_at_once_send_each_message_once(town: Town) -> None:
    stories = [await town.group("wecom_robot") for _ in range(3)]
    await asyncio.gather(*(story.send() for story in stories * 4))
    assert [story.seen() for story in stories] == [1, 1, 1]
    done = await manuscript_of(town)
    assert (done.state, done.outcome) == ("published", {"sent": 3})


async def test_who_plans_and_who_sends_do_not_wait_for_each_other_for_ever(town: Town) -> None:
    stories = [await town.group("console") for _ in range(3)]

    async def plan() -> None:
        async with transaction() as session:
            await planning.plan(session, day=TODAY, now=utcnow())

    await asyncio.gather(*(story.send() for story in stories), *(plan() for _ in range(3)))
    assert [await story.state() for story in stories] == ["sent"] * 3


async def test_a_robot_that_was_removed_fails_and_people_are_told(town: Town) -> None:
    story = await town.group("wecom_robot")
    town.service.world.groups[str(story.sandbox_id)].removed = True
    await story.send()
    delivery = await story.delivery()
    assert delivery.state == "failed"
    assert "RobotGone" in str(delivery.detail)
    assert await town.service.count("task", "kind = 'delivery_failed' and role = 'admin'") == 1
    assert await town.service.count("letter", "person_id = :id", id=town.owner.id) == 1
    assert (await manuscript_of(town)).state == "failed"

    town.service.world.groups[str(story.sandbox_id)].removed = False
    async with transaction() as session:
        await delivery_acts.retry(
            session,
            delivery_id=story.delivery_id,
            by_id=town.owner.id,
            reason="已重新添加机器人",
            now=utcnow(),
        )
    assert await town.service.count("task", "state = 'open'") == 0
    await story.send()
    assert (await story.state(), story.seen()) == ("sent", 1)
    assert (await manuscript_of(town)).state == "published"


async def test_a_bot_that_may_not_speak_first_is_relayed_from_now_on(town: Town) -> None:
    story = await town.group("qq_bot", allow_proactive=False)
    await story.send()
    delivery = await story.delivery()
    assert (delivery.state, delivery.channel, story.seen()) == ("handed_over", "relay", 0)
    async with transaction() as session:
        group = await session.get_one(Group, story.group_id)
        assert (group.channel, group.relayed_since is not None) == ("qq_bot", True)
        # A word that the bot may speak again: the group's own channel is tried once more.
        facts = {"address": group.address}
        await groups.change(session, group_id=group.id, facts=facts, now=utcnow())
        assert group.relayed_since is None


async def test_a_customer_group_without_a_known_owner_is_relayed(town: Town) -> None:
    story = await town.group("wecom_customer_group")
    async with transaction() as session:
        group = await session.get_one(Group, story.group_id)
        group.owner_id = (await make_person(session, "槐大山")).id
    await story.send()
    assert (await story.state(), (await story.delivery()).channel) == ("handed_over", "relay")


async def test_an_owner_who_does_not_confirm_is_reminded_then_it_fails(town: Town) -> None:
    story = await town.group("wecom_customer_group")
    await story.send()
    task = next(iter(town.service.world.corp.tasks.values()))
    await worker.check_group_task(delivery_id=story.delivery_id)
    assert (await story.state(), task.reminded_at) == ("handed_over", [])

    set_clock(at(12, 1))
    await story.tend()
    await worker.check_group_task(delivery_id=story.delivery_id, remind=1)
    assert len(task.reminded_at) == 1
    assert await town.service.count("task", "kind = 'delivery_overdue'") == 0
    set_clock(at(13, 2))
    await story.tend()
    await story.tend()
    assert await town.service.count("task", "kind = 'delivery_overdue'") == 1

    set_clock(at(0, 1, day=TOMORROW))
    await story.tend()
    delivery = await story.delivery()
    assert (delivery.state, delivery.detail) == ("failed", "未转发")
    assert await town.service.count("task", "state = 'open'") == 0
    assert (await manuscript_of(town)).state == "failed"


async def test_a_customer_group_that_had_enough_this_month_fails(town: Town) -> None:
    story = await town.group("wecom_customer_group")
    await story.send()
    world = town.service.world
    task = next(iter(world.corp.tasks.values()))
    world.groups[str(story.sandbox_id)].tasks_received = [utcnow()] * 31
    confirmed = await town.service.phone.post(f"/_sandbox/wecom/tasks/{task.msg_id}/confirm")
    assert confirmed.is_success, confirmed.text
    await worker.check_group_task(delivery_id=story.delivery_id)
    delivery = await story.delivery()
    assert (delivery.state, delivery.detail) == ("failed", group_tasks.REFUSALS[3])


async def test_nothing_goes_out_before_its_hour_after_it_closed_or_on_the_next_day(
    town: Town,
) -> None:
    story = await town.group("wecom_robot")
    for instant in (at(8, 59), at(21), at(23, 59)):
        set_clock(instant)
        await story.send()
        assert await story.state() == "planned", instant
        async with transaction() as session:
            assert not await planning.take_due(session, now=instant)
    set_clock(at(0, 0, day=TOMORROW))
    await story.send()
    assert (await story.state(), story.seen()) == ("skipped", 0)
    with pytest.raises(DayIsOver):
        async with transaction() as session:
            await delivery_acts.retry(
                session,
                delivery_id=story.delivery_id,
                by_id=town.owner.id,
                reason="再试",
                now=utcnow(),
            )


async def test_what_nobody_tried_is_skipped_at_midnight_and_the_push_ends(town: Town) -> None:
    story = await town.group("wecom_robot")
    set_clock(at(0, 0, day=TOMORROW) + timedelta(seconds=1))
    await story.tend()
    assert (await story.delivery()).detail == planning.MISSED
    assert (await manuscript_of(town)).state == "failed"


async def test_a_group_that_ended_since_is_left_alone(town: Town) -> None:
    story = await town.group("wecom_robot")
    async with transaction() as session:
        await groups.end(session, group_id=story.group_id, reason="群已解散", now=utcnow())
    await story.send()
    assert (await story.state(), story.seen()) == ("skipped", 0)


async def test_a_push_that_was_changed_since_goes_nowhere(town: Town) -> None:
    story = await town.group("wecom_robot")
    async with transaction() as session:
        (await session.get_one(Manuscript, town.manuscript_id)).state = "draft"
    await story.send()
    assert (await story.state(), story.seen()) == ("planned", 0)


async def test_a_lesson_with_a_newer_version_was_not_reviewed(town: Town) -> None:
    story = await town.group("wecom_robot")
    async with transaction() as session:
        lesson = await session.get_one(Lesson, town.lesson_id)
        await make_lesson(session, lesson.key, title="换了题目")
    await story.send()
    delivery = await story.delivery()
    assert (delivery.state, story.seen()) == ("skipped", 0)
