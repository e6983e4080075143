"""Pushes that cannot go out: somebody hears of it, and what people mend goes out after all."""

from collections.abc import Sequence
from datetime import time
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service as lessons
from app.editorial import queries as editorial
from app.flows import chasing, daily_push, delivery_acts, push_drafts, sending
from app.people.models import Person
from app.push import deliveries, groups, overdue, planning
from app.push.acts import PushWithdrawn
from app.push.deliveries import Outcome, Parcel
from app.push.links import Links
from app.push.models import Delivery, Group, Letter, Task
from tests.factories.content import make_lesson
from tests.factories.people import NOW, Town, make_office, make_person, make_town
from tests.factories.pushing import TODAY, TOMORROW, at, make_delivery, make_group, make_push

LINKS = Links(base_url="https://x.example", secret="s")
ROBOT = "693a91f6-7aaa-4bc4-97a0-0ec2sifa5aaa"


@pytest.fixture
async def town(session: AsyncSession) -> Town:
    return await make_town(session)


@pytest.fixture
async def tutor(session: AsyncSession, town: Town) -> Person:
    """With an administrator and an editor above."""
    tutor = await make_person(session)
    await make_office(session, tutor, "tutor", town.west)
    for role in ("admin", "editor"):
        await make_office(session, await make_person(session), role, town.town)
    return tutor


async def claim(session: AsyncSession, delivery: Delivery, now: Any) -> Parcel | None:
    errand = await sending.claim(
        session, delivery_id=delivery.id, links=LINKS, corp_id=None, now=now
    )
    return None if errand is None else errand.parcel


async def chase(session: AsyncSession, now: Any) -> None:
    for part in chasing.PARTS:
        await part(session, now=now)


async def open_tasks(session: AsyncSession) -> list[str]:
    rows = select(Task.kind).where(Task.state == "open").order_by(Task.id)
    return list(await session.scalars(rows))


async def letters(session: AsyncSession) -> Sequence[Letter]:
    return (await session.scalars(select(Letter).order_by(Letter.id))).all()


