"""Groups and pushes as rows, for tests. All names are made up."""

from datetime import date, datetime, time, timedelta
from itertools import count
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content.models import Lesson
from app.core.clock import TOWN
from app.editorial import desk
from app.editorial.models import Manuscript
from app.flows.daily_push import push_key
from app.people.models import Organisation, Person
from app.push.models import Delivery, Group
from tests.factories.people import NOW

NUMBERS = count(1)
TODAY = date(2026, 11, 23)
TOMORROW = TODAY + timedelta(days=1)
TEXT = "接到陌生电话要求转账，一律先挂断。"


def at(hour: int, minute: int = 0, *, day: date = TODAY) -> datetime:
    """An hour of the town."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=TOWN)


async def make_group(
    session: AsyncSession,
    org: Organisation,
    owner: Person,
    channel: str = "relay",
    address: str | None = None,
    **facts: Any,
) -> Group:
    usual: dict[str, Any] = {
        "name": f"学习{next(NUMBERS)}群",
        "send_at": time(9),
        "deadline": time(12),
        "open_from": time(7, 30),
        "open_until": time(21),
        "made_at": NOW - timedelta(days=30),
    }
    group = Group(
        org_id=org.id, owner_id=owner.id, channel=channel, address=address, **{**usual, **facts}
    )
    session.add(group)
    await session.flush()
    return group


async def make_push(
    session: AsyncSession,
    org: Organisation,
    lesson: Lesson,
    *,
    day: date = TODAY,
    state: str = "scheduled",
    text: str = TEXT,
    now: datetime = NOW,
) -> Manuscript:
    """A push that is in this state, however it came there."""
    shown = await content.get_lesson(session, lesson_id=lesson.id)
    body = {
        "date": day.isoformat(),
        "lesson_id": lesson.id,
        "lesson_version_id": shown.version_id,
        "text": text,
    }
    manuscript = await desk.write(
        session,
        kind="push",
        key=push_key(org.id, day),
        org_id=org.id,
        author_id=None,
        body=body,
        now=now,
    )
    manuscript.state, manuscript.scheduled_at = state, at(7, 30, day=day)
    await session.flush()
    return manuscript


async def make_delivery(
    session: AsyncSession, manuscript: Manuscript, group: Group, **facts: Any
) -> Delivery:
    usual: dict[str, Any] = {
        "local_day": TODAY,
        "channel": group.channel,
        "state": "planned",
        "due_at": at(9),
        "deadline_at": at(12),
        "made_at": NOW,
    }
    whole = {**usual, **facts}
    whole.setdefault("next_try_at", whole["due_at"])
    delivery = Delivery(manuscript_id=manuscript.id, group_id=group.id, **whole)
    session.add(delivery)
    await session.flush()
    return delivery
