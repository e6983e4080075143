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
from app.push import deliveries, groups, tasks
from app.push.deliveries import Outcome, end, notice_of
from app.push.links import Links
from app.push.texts import customer_group_text

WAITING, SENT, NOT_THEIRS, FULL = range(4)
"""get_groupmsg_send_result (developer.work.weixin.qq.com 93338): 0 未发送, 1 已发送, 2 因客户不是
好友导致发送失败, 3 因客户已经收到其他群发消息导致发送失败."""
OPEN = ("handed_over", "unknown")
SOONEST, LATEST = timedelta(minutes=2), timedelta(minutes=30)
"""Between two looks: as long as it has lasted so far, within these."""
CONFIRMED = "群主已确认，企业微信已发送"
REFUSALS = {NOT_THEIRS: "该客户群已不属于群主", FULL: "该客户群已收到其他群发，企业微信没有发送"}


@dataclass(frozen=True)
class Check:
    """What has to be asked about one delivery; without `msg_id` it has to be found first."""

    delivery_id: int
    claimed_at: datetime
    sender: str
    chat_id: str
    text: str
    msg_id: str | None


async def look_at(
    session: AsyncSession, *, delivery_id: int, links: Links, corp_id: str | None, now: datetime
) -> Check | None:
    """None once there is nothing (more) to ask."""
    manuscript, delivery = await deliveries.lock(session, delivery_id=delivery_id)
    group = await groups.get_group(session, group_id=delivery.group_id)
    waits = delivery.state in OPEN and delivery.channel == "wecom_customer_group"
    if not waits or delivery.local_day != local_day(now) or delivery.claimed_at is None:
        return None
    sender = await userid_of(session, person_id=group.owner_id, corp_id=corp_id)
    if sender is None or group.address is None:
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
    )


async def settle(
    session: AsyncSession, *, check: Check, msg_id: str, status: int | None, now: datetime
) -> datetime | None:
    """Write down what WeCom said; when to ask again, or None. `status` None: it did not answer."""
    _, delivery = await deliveries.lock(session, delivery_id=check.delivery_id)
    if delivery.claimed_at != check.claimed_at or delivery.state not in OPEN:
        return None
    if delivery.state == "unknown":
        # The task is there after all: no doubt is left, only the owner's tap.
        end(delivery, Outcome("handed_over", detail="等待群主确认", platform_ref=msg_id), now)
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
        await delivery_alerts.failed(session, delivery=delivery, now=now)
    else:
        lasted = now - check.claimed_at
        return now + min(max(lasted, SOONEST), LATEST)
    await conclude(session, manuscript_id=delivery.manuscript_id, now=now)
    return None
