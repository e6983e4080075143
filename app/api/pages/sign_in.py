"""Signing in to the pages, and out: what is offered where, one-time links, the devices' list."""

from typing import Annotated

from fastapi import Path, Request, Response

from app.api import errors
from app.api.deps import LimiterDep, Now, SessionDep, SettingsDep, address_of, public
from app.api.pages import cookies, doors, scanning
from app.api.pages.doors import MaybeVisit, WebVisit, go, home_of, with_next
from app.api.pages.frame import render
from app.api.pages.router import page_router
from app.core.errors import Conflict, NotFound
from app.people import queries as people
from app.people import sign_in_tickets, web_sessions
from app.people.devices import is_mini_program, is_wechat
from app.people.rules import mask_name
from app.people.web_sessions import Visit
from app.wechat.capability import capability_of

router = page_router()
Ticket = Annotated[str, Path(max_length=100)]


@router.get("/login")
@public
async def show_login(
    request: Request,
    visit: MaybeVisit,
    session: SessionDep,
    settings: SettingsDep,
    limiter: LimiterDep,
    now: Now,
    next_: doors.Next = None,
) -> Response:
    """In WeChat's browser the account says who it is; a computer shows a code to scan."""
    limiter.hit("login", address_of(request))
    if visit is not None:
        return go(request, doors.local_path(next_) or home_of(visit.actor))
    user_agent = request.headers.get("user-agent")
    if is_wechat(user_agent):
        if capability_of(settings.wechat.oa).oauth and not is_mini_program(user_agent):
            return go(request, with_next("/login/oauth", next_))
        return render(request, "sign_in/in_wechat.html", mini=is_mini_program(user_agent))
    return await scanning.show_code(request, session, next_=next_, now=now)


@router.get("/signed-in")
@public
async def show_signed_in(request: Request, visit: MaybeVisit) -> Response:
    """The other tab: somebody signed in here to press a button there once more."""
    if visit is None:
        return go(request, "/login?next=/signed-in")
    return render(request, "sign_in/signed_in.html")


@router.get("/login/link/{ticket}")
@public
async def show_link(
    request: Request,
    ticket: Ticket,
    visit: MaybeVisit,
    session: SessionDep,
    limiter: LimiterDep,
    now: Now,
    next_: doors.Next = None,
) -> Response:
    """Asks before it signs in: whoever previews a link does not use it up."""
    limiter.hit("login", address_of(request))
    try:
        found = await sign_in_tickets.look(session, secret=ticket, now=now)
    except (NotFound, Conflict) as error:
        return _over(request, error, visit, next_)
    assert found.person_id is not None
    person = await people.get_person(session, found.person_id)
    # A mini-program's web view opens nothing but its own pages: no stranger's link gets there.
    user_agent = request.headers.get("user-agent")
    at_once = found.kind == "web_view" and is_mini_program(user_agent)
    return render(
        request,
        "sign_in/link.html",
        name=mask_name(person.name) if person.name else "",
        action=with_next(f"/login/link/{ticket}", next_),
        at_once=at_once,
    )


@router.post("/login/link/{ticket}")
@public
async def use_link(
    request: Request,
    ticket: Ticket,
    visit: MaybeVisit,
    session: SessionDep,
    limiter: LimiterDep,
    now: Now,
    next_: doors.Next = None,
) -> Response:
    limiter.hit("login", address_of(request))
    try:
        used = await sign_in_tickets.use_link(session, secret=ticket, now=now)
    except (NotFound, Conflict) as error:
        return _over(request, error, visit, next_)
    assert used.person_id is not None
    opened = await doors.open_session(
        request, session, person_id=used.person_id, way=used.kind, now=now
    )
    return doors.enter(request, opened, next_)


def _over(
    request: Request, error: NotFound | Conflict, visit: Visit | None, next_: str | None
) -> Response:
    """Of no use any more; whoever is signed in has pressed Back, or twice, and just goes on."""
    if visit is not None:
        return go(request, doors.local_path(next_) or home_of(visit.actor))
    status = errors.status_of(error)
    return render(request, "sign_in/link_over.html", status=status, sentence=error.title)


@router.get("/me/sessions")
async def show_sessions(
    request: Request, visit: WebVisit, session: SessionDep, now: Now
) -> Response:
    devices = await web_sessions.list_devices(session, visit=visit, now=now)
    is_staff = bool(visit.actor.offices)
    return render(request, "sign_in/sessions.html", devices=devices, is_staff=is_staff)


@router.post("/me/sessions/others/end")
async def end_others(request: Request, visit: WebVisit, session: SessionDep, now: Now) -> Response:
    await web_sessions.end_others(session, visit=visit, now=now)
    return go(request, "/me/sessions")


@router.post("/me/sessions/{session_id}/end")
async def end_session(
    request: Request,
    session_id: Annotated[int, Path(ge=1, lt=2**63)],
    visit: WebVisit,
    session: SessionDep,
    now: Now,
) -> Response:
    await web_sessions.end_device(session, visit=visit, session_id=session_id, now=now)
    return go(request, "/me/sessions" if session_id != visit.session_id else "/login")


@router.get("/logout")
async def show_logout(request: Request, visit: WebVisit) -> Response:
    assert visit
    return render(request, "sign_in/logout.html")


@router.post("/logout")
@public
async def logout(request: Request, visit: MaybeVisit, session: SessionDep, now: Now) -> Response:
    """Signed out is signed out, also for who was not signed in any more."""
    if visit is not None:
        token = request.cookies[cookies.SESSION]
        await web_sessions.sign_out(session, visit=visit, token=token, now=now)
    response = go(request, "/login")
    cookies.drop(request, response, cookies.SESSION)
    return response
