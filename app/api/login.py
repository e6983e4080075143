"""Logging in from the mini-program."""

from datetime import datetime

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.api.deps import LimiterDep, Now, SettingsDep, WeChatDep, address_of, public
from app.api.errors import problems
from app.api.me import PersonOut, person_out
from app.api.schemas import Body
from app.core.db import transaction
from app.flows.meeting import meet
from app.people import tokens
from app.wechat.calls import code_to_session

router = APIRouter(prefix="/api/v1/login", tags=["login"])


class MiniLogin(Body):
    code: str = Field(min_length=1, max_length=256, description="What wx.login() gave")


class LoggedIn(BaseModel):
    token: str = Field(description="Send it as `Authorization: Bearer <token>`; opaque")
    expires_at: datetime = Field(description="30 days ahead; every day of use moves it on")
    is_new: bool = Field(description="Whether this was the first meeting")
    person: PersonOut = Field(description="Who is signed in now")


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
