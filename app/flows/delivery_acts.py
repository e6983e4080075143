"""What people do about a delivery: staff by an act with a reason, the group by its clicks."""

from collections.abc import Awaitable, Callable
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.jobs import Job, defer
from app.flows.sending import conclude
from app.people import staff_acts
from app.push import acts, handed_over, tasks
from app.push.models import Delivery

Act = Callable[..., Awaitable[Delivery]]


async def mark_sent(
    session: AsyncSession, *, delivery_id: int, by_id: int, reason: str, now: datetime
) -> Delivery:
    """已转发, or seen in the group by somebody. Closing the task does the same."""
    return await _act(
        session, acts.mark_sent, delivery_id=delivery_id, by_id=by_id, reason=reason, now=now
    )


async def retry(
    session: AsyncSession, *, delivery_id: int, by_id: int, reason: str, now: datetime
) -> Delivery:
    """Once more, today, at once."""
    delivery = await _act(
        session, acts.retry, delivery_id=delivery_id, by_id=by_id, reason=reason, now=now
    )
    await queue(session, delivery_id=delivery_id)
    return delivery


async def give_up(
    session: AsyncSession, *, delivery_id: int, by_id: int, reason: str, now: datetime
) -> Delivery:
    return await _act(
        session, acts.give_up, delivery_id=delivery_id, by_id=by_id, reason=reason, now=now
    )


async def clicked(session: AsyncSession, *, delivery_id: int, now: datetime) -> None:
    """A phone of the group opened the link for the first time."""
    if not await handed_over.count_click(session, delivery_id=delivery_id, now=now):
        return
    delivery = await _close(session, delivery_id, None, handed_over.CLICKED, now)
    await conclude(session, manuscript_id=delivery.manuscript_id, now=now)


async def queue(session: AsyncSession, *, delivery_id: int) -> None:
    """Let a worker try to send it; a job that waits already is enough."""
    await defer(
        session, Job.SEND_DELIVERY, dedupe=f"delivery:{delivery_id}", delivery_id=delivery_id
    )


async def _act(
    session: AsyncSession,
    act: Act,
    *,
    delivery_id: int,
    by_id: int,
    reason: str,
    now: datetime,
) -> Delivery:
    await act(session, delivery_id=delivery_id, by_id=by_id, reason=reason, now=now)
    await staff_acts.note(
        session,
        person_id=by_id,
        act="delivery.settle",
        subject=f"delivery:{delivery_id}",
        facts={"act": act.__name__},
        now=now,
    )
    delivery = await _close(session, delivery_id, by_id, reason, now)
    await conclude(session, manuscript_id=delivery.manuscript_id, now=now)
    return delivery


async def _close(
    session: AsyncSession, delivery_id: int, by_id: int | None, reason: str, now: datetime
) -> Delivery:
    await tasks.close_tasks(
        session, delivery_id=delivery_id, by_id=by_id, reason=reason, done=True, now=now
    )
    return await session.get_one(Delivery, delivery_id)
