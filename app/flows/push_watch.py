"""Looking ahead: a town whose groups would go without, in the evening before and in the last hour.

Not written, withdrawn, not through its reviews, or with a lesson that is no longer what they read.
"""

from datetime import date, datetime, time, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import TOWN, local_day
from app.editorial.models import Manuscript
from app.flows import push_alerts
from app.flows.daily_push import DAY
from app.flows.push_alerts import NOT_APPROVED, missing_key
from app.people import queries as people
from app.push import deliveries, planning

EVENING = time(20, 30)
"""By then tomorrow's push has its three reviews, or the administrator hears of it."""
LAST_CALL = timedelta(hours=1)
"""Before the first group's hour."""
IN_REVIEW = ("draft", "first_review", "second_review", "final_review")
UNDER_WAY = ("approved", "scheduled", "publishing")


async def warn_unapproved(session: AsyncSession, *, now: datetime) -> None:
    """The administrator gets a task in the evening before, and one more in the last hour."""
    today = local_day(now)
    towns = set(await planning.towns_with_groups(session))
    if now.astimezone(TOWN).time() >= EVENING:
        for org_id, manuscript in (await _pushes(session, towns, today + DAY)).items():
            await _look_at(session, org_id, manuscript, today + DAY, "evening", now=now)
    for org_id, manuscript in (await _pushes(session, towns, today)).items():
        first = await planning.first_send_at(session, org_id=org_id, day=today)
        if first is not None and now >= first - LAST_CALL:
            await _look_at(session, org_id, manuscript, today, "morning", now=now)


async def _pushes(
    session: AsyncSession, towns: set[int], day: date
) -> dict[int, Manuscript | None]:
    """Whose push of the day somebody minds → the push, if there is one."""
    rows = await session.scalars(
        select(Manuscript)
        .where(Manuscript.kind == "push", Manuscript.key.like(f"push:%:{day.isoformat()}"))
        .order_by(Manuscript.org_id)
    )
    written = {one.org_id: one for one in rows if one.state != "withdrawn"}
    return {org_id: written.get(org_id) for org_id in sorted(towns | set(written))}


async def _look_at(
    session: AsyncSession,
    org_id: int,
    manuscript: Manuscript | None,
    day: date,
    when: str,
    *,
    now: datetime,
) -> None:
    org = await people.get_organisation(session, org_id)
    title = f"{org.name} {day.month}月{day.day}日"
    if manuscript is None:
        key = f"{missing_key(org_id, day)}:{when}"
        title, text = f"{title}还没有学习推送", "请写好推送并送审；没有，当天的群就没有推送。"
    elif manuscript.state in IN_REVIEW:
        key = f"{NOT_APPROVED}:{manuscript.id}:{when}"
        title, text = f"{title}的学习推送还没有通过三审", "请督促审稿；不通过，当天的群就没有推送。"
    else:
        stopped = manuscript.state not in UNDER_WAY or manuscript.withdrawn_at is not None
        if not stopped and not await deliveries.is_lesson_on_show(session, manuscript=manuscript):
            await push_alerts.lesson_gone(session, manuscript=manuscript, now=now)
        return
    await push_alerts.open_for_admin(
        session,
        key=key,
        kind=NOT_APPROVED,
        org_id=org_id,
        day=day,
        title=title,
        text=text,
        manuscript_id=None if manuscript is None else manuscript.id,
        now=now,
    )
