"""An account's publishing plan and calendar as rows: the slots, the closed days, what is taken."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import day_start, local_day
from app.core.errors import Conflict, Invalid
from app.editorial.models import Manuscript, ManuscriptVersion
from app.people.models import Organisation
from app.people.queries import lineage_of, org_by_code
from app.push import publications, quotas
from app.push.account_models import ClosedDay, PublishingPlan
from app.push.models import Publication
from app.push.outlets import Outlet, method_of
from app.push.planner import Calendar, Rhythm

TAKING = ("scheduled", "publishing", "published", "unknown")
"""States of an issue that takes its place in the week; one in doubt may have gone out."""
WAITING = ("draft", "first_review", "second_review", "final_review", "approved")
WEEKDAYS = frozenset(range(1, 8))
WENT_OUT = func.coalesce(Publication.submitted_at, Manuscript.scheduled_at)


class PlanUnsuitable(Invalid):
    title = "发布计划不合理：每周至少一期，上限不小于下限，且不多于时段数"


class DayClosedOtherwise(Conflict):
    title = "这一天已因别的原因停止发布"


async def plan_of(session: AsyncSession, *, outlet: Outlet) -> PublishingPlan:
    """The account's plan, on first use the default one. Raises OrganisationNotFound (no town)."""
    found = await session.get(PublishingPlan, outlet.appid)
    if found is not None:
        return found
    town = await org_by_code(session, outlet.town_code)
    usual = Rhythm()
    row = insert(PublishingPlan).values(
        appid=outlet.appid, org_id=town.id, weekdays=sorted(usual.weekdays), at=usual.at
    )
    await session.execute(row.on_conflict_do_nothing())
    return await session.get_one(PublishingPlan, outlet.appid)


