"""A customer group's task after it was made: its owner confirms in WeCom, or does not.

Also how a task whose answer was lost is found again: by its text, which no other task has.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.core.clock import local_day
from app.editorial import queries as editorial
from app.flows import delivery_alerts
from app.flows.sending import conclude, userid_of
from app.push import deliveries, groups, handed_over, tasks
from app.push.deliveries import Outcome, end, notice_of
from app.push.links import Links
from app.push.texts import customer_group_text

WAITING, SENT, NOT_THEIRS, FULL = range(4)
"""get_groupmsg_send_result (developer.work.weixin.qq.com 93338): 0 未发送, 1 已发送, 2 因客户不是
好友导致发送失败, 3 因客户已经收到其他群发消息导致发送失败."""
OPEN, OVER = ("handed_over", "unknown"), ("failed", "skipped")
SOONEST, LATEST = timedelta(minutes=2), timedelta(minutes=30)
"""Between two looks: as long as it has lasted so far, within these."""
CONFIRMED = "群主已确认，企业微信已发送"
REFUSALS = {NOT_THEIRS: "该客户群已不属于群主", FULL: "该客户群已收到其他群发，企业微信没有发送"}


@dataclass(frozen=True)
class Check:
    """What has to be asked about one delivery; without `msg_id` it has to be found first.

    `cancel`: the delivery is over, so its owner is to be kept from sending the task.
    """

    delivery_id: int
    claimed_at: datetime
    sender: str | None
    chat_id: str
    text: str
    msg_id: str | None
    cancel: bool


async def look_at(
    session: AsyncSession, *, delivery_id: int, links: Links, corp_id: str | None, now: datetime
) -> Check | None:
    """None once there is nothing (more) to ask."""
    manuscript, delivery = await deliveries.lock(session, delivery_id=delivery_id)
    group = await groups.get_group(session, group_id=delivery.group_id)
    cancel = delivery.state in OVER and handed_over.has_open_task(delivery)
    waits = delivery.state in OPEN and delivery.channel == "wecom_customer_group"
    waits = waits and delivery.local_day == local_day(now)
    if not (waits or cancel) or delivery.claimed_at is None:
        return None
    sender = await userid_of(session, person_id=group.owner_id, corp_id=corp_id)
    if group.address is None or (sender is None and not cancel):
        return None
    body = await editorial.body_of(session, manuscript_id=manuscript.id, version=manuscript.version)
    lesson = await content.get_lesson(
        session, lesson_id=body["lesson_id"], version_id=body["lesson_version_id"]
    )
    return Check(
        delivery_id=delivery_id,
        claimed_at=delivery.claimed_at,
        sender=sender,
        chat_id=group.address,
        text=customer_group_text(notice_of(delivery, lesson, body["text"], links=links)),
        msg_id=delivery.platform_ref,
        cancel=cancel,
    )


async def settle(
    session: AsyncSession, *, check: Check, msg_id: str, status: int | None, now: datetime
) -> datetime | None:
    """Write down what WeCom said; when to ask again, or None. `status` None: it did not answer."""
    manuscript, delivery = await deliveries.lock(session, delivery_id=check.delivery_id)
    if delivery.claimed_at != check.claimed_at or delivery.state not in OPEN:
        return None
    if delivery.state == "unknown":
        # The task is there after all: no doubt is left, only the owner's tap.
        found = Outcome("handed_over", detail="等待群主确认", platform_ref=msg_id)
        end(delivery, deliveries.unless_withdrawn(manuscript, found), now)
        await tasks.close_tasks(
            session,
            kind=delivery_alerts.DOUBT,
            delivery_id=delivery.id,
            by_id=None,
            reason="已在企业微信找到群发任务",
            done=True,
            now=now,
        )
    if status == SENT:
        end(delivery, Outcome("sent", proof=CONFIRMED), now)
        await tasks.close_tasks(
            session, delivery_id=delivery.id, by_id=None, reason=CONFIRMED, done=True, now=now
        )
    elif status in REFUSALS:
        end(delivery, Outcome("failed", detail=REFUSALS[status]), now)
        delivery.platform_ref = None  # The owner has tapped: nothing is left to cancel.
        await delivery_alerts.failed(session, delivery=delivery, now=now)
    elif delivery.state == "handed_over":
        lasted = now - check.claimed_at
        return now + min(max(lasted, SOONEST), LATEST)
    await conclude(session, manuscript_id=delivery.manuscript_id, now=now)
    return None


async def cancelled(
    session: AsyncSession, *, check: Check, status: int | None, now: datetime
) -> None:
    """Its owner cannot send it any more. What was sent before that is sent, whoever gave it up."""
    _, delivery = await deliveries.lock(session, delivery_id=check.delivery_id)
    if delivery.platform_ref != check.msg_id or delivery.state not in OVER:
        return
    if status == SENT:
        end(delivery, Outcome("sent", proof=CONFIRMED), now)
        await tasks.close_tasks(
            session, delivery_id=delivery.id, by_id=None, reason=CONFIRMED, done=True, now=now
        )
        await conclude(session, manuscript_id=delivery.manuscript_id, now=now)
    else:
        delivery.platform_ref = None
    await session.flush()
