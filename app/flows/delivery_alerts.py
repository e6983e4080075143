"""Who is told of a delivery that failed, is in doubt or overdue: a task, and a letter with it."""

from datetime import UTC, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import TOWN, day_start
from app.flows import notices
from app.push import groups, tasks
from app.push.models import Delivery

FAILED, DOUBT, OVERDUE = "delivery_failed", "delivery_doubt", "delivery_overdue"
DAY = timedelta(days=1)


def key_of(kind: str, delivery: Delivery) -> str:
    """One for each attempt: what is tried again may fail again."""
    attempt = delivery.claimed_at or delivery.due_at
    return f"{kind}:{delivery.id}:{attempt.astimezone(UTC).isoformat()}"


async def failed(session: AsyncSession, *, delivery: Delivery, now: datetime) -> None:
    """The administrator gets a task; the group's owner is told."""
    group = await groups.get_group(session, group_id=delivery.group_id)
    text = f"“{group.name}”今天的学习推送没有送达：{delivery.detail}。"
    await notices.tell(
        session,
        key=key_of(FAILED, delivery),
        person_id=group.owner_id,
        kind="duty",
        text=f"{text}请与管理员联系，需要时先手工转发。",
        now=now,
    )
    await ask_administrator(
        session,
        delivery=delivery,
        kind=FAILED,
        title=f"推送失败：{group.name}",
        text=f"{text}可以重试、标记已送达或放弃，并写明理由。",
        now=now,
    )


async def in_doubt(session: AsyncSession, *, delivery: Delivery, now: datetime) -> None:
    group = await groups.get_group(session, group_id=delivery.group_id)
    await ask_administrator(
        session,
        delivery=delivery,
        kind=DOUBT,
        title=f"是否送达未知：{group.name}",
        text=f"“{group.name}”今天的学习推送不知道是否送达：{delivery.detail}。系统不会自动重发。"
        "请到群里看一眼：有，标记已送达；没有，重试或放弃。",
        now=now,
    )


async def overdue(session: AsyncSession, *, delivery: Delivery, now: datetime) -> None:
    group = await groups.get_group(session, group_id=delivery.group_id)
    await ask_administrator(
        session,
        delivery=delivery,
        kind=OVERDUE,
        title=f"还没有转发：{group.name}",
        text=f"“{group.name}”今天的学习推送到了截止时间还没有转发，已提醒过负责人。"
        "请与负责人联系；已转发的，标记已送达。",
        now=now,
    )


async def ask_administrator(
    session: AsyncSession, *, delivery: Delivery, kind: str, title: str, text: str, now: datetime
) -> None:
    """A task for whoever administers the group's organisation, who is told of it.

    Told once an hour of each kind: when a platform is down, thousands fail, and an account may send
    a person five messages in 48 hours.
    """
    group = await groups.get_group(session, group_id=delivery.group_id)
    key = key_of(kind, delivery)
    opened = await tasks.open_task(
        session,
        key=key,
        kind=kind,
        org_id=group.org_id,
        person_id=None,
        role="admin",
        title=title,
        text=text,
        due_at=day_start(delivery.local_day) + DAY,
        delivery_id=delivery.id,
        now=now,
    )
    if opened is not None:
        await notices.tell_role(
            session,
            key=f"{kind}:{now.astimezone(TOWN):%Y%m%d%H}",
            role="admin",
            org_id=group.org_id,
            text=f"{title}\n{text}\n其他群如有同样情况，也在待办里。",
            now=now,
        )
