"""Access tokens: the two families, and who holds a given one. All on the machine's time.

`/cgi-bin/token`: WD:doc/service/api/base/api_getaccesstoken; `/cgi-bin/stable_token`:
WD:doc/subscription/api/base/api_getstableaccesstoken.html (wechat-platform.md §2, §9.2).
"""

import hmac
import re
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta

from app.core import clock
from app.sandbox.accounts import AccessToken, Account, TokenFamily
from app.sandbox.calls import Call
from app.sandbox.errors import CallRefused
from app.sandbox.quota import spend
from app.sandbox.world import World

OVERLAP_SECONDS = 300
"""The token before the latest lives on for five minutes."""
FORCED_APART_SECONDS = 30
FORCED_PER_DAY = 20
LEGACY_PER_DAY = 2000
STABLE_PER_MINUTE, STABLE_PER_DAY = 10_000, 500_000
TOKEN_LENGTH = 512
"""The documentation asks for room for at least 512 characters: be as long as announced."""
WELL_FORMED = re.compile(r"[A-Za-z0-9_-]{64,512}")


async def get_token(call: Call) -> Mapping[str, object]:
    """A new token every time; the one before it dies after five minutes."""
    account = _identify(call.world, call.query, ip=call.ip)
    spend(call.world, account.appid, "/cgi-bin/token", per_day=LEGACY_PER_DAY)
    token = _succeed(call.world, account, account.legacy)
    return {"access_token": token.value, "expires_in": account.token_seconds}


async def get_stable_token(call: Call) -> Mapping[str, object]:
    """The same token until five minutes before its end, or until it is forced."""
    account = _identify(call.world, call.body, ip=call.ip)
    spend(
        call.world,
        account.appid,
        "/cgi-bin/stable_token",
        per_minute=STABLE_PER_MINUTE,
        per_day=STABLE_PER_DAY,
    )
    family, now = account.stable, clock.real_now()
    if call.body.get("force_refresh") is True:
        _force(call.world, account, now)
    margin = timedelta(seconds=_overlap(account))
    if family.latest is None or family.latest.expires_at - margin <= now:
        _succeed(call.world, account, family)
    assert family.latest is not None
    left = family.latest.expires_at - now
    return {"access_token": family.latest.value, "expires_in": int(left.total_seconds())}


def holder_of(world: World, value: str | None) -> Account:
    """Whose token this is. A text no token could be is 40014, a stale or foreign one 40001."""
    if not value:
        raise CallRefused(41001)
    token, now = world.tokens.get(value), clock.real_now()
    if token is None:
        raise CallRefused(40001 if WELL_FORMED.fullmatch(value) else 40014)
    if token.dead_at is not None and token.dead_at <= now:
        raise CallRefused(40001)
    if token.expires_at <= now:
        raise CallRefused(42001)
    return world.accounts[token.appid]


def expire_tokens(world: World, account: Account, *, dead: bool) -> int:
    """The admin's knob: let all tokens of an account expire (42001) or be replaced (40001)."""
    now = clock.real_now()
    mine = [token for token in world.tokens.values() if token.appid == account.appid]
    for token in mine:
        if dead:
            token.dead_at = now
        else:
            token.expires_at = min(token.expires_at, now)
    if dead:
        account.stable, account.legacy = TokenFamily(), TokenFamily()
    return len(mine)


def check_secret(world: World, fields: Mapping[str, object]) -> Account:
    """The account these credentials open."""
    appid, secret = fields.get("appid"), fields.get("secret")
    if not appid:
        raise CallRefused(41002)
    if not secret:
        raise CallRefused(41004)
    account = world.accounts.get(str(appid))
    if account is None:
        raise CallRefused(40013)
    if not hmac.compare_digest(account.secret.encode(), str(secret).encode()):
        raise CallRefused(40125)
    return account


def _identify(world: World, fields: Mapping[str, object], *, ip: str) -> Account:
    if fields.get("grant_type") != "client_credential":
        raise CallRefused(40002)
    account = check_secret(world, fields)
    # Mini-programs need no whitelist (GH:JeffreySu/WeiXinMPSDK#2166 quoting the official table).
    listed = account.allowed_ips
    if account.kind == "oa" and listed is not None and ip not in listed:
        raise CallRefused(40164, ip=ip)
    return account


def _force(world: World, account: Account, now: datetime) -> None:
    """Refresh before the time, unless it was done a moment ago: then nothing happens.

    At most two tokens of a family live, so two forced refreshes, 30 s apart, kill a leaked one.
    """
    family = account.stable
    apart = timedelta(seconds=FORCED_APART_SECONDS)
    if family.forced_at is not None and now - family.forced_at < apart:
        return
    spend(world, account.appid, "stable_token force_refresh", per_day=FORCED_PER_DAY)
    _succeed(world, account, family)
    family.forced_at = now


def _succeed(world: World, account: Account, family: TokenFamily) -> AccessToken:
    now = clock.real_now()
    token = AccessToken(
        value=secrets.token_hex(TOKEN_LENGTH // 2),
        appid=account.appid,
        expires_at=now + timedelta(seconds=account.token_seconds),
    )
    if family.previous is not None:
        world.tokens.pop(family.previous.value, None)
    if family.latest is not None:
        family.latest.dead_at = now + timedelta(seconds=_overlap(account))
    family.previous, family.latest = family.latest, token
    world.tokens[token.value] = token
    return token


def _overlap(account: Account) -> float:
    """Five minutes, or half the life of a token that a test made shorter than that."""
    return min(OVERLAP_SECONDS, account.token_seconds / 2)
