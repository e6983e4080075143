"""Deliveries that wait for a person: reminded once, then shown to the administrator, then failed.

A click in the group proves that somebody forwarded.
"""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.metrics import DELIVERIES
from app.editorial.models import Manuscript, ManuscriptVersion
from app.push import deliveries
from app.push.deliveries import Outcome, end
from app.push.models import Delivery

CLICKED = "群内首次点击"
NOT_FORWARDED = "未转发"
PROVABLE = ("handed_over", "unknown")
PATIENCE = timedelta(hours=1)
"""Between the reminder and the administrator."""


async def remind(session: AsyncSession, *, now: datetime) -> list[Delivery]:
    """Those past their deadline whose owner was not reminded yet; now they count as reminded."""
    return await _mark(
        session,
        {"reminded_at": now},
        Delivery.state == "handed_over",
        Delivery.deadline_at <= now,
        Delivery.reminded_at.is_(None),
    )


async def escalate(session: AsyncSession, *, now: datetime) -> list[Delivery]:
    """Those reminded an hour ago in vain, which the administrator does not know of yet."""
    return await _mark(
        session,
        {"escalated_at": now},
        Delivery.state == "handed_over",
        Delivery.reminded_at <= now - PATIENCE,
        Delivery.escalated_at.is_(None),
    )


async def fail_forgotten(session: AsyncSession, *, now: datetime) -> list[Delivery]:
    """Those of days that are over."""
    found = await _mark(
        session,
        {"state": "failed", "detail": NOT_FORWARDED, "settled_at": now},
        Delivery.state == "handed_over",
        Delivery.local_day < local_day(now),
    )
    for delivery in found:
        DELIVERIES.labels(delivery.channel, "failed").inc()
    return found


async def count_click(session: AsyncSession, *, delivery_id: int, now: datetime) -> bool:
    """One more phone has opened the link; whether that proved the delivery just now."""
    delivery = await deliveries.find(session, delivery_id=delivery_id)
    proved = False
    if delivery.state in PROVABLE:
        _, delivery = await deliveries.lock(session, delivery_id=delivery_id)
        if delivery.state in PROVABLE:
            end(delivery, Outcome("sent", proof=CLICKED), now)
            await session.flush()
            proved = True
    await session.execute(
        update(Delivery).where(Delivery.id == delivery_id).values(clicks=Delivery.clicks + 1)
    )
    return proved


async def count_learned(session: AsyncSession, *, delivery_id: int, lesson_id: int) -> None:
    """Somebody who came by this delivery's link completed its lesson; who it was is not kept."""
    lesson = ManuscriptVersion.body["lesson_id"]
    await session.execute(
        update(Delivery)
        .where(
            Delivery.id == delivery_id,
            Delivery.manuscript_id == Manuscript.id,
            ManuscriptVersion.manuscript_id == Manuscript.id,
            ManuscriptVersion.version == Manuscript.version,
            lesson.as_integer() == lesson_id,
        )
        .values(learned=Delivery.learned + 1)
        .execution_options(synchronize_session=False)
    )


async def _mark(
    session: AsyncSession, values: dict[str, Any], *which: ColumnElement[bool]
) -> list[Delivery]:
    rows = update(Delivery).where(*which).values(**values).returning(Delivery)
    return list(await session.scalars(rows.execution_options(populate_existing=True)))
