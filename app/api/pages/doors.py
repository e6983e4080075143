"""Who looks at a page: the dependencies of page routes, and what happens to who is nobody yet."""

from datetime import datetime
from typing import Annotated
from urllib.parse import quote, urlsplit

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.api import errors
from app.api.deps import LimiterDep, NotSignedIn, Now, SessionDep, address_of
from app.api.pages import cookies, forgery, frame, trouble
from app.api.pages.errors import FormExpired
from app.api.strangers import SignInFirst
from app.core.db import transaction
from app.core.errors import Forbidden, Unauthenticated
from app.people import queries as people
from app.people import web_sessions
from app.people.devices import is_wechat
from app.people.policy import Actor
from app.people.web_sessions import Opened, Visit

NEXT_LENGTH_MAX = 500
Next = Annotated[str | None, Query(alias="next", description="Where to go afterwards")]
REVIEWERS = {"editor", "chief_editor"}
STUDIO_ROLES = {"admin", "tutor", "editor", "chief_editor", "lecturer"}


class NotStaff(Forbidden):
    title = "这里是工作人员的页面"


class NotWriter(Forbidden):
    title = "这里是辅导员、讲师和编辑的工作室"


class NotAdministrator(Forbidden):
    title = "这里是管理员的页面"


async def _visit(request: Request, session: AsyncSession, limiter: LimiterDep, now: Now) -> Visit:
    limiter.hit("address", address_of(request))
    token = request.cookies.get(cookies.SESSION)
    if not token:
        raise NotSignedIn
    found = await web_sessions.visit(session, token=token, now=now)
    limiter.hit("person", str(found.actor.person_id))
    person = await people.get_person(session, found.actor.person_id)
    request.state.me = me_of(found.actor, person.name)
    return found


async def get_visit(request: Request, session: SessionDep, limiter: LimiterDep, now: Now) -> Visit:
    """Whose session this is. Raises a kind of Unauthenticated, which becomes the way to /login."""
    return await _visit(request, session, limiter, now)


async def get_visit_first(request: Request, limiter: LimiterDep, now: Now) -> Visit:
    """The same, for pages that call WeChat: asked in a transaction that is over."""
    async with transaction() as session:
        return await _visit(request, session, limiter, now)


async def get_visit_if_any(
    request: Request, session: SessionDep, limiter: LimiterDep, now: Now
) -> Visit | None:
    """For pages that are public: who is signed in, or None."""
    try:
        return await _visit(request, session, limiter, now)
    except Unauthenticated:
        return None


WebVisit = Annotated[Visit, Depends(get_visit)]
WebVisitFirst = Annotated[Visit, Depends(get_visit_first)]
MaybeVisit = Annotated[Visit | None, Depends(get_visit_if_any)]


async def get_web_person(visit: WebVisit) -> Actor:
    return visit.actor


async def get_web_person_first(visit: WebVisitFirst) -> Actor:
    return visit.actor


async def get_staff(visit: WebVisit) -> Actor:
    """Somebody with an office today; which one it takes, a `can_…` of the policies says."""
    if not visit.actor.offices:
        raise NotStaff
    return visit.actor


async def get_writer(visit: WebVisit) -> Actor:
    """Somebody who writes, reviews or runs activities; where, a `can_…` of the policies says."""
    if STUDIO_ROLES.isdisjoint(office.role for office in visit.actor.offices):
        raise NotWriter
    return visit.actor


async def get_administrator(visit: WebVisit) -> Actor:
    """An administrator of something; of what, a `can_…` of the policies says."""
    if not any(office.role == "admin" for office in visit.actor.offices):
        raise NotAdministrator
    return visit.actor


WebPerson = Annotated[Actor, Depends(get_web_person)]
WebPersonFirst = Annotated[Actor, Depends(get_web_person_first)]
StaffPerson = Annotated[Actor, Depends(get_staff)]
StudioPerson = Annotated[Actor, Depends(get_writer)]
AdminActor = Annotated[Actor, Depends(get_administrator)]
ASKING = {get_visit, get_visit_first}
"""What makes a page ask for a person (law 7)."""


