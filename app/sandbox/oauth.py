"""Web authorisation in WeChat's browser: authorize, access_token, userinfo (§3, §9.10).

WD:doc/service/api/webdev/access/api_snsaccesstoken. Only a verified service account has it. Who
holds the phone is told by `?sandbox_user=` or by the cookie the simulated phone sets.
"""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlencode, urlsplit, urlunsplit

import httpx
from starlette.responses import RedirectResponse, Response

from app.core import clock
from app.core.logging import get_logger
from app.sandbox.accounts import Account
from app.sandbox.calls import Call
from app.sandbox.errors import CallRefused
from app.sandbox.login import unionid_of, use_code
from app.sandbox.pages import render_page
from app.sandbox.permissions import Power
from app.sandbox.tokens import check_secret
from app.sandbox.world import User, World, make_code

log = get_logger()
BASE, USERINFO = "snsapi_base", "snsapi_userinfo"
USER_COOKIE = "sandbox_user"
TOKEN_LIFE = timedelta(hours=2)
STATE_BYTES_MAX = 128


async def authorize(call: Call) -> Response:
    """Redirect back with a code; a page with one sentence when the link is wrong."""
    query = call.query
    account = call.world.accounts.get(query.get("appid", ""))
    problem = _problem_of(account, query)
    if account is None or problem:
        return render_page("sorry.html", sentence=problem)
    user_id = query.get(USER_COOKIE) or call.request.cookies.get(USER_COOKIE, "")
    user = call.world.users.get(user_id)
    if user is None:
        residents = [
            {"name": user.name, "url": f"?{urlencode({**query, USER_COOKIE: user.id})}"}
            for user in call.world.users.values()
        ]
        return render_page("authorize.html", account=account.name, residents=residents)
    target = _redirect_of(call.world, account, user, query)
    if account.double_redirect:
        await _visit_first(call.world, target)
    return RedirectResponse(target, status_code=302)


async def get_oauth_token(call: Call) -> Mapping[str, object]:
    account = check_secret(call.world, call.query)
    if call.query.get("grant_type") != "authorization_code":
        raise CallRefused(40002)
    code = use_code(call.world, "oauth", account.appid, call.query.get("code"), expired=42003)
    token = secrets.token_urlsafe(90)
    call.world.oauth_tokens[token] = code
    openid = _openid_of(account, code.user, snapshot=code.snapshot)
    answer: dict[str, object] = {
        "access_token": token,
        "expires_in": int(TOKEN_LIFE.total_seconds()),
        "refresh_token": secrets.token_urlsafe(90),
        "openid": openid,
        "scope": code.scope,
    }
    if code.snapshot:
        answer["is_snapshotuser"] = 1
    elif code.scope == USERINFO:
        answer |= unionid_of(account, code.user)
    return answer


async def get_oauth_user(call: Call) -> Mapping[str, object]:
    """No gender and no region since October 2021; a virtual user is refused."""
    token = call.query.get("access_token")
    if not token:
        raise CallRefused(41001)
    code = call.world.oauth_tokens.get(token)
    if code is None:
        raise CallRefused(40001)
    if clock.real_now() - code.made_at > TOKEN_LIFE:
        raise CallRefused(42001)
    if code.scope != USERINFO or code.snapshot:
        raise CallRefused(48001)
    account = call.world.accounts[code.appid]
    if call.query.get("openid") != code.user.openid(code.appid):
        raise CallRefused(40003)
    return {
        "openid": code.user.openid(code.appid),
        "nickname": code.user.name,
        "sex": 0,
        "language": "",
        "city": "",
        "province": "",
        "country": "",
        "headimgurl": "",
        "privilege": [],
        **unionid_of(account, code.user),
    }


def _problem_of(account: Account | None, query: Mapping[str, str]) -> str:
    """What WeChat's own page says; the numbers are those it shows [R]."""
    if account is None:
        return "AppID 参数错误，错误码:10013"
    if not account.has(Power.OAUTH) or query.get("scope") not in {BASE, USERINFO}:
        return "Scope 参数错误或没有 Scope 权限，错误码:10005"
    try:
        target = urlsplit(query.get("redirect_uri", ""))
    except ValueError:
        target = urlsplit("")
    # An exact host match: www.example.cn is not example.cn.
    if target.scheme not in {"http", "https"} or target.netloc != account.oauth_host:
        return "redirect_uri 域名与后台配置不一致，错误码:10003"
    if query.get("response_type") != "code":
        return "response_type 参数错误"
    if len(query.get("state", "").encode()) > STATE_BYTES_MAX:
        return "state 参数过长"
    return ""


def _redirect_of(world: World, account: Account, user: User, query: Mapping[str, str]) -> str:
    code = make_code(world, "oauth", account.appid, user, scope=query["scope"])
    code.snapshot = account.snapshot and code.scope == USERINFO
    target = urlsplit(query["redirect_uri"])
    added = urlencode({"code": code.value, "state": query.get("state", "")})
    joined = f"{target.query}&{added}" if target.query else added
    return urlunsplit((target.scheme, target.netloc, target.path, joined, ""))


def _openid_of(account: Account, user: User, *, snapshot: bool) -> str:
    """A snapshot page shows a virtual account, another one every time."""
    return "o" + secrets.token_urlsafe(20)[:27] if snapshot else user.openid(account.appid)


async def _visit_first(world: World, target: str) -> None:
    """WeChat's browser sometimes asks for the address twice (GH:WxJava#388): the code is used."""
    try:
        await world.http.get(target, timeout=5)
    except httpx.HTTPError as error:
        log.warning("sandbox.double_redirect_failed", error=type(error).__name__)
