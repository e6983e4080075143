"""One delivery from claim to record: at most one message, whatever happens in between.

The call to the platform is between the two, outside any transaction. Locks are always taken in one
order: the manuscript, then its delivery, then its group.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content.errors import LessonNotFound
from app.content.queries import LessonView
from app.core import clock
from app.core.clock import TOWN, local_day
from app.core.errors import NotFound
from app.core.metrics import DELIVERIES
from app.editorial import queries as editorial
from app.editorial.models import Manuscript
from app.push.channels import LIMITS
from app.push.links import Links
from app.push.models import Delivery, Group
from app.push.planning import MISSED
from app.push.texts import Notice

CLAIM_LOST = timedelta(minutes=5)
"""A claim older than this (by the machine's clock) is of a process that died before its record."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
SENDABLE = ("scheduled", "publishing", "published", "failed", "unknown")
"""In these the content is what three people approved: it can no longer change, or would have gone
back to draft. The last three only matter where a person tries one group again."""
LOST = "发送途中进程中断，是否送达未知"
LESSON_GONE = "审核过的课程已更新或下架"
WITHDRAWN = "已撤回"
TWICE = "这个群今天已经推送过"
REACHED = ("claimed", "sent", "unknown", "handed_over")
"""In these a message is in the group, or may be."""

End = Literal["sent", "handed_over", "unknown", "failed", "skipped"]


class DeliveryNotFound(NotFound):
    title = "没有这条推送记录"


@dataclass(frozen=True)
class Parcel:
    """A claimed delivery, with all that the call needs. `address` is never to be logged."""

    delivery_id: int
    claimed_at: datetime
    manuscript_id: int
    group_id: int
    group_name: str
    org_id: int
    owner_id: int
    channel: str
    address: str | None = field(repr=False)
    deadline_at: datetime
    notice: Notice


@dataclass(frozen=True)
class Outcome:
    state: End
    proof: str | None = None
    detail: str | None = None
    platform_ref: str | None = None


async def lock(session: AsyncSession, *, delivery_id: int) -> tuple[Manuscript, Delivery]:
    """A delivery and its manuscript as they are now, locked in the order of this file."""
    while True:
        owner = select(Delivery.manuscript_id).where(Delivery.id == delivery_id)
        manuscript_id = await session.scalar(owner)
        if manuscript_id is None:
            raise DeliveryNotFound(delivery_id=delivery_id)
        manuscript = await session.scalar(
            select(Manuscript)
            .where(Manuscript.id == manuscript_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        delivery = await session.scalar(
            select(Delivery)
            .where(Delivery.id == delivery_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        assert manuscript is not None
        assert delivery is not None
        if delivery.manuscript_id == manuscript.id:
            return manuscript, delivery
        # A nearer organisation's push took the group over between the two statements.


async def claim(
    session: AsyncSession, *, delivery_id: int, links: Links, now: datetime
) -> Parcel | None:
    """Take a planned delivery for sending; None if it is not to be sent (now, or any more)."""
    manuscript, delivery = await lock(session, delivery_id=delivery_id)
    if delivery.state == "planned" and manuscript.withdrawn_at is not None:
        # Planned at the very moment of the withdrawal.
        end(delivery, Outcome("skipped", detail=WITHDRAWN), now)
        return None
    if delivery.state != "planned" or manuscript.state not in SENDABLE or now < delivery.due_at:
        return None
    group = await session.get_one(Group, delivery.group_id, populate_existing=True)
    body = await editorial.body_of(session, manuscript_id=manuscript.id, version=manuscript.version)
    lesson = await _reviewed_lesson(session, body["lesson_id"], body["lesson_version_id"])
    # The group may have moved since it was planned: its address is of the channel it has now.
    delivery.channel = group.channel if group.relayed_since is None else "relay"
    delivery.version = manuscript.version
    why = _why_never(delivery, group, lesson, now)
    if why is None and await _was_reached(session, delivery, group):
        why = TWICE
    if lesson is None or why is not None:
        end(delivery, Outcome("skipped", detail=why), now)
        return None
    is_open = group.open_from <= now.astimezone(TOWN).time() < group.open_until
    if not is_open or await _is_busy(session, delivery, group, now):
        delivery.next_try_at = now + MINUTE
        return None
    delivery.state, delivery.claimed_at = "claimed", now
    delivery.settled_at = delivery.detail = None
    await session.flush()
    return Parcel(
        delivery_id=delivery.id,
        claimed_at=now,
        manuscript_id=manuscript.id,
        group_id=group.id,
        group_name=group.name,
        org_id=group.org_id,
        owner_id=group.owner_id,
        channel=delivery.channel,
        address=group.address,
        deadline_at=delivery.deadline_at,
        notice=notice_of(delivery, lesson, body["text"], links=links),
    )


async def record(
    session: AsyncSession, *, parcel: Parcel, outcome: Outcome, now: datetime
) -> Delivery | None:
    """Write down what became of this very claim; None if somebody has decided otherwise since.

    A claim that was taken for lost is in doubt only until its process speaks after all.
    """
    manuscript, delivery = await lock(session, delivery_id=parcel.delivery_id)
    if delivery.claimed_at != parcel.claimed_at or delivery.state not in {"claimed", "unknown"}:
        return None
    outcome = unless_withdrawn(manuscript, outcome)
    end(delivery, outcome, now)
    if outcome.state == "handed_over":
        # Handed over late, a person still has an hour, and is reminded afresh.
        delivery.deadline_at = max(delivery.deadline_at, now + HOUR)
        delivery.escalated_at = None
    await session.flush()
    return delivery


async def put_back(session: AsyncSession, *, parcel: Parcel, why: str, now: datetime) -> None:
    """Nothing was sent, and that is certain: it is planned again, for a minute later."""
    await session.execute(
        update(Delivery)
        .where(
            Delivery.id == parcel.delivery_id,
            Delivery.state == "claimed",
            Delivery.claimed_at == parcel.claimed_at,
        )
        .values(state="planned", claimed_at=None, detail=why, next_try_at=now + MINUTE)
    )


async def find(session: AsyncSession, *, delivery_id: int) -> Delivery:
    """Raises DeliveryNotFound."""
    delivery = await session.get(Delivery, delivery_id, populate_existing=True)
    if delivery is None:
        raise DeliveryNotFound(delivery_id=delivery_id)
    return delivery


async def lost_claims(session: AsyncSession, *, now: datetime) -> list[Delivery]:
    """Claims of processes that died become `unknown`: a person decides, nobody sends again."""
    rows = await session.scalars(
        update(Delivery)
        .where(
            Delivery.state == "claimed",
            Delivery.claimed_at < now - clock.machine_span(CLAIM_LOST),
        )
        .values(state="unknown", detail=LOST, settled_at=now)
        .returning(Delivery)
        .execution_options(populate_existing=True)
    )
    found = list(rows)
    for delivery in found:
        DELIVERIES.labels(delivery.channel, "unknown").inc()
    return found


def notice_of(delivery: Delivery, lesson: LessonView, text: str, *, links: Links) -> Notice:
    return Notice(
        day=delivery.local_day,
        title=lesson.title,
        summary=lesson.summary,
        text=text,
        link=links.link(delivery.id),
    )


def _why_never(
    delivery: Delivery, group: Group, lesson: LessonView | None, now: datetime
) -> str | None:
    if local_day(now) != delivery.local_day:
        return MISSED
    if group.ended_at is not None:
        return "学习群已停用"
    return LESSON_GONE if lesson is None else None


def unless_withdrawn(manuscript: Manuscript, outcome: Outcome) -> Outcome:
    """Nobody is asked to pass on what was withdrawn meanwhile."""
    if outcome.state != "handed_over" or manuscript.withdrawn_at is None:
        return outcome
    return Outcome("skipped", detail=WITHDRAWN, platform_ref=outcome.platform_ref)


def end(delivery: Delivery, outcome: Outcome, now: datetime) -> None:
    delivery.state, delivery.detail = outcome.state, outcome.detail
    delivery.proof = outcome.proof or delivery.proof
    delivery.platform_ref = outcome.platform_ref or delivery.platform_ref
    delivery.settled_at = None if outcome.state == "handed_over" else now
    DELIVERIES.labels(delivery.channel, outcome.state).inc()


async def is_lesson_on_show(session: AsyncSession, *, manuscript: Manuscript) -> bool:
    """Whether the lesson of a push is still what its reviewers read."""
    body = await editorial.body_of(session, manuscript_id=manuscript.id, version=manuscript.version)
    return await _reviewed_lesson(session, body["lesson_id"], body["lesson_version_id"]) is not None


async def _reviewed_lesson(
    session: AsyncSession, lesson_id: int, version_id: int
) -> LessonView | None:
    """The lesson, if it is on show in the version that the reviewers read."""
    try:
        lesson = await content.get_lesson(session, lesson_id=lesson_id)
    except LessonNotFound:
        return None
    return lesson if lesson.version_id == version_id else None


async def _was_reached(session: AsyncSession, delivery: Delivery, group: Group) -> bool:
    """Whether this very chat had its message of the day, when it was registered otherwise."""
    if group.address is None:
        return False
    other = (
        select(Delivery.id)
        .join(Group, Group.id == Delivery.group_id)
        .where(
            Delivery.local_day == delivery.local_day,
            Delivery.id != delivery.id,
            Delivery.state.in_(REACHED),
            Group.address == group.address,
        )
        .limit(1)
    )
    return await session.scalar(other) is not None


async def _is_busy(session: AsyncSession, delivery: Delivery, group: Group, now: datetime) -> bool:
    """Whether this address has had as many messages in the last minute as its channel allows."""
    if group.address is None:
        return False
    said = await session.scalar(
        select(func.count())
        .select_from(Delivery)
        .join(Group, Group.id == Delivery.group_id)
        .where(
            Delivery.claimed_at > now - MINUTE,
            Delivery.channel == delivery.channel,
            Group.address == group.address,
        )
    )
    return (said or 0) >= LIMITS[delivery.channel].per_minute