async def test_a_lesson_that_is_gone_is_told_once_and_mending_the_push_helps(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    for _ in range(2):
        await make_group(session, town.west, tutor)
    lesson, other = await make_lesson(session), await make_lesson(session)
    push = await make_push(session, town.town, lesson)
    await planning.plan(session, day=TODAY, now=at(8))
    rows = (await session.scalars(select(Delivery).order_by(Delivery.id))).all()
    await lessons.withdraw(session, lesson_id=lesson.id, reason="有误", now=NOW)
    for row in rows:
        await claim(session, row, at(9))
        assert (row.state, row.detail) == ("skipped", deliveries.LESSON_GONE)
    assert await open_tasks(session) == ["push_lesson_gone"]
    assert len(await letters(session)) == 2
    assert await planning.plan(session, day=TODAY, now=at(9, 1)) == 0

    await push_drafts.change(
        session, manuscript_id=push.id, lesson_id=other.id, text="换了一课", by_id=tutor.id,
        based_on=None, now=at(9, 10),
    )  # fmt: skip
    push.state = "approved"
    await daily_push.schedule_approved(session, now=at(9, 30))
    assert await open_tasks(session) == []
    for row in rows:
        await session.refresh(row)
        assert (row.state, row.version) == ("planned", 2)
    assert list(await planning.take_due(session, now=at(9, 31))) == [row.id for row in rows]


async def test_what_a_platform_holds_up_is_told_after_an_hour_and_at_midnight(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    group = await make_group(session, town.west, tutor, "wecom_robot", ROBOT)
    push = await make_push(session, town.town, await make_lesson(session))
    delivery = await make_delivery(session, push, group)
    parcel = await claim(session, delivery, at(9))
    assert parcel is not None
    await deliveries.put_back(session, parcel=parcel, why="系统繁忙（WeComBusy）", now=at(9))
    for instant, tasks, told in ((at(9, 59), [], 0), (at(10), ["push_late"], 1)):
        for _ in range(2):
            await chase(session, instant)
        assert (await open_tasks(session), len(await letters(session))) == (tasks, told)
    await chase(session, at(0, 1, day=TOMORROW))
    await session.refresh(delivery)
    assert delivery.detail == "错过了当天的时间：系统繁忙（WeComBusy）"
    await daily_push.conclude_all(session, now=at(0, 2, day=TOMORROW))
    assert (await open_tasks(session), len(await letters(session))) == (["push_missed"], 2)


async def test_what_was_late_and_is_handed_over_after_all_is_watched_like_the_others(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    group = await make_group(session, town.west, tutor)
    push = await make_push(session, town.town, await make_lesson(session))
    delivery = await make_delivery(session, push, group)
    # Approved at ten, it is late at eleven, whatever its group's hour was.
    for instant, tasks in ((at(10, 59), []), (at(11), ["push_late"])):
        await chase(session, instant)
        assert await open_tasks(session) == tasks
    await claim(session, delivery, at(11, 30))
    for instant in (at(12, 30), at(13, 30)):
        await chase(session, instant)
    assert "delivery_overdue" in await open_tasks(session)


async def test_one_slow_platform_does_not_keep_the_others_waiting(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    push = await make_push(session, town.town, await make_lesson(session))
    rows = []
    for number in range(3):
        group = await make_group(session, town.west, tutor, "wecom_robot", f"{number}" * 36)
        rows.append(await make_delivery(session, push, group, due_at=at(9, number)))
    assert list(await planning.take_due(session, limit=2, now=at(10))) == [rows[0].id, rows[1].id]
    parcel = await claim(session, rows[0], at(10))
    assert parcel is not None
    await deliveries.put_back(session, parcel=parcel, why="系统繁忙", now=at(10))
    assert list(await planning.take_due(session, limit=2, now=at(10))) == [rows[2].id]
    assert list(await planning.take_due(session, now=at(10, 1))) == [rows[0].id]


async def test_what_is_withdrawn_at_noon_stops_everywhere(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    group = await make_group(session, town.west, tutor)
    robot = await make_group(session, town.west, tutor, "wecom_robot", ROBOT)
    push = await make_push(session, town.town, await make_lesson(session))
    in_hand = await make_delivery(session, push, group)
    failed = await make_delivery(session, push, robot)
    await claim(session, in_hand, at(9))
    parcel = await claim(session, failed, at(9))
    assert parcel is not None
    order = {"by_id": tutor.id, "reason": "内容有误", "now": at(9, 5)}
    await daily_push.withdraw(session, manuscript_id=push.id, **order)  # type: ignore[arg-type]
    # A call under way ends as it ends; the tutor is told to stop.
    await sending.finish(session, parcel=parcel, outcome=Outcome("failed"), now=at(9, 5))
    assert (in_hand.state, in_hand.detail) == ("skipped", "已撤回：内容有误")
    assert await open_tasks(session) == ["delivery_failed"]
    assert [one.text for one in await letters(session) if "不要再转发" in one.text] == [
        f"“{group.name}”今天的学习推送已撤回，请不要再转发；已经转发的，请在群里说明。"
    ]
    steps = await editorial.list_steps(session, manuscript_id=push.id)
    kept = next(one for one in steps if one.step == "withdraw")
    assert (kept.person_id, kept.remarks) == (tutor.id, "内容有误")
    assert (push.state, push.withdrawn_at) == ("failed", at(9, 5))

    push.state = "publishing"
    later = await make_group(session, town.west, tutor, send_at=time(15), deadline=time(18))
    assert await planning.plan(session, day=TODAY, now=at(9, 20)) == 0
    raced = await make_delivery(session, push, later)
    assert await claim(session, raced, at(15)) is None
    assert raced.state == "skipped"
    for one in (in_hand, failed, raced):
        with pytest.raises(PushWithdrawn):
            await delivery_acts.retry(
                session, delivery_id=one.id, by_id=tutor.id, reason="再试", now=at(15)
            )


async def test_a_task_made_while_the_push_was_withdrawn_is_not_handed_over(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    group = await make_group(session, town.west, tutor, "wecom_robot", ROBOT)
    push = await make_push(session, town.town, await make_lesson(session))
    delivery = await make_delivery(session, push, group)
    parcel = await claim(session, delivery, at(9))
    assert parcel is not None
    await daily_push.withdraw(
        session, manuscript_id=push.id, by_id=tutor.id, reason="内容有误", now=at(9)
    )
    made = Outcome("handed_over", platform_ref="m1")
    await sending.finish(session, parcel=parcel, outcome=made, now=at(9))
    assert (delivery.state, delivery.platform_ref) == ("skipped", "m1")
    assert await open_tasks(session) == []


async def test_a_push_withdrawn_before_its_day_can_be_written_anew(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    group = await make_group(session, town.west, tutor)
    lesson = await make_lesson(session)
    push = await make_push(session, town.town, lesson, day=TOMORROW)
    await planning.plan(session, day=TOMORROW, now=NOW)
    await daily_push.withdraw(
        session, manuscript_id=push.id, by_id=tutor.id, reason="换一句", now=NOW
    )
    body = await editorial.body_of(session, manuscript_id=push.id)
    facts: dict[str, Any] = {"manuscript_id": push.id, "by_id": tutor.id, "based_on": None}
    # Even the same words: somebody thought better of it.
    changed = await push_drafts.change(
        session, **facts, lesson_id=lesson.id, text=body["text"], now=NOW
    )
    assert (changed.state, changed.version, changed.withdrawn_at) == ("draft", 2, None)
    push.state = "approved"
    await daily_push.schedule_approved(session, now=NOW)
    delivery = (await session.scalars(select(Delivery).where(Delivery.group_id == group.id))).one()
    assert (delivery.state, delivery.version) == ("planned", 2)


async def test_a_chat_registered_anew_has_no_second_message_that_day(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    first = await make_group(session, town.west, tutor, "wecom_robot", ROBOT)
    push = await make_push(session, town.town, await make_lesson(session))
    parcel = await claim(session, await make_delivery(session, push, first), at(9))
    assert parcel is not None
    await groups.end(session, group_id=first.id, reason="改名", now=at(9, 30))
    second = await make_group(session, town.west, tutor, "wecom_robot", ROBOT, send_at=time(10))
    again = await make_delivery(session, push, second, due_at=at(10))
    assert await claim(session, again, at(10)) is None
    assert (again.state, again.detail) == ("skipped", deliveries.TWICE)


async def test_a_group_whose_channel_was_mended_is_tried_by_the_new_one(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    group = await make_group(session, town.west, tutor, "wecom_robot", ROBOT)
    push = await make_push(session, town.town, await make_lesson(session))
    delivery = await make_delivery(session, push, group)
    parcel = await claim(session, delivery, at(9))
    assert parcel is not None
    await sending.finish(session, parcel=parcel, outcome=Outcome("failed"), now=at(9))
    facts = {"channel": "relay", "address": None}
    await groups.change(session, group_id=group.id, facts=facts, now=at(9, 30))
    await delivery_acts.retry(
        session, delivery_id=delivery.id, by_id=tutor.id, reason="改为转发", now=at(9, 31)
    )
    assert await claim(session, delivery, at(9, 31)) is None
    assert (delivery.state, delivery.channel) == ("handed_over", "relay")


async def test_many_late_groups_are_one_letter_for_their_tutor_and_one_for_the_administrator(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    push = await make_push(session, town.town, await make_lesson(session), state="publishing")
    for _ in range(5):
        group = await make_group(session, town.west, tutor)
        await make_delivery(session, push, group, state="handed_over", claimed_at=at(9))
    await chase(session, at(12, 1))
    (letter,) = await letters(session)
    assert letter.person_id == tutor.id
    assert "等 5 个群今天的学习内容还没有转发" in letter.text
    await chase(session, at(13, 2))
    assert await open_tasks(session) == ["delivery_overdue"] * 5
    assert len(await letters(session)) == 2


async def test_a_batch_is_all_that_one_transaction_holds(
    session: AsyncSession, town: Town, tutor: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "BATCH", 2)
    push = await make_push(session, town.town, await make_lesson(session), state="publishing")
    for _ in range(3):
        group = await make_group(session, town.west, tutor)
        await make_delivery(session, push, group, state="handed_over", claimed_at=at(9))
    assert [await chasing.remind(session, now=at(12)) for _ in range(3)] == [2, 1, 0]


async def test_who_left_office_is_not_asked_to_forward(
    session: AsyncSession, town: Town, tutor: Person
) -> None:
    gone = await make_person(session)
    group: Group = await make_group(session, town.west, gone)
    push = await make_push(session, town.town, await make_lesson(session))
    delivery = await make_delivery(session, push, group)
    await claim(session, delivery, at(9))
    (task,) = await session.scalars(select(Task))
    assert (task.kind, task.person_id, task.role) == ("relay", None, "tutor")
    told = await letters(session)
    assert gone.id not in {one.person_id for one in told}
    assert [one.person_id for one in told if "转发到" in one.text] == [tutor.id]
    assert any("更换负责人" in one.text for one in told)
