"""Activities in a place: announced, signed in to by code, and who was really there."""

from datetime import datetime, time
from typing import Annotated, Any

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep, WeChatDep
from app.api.pages.doors import StudioPerson, WebPersonFirst, go
from app.api.pages.forgery import Form
from app.api.pages.qr_pictures import qr_svg
from app.api.pages.router import page_router
from app.api.pages.studio_scope import Id, number_of, place_for, places_of, show, text_in
from app.content.platforms import PLATFORM_NAMES, PLATFORMS
from app.core import clock
from app.core.clock import TOWN, local_day
from app.core.db import transaction
from app.core.errors import Conflict, Invalid, Unavailable
from app.core.paging import LIMIT_DEFAULT
from app.flows.activities import confirm_attendance
from app.learning import activities
from app.learning.activities import NotYetBegun
from app.learning.models import Activity
from app.people import policy, staff_acts
from app.people import queries as people
from app.people.policy import Actor
from app.wechat.calls import QR_SECONDS_MAX, QR_SECONDS_MIN, create_qr_code

router = page_router("/studio/activities")
FIELDS = ("title", "platform", "day", "begins", "ends")
FIRST, LAST = 2000, 3000
TITLE_LEAST, TITLE_MOST, CONFIRMED_MAX = 2, 60, 500


@router.get("")
async def list_activities(
    request: Request, actor: StudioPerson, session: SessionDep, now: Now, cursor: Cursor = None
) -> Response:
    places = {one.id: one.name for one in await places_of(session, actor)}
    page = await activities.list_of_places(
        session, org_ids=list(places), cursor=cursor, limit=LIMIT_DEFAULT
    )
    rows = [(*one, places[one[0].org_id]) for one in page.items]
    return show(request, "activities.html", rows=rows, next_cursor=page.next, now=now)


@router.get("/new")
async def new_activity(
    request: Request,
    actor: StudioPerson,
    session: SessionDep,
    now: Now,
    org: Annotated[str | None, Query(max_length=64), EmptyIsAbsent] = None,
) -> Response:
    place = await place_for(session, actor, org)
    typed = {"title": "", "platform": "志愿服务", "day": local_day(now).isoformat()}
    typed |= {"begins": "09:00", "ends": "11:00", "org": place.code}
    return await _form(request, session, actor, typed)


