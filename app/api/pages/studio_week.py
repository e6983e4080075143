"""A week as it is planned: the pushes of a place day by day, the issues, and moving a push."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import EmptyIsAbsent, Now, SessionDep, SettingsDep
from app.api.pages.doors import StudioPerson, go
from app.api.pages.forgery import Form
from app.api.pages.router import page_router
from app.api.pages.studio_scope import Id, account_place, place_for, places_of, show, text_in
from app.api.review_steps import manuscript_for
from app.content import queries as content
from app.content.errors import LessonNotFound
from app.core.clock import local_day
from app.core.errors import Conflict, Invalid
from app.core.settings import Settings
from app.editorial import queries
from app.editorial.models import Manuscript
from app.flows import push_drafts, settling
from app.flows.push_drafts import AHEAD, MOVABLE, PushDateUnsuitable
from app.people import policy
from app.people import queries as people
from app.people.models import Organisation
from app.people.policy import Actor
from app.push import plans
from app.push.planner import monday_of

router = page_router("/studio/week")
FIRST, LAST = date(2000, 1, 10), date(2999, 12, 1)
GONE = "withdrawn"
CERTAIN = ("approved", "scheduled", "publishing", "published")
Day = Annotated[date | None, Query(ge=FIRST, le=LAST), EmptyIsAbsent]


@dataclass(frozen=True)
class Slot:
    """A push on its day. `movable`: by this person, in its state."""

    manuscript: Manuscript
    title: str
    place: str
    movable: bool


@dataclass(frozen=True)
class DayShown:
    """`free` of a push of the place itself; `above`: what its groups then get from further up."""

    day: date
    slots: tuple[Slot, ...]
    issues: tuple[tuple[Manuscript, str, datetime | None], ...]
    closed: str
    past: bool
    free: bool
    above: tuple[str, ...] = ()


@router.get("")
async def show_week(
    request: Request,
    actor: StudioPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    date: Day = None,
    org: Annotated[str | None, Query(max_length=64), EmptyIsAbsent] = None,
) -> Response:
    return await _page(request, session, actor, settings, org=org, around=date, now=now)


@router.post("/{manuscript_id}/move")
async def move(
    request: Request,
    manuscript_id: Id,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    """The plain form, which dragging fills in. Refusals stand over the calendar."""
    manuscript = await manuscript_for(
        session, kind="push", manuscript_id=manuscript_id, actor=actor, may=policy.can_write
    )
    place = await people.get_organisation(session, manuscript.org_id)
    org = text_in(form, "org")[:64] or place.code
    before = await _day_of(session, manuscript_id)
    try:
        day = date.fromisoformat(text_in(form, "day"))
    except ValueError:
        day = before
    try:
        async with session.begin_nested():
            await push_drafts.move(
                session,
                manuscript_id=manuscript_id,
                day=day,
                by_id=actor.person_id,
                based_on=text_in(form, "digest") or None,
                now=now,
            )
    except (Conflict, Invalid) as problem:
        return await _page(
            request, session, actor, settings, org=org, around=before, now=now,
            refused=problem.detail, status=400 if isinstance(problem, PushDateUnsuitable) else 409,
        )  # fmt: skip
    return go(request, f"/studio/week?date={day.isoformat()}&org={org}&said=moved")


async def _page(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    settings: Settings,
    *,
    org: str | None,
    around: date | None,
    refused: str = "",
    status: int = 200,
    now: datetime,
) -> Response:
    place = await place_for(session, actor, org)
    today = local_day(now)
    monday = monday_of(around or today)
    days = await _days(session, actor, settings, place, monday, today)
    free = await _free_days(session, place, monday, today)
    return show(
        request,
        "week.html",
        status=status,
        place=place,
        orgs=await places_of(session, actor),
        monday=monday,
        today=today,
        days=days,
        free=free,
        refused=refused,
        before=monday - timedelta(days=7),
        after=monday + timedelta(days=7),
    )


async def _days(
    session: AsyncSession,
    actor: Actor,
    settings: Settings,
    place: Organisation,
    monday: date,
    today: date,
) -> list[DayShown]:
    pushes = await plans.pushes_of_week(session, monday=monday, org_id=place.id)
    issues, closed = await _issues(session, actor, settings, monday)
    above = await _above(session, place, monday)
    shown = []
    for number in range(7):
        day = monday + timedelta(days=number)
        slots = [
            await _slot(session, actor, one)
            for one, _, on in pushes
            if on == day.isoformat() and one.state != GONE
        ]
        own = [one for one in slots if one.manuscript.org_id == place.id]
        shown.append(
            DayShown(
                day=day,
                slots=tuple(slots),
                issues=tuple(one for one in issues if one[2] and local_day(one[2]) == day),
                closed=closed.get(day, ""),
                past=day < today,
                free=not own and today <= day <= today + AHEAD,
                above=() if own else tuple(above.get(day, ())),
            )
        )
    return shown


async def _slot(session: AsyncSession, actor: Actor, manuscript: Manuscript) -> Slot:
    place = await people.get_organisation(session, manuscript.org_id)
    may = policy.can_write(actor, place.lineage) and manuscript.state in MOVABLE
    return Slot(manuscript, await _lesson_title(session, manuscript), place.name, movable=may)


async def _lesson_title(session: AsyncSession, manuscript: Manuscript) -> str:
    body = await queries.body_of(session, manuscript_id=manuscript.id)
    try:
        lesson = await content.get_lesson(
            session, lesson_id=body["lesson_id"], version_id=body["lesson_version_id"]
        )
    except LessonNotFound:
        return "（已下架的课）"
    return lesson.title


async def _above(session: AsyncSession, place: Organisation, monday: date) -> dict[date, list[str]]:
    """What is certain of the places above: their groups' push reaches this place's groups, too."""
    found: dict[date, list[str]] = {}
    for org_id in reversed(place.lineage[:-1]):
        upper = await people.get_organisation(session, org_id)
        for one, code, on in await plans.pushes_of_week(session, monday=monday, org_id=org_id):
            day = date.fromisoformat(on)
            if code == upper.code and one.state in CERTAIN and day not in found:
                found[day] = [f"{upper.name}：{await _lesson_title(session, one)}"]
    return found


async def _issues(
    session: AsyncSession, actor: Actor, settings: Settings, monday: date
) -> tuple[list[tuple[Manuscript, str, datetime | None]], dict[date, str]]:
    """Of the town's account, for who may see its plan; with the days on which nothing appears."""
    town = await account_place(session, settings)
    if town is None or not policy.can_see_pushing(actor, town.lineage):
        return [], {}
    rows = await plans.issues_of_week(session, monday=monday)
    found = [(one, await settling.title_of(session, one), at) for one, at in rows]
    return found, await plans.closed_days(session, org_id=town.id, since=monday)


async def _free_days(
    session: AsyncSession, place: Organisation, monday: date, today: date
) -> list[date]:
    """Of this week and the two around it: where a push of this place can be moved to."""
    taken = set()
    for week in (-1, 0, 1):
        start = monday + timedelta(weeks=week)
        for one, code, day in await plans.pushes_of_week(session, monday=start, org_id=place.id):
            if code == place.code and one.state != GONE:
                taken.add(date.fromisoformat(day))
    span = [monday + timedelta(days=number) for number in range(-7, 14)]
    return [one for one in span if today <= one <= today + AHEAD and one not in taken]


async def _day_of(session: AsyncSession, manuscript_id: int) -> date:
    body = await queries.body_of(session, manuscript_id=manuscript_id)
    return date.fromisoformat(body["date"])
