"""Deliveries that wait for a person: clicks in the group prove that somebody forwarded."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial.models import Manuscript, ManuscriptVersion
from app.push import deliveries
from app.push.deliveries import WITHDRAWN, Outcome, end
from app.push.models import Delivery, Group, Task

CLICKED = "群内已有人点开"
PROVABLE = ("handed_over", "unknown")


def has_open_task(delivery: Delivery) -> bool:
    """Whether WeCom still offers a customer group's owner to send it, as far as is known."""
    return delivery.channel == "wecom_customer_group" and delivery.platform_ref is not None


async def stop_all(
    session: AsyncSession, *, manuscript_id: int, reason: str, now: datetime
) -> Sequence[tuple[Delivery, Group]]:
    """Nothing of this push is to go out any more; returns what people have in hand, by owner.

    The manuscript is locked by the caller.
    """
    detail = f"{WITHDRAWN}：{reason.strip()}"
    mine = Delivery.manuscript_id == manuscript_id
    planned = update(Delivery).where(mine, Delivery.state == "planned")
    await session.execute(planned.values(state="skipped", settled_at=now, detail=detail))
    rows = (
        select(Delivery, Group)
        .join(Group, Group.id == Delivery.group_id)
        .where(mine, Delivery.state == "handed_over")
        .order_by(Group.owner_id, Delivery.id)
        .with_for_update(of=Delivery, key_share=True)
        .execution_options(populate_existing=True)
    )
    found = [(delivery, group) for delivery, group in await session.execute(rows)]
    for delivery, _ in found:
        end(delivery, Outcome("skipped", detail=detail), now)
    await session.flush()
    return found


async def drop_tasks(
    session: AsyncSession, *, delivery_ids: Sequence[int], reason: str, now: datetime
) -> None:
    """Nobody need do anything about these, all in one statement."""
    await session.execute(
        update(Task)
        .where(Task.delivery_id.in_(delivery_ids), Task.state == "open")
        .values(state="dropped", closed_at=now, closed_by_id=None, closed_reason=reason)
        .execution_options(synchronize_session=False)
    )


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


async def count_learned(
    session: AsyncSession, *, delivery_id: int, lesson_id: int, learned: int
) -> None:
    """So many who came by this delivery's link completed its lesson; who they were is not kept."""
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
        .values(learned=Delivery.learned + learned)
        .execution_options(synchronize_session=False)
    )
