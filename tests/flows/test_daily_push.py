"""A relayed push from its schedule to its end, in the database of one test."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content import service as lessons
from app.editorial import queries as editorial
from app.editorial.errors import NotInThisState
from app.flows import chasing, daily_push, delivery_acts, sending
from app.flows.daily_push import PushOnAnotherDay
from app.push import handed_over, overdue, planning
from app.push.acts import ActNeedsReason, DeliveryNotInThisState
from app.push.links import Links
from app.push.models import Delivery, DeliveryAct, Letter, Task
from tests.factories.content import make_lesson
from tests.factories.people import NOW, Town, make_office, make_person, make_town
from tests.factories.pushing import TODAY, TOMORROW, at, make_delivery, make_group, make_push

NINE = at(9)
LINKS = Links(base_url="https://x.example", secret="s")


@pytest.fixture
async def town(session: AsyncSession) -> Town:
    return await make_town(session)


async def deliveries_of(session: AsyncSession) -> Sequence[Delivery]:
    rows = select(Delivery).order_by(Delivery.id).execution_options(populate_existing=True)
    return (await session.scalars(rows)).all()


async def open_tasks(session: AsyncSession) -> list[str]:
    rows = select(Task.kind).where(Task.state == "open").order_by(Task.id)
    return list(await session.scalars(rows))


async def relayed(session: AsyncSession, town: Town, *, now: datetime = NINE) -> Delivery:
    """A delivery that its tutor has in hand since nine."""
    tutor = await make_person(session)
    await make_office(session, tutor, "tutor", town.west)
    await make_office(session, await make_person(session), "admin", town.town)
    group = await make_group(session, town.west, tutor)
    push = await make_push(session, town.town, await make_lesson(session))
    delivery = await make_delivery(session, push, group)
    await sending.claim(session, delivery_id=delivery.id, links=LINKS, corp_id=None, now=now)
    assert delivery.state == "handed_over"
    return delivery


async def state_of_push(session: AsyncSession, delivery: Delivery) -> str:
    manuscript = await editorial.get(session, delivery.manuscript_id)
    return manuscript.state


async def test_an_approved_push_schedules_itself_and_its_lesson(
    session: AsyncSession, town: Town
) -> None:
    await make_group(session, town.west, await make_person(session))
    lesson = await make_lesson(session)
    push = await make_push(session, town.town, lesson, day=TOMORROW, state="approved")
    later = await make_push(
        session, town.town, lesson, day=TOMORROW + timedelta(days=1), state="approved"
    )
    assert await daily_push.schedule_approved(session, now=NOW) == [push.id]
    assert await daily_push.schedule_approved(session, now=NOW) == []
    assert (push.state, push.scheduled_at) == ("scheduled", at(7, 30, day=TOMORROW))
    assert later.state == "approved"
    (delivery,) = await deliveries_of(session)
    assert (delivery.manuscript_id, delivery.state) == (push.id, "planned")
    planned = await content.planned_lesson_id(session, day=TOMORROW, org_ids=[town.town.id])
    assert planned == lesson.id


async def test_a_push_goes_out_on_its_own_day_only(session: AsyncSession, town: Town) -> None:
    push = await make_push(
        session, town.town, await make_lesson(session), day=TOMORROW, state="approved"
    )
    which: dict[str, Any] = {"manuscript_id": push.id, "by_id": None}
    with pytest.raises(PushOnAnotherDay):
        await daily_push.schedule(session, **which, at=at(8, day=TODAY), now=NOW)
    with pytest.raises(PushOnAnotherDay):
        await daily_push.schedule(session, **which, at=None, now=NOW + timedelta(days=2))
    push.state = "draft"
    with pytest.raises(NotInThisState):
        await daily_push.schedule(session, **which, at=None, now=NOW)


async def test_a_lesson_withdrawn_since_keeps_no_other_push_from_its_way(
    session: AsyncSession, town: Town
) -> None:
    lesson = await make_lesson(session)
    push = await make_push(session, town.town, lesson, day=TOMORROW, state="approved")
    await lessons.withdraw(session, lesson_id=lesson.id, reason="有误", now=NOW)
    assert await daily_push.schedule_approved(session, now=NOW) == [push.id]


async def test_withdrawing_a_villages_push_gives_its_groups_the_towns(
    session: AsyncSession, town: Town
) -> None:
    person = await make_person(session)
    await make_group(session, town.west, person)
    lesson = await make_lesson(session)
    wide = await make_push(session, town.town, lesson, day=TOMORROW)
    near = await make_push(session, town.west, lesson, day=TOMORROW)
    await planning.plan(session, day=TOMORROW, now=NOW)
    await daily_push.withdraw(
        session, manuscript_id=near.id, by_id=person.id, reason="内容重复", now=NOW
    )
    (delivery,) = await deliveries_of(session)
    assert (near.state, delivery.manuscript_id, delivery.state) == ("withdrawn", wide.id, "planned")
    await daily_push.withdraw(
        session, manuscript_id=wide.id, by_id=person.id, reason="暂停一天", now=NOW
    )
    (delivery,) = await deliveries_of(session)
    assert (delivery.state, delivery.detail) == ("skipped", "已撤回：暂停一天")


async def test_withdrawn_in_the_middle_of_its_day_it_reaches_nobody_else(
    session: AsyncSession, town: Town
) -> None:
    first = await relayed(session, town)
    group = await make_group(session, town.east, await make_person(session))
    push = await editorial.get(session, first.manuscript_id)
    second = await make_delivery(session, push, group, due_at=at(19), deadline_at=at(20))
    await delivery_acts.mark_sent(
        session, delivery_id=first.id, by_id=group.owner_id, reason="已转发", now=at(10)
    )
    assert push.state == "publishing"
    await daily_push.withdraw(
        session, manuscript_id=push.id, by_id=group.owner_id, reason="有错字", now=at(11)
    )
    await session.refresh(second)
    assert (second.state, push.state) == ("skipped", "published")
    assert push.outcome == {"sent": 1, "skipped": 1}


async def test_a_tutor_gets_everything_ready_to_forward(session: AsyncSession, town: Town) -> None:
    delivery = await relayed(session, town)
    (letter,) = await session.scalars(select(Letter))
    (task,) = await session.scalars(select(Task))
    assert (task.kind, task.delivery_id, task.due_at) == ("relay", delivery.id, at(12))
    for said in (letter.text, task.text):
        assert LINKS.link(delivery.id) in said
        assert LINKS.poster(delivery.id) in said
    assert task.person_id == letter.person_id
    assert await state_of_push(session, delivery) == "publishing"


async def test_forwarding_is_said_once_and_ends_the_task(session: AsyncSession, town: Town) -> None:
    delivery = await relayed(session, town)
    tutor = (await session.scalars(select(Task.person_id))).one()
    assert tutor is not None
    with pytest.raises(ActNeedsReason):
        await delivery_acts.mark_sent(
            session, delivery_id=delivery.id, by_id=tutor, reason=" ", now=at(10)
        )
    for _ in range(2):
        await delivery_acts.mark_sent(
            session, delivery_id=delivery.id, by_id=tutor, reason="已转发", now=at(10)
        )
    assert (delivery.state, delivery.proof) == ("sent", "由人确认：已转发")
    assert await open_tasks(session) == []
    assert len((await session.scalars(select(DeliveryAct))).all()) == 1
    assert await state_of_push(session, delivery) == "published"


async def test_the_groups_first_click_proves_it(session: AsyncSession, town: Town) -> None:
    delivery = await relayed(session, town)
    for _ in range(3):
        await delivery_acts.clicked(session, delivery_id=delivery.id, now=at(10))
    await session.refresh(delivery)
    assert (delivery.state, delivery.proof, delivery.clicks) == ("sent", handed_over.CLICKED, 3)
    assert await open_tasks(session) == []


async def test_who_forgets_is_reminded_then_shown_then_it_failed(
    session: AsyncSession, town: Town
) -> None:
    delivery = await relayed(session, town)
    for instant, kinds, letters in (
        (at(11, 59), ["relay"], 1),
        (at(12), ["relay"], 2),
        (at(12, 59), ["relay"], 2),
        (at(13), ["relay", "delivery_overdue"], 3),
        (at(23, 59), ["relay", "delivery_overdue"], 3),
        (at(0, day=TOMORROW), [], 3),
    ):
        for _ in range(2):
            for part in chasing.PARTS:
                await part(session, now=instant)
        assert await open_tasks(session) == kinds, instant
        assert len((await session.scalars(select(Letter))).all()) == letters, instant
    await session.refresh(delivery)
    assert (delivery.state, delivery.detail) == ("failed", overdue.NOT_FORWARDED)


async def test_handed_over_late_there_is_still_an_hour(session: AsyncSession, town: Town) -> None:
    delivery = await relayed(session, town, now=at(15))
    assert delivery.deadline_at == at(16)


async def test_a_person_tries_again_or_gives_up(session: AsyncSession, town: Town) -> None:
    delivery = await relayed(session, town)
    by_id = (await make_person(session)).id
    order: dict[str, Any] = {"delivery_id": delivery.id, "by_id": by_id, "reason": "群里没有看到"}
    with pytest.raises(DeliveryNotInThisState):
        await delivery_acts.retry(session, **order, now=at(10))
    await delivery_acts.give_up(session, **order, now=at(10))
    assert (delivery.state, delivery.detail) == ("failed", "已放弃：群里没有看到")
    assert await state_of_push(session, delivery) == "failed"
    await delivery_acts.retry(session, **order, now=at(10))
    assert delivery.state == "planned"
    waiting = text("select count(*) from procrastinate_jobs where task_name = 'push.send_delivery'")
    assert await session.scalar(waiting) == 1
    await sending.claim(session, delivery_id=delivery.id, links=LINKS, corp_id=None, now=at(11))
    assert delivery.state == "handed_over"
    await delivery_acts.mark_sent(session, **order, now=at(11))
    assert await state_of_push(session, delivery) == "published"
    for act in (delivery_acts.retry, delivery_acts.give_up):
        with pytest.raises(DeliveryNotInThisState):
            await act(session, **order, now=at(12))


async def test_a_completed_lesson_counts_for_the_group_whose_link_led_there(
    session: AsyncSession, town: Town
) -> None:
    delivery = await relayed(session, town)
    body = await editorial.body_of(session, manuscript_id=delivery.manuscript_id)
    other = await make_lesson(session)
    for lesson_id in (body["lesson_id"], other.id):
        await handed_over.count_learned(
            session, delivery_id=delivery.id, lesson_id=lesson_id, learned=1
        )
    await handed_over.count_learned(
        session, delivery_id=delivery.id + 99, lesson_id=other.id, learned=1
    )
    await session.refresh(delivery)
    assert delivery.learned == 1


async def test_nobody_claims_for_ever(session: AsyncSession, town: Town) -> None:
    group = await make_group(session, town.west, await make_person(session), "console")
    push = await make_push(session, town.town, await make_lesson(session), state="publishing")
    delivery = await make_delivery(session, push, group, state="claimed", claimed_at=at(9))
    assert await daily_push.settle_lost(session, now=at(9, 5)) == 0
    assert await daily_push.settle_lost(session, now=at(9, 5) + timedelta(seconds=1)) == 1
    await session.refresh(delivery)
    assert (delivery.state, await open_tasks(session)) == ("unknown", ["delivery_doubt"])
    await daily_push.conclude_all(session, now=at(9, 6))
    assert push.state == "unknown"
