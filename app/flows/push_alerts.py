"""Who hears that a whole push is in trouble: one task for each push, a letter for whoever minds it.

A delivery's own trouble: app/flows/delivery_alerts.py.
"""

from datetime import date, datetime

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import TOWN, day_start, local_day
from app.editorial import queries
from app.editorial.models import Manuscript
from app.flows import notices
from app.flows.delivery_alerts import DAY
from app.people import queries as people
from app.push import overdue, planning, tasks
from app.push.models import Task

NOT_APPROVED = "push_not_approved"
LESSON_GONE, LATE, MISSED = "push_lesson_gone", "push_late", "push_missed"
WAYS_OUT = "请修改推送并重新送审，或手工转发。"


async def lesson_gone(session: AsyncSession, *, manuscript: Manuscript, now: datetime) -> None:
    """What the reviewers read is on show no more, so that no group gets this push."""
    day, title = await _name_of(session, manuscript)
    title = f"{title}：课程已更新或下架，推送发不出去"
    key = f"{LESSON_GONE}:{manuscript.id}:{manuscript.version}"
    text = f"三审看过的课程版本已经不在了，系统不会发送没有审过的内容。{WAYS_OUT}"
    await open_for_admin(
        session, key=key, kind=LESSON_GONE, org_id=manuscript.org_id, day=day, title=title,
        text=text, manuscript_id=manuscript.id, also=("editor",), now=now,
    )  # fmt: skip


async def not_sent(session: AsyncSession, *, manuscript_id: int, kind: str, now: datetime) -> None:
    """Groups that should have had it an hour ago (LATE), or had not when the day was over."""
    manuscript = await queries.get(session, manuscript_id)
    day, title = await _name_of(session, manuscript)
    detail = planning.MISSED if kind == MISSED else None
    number = await overdue.count(session, manuscript_id=manuscript_id, detail=detail)
    said = "当天没有发出" if kind == MISSED else "到时间一小时还没有发出"
    title = f"{title}：{number} 个群{said}"
    text = "每个群的原因见推送记录。请检查平台和服务，需要时手工转发。"
    key = f"{kind}:{manuscript_id}"
    opened = await open_for_admin(
        session, key=key, kind=kind, org_id=manuscript.org_id, day=max(day, local_day(now)),
        title=title, text=text, manuscript_id=manuscript_id, now=now,
    )  # fmt: skip
    if not opened:
        # More groups, later on: the task is there, a letter an hour is enough.
        key = f"{key}:{now.astimezone(TOWN):%m%d%H}"
        await notices.tell_role(
            session, key=key, role="admin", org_id=manuscript.org_id, text=f"{title}\n{text}",
            now=now,
        )  # fmt: skip


async def open_for_admin(
    session: AsyncSession,
    *,
    key: str,
    kind: str,
    org_id: int,
    day: date,
    title: str,
    text: str,
    manuscript_id: int | None,
    also: tuple[str, ...] = (),
    now: datetime,
) -> bool:
    """A task due at the first group's hour, or tonight; with a letter, also to these roles."""
    first = await planning.first_send_at(session, org_id=org_id, day=day)
    opened = await tasks.open_task(
        session,
        key=key,
        kind=kind,
        org_id=org_id,
        person_id=None,
        role="admin",
        title=title,
        text=text,
        due_at=first if first is not None and first > now else day_start(day) + DAY,
        manuscript_id=manuscript_id,
        now=now,
    )
    if opened is None:
        return False
    for role in ("admin", *also):
        await notices.tell_role(
            session, key=f"{key}:{role}", role=role, org_id=org_id, text=f"{title}\n{text}", now=now
        )
    return True


async def close_scheduled(
    session: AsyncSession, *, manuscript: Manuscript, day: date, by_id: int | None, now: datetime
) -> None:
    """It has its reviews and its day: whatever was asked for until then is done."""
    for kind in (NOT_APPROVED, LESSON_GONE):
        await tasks.close_tasks(
            session, kind=kind, manuscript_id=manuscript.id, by_id=by_id, reason="已排期",
            done=True, now=now,
        )  # fmt: skip
    # Those of the time when there was no manuscript yet.
    await session.execute(
        update(Task)
        .where(Task.key.startswith(missing_key(manuscript.org_id, day)), Task.state == "open")
        .values(state="done", closed_at=now, closed_by_id=by_id, closed_reason="已排期")
        .execution_options(synchronize_session=False)
    )


def missing_key(org_id: int, day: date) -> str:
    return f"{NOT_APPROVED}:{org_id}:{day}"


async def _name_of(session: AsyncSession, manuscript: Manuscript) -> tuple[date, str]:
    body = await queries.body_of(session, manuscript_id=manuscript.id, version=manuscript.version)
    day = date.fromisoformat(body["date"])
    org = await people.get_organisation(session, manuscript.org_id)
    return day, f"{org.name} {day.month}月{day.day}日的学习推送"
