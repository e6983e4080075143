"""What an operator asks first about pushing: what is planned, what is late, what is in doubt."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.editorial import queries as editorial
from app.editorial.models import Manuscript
from app.flows import week_watch
from app.flows.editorial import title_of
from app.people.errors import OrganisationNotFound
from app.people.models import Organisation
from app.push import plans, reach, tasks
from app.push.outlets import Outlet
from app.push.planner import monday_of
from app.push.reach import DeliveryRow

LOOK_BACK = timedelta(days=7)
"""What is older than a week nobody mends any more."""
TROUBLED = ("unknown", "failed", "skipped")
ROWS = 100


@dataclass(frozen=True)
class IssueLine:
    id: int
    state: str
    at: datetime | None
    title: str


@dataclass(frozen=True)
class PushLine:
    """A day's push of one organisation, with its deliveries by state."""

    id: int
    state: str
    day: date
    org: str
    deliveries: Mapping[str, int]


@dataclass(frozen=True)
class Status:
    monday: date
    issues: Sequence[IssueLine]
    pushes: Sequence[PushLine]
    tasks: Mapping[str, int]
    troubled: Sequence[DeliveryRow]
    risks: Sequence[str]


async def look(session: AsyncSession, *, outlet: Outlet, now: datetime) -> Status:
    """Of this week, of today and tomorrow; `risks` are sentences for people."""
    today = local_day(now)
    monday = monday_of(today)
    return Status(
        monday=monday,
        issues=await _issues(session, monday),
        pushes=[
            line
            for day in (today, today + timedelta(days=1))
            for line in await _pushes(session, day)
        ],
        tasks=await tasks.count_open(session),
        troubled=await _troubled(session, today - LOOK_BACK),
        risks=await _risks(session, outlet, monday, now),
    )


async def _issues(session: AsyncSession, monday: date) -> list[IssueLine]:
    lines = []
    for one, at in await plans.issues_of_week(session, monday=monday):
        body = await editorial.body_of(session, manuscript_id=one.id)
        lines.append(IssueLine(one.id, one.state, at, title_of(one.kind, body)))
    return lines


async def _pushes(session: AsyncSession, day: date) -> list[PushLine]:
    rows = await session.execute(
        select(Manuscript, Organisation.name)
        .join(Organisation, Organisation.id == Manuscript.org_id)
        # The natural key of a push ends with its day (editorial.models).
        .where(Manuscript.kind == "push", Manuscript.key.like(f"push:%:{day.isoformat()}"))
        .order_by(Organisation.code)
    )
    return [
        PushLine(
            one.id,
            one.state,
            day,
            name,
            await reach.count_states(session, manuscript_id=one.id),
        )
        for one, name in rows.all()
    ]


async def _troubled(session: AsyncSession, since: date) -> list[DeliveryRow]:
    """In doubt or failed, skipped, or late (handed over or still planned), the newest first."""
    roots = await session.scalars(select(Organisation.id).where(Organisation.parent_id.is_(None)))
    page = await reach.list_deliveries(
        session,
        org_ids=list(roots),
        states=(*TROUBLED, "handed_over", "planned"),
        day=None,
        cursor=None,
        limit=ROWS,
    )
    return [
        one
        for one in page.items
        if one.local_day >= since and (one.state in TROUBLED or one.at_risk)
    ]


async def _risks(
    session: AsyncSession, outlet: Outlet, monday: date, now: datetime
) -> Sequence[str]:
    try:
        plan = await plans.plan_of(session, outlet=outlet)
    except OrganisationNotFound:
        return ("还没有导入本镇的机构",)
    week = await week_watch.report(session, outlet=outlet, plan=plan, monday=monday, now=now)
    overdue = await tasks.count_overdue(session, now=now)
    late = (f"逾期待办 {overdue} 项",) if overdue else ()
    return (*week.risks, *late)
