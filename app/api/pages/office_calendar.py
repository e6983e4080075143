"""The week of the official account: slots, issues, pushes, closed days, and its rhythm."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import EmptyIsAbsent, Now, SessionDep, SettingsDep
from app.api.pages import office_forms as forms
from app.api.pages.doors import StaffPerson
from app.api.pages.forgery import Form
from app.api.pages.frame import WEEKDAYS
from app.api.pages.office_manuscript import free_slots
from app.api.pages.office_view import Right, go_on, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import TOWN, local_day
from app.core.errors import Invalid
from app.editorial.models import Manuscript
from app.flows import publishing_calendar, settling, week_watch
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.push import plans
from app.push.account_models import PublishingPlan
from app.push.outlets import Outlet, outlet_of
from app.push.planner import Week, monday_of

router = page_router("/desk/calendar")
ISO_WEEK = re.compile(r"(2\d{3})-W([0-5]\d)")
WeekName = Annotated[str | None, Query(max_length=10), EmptyIsAbsent]
WEEK = timedelta(days=7)


class NoSuchWeek(Invalid):
    title = "没有这一周"


class DayReasonMissing(Invalid):
    title = "请写明理由（2–200 个字）"


@dataclass(frozen=True)
class Entry:
    """What stands on a day: an issue, or an organisation's push."""

    id: int
    text: str
    state: str


@dataclass(frozen=True)
class Day:
    day: date
    name: str
    is_past: bool
    is_today: bool
    closed: str | None
    slots: tuple[datetime, ...]
    """Slots of the plan that nothing stands on yet."""
    entries: tuple[Entry, ...]


@router.get("")
async def show_week(
    request: Request,
    actor: StaffPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    week: WeekName = None,
) -> Response:
    outlet = outlet_of(settings)
    plan = await _plan_for(session, outlet, actor, policy.can_see_pushing)
    monday = _monday(week, local_day(now))
    report = await week_watch.report(session, outlet=outlet, plan=plan, monday=monday, now=now)
    issues = await plans.issues_of_week(session, monday=monday)
    closed = await plans.closed_days(session, org_id=plan.org_id, since=monday)
    lineage = await people.lineage_of(session, plan.org_id)
    days = await _days(session, plan, report, issues, closed, today=local_day(now))
    return show(
        request,
        "calendar.html",
        monday=monday,
        week=_name_of(monday),
        before=_name_of(monday - WEEK),
        after=_name_of(monday + WEEK),
        this_week=monday == monday_of(local_day(now)),
        days=days,
        risks=report.risks,
        waiting=[
            Entry(one.id, await settling.title_of(session, one), one.state)
            for one, at in issues
            if at is None
        ],
        closed=sorted(closed.items()),
        slots=await free_slots(session, settings, now=now),
        plan=plan,
        weekdays=[(number, f"周{name}", "") for number, name in enumerate(WEEKDAYS, 1)],
        publishes=policy.can_publish(actor, lineage),
        administers=policy.can_administer(actor, lineage),
        today=local_day(now),
    )


@router.post("/plan")
@once
async def change_plan(
    request: Request,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    """By an administrator. What is scheduled already stays where it is."""
    outlet = outlet_of(settings)
    await _plan_for(session, outlet, actor, policy.can_administer)
    chosen = forms.texts(form, "weekdays")
    if not chosen or not set(chosen) <= {str(number) for number in range(1, 8)}:
        raise forms.FieldUnsuitable("请至少选一天", field="weekdays")
    await publishing_calendar.change_plan(
        session,
        outlet=outlet,
        weekdays=[int(one) for one in chosen],
        at=forms.an_hour(form, "at"),
        week_min=forms.whole(form, "week_min", most=7),
        week_max=forms.whole(form, "week_max", most=7),
        by_id=actor.person_id,
        now=now,
    )
    return go_on(request, "/desk/calendar", "saved")


@router.post("/closed")
@once
async def close_day(
    request: Request,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    """What is scheduled for it goes out on the next day that is free."""
    plan = await _plan_for(session, outlet_of(settings), actor, policy.can_publish)
    day = forms.a_day(forms.text(form, "day"))
    if day < local_day(now):
        raise forms.FieldUnsuitable("这一天已经过去了", field="day")
    reason = _reason(forms.text(form, "reason"))
    await publishing_calendar.close_day(
        session, org_id=plan.org_id, day=day, reason=reason, by_id=actor.person_id, now=now
    )
    return go_on(request, f"/desk/calendar?week={_name_of(monday_of(day))}", "closed-day")


@router.post("/closed/{day}/open")
@once
async def open_day(
    request: Request,
    day: Annotated[date, Path()],
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    plan = await _plan_for(session, outlet_of(settings), actor, policy.can_publish)
    reason = _reason(forms.text(form, "reason"))
    await publishing_calendar.open_day(
        session, org_id=plan.org_id, day=day, reason=reason, by_id=actor.person_id, now=now
    )
    return go_on(request, f"/desk/calendar?week={_name_of(monday_of(day))}", "opened-day")


async def _plan_for(
    session: AsyncSession, outlet: Outlet, actor: Actor, may: Right
) -> PublishingPlan:
    plan = await plans.plan_of(session, outlet=outlet)
    if not may(actor, await people.lineage_of(session, plan.org_id)):
        raise NotYourBranch
    return plan


async def _days(
    session: AsyncSession,
    plan: PublishingPlan,
    week: Week,
    issues: Sequence[tuple[Manuscript, datetime | None]],
    closed: Mapping[date, str],
    *,
    today: date,
) -> list[Day]:
    entries: dict[date, list[Entry]] = {}
    for one, at in issues:
        if at is not None:
            hour = f"{at.astimezone(TOWN):%H:%M}"
            text = f"{hour} {await settling.title_of(session, one)}"
            entries.setdefault(local_day(at), []).append(Entry(one.id, text, one.state))
    for one, code, day in await plans.pushes_of_week(
        session, monday=week.monday, org_id=plan.org_id
    ):
        org = await people.org_by_code(session, code)
        text = f"推送 · {org.name}"
        entries.setdefault(date.fromisoformat(day), []).append(Entry(one.id, text, one.state))
    return [
        Day(
            day=day,
            name=f"周{WEEKDAYS[day.weekday()]}",
            is_past=day < today,
            is_today=day == today,
            closed=closed.get(day),
            slots=tuple(one.at for one in week.slots if local_day(one.at) == day and not one.taken),
            entries=tuple(entries.get(day, ())),
        )
        for day in (week.monday + timedelta(days=number) for number in range(7))
    ]


def _monday(week: str | None, today: date) -> date:
    """The first day of 2026-W48, of this week if none is asked for. Raises NoSuchWeek."""
    if week is None:
        return monday_of(today)
    found = ISO_WEEK.fullmatch(week)
    try:
        if found is None:
            raise NoSuchWeek
        return date.fromisocalendar(int(found[1]), int(found[2]), 1)
    except ValueError as error:
        raise NoSuchWeek from error


def _name_of(monday: date) -> str:
    year, week, _ = monday.isocalendar()
    return f"{year}-W{week:02}"


def _reason(words: str) -> str:
    if len(words) < 2:  # noqa: PLR2004  as its title says
        raise DayReasonMissing
    return words
