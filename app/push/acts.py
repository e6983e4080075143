"""What a person may do about a delivery: say that it is done, try it again, give it up."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import Conflict, Invalid
from app.push import deliveries, handed_over
from app.push.deliveries import Outcome, end
from app.push.models import Delivery, DeliveryAct

REASON_MAX = 200
FORWARDED = "已转发"


class ActNeedsReason(Invalid):
    title = "请写明理由"


class DeliveryNotInThisState(Conflict):
    """Facts: `state`, the one it is in."""

    title = "这条推送现在的状态不能这样做，请刷新后再看"


class PushWithdrawn(Conflict):
    title = "这天的推送已撤回，不能再发"


class GroupTaskOpen(Conflict):
    title = "群主那里还有上一次的群发任务，系统正在取消，请过几分钟再试"


class DayIsOver(Conflict):
    title = "只能在当天重试，过了当天就不再推送"


async def mark_sent(
    session: AsyncSession, *, delivery_id: int, by_id: int, reason: str, now: datetime
) -> Delivery:
    """A person forwarded it, or saw it in the group. Once it counts as sent, nothing changes."""
    _, delivery = await deliveries.lock(session, delivery_id=delivery_id)
    if delivery.state == "sent":
        return delivery
    reason = _checked(delivery, reason, ("handed_over", "unknown", "failed"))
    await _keep(session, delivery, "sent", reason=reason, by_id=by_id, now=now)
    end(delivery, Outcome("sent", proof=f"由人确认：{reason}"), now)
    await session.flush()
    return delivery


async def retry(
    session: AsyncSession, *, delivery_id: int, by_id: int, reason: str, now: datetime
) -> Delivery:
    """Plan it once more, on the same day: the person answers for a second message, if it is one."""
    manuscript, delivery = await deliveries.lock(session, delivery_id=delivery_id)
    if delivery.state == "planned":
        return delivery
    reason = _checked(delivery, reason, ("failed", "unknown", "skipped"))
    if delivery.local_day != local_day(now):
        raise DayIsOver
    if manuscript.withdrawn_at is not None:
        raise PushWithdrawn
    if handed_over.has_open_task(delivery):
        raise GroupTaskOpen
    await _keep(session, delivery, "retry", reason=reason, by_id=by_id, now=now)
    delivery.state, delivery.next_try_at = "planned", now
    delivery.claimed_at = delivery.settled_at = delivery.detail = delivery.platform_ref = None
    # Somebody is at it: that it is late need not be told again.
    delivery.reminded_at, delivery.escalated_at = None, now
    await session.flush()
    return delivery


async def give_up(
    session: AsyncSession, *, delivery_id: int, by_id: int, reason: str, now: datetime
) -> Delivery:
    """Nothing more will be tried; the group goes without today."""
    _, delivery = await deliveries.lock(session, delivery_id=delivery_id)
    reason = _checked(delivery, reason, ("planned", "handed_over", "unknown", "failed"))
    await _keep(session, delivery, "give_up", reason=reason, by_id=by_id, now=now)
    end(delivery, Outcome("failed", detail=f"已放弃：{reason}"), now)
    await session.flush()
    return delivery


def _checked(delivery: Delivery, reason: str, states: tuple[str, ...]) -> str:
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_MAX:
        raise ActNeedsReason
    if delivery.state not in states:
        raise DeliveryNotInThisState(state=delivery.state)
    return reason


async def _keep(
    session: AsyncSession,
    delivery: Delivery,
    act: str,
    *,
    reason: str,
    by_id: int,
    now: datetime,
) -> None:
    kept = DeliveryAct(
        delivery_id=delivery.id,
        act=act,
        from_state=delivery.state,
        person_id=by_id,
        reason=reason,
        made_at=now,
    )
    session.add(kept)
    await session.flush()