@router.post("/new")
async def announce(
    request: Request, form: Form, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    """The same title, place and beginning again is the same activity."""
    place = await place_for(session, actor, text_in(form, "org")[:64])
    if not policy.can_tutor(actor, place.lineage):
        raise NotYourBranch
    typed = {name: text_in(form, name).strip() for name in FIELDS} | {"org": place.code}
    times, errors = _checked(typed)
    if errors:
        return await _form(request, session, actor, typed, errors=errors)
    try:
        async with session.begin_nested():
            made = await activities.announce(
                session,
                title=typed["title"],
                platform=typed["platform"],
                org_id=place.id,
                starts_at=times[0],
                ends_at=times[1],
                made_by_id=actor.person_id,
            )
    except (Invalid, Conflict) as problem:
        return await _form(request, session, actor, typed, errors={"ends": problem.detail})
    await staff_acts.note(
        session,
        person_id=actor.person_id,
        act="activity.announce",
        subject=f"activity:{made.id}",
        now=now,
    )
    return go(request, f"/studio/activities/{made.id}?said=announced")


@router.get("/{activity_id}")
async def show_activity(
    request: Request, activity_id: Id, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    activity = await _mine(session, actor, activity_id)
    return await _shown(request, session, actor, activity, now=now)


@router.post("/{activity_id}/confirm")
async def confirm(
    request: Request,
    activity_id: Id,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    now: Now,
) -> Response:
    """Books the credit of who was ticked; one's own sign-in is for another tutor."""
    activity = await _mine(session, actor, activity_id)
    ids = [one for one in map(number_of, form.getlist("person")) if one is not None]
    if not ids:
        return await _shown(
            request, session, actor, activity, refused="请先勾选到场的人", status=400, now=now
        )
    try:
        async with session.begin_nested():
            await confirm_attendance(
                session,
                activity_id=activity_id,
                person_ids=ids[:CONFIRMED_MAX],
                by_id=actor.person_id,
                now=now,
            )
    except NotYetBegun as problem:
        return await _shown(
            request, session, actor, activity, refused=problem.detail, status=409, now=now
        )
    return go(request, f"/studio/activities/{activity_id}?said=confirmed")


@router.get("/{activity_id}/code")
async def show_code(
    request: Request, activity_id: Id, actor: WebPersonFirst, wechat: WeChatDep, now: Now
) -> Response:
    """Full of the screen, for the door. Accounts that may not make codes say so."""
    async with transaction() as session:
        activity = await _mine(session, actor, activity_id)
        place = await people.get_organisation(session, activity.org_id)
    qr, refused = None, ""
    # Outside any transaction. The machine's time: the code's life is counted by WeChat.
    left = clock.real_seconds((activity.ends_at - now).total_seconds())
    seconds = int(min(max(left, QR_SECONDS_MIN), QR_SECONDS_MAX))
    try:
        code = await create_qr_code(wechat, scene=activity.code, seconds=seconds)
        qr = qr_svg(code.url)
    except (Conflict, Unavailable) as problem:
        refused = problem.detail
    return show(
        request, "activity_code.html", activity=activity, place=place, qr=qr, refused=refused,
        over=now > activity.ends_at,
    )  # fmt: skip


async def _mine(session: AsyncSession, actor: Actor, activity_id: int) -> Activity:
    activity = await activities.get_activity(session, activity_id=activity_id)
    if not policy.can_tutor(actor, await people.lineage_of(session, activity.org_id)):
        raise NotYourBranch
    return activity


async def _shown(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    activity: Activity,
    *,
    refused: str = "",
    status: int = 200,
    now: datetime,
) -> Response:
    rows = await activities.list_attendance(session, activity_id=activity.id)
    return show(
        request,
        "activity.html",
        status=status,
        activity=activity,
        place=await people.get_organisation(session, activity.org_id),
        rows=rows,
        names=await people.names_of(session, [one.person_id for one in rows]),
        selves=set(await people.list_selves(session, actor.person_id)),
        begun=now >= activity.starts_at,
        over=now > activity.ends_at,
        refused=refused,
    )


def _checked(typed: dict[str, str]) -> tuple[tuple[datetime, datetime], dict[str, str]]:
    """(beginning and end, what is wrong)."""
    errors = {}
    if not TITLE_LEAST <= len(typed["title"]) <= TITLE_MOST:
        errors["title"] = f"名称应为 {TITLE_LEAST}–{TITLE_MOST} 个字"
    if typed["platform"] not in PLATFORM_NAMES:
        errors["platform"] = "请选择一个学习平台"
    instants = []
    for name, said in (("begins", "开始"), ("ends", "结束")):
        try:
            at = datetime.fromisoformat(f"{typed['day']}T{typed[name] or 'x'}").replace(tzinfo=TOWN)
        except ValueError:
            at = None
        # Well inside what an instant holds, in whatever zone it is read.
        if at is not None and FIRST <= at.year < LAST:
            instants.append(at)
        else:
            errors[name] = f"{said}时间不对，例如 {time(9, 30):%H:%M}"
    if len(instants) < 2:  # noqa: PLR2004  both are needed
        return (datetime.min.replace(tzinfo=TOWN),) * 2, errors
    return (instants[0], instants[1]), errors


async def _form(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    typed: dict[str, Any],
    *,
    errors: dict[str, str] | None = None,
) -> Response:
    return show(
        request,
        "activity_form.html",
        status=400 if errors else 200,
        typed=typed,
        errors=errors or {},
        orgs=[
            one for one in await places_of(session, actor) if policy.can_tutor(actor, one.lineage)
        ],
        platforms=[(one.name, one.full_name) for one in PLATFORMS],
    )
