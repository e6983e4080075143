"""A push moved to another day takes its reviews with it to nowhere, and leaves nothing planned."""

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial import desk
from app.editorial.errors import DigestStale, NotInThisState
from app.flows import daily_push, push_drafts
from app.flows.push_drafts import DayTaken, PushDateUnsuitable
from app.people.models import StaffAct
from app.push.models import Delivery
from tests.factories.content import make_lesson
from tests.factories.people import NOW, make_person, make_town
from tests.factories.pushing import TODAY, TOMORROW, make_group, make_push

FRIDAY = TODAY.replace(day=27)


async def test_what_was_planned_for_its_old_day_is_dropped(session: AsyncSession) -> None:
    """Scheduled once, then changed back to a draft, then moved and approved again."""
    town = await make_town(session)
    tutor = await make_person(session)
    await make_group(session, town.west, tutor)
    lesson = await make_lesson(session)
    push = await make_push(session, town.west, lesson, day=TOMORROW, state="approved")
    await daily_push.schedule(session, manuscript_id=push.id, by_id=tutor.id, at=None, now=NOW)
    with pytest.raises(NotInThisState):
        await push_drafts.move(
            session, manuscript_id=push.id, day=FRIDAY, by_id=tutor.id, based_on=None, now=NOW
        )
    push = await push_drafts.change(
        session, manuscript_id=push.id, lesson_id=lesson.id, text="换一句", by_id=tutor.id,
        based_on=push.digest, now=NOW,
    )  # fmt: skip
    for _ in range(2):
        moved = await push_drafts.move(
            session, manuscript_id=push.id, day=FRIDAY, by_id=tutor.id, based_on=None, now=NOW
        )
    assert (moved.state, moved.key) == ("draft", f"push:{town.west.id}:{FRIDAY}")
    rows = (await session.scalars(select(Delivery))).all()
    assert [(one.state, one.detail) for one in rows] == [("skipped", "改到 11月27日")]
    acts = (await session.scalars(select(StaffAct).where(StaffAct.act == "issue.move"))).all()
    assert [one.facts["to"] for one in acts] == [FRIDAY.isoformat()]


async def test_only_to_a_day_that_is_free_and_near(session: AsyncSession) -> None:
    town = await make_town(session)
    tutor, lesson = await make_person(session), await make_lesson(session)
    push = await make_push(session, town.west, lesson, day=TOMORROW, state="draft")
    other = await make_push(session, town.west, lesson, day=FRIDAY, state="draft")
    await make_push(session, town.east, lesson, day=TODAY, state="draft")
    moving = {"manuscript_id": push.id, "by_id": tutor.id, "now": NOW}
    for day, why in (
        (FRIDAY, DayTaken),
        (TODAY.replace(day=22), PushDateUnsuitable),
        (TODAY.replace(year=2027), PushDateUnsuitable),
    ):
        with pytest.raises(why):
            await push_drafts.move(session, day=day, based_on=None, **moving)  # type: ignore[arg-type]
    with pytest.raises(DigestStale):
        await push_drafts.move(session, day=TODAY, based_on="0" * 64, **moving)  # type: ignore[arg-type]
    await push_drafts.move(session, day=TODAY, based_on=push.digest, **moving)  # type: ignore[arg-type]
    await desk.withdraw(session, manuscript_id=other.id, by_id=tutor.id, reason="不讲了", now=NOW)
    moved = await push_drafts.move(session, day=FRIDAY, based_on=None, **moving)  # type: ignore[arg-type]
    assert moved.key == f"push:{town.west.id}:{FRIDAY}"
    await session.refresh(other)
    assert other.key == f"push:{town.west.id}:{FRIDAY}:withdrawn:{other.id}"
