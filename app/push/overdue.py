"""Deliveries that should be over by now, a batch at a time: each is marked, and marked once.

Handed over: reminded, then shown to the administrator, failed at midnight. Planned: shown once it
is an hour late, skipped at midnight.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.metrics import DELIVERIES
from app.editorial.models import Manuscript
from app.push.models import Delivery, Group
from app.push.planning import MISSED

BATCH = 100
"""Marked in one transaction: clicks and 已转发 wait for a batch, never for thousands."""
NOT_FORWARDED = "未转发"
PATIENCE = timedelta(hours=1)
"""Between the reminder and the administrator; and for what was to be sent by the service."""
CANCEL_WITHIN = timedelta(days=1)

Marked = Sequence[tuple[Delivery, Group]]


async def remind(session: AsyncSession, *, now: datetime) -> Marked:
    """Those past their deadline whose owner was not reminded yet."""
    return await _mark(
        session,
        {"reminded_at": now},
        Delivery.state == "handed_over",
        Delivery.deadline_at <= now,
        Delivery.reminded_at.is_(None),
    )


async def escalate(session: AsyncSession, *, now: datetime) -> Marked:
    """Those reminded an hour ago in vain, which the administrator does not know of yet."""
    return await _mark(
        session,
        {"escalated_at": now},
        Delivery.state == "handed_over",
        Delivery.reminded_at <= now - PATIENCE,
        Delivery.escalated_at.is_(None),
    )


async def fail_forgotten(session: AsyncSession, *, now: datetime) -> Marked:
    """Handed over on a day that is over."""
    return await _end(session, "handed_over", "failed", NOT_FORWARDED, now)


async def mark_late(session: AsyncSession, *, now: datetime) -> Marked:
    """Of today, due an hour ago and still not out; told once.

    Words that were approved in the afternoon have an hour of their own.
    """
    settled = select(Manuscript.id).where(Manuscript.changed_at <= now - PATIENCE)
    return await _mark(
        session,
        {"escalated_at": now},
        Delivery.state == "planned",
        Delivery.local_day == local_day(now),
        Delivery.due_at <= now - PATIENCE,
        Delivery.escalated_at.is_(None),
        Delivery.manuscript_id.in_(settled),
    )


async def skip_missed(session: AsyncSession, *, now: datetime) -> Marked:
    """What was still planned when its day ended is never sent: yesterday's lesson is no news."""
    # The last refusal says why it was never sent: it stays on record behind the reason.
    why = func.concat_ws("：", MISSED, Delivery.detail)
    return await _end(session, "planned", "skipped", why, now)


async def list_uncancelled(session: AsyncSession, *, now: datetime) -> list[Delivery]:
    """Tasks of customer groups that their owners could still tap, though the delivery is over."""
    rows = select(Delivery).where(
        Delivery.channel == "wecom_customer_group",
        Delivery.state.in_(("failed", "skipped")),
        Delivery.platform_ref.is_not(None),
        Delivery.settled_at > now - CANCEL_WITHIN,
    )
    return list(await session.scalars(rows.order_by(Delivery.id)))


async def count(session: AsyncSession, *, manuscript_id: int, detail: str | None) -> int:
    """How many of a push's deliveries are late, or were skipped for this reason."""
    state = Delivery.state == ("planned" if detail is None else "skipped")
    mine = select(func.count()).where(Delivery.manuscript_id == manuscript_id, state)
    if detail is None:
        return int(await session.scalar(mine.where(Delivery.escalated_at.is_not(None))) or 0)
    return int(await session.scalar(mine.where(Delivery.detail.startswith(detail))) or 0)


async def _end(session: AsyncSession, was: str, state: str, detail: Any, now: datetime) -> Marked:
    values = {"state": state, "detail": detail, "settled_at": now}
    found = await _mark(session, values, Delivery.state == was, Delivery.local_day < local_day(now))
    for delivery, _ in found:
        DELIVERIES.labels(delivery.channel, state).inc()
    return found


async def _mark(
    session: AsyncSession, values: dict[str, Any], *which: ColumnElement[bool]
) -> Marked:
    """One batch, an owner's groups together; what somebody else is at waits for the next."""
    rows = (
        select(Delivery.id)
        .join(Group, Group.id == Delivery.group_id)
        .where(*which)
        .order_by(Group.owner_id, Delivery.id)
        .limit(BATCH)
        .with_for_update(of=Delivery, skip_locked=True, key_share=True)
    )
    ids = (await session.scalars(rows)).all()
    await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(**values)
        .execution_options(synchronize_session=False)
    )
    marked = (
        select(Delivery, Group)
        .join(Group, Group.id == Delivery.group_id)
        .where(Delivery.id.in_(ids))
        .order_by(Group.owner_id, Delivery.id)
        .execution_options(populate_existing=True)
    )
    return [(delivery, group) for delivery, group in await session.execute(marked)]
