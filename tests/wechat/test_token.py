import asyncio
from datetime import timedelta
from typing import Any

import httpx
import pytest
from sqlalchemy import select, update

from app.core import clock
from app.core.db import transaction
from app.core.settings import WeChat
from app.wechat import token
from app.wechat.errors import Misconfigured, WeChatUnavailable
from app.wechat.models import AccessToken
from app.wechat.transport import make_http
from tests.wechat.pushes import MINI, OA
from tests.wechat.server import refused

pytestmark = pytest.mark.usefixtures("database")


class Tencent:
    """stable_token: the same token until it is told to change."""

    def __init__(self, expires_in: Any = 7200) -> None:
        self.calls = 0
        self.value = "token-1"
        self.expires_in = expires_in
        self.answer: httpx.Response | None = None
        self.http = make_http(WeChat(), httpx.MockTransport(self.handle))

    async def handle(self, request: httpx.Request) -> httpx.Response:
        self.calls += 1
        assert request.url.path == "/cgi-bin/stable_token"
        assert request.method == "POST"
        await asyncio.sleep(0.2)
        body = {"access_token": self.value, "expires_in": self.expires_in}
        return self.answer or httpx.Response(200, json=body)


async def stored() -> AccessToken:
    async with transaction() as session:
        row = await session.scalar(select(AccessToken).where(AccessToken.appid == OA.appid))
    assert row is not None
    return row


async def test_it_is_fetched_once_and_kept() -> None:
    tencent = Tencent()
    before = clock.real_now()
    assert [await token.get_token(tencent.http, OA) for _ in range(3)] == ["token-1"] * 3
    assert tencent.calls == 1
    row = await stored()
    assert row.refreshing_until is None
    assert row.expires_at is not None
    assert timedelta(0) <= row.expires_at - before - timedelta(seconds=6900) < timedelta(seconds=5)


async def test_accounts_have_their_own() -> None:
    first, second = Tencent(), Tencent()
    second.value = "mini-1"
    assert await token.get_token(first.http, OA) == "token-1"
    assert await token.get_token(second.http, MINI) == "mini-1"
    assert await token.get_token(second.http, OA) == "token-1"


async def test_many_at_once_fetch_once() -> None:
    tencent = Tencent()
    found = await asyncio.gather(*(token.get_token(tencent.http, OA) for _ in range(20)))
    assert set(found) == {"token-1"}
    assert tencent.calls == 1


async def test_many_at_once_renew_once_after_a_refusal() -> None:
    tencent = Tencent()
    await token.get_token(tencent.http, OA)
    tencent.value = "token-2"

    async def refused_and_again() -> str:
        await token.expire(OA.appid, "token-1")
        return await token.get_token(tencent.http, OA)

    found = await asyncio.gather(*(refused_and_again() for _ in range(20)))
    assert set(found) == {"token-2"}
    assert tencent.calls == 2


async def test_a_late_refusal_does_not_expire_the_newer_token() -> None:
    tencent = Tencent()
    await token.get_token(tencent.http, OA)
    await token.expire(OA.appid, "token-0")
    await token.expire("wxunknown", "token-1")
    assert await token.get_token(tencent.http, OA) == "token-1"
    assert tencent.calls == 1


async def test_a_short_life_is_still_of_use() -> None:
    tencent = Tencent(expires_in=20)
    for _ in range(3):
        await token.get_token(tencent.http, OA)
    assert tencent.calls == 1
    row = await stored()
    assert row.expires_at is not None
    assert row.expires_at - clock.real_now() < timedelta(seconds=18)


async def test_an_old_one_is_renewed() -> None:
    tencent = Tencent()
    await token.get_token(tencent.http, OA)
    async with transaction() as session:
        await session.execute(update(AccessToken).values(expires_at=clock.real_now()))
    tencent.value = "token-2"
    assert await token.get_token(tencent.http, OA) == "token-2"


async def test_a_failure_is_told_and_leaves_the_lease_free() -> None:
    tencent = Tencent()
    tencent.answer = refused(40125)
    with pytest.raises(Misconfigured):
        await token.get_token(tencent.http, OA)
    tencent.answer = None
    began = clock.monotonic()
    assert await token.get_token(tencent.http, OA) == "token-1"
    assert clock.monotonic() - began < token.LEASE.total_seconds() / 2
    assert tencent.calls == 2


async def test_what_was_renewed_meanwhile_is_not_claimed() -> None:
    tencent = Tencent()
    await token.get_token(tencent.http, OA)
    now = clock.real_now()
    assert not await token._claim(OA.appid, now=now, lease=now + token.LEASE)


@pytest.mark.parametrize(
    "body", [{}, {"access_token": "", "expires_in": 7200}, {"access_token": "t", "expires_in": 0}]
)
async def test_an_answer_without_a_token(body: dict[str, Any]) -> None:
    tencent = Tencent()
    tencent.answer = httpx.Response(200, json=body)
    with pytest.raises(WeChatUnavailable):
        await token.get_token(tencent.http, OA)


async def test_a_dead_process_holds_the_others_up_for_its_lease_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tencent = Tencent()
    soon = clock.real_now() + timedelta(seconds=0.3)
    async with transaction() as session:
        session.add(AccessToken(appid=OA.appid, refreshing_until=soon))
    assert await token.get_token(tencent.http, OA) == "token-1"
    assert clock.real_now() >= soon

    later = clock.real_now() + timedelta(hours=1)
    async with transaction() as session:
        row = update(AccessToken).values(refreshing_until=later, value=None, expires_at=None)
        await session.execute(row)
    monkeypatch.setattr(token, "WAIT_SECONDS_MAX", 0.3)
    with pytest.raises(token.TokenUnavailable):
        await token.get_token(tencent.http, OA)
    assert tencent.calls == 1
