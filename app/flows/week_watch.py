"""Nobody has to remember the week: reminders, the week at risk, the hand that is overdue."""

from datetime import date, datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day, local_text
from app.core.schedule import ScheduleRun
from app.editorial.models import Manuscript
from app.flows import notices
from app.people.errors import OrganisationNotFound
from app.push import plans, tasks
from app.push.account_models import PublishingPlan
from app.push.models import Task
from app.push.outlets import Outlet
from app.push.planner import Week, empty_slots, instant_of, monday_of, week_of

REMINDERS = (
    (timedelta(hours=48), "editor", "48 小时内要发布，还没有审定的内容，请抓紧组稿送审"),
    (timedelta(hours=24), "admin", "24 小时内要发布，还没有审定的内容，请督促编辑"),
)


async def watch_week(session: AsyncSession, *, outlet: Outlet, now: datetime) -> None:
    """Each reminder once; the task about a week at risk closes by itself when all is well."""
    try:
        plan = await plans.plan_of(session, outlet=outlet)
    except OrganisationNotFound:
        return  # Nothing has been imported yet.
    await _remind_of_slots(session, outlet, plan, now)
    monday = monday_of(local_day(now))
    week = await report(session, outlet=outlet, plan=plan, monday=monday, now=now)
    await _watch_risks(session, plan, week, now)
    await _remind_of_decisions(session, now)


async def report(
    session: AsyncSession, *, outlet: Outlet, plan: PublishingPlan, monday: date, now: datetime
) -> Week:
    """One ISO week: its slots, its issues by state, and what puts it at risk."""
    return week_of(
        plans.rhythm_of(plan),
        await plans.calendar_of(session, outlet=outlet, plan=plan, since=monday),
        monday=monday,
        counts=await plans.count_issues(session, monday=monday),
        overdue=await plans.count_overdue(session, monday=monday, now=now),
        now=now,
    )


async def _remind_of_slots(
    session: AsyncSession, outlet: Outlet, plan: PublishingPlan, now: datetime
) -> None:
    calendar = await plans.calendar_of(session, outlet=outlet, plan=plan, since=local_day(now))
    counts = await plans.count_issues(session, monday=monday_of(local_day(now)))
    for before, role, words in REMINDERS:
        for slot in empty_slots(
            plans.rhythm_of(plan),
            calendar,
            approved=counts.get("approved", 0),
            now=now,
            within=before,
        ):
            key = f"slot-{before // timedelta(hours=1)}:{outlet.appid}:{slot.isoformat()}"
            if await _first_time(session, key, slot, now):
                text = f"公众号 {local_text(slot)} 的一期{words}。"
                await notices.tell_role(
                    session, key=key, role=role, org_id=plan.org_id, text=text, now=now
                )


async def _first_time(session: AsyncSession, key: str, slot: datetime, now: datetime) -> bool:
    """A reminder is a run of a schedule, so that the minutes after it need not ask every letter."""
    row = insert(ScheduleRun).values(name=key, due_at=slot, deferred_at=now)
    made = await session.scalar(row.on_conflict_do_nothing().returning(ScheduleRun.name))
    return made is not None


async def _watch_risks(
    session: AsyncSession, plan: PublishingPlan, week: Week, now: datetime
) -> None:
    key = f"week_at_risk:{plan.appid}:{week.monday.isoformat()}"
    if week.risks:
        text = "；".join(week.risks) + "。"
        news = await tasks.raise_task(
            session,
            key=key,
            kind="week_at_risk",
            org_id=plan.org_id,
            person_id=None,
            role="admin",
            title="本周的期刊有落空的风险",
            text=text,
            due_at=instant_of(week.monday + timedelta(days=7), plan.at),
            now=now,
        )
        if news:
            await notices.tell_role(
                session, key=f"{key}:{now.isoformat()}", role="admin", org_id=plan.org_id,
                text=f"本周的期刊有落空的风险\n{text}", now=now,
            )  # fmt: skip
    # Of this week only when all is well again; of earlier weeks in any case.
    over = [Task.kind == "week_at_risk", Task.state == "open", Task.org_id == plan.org_id]
    if week.risks:
        over.append(Task.key != key)
    await session.execute(
        update(Task)
        .where(*over)
        .values(state="dropped", closed_at=now, closed_reason="风险已解除，或这一周已过")
    )


async def _remind_of_decisions(session: AsyncSession, now: datetime) -> None:
    """An issue that still waits for a hand or a word after its time: the administrators, once."""
    rows = (
        select(Task, Manuscript.org_id)
        .join(Manuscript, Manuscript.id == Task.manuscript_id)
        .where(Task.kind.in_(tasks.DECISIONS), Task.state == "open", Task.due_at <= now)
    )
    for task, org_id in (await session.execute(rows)).all():
        key = f"overdue:{task.key}"
        if await _first_time(session, key, task.due_at, now):
            text = f"逾期未办：{task.title}，期限 {local_text(task.due_at)}。"
            await notices.tell_role(
                session, key=key, role="admin", org_id=org_id, text=text, now=now
            )