def me_of(actor: Actor, name: str | None) -> frame.Me:
    roles = {office.role for office in actor.offices}
    return frame.Me(
        person_id=actor.person_id,
        name=name or "乡亲",
        org_name=actor.offices[0].org_name if actor.offices else "",
        in_studio=not roles.isdisjoint(STUDIO_ROLES),
        at_desk="admin" in roles,
        tutors="tutor" in roles,
        reviews=not roles.isdisjoint(REVIEWERS),
    )


def home_of(actor: Actor) -> str:
    """Where somebody starts who did not say where to."""
    roles = {office.role for office in actor.offices}
    if "admin" in roles:
        return "/desk"
    return "/" if roles.isdisjoint(STUDIO_ROLES) else "/studio"


def local_path(given: str | None) -> str | None:
    """A path of ours, as `next` may name it; None for everything else, and for signing in itself.

    Browsers read two slashes, or a slash and a backslash, as the beginning of a host, and skip tabs
    and line breaks in between.
    """
    if not given or len(given) > NEXT_LENGTH_MAX or not given.isprintable():
        return None
    if not given.startswith("/") or given.startswith("//") or "\\" in given or " " in given:
        return None
    parts = urlsplit(given)
    if parts.scheme or parts.netloc or parts.path.startswith(("/login", "/logout")):
        return None
    return given


def with_next(path: str, given: str | None) -> str:
    """The path, with where to go after it."""
    wanted = local_path(given)
    return path if wanted is None else f"{path}?next={quote(wanted, safe='/')}"


def go(request: Request, path: str) -> RedirectResponse:
    """See other: to a path below our root, so that a reload repeats nothing."""
    return RedirectResponse(cookies.root_of(request) + path, 303)


def here(request: Request) -> str:
    """The path and query of this request, below the root."""
    query = request.url.query
    return frame.path_in(request) + (f"?{query}" if query else "")


async def open_session(
    request: Request, session: AsyncSession, *, person_id: int, way: str, now: datetime
) -> Opened:
    """A session with a fresh secret; the one this browser had ends with it."""
    return await web_sessions.sign_in(
        session,
        person_id=person_id,
        way=way,
        user_agent=request.headers.get("user-agent"),
        replaces=request.cookies.get(cookies.SESSION),
        now=now,
    )


def enter(request: Request, opened: Opened, wanted: str | None) -> Response:
    """Into the pages, by an address that holds no secret: Back and reload repeat nothing."""
    response = go(request, local_path(wanted) or home_of(opened.actor))
    cookies.put(request, response, cookies.SESSION, opened.token, life=cookies.SESSION_LIFE)
    cookies.drop(request, response, cookies.SCAN)
    return response


async def on_nobody(request: Request, error: Exception) -> Response:
    """Who is not signed in is sent to sign in; what was typed waits on a page."""
    if not trouble.wanted(request.scope) or isinstance(error, SignInFirst):
        return await errors.on_domain_error(request, error)
    if request.method in forgery.SAFE_METHODS:
        return go(request, with_next("/login", here(request)))
    return _keep(request, status=401, signed_in=False)


async def on_expired_form(request: Request, _: Exception) -> Response:
    """Our own form of an older session: it comes back with all that was typed."""
    return _keep(request, status=403, signed_in=bool(request.cookies.get(cookies.SESSION)))


def _keep(request: Request, *, status: int, signed_in: bool) -> Response:
    response = frame.render(
        request,
        "sign_in/keep_text.html",
        status=status,
        signed_in=signed_in,
        again=_page_that_remembers(request),
        typed=getattr(request.state, "typed", []),
        action=cookies.root_of(request) + here(request),
        field=forgery.FIELD,
        token=forgery.kept_token_for(request),
    )
    cookies.keep_visit(request, response)
    return response


def _page_that_remembers(request: Request) -> str | None:
    """Where the form stands that keeps what is typed in it (retry.js), in WeChat's one window."""
    by_script = "idempotency-key" in request.headers
    if not by_script or not is_wechat(request.headers.get("user-agent")):
        return None
    before = urlsplit(request.headers.get("referer", ""))
    return local_path(before.path.removeprefix(cookies.root_of(request)))


def install(app: FastAPI) -> None:
    app.add_exception_handler(Unauthenticated, on_nobody)
    app.add_exception_handler(FormExpired, on_expired_form)
