import hashlib
import hmac
from typing import Any

import httpx
import pytest

from app.core import clock
from app.core.settings import Settings
from tests.sandbox.platform import Platform, travel


async def exchange(client: httpx.AsyncClient, settings: Settings, code: str) -> dict[str, Any]:
    mini = settings.wechat.mini
    query = {
        "appid": mini.appid,
        "secret": mini.secret,
        "js_code": code,
        "grant_type": "authorization_code",
    }
    answer = await client.get("/sns/jscode2session", params=query)
    assert answer.headers["content-type"].startswith("text/plain")
    return dict(answer.json())


async def test_a_code_logs_in_once(
    platform: Platform, client: httpx.AsyncClient, settings: Settings
) -> None:
    user = await platform.resident()
    code = (await platform.act(user, "mini-code"))["code"]
    session = await exchange(client, settings, code)
    assert "errcode" not in session
    assert session["openid"] == user["openids"][settings.wechat.mini.appid]
    assert session["unionid"] == user["unionid"]
    assert (await exchange(client, settings, code))["errcode"] == 40163
    assert (await exchange(client, settings, "invented"))["errcode"] == 40029
    assert (await exchange(client, settings, ""))["errcode"] == 41008


async def test_a_code_lives_five_minutes(
    platform: Platform,
    client: httpx.AsyncClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = (await platform.act(await platform.resident(), "mini-code"))["code"]
    travel(monkeypatch, 301)
    assert (await exchange(client, settings, code))["errcode"] == 40029


async def test_a_blocked_resident_is_40226(
    platform: Platform, client: httpx.AsyncClient, settings: Settings
) -> None:
    user = await platform.resident()
    await client.patch(f"/_sandbox/users/{user['id']}", json={"blocked": True})
    code = (await platform.act(user, "mini-code"))["code"]
    assert (await exchange(client, settings, code))["errcode"] == 40226


async def test_logging_in_too_often_is_45011(
    platform: Platform,
    client: httpx.AsyncClient,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = clock.real_now()
    monkeypatch.setattr(clock, "real_now", lambda: now)
    user = await platform.resident()
    errcodes = []
    for _ in range(101):
        code = (await platform.act(user, "mini-code"))["code"]
        errcodes.append((await exchange(client, settings, code)).get("errcode", 0))
    assert errcodes == [0] * 100 + [45011]


async def test_unionid_is_absent_when_the_account_or_the_resident_has_none(
    platform: Platform, client: httpx.AsyncClient, settings: Settings
) -> None:
    shy = await platform.resident("无", unionid=False)
    assert shy["unionid"] is None
    code = (await platform.act(shy, "mini-code"))["code"]
    assert "unionid" not in await exchange(client, settings, code)
    await platform.knob("mini", unionid=False)
    code = (await platform.act(await platform.resident(), "mini-code"))["code"]
    assert "unionid" not in await exchange(client, settings, code)


async def test_the_same_base_is_the_same_person_for_ever(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    first = await platform.resident("甲", openid_base="demo-1")
    assert await platform.resident("甲", openid_base="demo-1") == first
    await client.post("/_sandbox/reset")
    assert await platform.resident("甲", openid_base="demo-1") == first
    openids = set(first["openids"].values())
    assert len(openids) == 2
    assert all(len(openid) == 28 and openid.startswith("o") for openid in openids)


async def test_the_session_key_is_checked_by_its_signature(
    platform: Platform, client: httpx.AsyncClient, settings: Settings
) -> None:
    code = (await platform.act(await platform.resident(), "mini-code"))["code"]
    session = await exchange(client, settings, code)
    signature = hmac.new(session["session_key"].encode(), b"", hashlib.sha256).hexdigest()
    query = {"openid": session["openid"], "sig_method": "hmac_sha256"}
    path = "/wxa/checksession"
    assert (await platform.get(path, "mini", **query, signature=signature))["errcode"] == 0
    assert (await platform.get(path, "mini", **query, signature="0"))["errcode"] == 87009


async def test_a_phone_code_is_good_once(platform: Platform) -> None:
    user = await platform.resident(phone="13900000000")
    code = (await platform.act(user, "phone-code"))["code"]
    path = "/wxa/business/getuserphonenumber"
    first = await platform.post(path, {"code": code}, "mini")
    assert first["errcode"] == 0
    assert first["phone_info"]["purePhoneNumber"] == "13900000000"
    assert (await platform.post(path, {"code": code}, "mini"))["errcode"] == 40029
    assert (await platform.post(path, {}, "mini"))["errcode"] == 40029