async def lock_plan(session: AsyncSession, *, outlet: Outlet) -> PublishingPlan:
    """The plan, with everybody else who schedules an issue waiting for us."""
    lock = func.hashtextextended(f"plan:{outlet.appid}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    return await plan_of(session, outlet=outlet)


async def change_plan(
    session: AsyncSession,
    *,
    outlet: Outlet,
    weekdays: Sequence[int],
    at: time,
    week_min: int,
    week_max: int,
) -> PublishingPlan:
    """What is scheduled stays where it is. Raises PlanUnsuitable."""
    days = sorted(set(weekdays))
    if not days or not set(days) <= WEEKDAYS or not 1 <= week_min <= week_max:
        raise PlanUnsuitable
    if len(days) < week_min:
        raise PlanUnsuitable
    plan = await lock_plan(session, outlet=outlet)
    plan.weekdays, plan.at, plan.week_min, plan.week_max = days, at, week_min, week_max
    await session.flush()
    return plan


def rhythm_of(plan: PublishingPlan) -> Rhythm:
    return Rhythm(frozenset(plan.weekdays), plan.at, plan.week_min, plan.week_max)


async def calendar_of(
    session: AsyncSession,
    *,
    outlet: Outlet,
    plan: PublishingPlan,
    without: int | None = None,
    since: date,
) -> Calendar:
    """What stands in the way from this day's week on; `without` leaves one issue out."""
    start = day_start(since) - timedelta(days=7)
    mass = method_of(outlet, month_left=True) == "mass"
    months = mass and method_of(outlet, month_left=False) == "mass"
    used_up: frozenset[date] = frozenset()
    if mass:
        used_up = await quotas.used_up_days(session, outlet=outlet, months=months, since=since)
    rows = select(WENT_OUT).select_from(Manuscript)
    rows = rows.outerjoin(Publication, Publication.manuscript_id == Manuscript.id)
    taken = rows.where(Manuscript.kind == "issue", Manuscript.state.in_(TAKING), start <= WENT_OUT)
    if without is not None:
        taken = taken.where(Manuscript.id != without)
    return Calendar(
        closed=await closed_days(session, org_id=plan.org_id, since=local_day(start)),
        taken=tuple(await session.scalars(taken.order_by(WENT_OUT))),
        used_up=used_up,
        once_a_day=mass and quotas.limits_of(outlet).day is not None,
    )


async def closed_days(session: AsyncSession, *, org_id: int, since: date) -> dict[date, str]:
    """Closed days and why, those ordered further up included."""
    lineage = await lineage_of(session, org_id)
    rows = select(ClosedDay.local_day, ClosedDay.reason).where(
        ClosedDay.org_id.in_(lineage), ClosedDay.local_day >= since
    )
    return {row.local_day: row.reason for row in await session.execute(rows)}


async def close_day(
    session: AsyncSession, *, org_id: int, day: date, reason: str, by_id: int | None
) -> ClosedDay:
    """Nothing is published on this day. Raises DayClosedOtherwise if it has another reason."""
    row = insert(ClosedDay).values(org_id=org_id, local_day=day, reason=reason, made_by_id=by_id)
    await session.execute(row.on_conflict_do_nothing())
    closed = await session.get_one(ClosedDay, (org_id, day), populate_existing=True)
    if closed.reason != reason:
        raise DayClosedOtherwise(reason=closed.reason)
    return closed


async def open_day(session: AsyncSession, *, org_id: int, day: date) -> None:
    await session.execute(
        delete(ClosedDay).where(ClosedDay.org_id == org_id, ClosedDay.local_day == day)
    )


def _in_week(monday: date) -> ColumnElement[bool]:
    start = day_start(monday)
    return (start <= WENT_OUT) & (start + timedelta(days=7) > WENT_OUT)


async def issues_of_week(
    session: AsyncSession, *, monday: date
) -> list[tuple[Manuscript, datetime | None]]:
    """The issues of a week with the instant of each, and those that wait for one (None)."""
    waiting = Manuscript.state.in_(WAITING)
    rows = (
        select(Manuscript, WENT_OUT)
        .outerjoin(Publication, Publication.manuscript_id == Manuscript.id)
        .where(Manuscript.kind == "issue", or_(waiting, _in_week(monday)))
        .order_by(WENT_OUT.nulls_last(), Manuscript.id)
    )
    return [(one, None if one.state in WAITING else at) for one, at in await session.execute(rows)]


async def pushes_of_week(
    session: AsyncSession, *, monday: date, org_id: int
) -> list[tuple[Manuscript, str, str]]:
    """The pushes of a week below an organisation, each with its organisation's code and day."""
    days = [(monday + timedelta(days=n)).isoformat() for n in range(7)]
    body = ManuscriptVersion.body["date"].astext
    rows = (
        select(Manuscript, Organisation.code, body)
        .join(Organisation, Organisation.id == Manuscript.org_id)
        .join(
            ManuscriptVersion,
            (ManuscriptVersion.manuscript_id == Manuscript.id)
            & (ManuscriptVersion.version == Manuscript.version),
        )
        .where(
            Manuscript.kind == "push",
            Organisation.lineage.contains([org_id]),
            Manuscript.made_at >= day_start(monday) - timedelta(days=60),
            body.in_(days),
        )
        .order_by(body, Manuscript.id)
    )
    return [(one, code, day) for one, code, day in await session.execute(rows)]


async def count_issues(session: AsyncSession, *, monday: date) -> Mapping[str, int]:
    """The same by state."""
    return Counter(issue.state for issue, _ in await issues_of_week(session, monday=monday))


async def count_overdue(session: AsyncSession, *, monday: date, now: datetime) -> int:
    """The issues of a week that a person should have published by now."""
    rows = (
        select(func.count())
        .select_from(Manuscript)
        .join(Publication, Publication.manuscript_id == Manuscript.id)
        .where(
            Manuscript.kind == "issue",
            Manuscript.state == "publishing",
            Publication.state == "by_hand",
            Manuscript.scheduled_at <= now - publications.BY_HAND_WITHIN,
            _in_week(monday),
        )
    )
    return await session.scalar(rows) or 0
