"""wx.login's server side: jscode2session, and checks of the session key it gave.

WD:miniprogram/dev/server/API/user-login/api_code2session (wechat-platform.md §4.1, §9.11).
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from datetime import timedelta

from app.core import clock
from app.sandbox.accounts import Account
from app.sandbox.calls import OK, Call
from app.sandbox.errors import CallRefused
from app.sandbox.quota import spend
from app.sandbox.tokens import check_secret
from app.sandbox.world import Code, CodeKind, User, World

CODE_LIFE = timedelta(minutes=5)
LOGINS_PER_MINUTE = 100
"""For each user, says the documentation of 45011."""


async def exchange_code(call: Call) -> Mapping[str, object]:
    """`errcode` is absent on success, and no access_token is asked for."""
    account = check_secret(call.world, call.query)
    if call.query.get("grant_type") != "authorization_code":
        raise CallRefused(40002)
    code = use_code(call.world, "mini", account.appid, call.query.get("js_code"))
    user = code.user
    if user.blocked:
        raise CallRefused(40226)
    spend(call.world, account.appid, f"jscode2session {user.id}", per_minute=LOGINS_PER_MINUTE)
    user.session_key = base64.b64encode(secrets.token_bytes(16)).decode()
    answer = {"session_key": user.session_key, "openid": user.openid(account.appid)}
    return answer | unionid_of(account, user)


async def check_session(call: Call) -> Mapping[str, object]:
    _session_owner(call)
    return OK


async def reset_session(call: Call) -> Mapping[str, object]:
    user = _session_owner(call)
    user.session_key = base64.b64encode(secrets.token_bytes(16)).decode()
    return {**OK, "openid": call.query["openid"], "session_key": user.session_key}


def use_code(
    world: World, kind: CodeKind, appid: str, value: str | None, *, expired: int = 40029
) -> Code:
    """Take a one-time code; it lives five minutes of the machine's time."""
    if not value:
        raise CallRefused(41008)
    code = world.codes.get(value)
    if code is None or code.kind != kind or code.appid != appid:
        raise CallRefused(40029)
    if code.used:
        raise CallRefused(40163)
    if clock.real_now() - code.made_at > CODE_LIFE:
        raise CallRefused(expired)
    code.used = True
    return code


def unionid_of(account: Account, user: User) -> dict[str, str]:
    """Present once the account is bound to an open-platform account, else absent."""
    return {"unionid": user.unionid} if account.unionid and user.has_unionid else {}


def _session_owner(call: Call) -> User:
    """Whose session it is: signature = hmac_sha256(session_key, ""), the key as text [R]."""
    user = call.world.openids.get((call.caller.appid, call.query.get("openid", "")))
    if user is None:
        raise CallRefused(40003)
    if call.query.get("sig_method") != "hmac_sha256" or not user.session_key:
        raise CallRefused(87009)
    expected = hmac.new(user.session_key.encode(), b"", hashlib.sha256).hexdigest()
    if not hmac.compare_digest(expected.encode(), call.query.get("signature", "").encode()):
        raise CallRefused(87009)
    return user
