"""The week as the staff plan it: slots, issues, pushes, closed days; and an issue's outcome."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import CurrentPerson, EmptyIsAbsent, Now, SessionDep, SettingsDep
from app.api.errors import problems
from app.api.idempotency import once
from app.api.issue_views import IssueOut, issue_out
from app.api.review_steps import ERRORS, ManuscriptId, manuscript_for
from app.api.schemas import Body, TownTime
from app.core.clock import local_day
from app.flows import publishing_calendar, settling, week_watch, weekly_issue
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.push import plans
from app.push.account_models import PublishingPlan
from app.push.outlets import Outlet, outlet_of
from app.push.planner import monday_of

router = APIRouter(prefix="/api/v1", tags=["weeks"])
FIRST, LAST = date(2000, 1, 10), date(2999, 12, 1)
Day = Annotated[date, Path(ge=FIRST, le=LAST, description="A civil day of the town")]


class SlotOut(BaseModel):
    at: datetime = Field(description="When")
    closed: str | None = Field(description="Why nothing is published on this day; null: open")
    taken: bool = Field(description="Whether an issue stands on this day")


class WeekIssueOut(BaseModel):
    id: int = Field(description="The issue's id")
    title: str = Field(description="Title of its first article")
    state: str = Field(description="draft, …, approved, scheduled, publishing, published, …")
    at: datetime | None = Field(description="When it goes, or went, out; null: not yet scheduled")


class WeekPushOut(BaseModel):
    id: int = Field(description="The push's id")
    state: str = Field(description="draft, …, scheduled, published, …")
    org_code: str = Field(description="Whose push it is")
    date: str = Field(description="Its civil day")


class WeekOut(BaseModel):
    monday: date = Field(description="First day of the ISO week")
    slots: list[SlotOut] = Field(description="The slots of the plan")
    issues: list[WeekIssueOut] = Field(
        description="The issues of this week, and those that wait for a slot"
    )
    pushes: list[WeekPushOut] = Field(description="The daily pushes of this week")
    counts: dict[str, int] = Field(description="Issues by state")
    at_risk: bool = Field(description="Whether the week may end without enough issues")
    reasons: list[str] = Field(description="Why, in Chinese")
    closed_days: dict[date, str] = Field(description="Closed days from this week on, with reasons")


class PlanIn(Body):
    weekdays: list[Annotated[int, Field(ge=1, le=7)]] = Field(
        min_length=1, max_length=7, description="1 = Monday"
    )
    at: TownTime = Field(description="Time of day in town, e.g. 18:00")
    week_min: int = Field(ge=1, le=7, description="Fewer issues put the week at risk")
    week_max: int = Field(ge=1, le=7, description="More are refused")


class PlanOut(BaseModel):
    appid: str = Field(description="The official account")
    org_code: str = Field(description="Whose account it is")
    weekdays: list[int] = Field(description="1 = Monday")
    at: TownTime = Field(description="Time of day in town")
    week_min: int = Field(description="Fewer issues put the week at risk")
    week_max: int = Field(description="More are refused")


class ClosedDayIn(Body):
    reason: str = Field(min_length=2, max_length=200, description="Why nothing is published")


class ClosedDayOut(BaseModel):
    day: date = Field(description="The civil day")
    reason: str = Field(description="Why nothing is published")


class OutcomeIn(Body):
    decision: Literal["published", "retry", "give_up"] = Field(
        description="It is out; try again, as another attempt; it will not appear"
    )
    reason: str = Field(min_length=2, max_length=500, description="What was found, or decided")
    url: str | None = Field(
        default=None,
        max_length=1000,
        pattern=r"^https?://[^\s]+$",
        description="Where it can be read, if published",
    )


@router.get("/weeks", summary="The calendar of a week", responses=problems(401, 403, 404, 429))
async def get_week(
    actor: CurrentPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    date: Annotated[
        date | None,
        Query(ge=FIRST, le=LAST, description="Any day of the week; absent: today"),
        EmptyIsAbsent,
    ] = None,
) -> WeekOut:
    """For tutors, editors and administrators of the account's organisation."""
    outlet = outlet_of(settings)
    plan = await _plan_for(session, outlet, actor, "see")
    monday = monday_of(date or local_day(now))
    week = await week_watch.report(session, outlet=outlet, plan=plan, monday=monday, now=now)
    issues = await plans.issues_of_week(session, monday=monday)
    pushes = await plans.pushes_of_week(session, monday=monday, org_id=plan.org_id)
    return WeekOut(
        monday=monday,
        slots=[SlotOut(at=one.at, closed=one.closed, taken=one.taken) for one in week.slots],
        issues=[
            WeekIssueOut(
                id=one.id, title=await settling.title_of(session, one), state=one.state, at=at
            )
            for one, at in issues
        ],
        pushes=[
            WeekPushOut(id=one.id, state=one.state, org_code=code, date=day)
            for one, code, day in pushes
        ],
        counts=dict(week.counts),
        at_risk=bool(week.risks),
        reasons=list(week.risks),
        closed_days=await plans.closed_days(session, org_id=plan.org_id, since=monday),
    )


