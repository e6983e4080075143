"""Web authorisation in WeChat's browser: /login/oauth (wechat-platform facts: app/wechat/oauth.py).

There and back: a nonce of ours goes along as `state` and has to come back to the same browser, so
that nobody is signed in by somebody else's address. Its last digit says how often we have tried.
"""

import hmac
import secrets
from datetime import timedelta
from typing import Annotated
from urllib.parse import quote, unquote

from fastapi import Query, Request, Response

from app.api.deps import LimiterDep, Now, SettingsDep, WeChatDep, address_of, public
from app.api.pages import cookies, doors
from app.api.pages.frame import render
from app.api.pages.router import page_router
from app.core.db import transaction
from app.core.errors import Conflict
from app.flows.meeting import meet
from app.people.web_sessions import Visit
from app.wechat.errors import CodeInvalid, CodeUsed
from app.wechat.oauth import PageVisitor, authorize_url, page_visitor

router = page_router("/login/oauth")
STATE_LIFE = timedelta(minutes=10)
FIRST, AGAIN = "0", "1"


class NotRecognised(Conflict):
    title = "微信没有告诉我们您是谁，请退出后重新打开"


@router.get("")
@public
async def start(
    request: Request,
    settings: SettingsDep,
    limiter: LimiterDep,
    next_: Annotated[str | None, Query(alias="next")] = None,
) -> Response:
    limiter.hit("login", address_of(request))
    return _ask(request, settings, doors.local_path(next_), FIRST)


def _ask(request: Request, settings: SettingsDep, wanted: str | None, attempt: str) -> Response:
    state = secrets.token_hex(16) + attempt
    back = f"{settings.base_url}/login/oauth/back"
    there = authorize_url(settings.wechat, redirect_url=back, state=state)
    response = Response(status_code=303, headers={"Location": there})
    value = f"{state}.{quote(wanted or '', safe='')}"
    cookies.put(request, response, cookies.OAUTH, value, life=STATE_LIFE)
    return response


@router.get("/back")
@public
async def come_back(
    request: Request,
    wechat: WeChatDep,
    settings: SettingsDep,
    limiter: LimiterDep,
    now: Now,
    code: str = "",
    state: str = "",
) -> Response:
    """Signed in, or known already, or asked once more; never twice."""
    limiter.hit("login", address_of(request))
    sent, _, rest = request.cookies.get(cookies.OAUTH, "").partition(".")
    wanted = doors.local_path(unquote(rest))
    visitor = None
    if code and sent and hmac.compare_digest(sent.encode(), state.encode()):
        visitor = await _ask_wechat(wechat, code)
    if visitor is None:
        # The code is used up or was another browser's: WeChat asks twice, people press Back.
        known = await _known(request, limiter, now)
        if known is not None:
            return doors.go(request, wanted or doors.home_of(known.actor))
        if state.endswith(AGAIN):
            raise NotRecognised
        return _ask(request, settings, wanted, AGAIN)
    if visitor.is_virtual:
        return render(request, "sign_in/snapshot.html")
    async with transaction() as session:
        met = await meet(
            session,
            appid=settings.wechat.oa.appid,
            openid=visitor.openid,
            unionid=visitor.unionid,
            now=now,
        )
        opened = await doors.open_session(
            request, session, person_id=met.person.id, way="oauth", now=now
        )
    return doors.enter(request, opened, wanted)


async def _ask_wechat(wechat: WeChatDep, code: str) -> PageVisitor | None:
    try:
        return await page_visitor(wechat, code=code)
    except (CodeUsed, CodeInvalid):
        return None


async def _known(request: Request, limiter: LimiterDep, now: Now) -> Visit | None:
    async with transaction() as session:
        return await doors.get_visit_if_any(request, session, limiter, now)
