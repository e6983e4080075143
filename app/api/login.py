"""Logging in from the mini-program, and from it to the web pages and to a computer."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Request, Response
from pydantic import BaseModel, Field

from app.api.deps import (
    LimiterDep,
    Now,
    PersonId,
    SessionDep,
    SettingsDep,
    WeChatDep,
    address_of,
    public,
)
from app.api.errors import problems
from app.api.me import PersonOut, person_out
from app.api.pages.doors import with_next
from app.api.schemas import Body
from app.core.db import transaction
from app.flows.meeting import meet
from app.people import sign_in_tickets, tokens
from app.wechat.calls import code_to_session

router = APIRouter(prefix="/api/v1/login", tags=["login"])


class MiniLogin(Body):
    code: str = Field(min_length=1, max_length=256, description="What wx.login() gave")


class LoggedIn(BaseModel):
    token: str = Field(description="Send it as `Authorization: Bearer <token>`; opaque")
    expires_at: datetime = Field(description="30 days ahead; every day of use moves it on")
    is_new: bool = Field(description="Whether this was the first meeting")
    person: PersonOut = Field(description="Who is signed in now")


class TicketOut(BaseModel):
    url: str = Field(description="Open it in a web view: it signs this person in, once")


@router.post(
    "/mini",
    summary="A token for the code of wx.login()",
    responses=problems(400, 403, 409, 413, 429),
)
@public
async def login_mini(
    body: MiniLogin,
    request: Request,
    wechat: WeChatDep,
    settings: SettingsDep,
    limiter: LimiterDep,
    now: Now,
) -> LoggedIn:
    """The code works once and for five minutes; a second use is refused by WeChat itself."""
    limiter.hit("login", address_of(request))
    # Outside any transaction: WeChat may take its time.
    said = await code_to_session(wechat, code=body.code)
    async with transaction() as session:
        met = await meet(
            session,
            appid=settings.wechat.mini.appid,
            openid=said.openid,
            unionid=said.unionid,
            now=now,
        )
        token, expires_at = await tokens.issue(session, person_id=met.person.id, now=now)
        person = await person_out(session, person_id=met.person.id, now=now)
    return LoggedIn(token=token, expires_at=expires_at, is_new=met.is_new, person=person)


@router.post("/ticket", summary="A one-time address for a web view", responses=problems(401, 429))
async def make_ticket(
    person_id: PersonId,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    next_: Annotated[
        str | None, Query(alias="next", max_length=500, description="The page to open, a path")
    ] = None,
) -> TicketOut:
    """Good for ten minutes."""
    secret = await sign_in_tickets.make_link(session, person_id=person_id, kind="web_view", now=now)
    return TicketOut(url=settings.base_url + with_next(f"/login/link/{secret}", next_))


@router.post(
    "/scans/{code}/confirm", summary="Sign me in on the computer that shows this code",
    status_code=204, response_class=Response, responses=problems(401, 404, 409, 429),
)  # fmt: skip
async def confirm_scan(
    code: Annotated[str, Path(max_length=64, description="From the code's scene, after `login-`")],
    person_id: PersonId,
    session: SessionDep,
    now: Now,
) -> Response:
    """Only after the person has said so: the screen shows two digits, the phone asks for them."""
    await sign_in_tickets.confirm(session, code=code, person_id=person_id, now=now)
    return Response(status_code=204)
