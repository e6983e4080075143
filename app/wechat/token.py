"""The access token: kept in the database, shared by all processes, renewed by one at a time.

stable_token answers the same token until its last 5 minutes, then a new one while both are good
for 5 minutes more; it is apart from cgi-bin/token, so no other program invalidates ours
(developers.weixin.qq.com …/base/api_getstableaccesstoken.html). The lease therefore saves calls
only; two renewals at once would do no harm.

No lock and no transaction is held across the network: claim → call → record. That is why this
file, unlike any other below the edges, opens its own short transactions. Its times are the
machine's, since they are between machines.
"""

import asyncio
from datetime import datetime, timedelta

import httpx
from sqlalchemy import or_, select, update
from sqlalchemy.dialects.postgresql import insert

from app.core import clock
from app.core.db import transaction
from app.core.errors import Unavailable
from app.core.metrics import TOKEN_REFRESHES
from app.core.settings import Account
from app.wechat.errors import WeChatUnavailable
from app.wechat.models import AccessToken
from app.wechat.transport import exchange

LEASE = timedelta(seconds=8)
"""Longer than a call may take (core.exchange.CALL_SECONDS_MAX), shorter than others wait."""
WAIT_SECONDS_MAX = 10
POLL_SECONDS = 0.1
FAILURE_PAUSE = timedelta(seconds=1)
"""After a failed renewal the others wait this long, instead of failing against WeChat in a row."""
MARGIN_SECONDS_MAX = 300
"""Asked earlier than 300 s before the end, WeChat would answer the same token."""
LIFE_SECONDS_MAX = 7200


class TokenUnavailable(Unavailable):
    title = "微信接口凭证暂时取不到，请稍后再试"


async def get_token(http: httpx.AsyncClient, account: Account) -> str:
    """A token that is good for a while. Raises what the call raises, or TokenUnavailable."""
    deadline = clock.monotonic() + WAIT_SECONDS_MAX
    while True:
        now = clock.real_now()
        held, leased = await _look(account.appid, now)
        if held is not None:
            return held
        if not leased:
            lease = now + LEASE
            if await _claim(account.appid, now=now, lease=lease):
                return await _renew(http, account, lease)
        if clock.monotonic() > deadline:
            raise TokenUnavailable(appid=account.appid)
        await asyncio.sleep(POLL_SECONDS)


async def expire(appid: str, failed_value: str) -> None:
    """WeChat refused this token. Forget it, unless another process has a newer one already."""
    row = update(AccessToken).where(AccessToken.appid == appid, AccessToken.value == failed_value)
    async with transaction() as session:
        await session.execute(row.values(value=None, expires_at=None))


async def _look(appid: str, now: datetime) -> tuple[str | None, bool]:
    """The token if it is good, and whether somebody renews it."""
    async with transaction() as session:
        row = await session.scalar(select(AccessToken).where(AccessToken.appid == appid))
    if row is None:
        return None, False
    good = row.expires_at is not None and row.expires_at > now
    leased = row.refreshing_until is not None and row.refreshing_until > now
    return (row.value if good else None), leased


async def _claim(appid: str, *, now: datetime, lease: datetime) -> bool:
    row = insert(AccessToken).values(appid=appid, refreshing_until=lease)
    free = or_(AccessToken.refreshing_until.is_(None), AccessToken.refreshing_until <= now)
    # Looked at again: between our look and this claim another process may have renewed it.
    stale = or_(AccessToken.expires_at.is_(None), AccessToken.expires_at <= now)
    claim = row.on_conflict_do_update(
        index_elements=["appid"], set_={"refreshing_until": lease}, where=free & stale
    )
    async with transaction() as session:
        return await session.scalar(claim.returning(AccessToken.appid)) is not None


async def _renew(http: httpx.AsyncClient, account: Account, lease: datetime) -> str:
    asked_at = clock.real_now()
    try:
        value, seconds = await _fetch(http, account)
    except Exception:
        await _release(account.appid, lease, clock.real_now() + FAILURE_PAUSE)
        raise
    TOKEN_REFRESHES.labels(account.appid).inc()
    # A tenth for a token of short life (asked in its last minutes, or a sandbox's): taking 300 s
    # off it would leave nothing, and every call would fetch. From when we asked, to be safe.
    margin = min(MARGIN_SECONDS_MAX, seconds / 10)
    expires_at = asked_at + timedelta(seconds=seconds - margin)
    mine = (AccessToken.appid == account.appid) & (AccessToken.refreshing_until == lease)
    async with transaction() as session:
        await session.execute(
            update(AccessToken)
            .where(mine)
            .values(value=value, expires_at=expires_at, refreshing_until=None)
        )
    return value


async def _release(appid: str, lease: datetime, until: datetime) -> None:
    mine = (AccessToken.appid == appid) & (AccessToken.refreshing_until == lease)
    async with transaction() as session:
        await session.execute(update(AccessToken).where(mine).values(refreshing_until=until))


async def _fetch(http: httpx.AsyncClient, account: Account) -> tuple[str, int]:
    """POST with JSON only (43002, 44002 otherwise); `force_refresh` is limited to 20 a day."""
    answer = await exchange(
        http,
        "POST",
        "/cgi-bin/stable_token",
        json={
            "grant_type": "client_credential",
            "appid": account.appid,
            "secret": account.secret,
            "force_refresh": False,
        },
    )
    match answer:
        case {"access_token": str(value), "expires_in": int(seconds)} if value and seconds > 0:
            return value, min(seconds, LIFE_SECONDS_MAX)
    raise WeChatUnavailable(reason="no access_token")
