"""The account's rhythm and its closed days as staff set them, with entries in the audit log."""

from collections.abc import Sequence
from datetime import date, datetime, time

from sqlalchemy.ext.asyncio import AsyncSession

from app.people import staff_acts
from app.push import plans
from app.push.account_models import ClosedDay, PublishingPlan
from app.push.outlets import Outlet


async def change_plan(
    session: AsyncSession,
    *,
    outlet: Outlet,
    weekdays: Sequence[int],
    at: time,
    week_min: int,
    week_max: int,
    by_id: int,
    now: datetime,
) -> PublishingPlan:
    """What is scheduled stays where it is. Raises PlanUnsuitable."""
    plan = await plans.change_plan(
        session, outlet=outlet, weekdays=weekdays, at=at, week_min=week_min, week_max=week_max
    )
    await staff_acts.note(
        session,
        person_id=by_id,
        act="plan.change",
        subject=f"plan:{plan.appid}",
        facts={
            "weekdays": plan.weekdays,
            "at": f"{plan.at:%H:%M}",
            "week_min": plan.week_min,
            "week_max": plan.week_max,
        },
        now=now,
    )
    return plan


async def close_day(
    session: AsyncSession, *, org_id: int, day: date, reason: str, by_id: int, now: datetime
) -> ClosedDay:
    """Raises DayClosedOtherwise."""
    closed = await plans.close_day(session, org_id=org_id, day=day, reason=reason, by_id=by_id)
    await _note(session, "day.close", org_id, day, reason, by_id=by_id, now=now)
    return closed


async def open_day(
    session: AsyncSession,
    *,
    org_id: int,
    day: date,
    reason: str | None = None,
    by_id: int,
    now: datetime,
) -> None:
    await plans.open_day(session, org_id=org_id, day=day)
    await _note(session, "day.open", org_id, day, reason, by_id=by_id, now=now)


async def _note(
    session: AsyncSession,
    act: str,
    org_id: int,
    day: date,
    reason: str | None,
    *,
    by_id: int,
    now: datetime,
) -> None:
    facts = {"org_id": org_id, **({} if reason is None else {"reason": reason})}
    subject = f"day:{day.isoformat()}"
    await staff_acts.note(session, person_id=by_id, act=act, subject=subject, facts=facts, now=now)
