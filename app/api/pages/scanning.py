"""A computer's screen shows a code, a phone confirms it: /login/scan."""

import io
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import LimiterDep, Now, SessionDep, WeChatDep, address_of, public
from app.api.pages import cookies, doors
from app.api.pages.frame import VIEWED, render
from app.api.pages.router import page_router
from app.core.db import transaction
from app.core.errors import Conflict, NotFound
from app.people import sign_in_tickets
from app.people.devices import is_phone
from app.people.errors import TicketUnknown
from app.people.models import SignInTicket
from app.wechat import calls
from app.wechat.capability import capability_of
from app.wechat.client import WeChatClient

router: APIRouter = page_router("/login/scan")
MINI_PAGE = "pages/scan/scan"
"""The mini-program's page that asks for the confirmation: the name it is to have.

The mini-program does not have it yet, so WeChat is asked not to look for it (`check_path`); until
it is published with this page, an account without parametric codes signs staff in by
`shoushan login-link`.
"""
LEAST_SECONDS = 60
Code = Annotated[str, Path(max_length=32)]


async def show_code(
    request: Request, session: AsyncSession, *, next_: str | None, now: Now
) -> Response:
    """The page with this browser's code: the one that waits, or else a new one."""
    secret = request.cookies.get(cookies.SCAN)
    made = None
    try:
        ticket = await sign_in_tickets.look_at_scan(session, secret=secret or "", now=now)
    except (NotFound, Conflict):
        made = await sign_in_tickets.start_scan(session, now=now)
        ticket = await sign_in_tickets.look_at_scan(session, secret=made.secret, now=now)
    assert ticket.code is not None
    response = render(
        request,
        "sign_in/scan.html",
        code=ticket.code,
        state=state_of(ticket),
        number=sign_in_tickets.check_number(ticket.code),
        on_phone=is_phone(request.headers.get("user-agent")),
        again=doors.with_next(f"/login/scan/{ticket.code}", next_),
    )
    if made is not None:
        cookies.put(request, response, cookies.SCAN, made.secret)
    return response


def state_of(ticket: SignInTicket) -> str:
    if ticket.state == "waiting" and ticket.person_id is not None:
        return "scanned"
    return ticket.state


async def own_ticket(request: Request, session: AsyncSession, code: str, now: Now) -> SignInTicket:
    """The code's ticket, if it is this browser's. Raises TicketUnknown, -Used, -Expired."""
    secret = request.cookies.get(cookies.SCAN, "")
    ticket = await sign_in_tickets.look_at_scan(session, secret=secret, now=now)
    if ticket.code != code:
        raise TicketUnknown
    return ticket


@router.get("/{code}")
@public
async def show_scan(
    request: Request,
    code: Code,
    session: SessionDep,
    limiter: LimiterDep,
    now: Now,
    next_: doors.Next = None,
) -> Response:
    """Once confirmed, this very browser is signed in; nobody else holds its secret."""
    limiter.hit("address", address_of(request))
    try:
        ticket = await own_ticket(request, session, code, now)
    except (NotFound, Conflict):
        return doors.go(request, doors.with_next("/login", next_))
    if ticket.state != "confirmed":
        return await show_code(request, session, next_=next_, now=now)
    secret = request.cookies[cookies.SCAN]
    person_id = await sign_in_tickets.collect(session, secret=secret, now=now)
    opened = await doors.open_session(request, session, person_id=person_id, way="scan", now=now)
    return doors.enter(request, opened, next_)


@router.get("/{code}/state")
@public
async def tell_state(
    request: Request, code: Code, session: SessionDep, limiter: LimiterDep, now: Now
) -> Response:
    """For the page's script: waiting, scanned, confirmed, or over."""
    limiter.hit("address", address_of(request))
    try:
        state = state_of(await own_ticket(request, session, code, now))
    except (NotFound, Conflict):
        state = "over"
    return JSONResponse({"state": state})


@router.get("/{code}/picture")
@public
async def draw_code(
    request: Request, code: Code, wechat: WeChatDep, limiter: LimiterDep, now: Now
) -> Response:
    """A parametric code where the account has them, else a mini-program code."""
    limiter.hit("login", address_of(request))
    async with transaction() as session:
        ticket = await own_ticket(request, session, code, now)
        seconds = int((ticket.expires_at - now).total_seconds())
    headers = {"Cache-Control": f"private, max-age={max(seconds, 0)}", **VIEWED}
    scene = sign_in_tickets.scene_of(code)
    if capability_of(wechat.settings.oa).qr_code:
        drawing = await _parametric(wechat, scene, seconds)
        return Response(drawing, media_type="image/svg+xml", headers=headers)
    picture = await calls.get_unlimited_code(wechat, scene=scene, page=MINI_PAGE, check_path=False)
    kind = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
    return Response(picture, media_type=kind, headers=headers)


async def _parametric(wechat: WeChatClient, scene: str, seconds: int) -> bytes:
    import segno  # noqa: PLC0415  heavy, and rarely needed

    life = min(max(seconds, LEAST_SECONDS), calls.QR_SECONDS_MAX)
    made = await calls.create_qr_code(wechat, scene=scene, seconds=life)
    drawing = io.BytesIO()
    segno.make_qr(made.url, error="m").save(
        drawing, kind="svg", scale=8, border=4, light="white", xmldecl=False
    )
    return drawing.getvalue()