@router.get(
    "/publishing-plan", summary="When the account publishes", responses=problems(401, 403, 404, 429)
)
async def get_plan(actor: CurrentPerson, session: SessionDep, settings: SettingsDep) -> PlanOut:
    return await _plan_out(session, await _plan_for(session, outlet_of(settings), actor, "see"))


@router.put("/publishing-plan", summary="Change when the account publishes", responses=ERRORS)
@once
async def set_plan(
    body: PlanIn, actor: CurrentPerson, session: SessionDep, settings: SettingsDep, now: Now
) -> PlanOut:
    """By an administrator. What is scheduled already stays where it is."""
    outlet = outlet_of(settings)
    await _plan_for(session, outlet, actor, "administer")
    plan = await publishing_calendar.change_plan(
        session,
        outlet=outlet,
        weekdays=body.weekdays,
        at=body.at,
        week_min=body.week_min,
        week_max=body.week_max,
        by_id=actor.person_id,
        now=now,
    )
    return await _plan_out(session, plan)


@router.put("/closed-days/{day}", summary="Publish nothing on a day", responses=ERRORS)
@once
async def close_day(
    day: Day,
    body: ClosedDayIn,
    actor: CurrentPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> ClosedDayOut:
    """What is scheduled for it goes out on the next day that is free."""
    plan = await _plan_for(session, outlet_of(settings), actor, "publish")
    closed = await publishing_calendar.close_day(
        session, org_id=plan.org_id, day=day, reason=body.reason, by_id=actor.person_id, now=now
    )
    return ClosedDayOut(day=closed.local_day, reason=closed.reason)


@router.delete("/closed-days/{day}", summary="Open a day again", status_code=204, responses=ERRORS)
@once
async def open_day(
    day: Day, actor: CurrentPerson, session: SessionDep, settings: SettingsDep, now: Now
) -> None:
    plan = await _plan_for(session, outlet_of(settings), actor, "publish")
    await publishing_calendar.open_day(
        session, org_id=plan.org_id, day=day, by_id=actor.person_id, now=now
    )


@router.post(
    "/issues/{manuscript_id}/outcome", summary="Decide about an issue that failed or is in doubt",
    responses=ERRORS, tags=["issues"],
)  # fmt: skip
@once
async def decide(
    manuscript_id: ManuscriptId,
    body: OutcomeIn,
    actor: CurrentPerson,
    session: SessionDep,
    now: Now,
) -> IssueOut:
    """Also for one that waits for a person's hand; it may not be retried, only done or given up."""
    await manuscript_for(
        session, kind="issue", manuscript_id=manuscript_id, actor=actor, may=policy.can_publish
    )
    manuscript = await weekly_issue.decide(
        session,
        manuscript_id=manuscript_id,
        by_id=actor.person_id,
        decision=body.decision,
        reason=body.reason,
        url=body.url,
        now=now,
    )
    return await issue_out(session, manuscript, actor)


RIGHTS = {
    "see": policy.can_see_pushing,
    "publish": policy.can_publish,
    "administer": policy.can_administer,
}


async def _plan_for(
    session: AsyncSession, outlet: Outlet, actor: Actor, right: str
) -> PublishingPlan:
    plan = await plans.plan_of(session, outlet=outlet)
    if not RIGHTS[right](actor, await people.lineage_of(session, plan.org_id)):
        raise NotYourBranch
    return plan


async def _plan_out(session: AsyncSession, plan: PublishingPlan) -> PlanOut:
    org = await people.get_organisation(session, plan.org_id)
    return PlanOut(
        appid=plan.appid,
        org_code=org.code,
        weekdays=plan.weekdays,
        at=plan.at,
        week_min=plan.week_min,
        week_max=plan.week_max,
    )
