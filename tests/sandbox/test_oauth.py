from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from app.core.settings import Settings
from tests.sandbox.platform import Platform, travel
from tests.sandbox.service import Service

BACK = "http://127.0.0.1:8000/oauth/back?next=1"


@pytest.fixture
async def user(platform: Platform) -> dict[str, Any]:
    return await platform.resident()


async def authorize(
    client: httpx.AsyncClient, settings: Settings, user: dict[str, Any] | None, **changed: str
) -> httpx.Response:
    query = {
        "appid": settings.wechat.oa.appid,
        "redirect_uri": BACK,
        "response_type": "code",
        "scope": "snsapi_userinfo",
        "state": "s1",
    }
    phone = {"sandbox_user": user["id"]} if user else {}
    return await client.get("/connect/oauth2/authorize", params=query | phone | changed)


async def fetch(client: httpx.AsyncClient, settings: Settings, code: str) -> dict[str, Any]:
    oa = settings.wechat.oa
    query = {
        "appid": oa.appid,
        "secret": oa.secret,
        "code": code,
        "grant_type": "authorization_code",
    }
    return dict((await client.get("/sns/oauth2/access_token", params=query)).json())


def code_of(answer: httpx.Response) -> str:
    assert answer.status_code == 302
    target = urlsplit(answer.headers["location"])
    query = parse_qs(target.query)
    assert (query["next"], query["state"]) == (["1"], ["s1"])
    return query["code"][0]


async def test_a_resident_is_known_by_a_code_once(
    client: httpx.AsyncClient, settings: Settings, user: dict[str, Any]
) -> None:
    code = code_of(await authorize(client, settings, user))
    token = await fetch(client, settings, code)
    assert token["openid"] == user["openids"][settings.wechat.oa.appid]
    assert token["unionid"] == user["unionid"]
    assert (await fetch(client, settings, code))["errcode"] == 40163
    assert (await fetch(client, settings, "x"))["errcode"] == 40029
    query = {"access_token": token["access_token"], "openid": token["openid"], "lang": "zh_CN"}
    known = (await client.get("/sns/userinfo", params=query)).json()
    assert (known["nickname"], known["sex"], known["province"]) == ("槐小花", 0, "")


async def test_the_base_scope_tells_no_unionid_and_no_name(
    client: httpx.AsyncClient, settings: Settings, user: dict[str, Any]
) -> None:
    code = code_of(await authorize(client, settings, user, scope="snsapi_base"))
    token = await fetch(client, settings, code)
    assert "unionid" not in token
    query = {"access_token": token["access_token"], "openid": token["openid"]}
    assert (await client.get("/sns/userinfo", params=query)).json()["errcode"] == 48001


async def test_a_code_expires(
    client: httpx.AsyncClient,
    settings: Settings,
    user: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    code = code_of(await authorize(client, settings, user))
    travel(monkeypatch, 301)
    assert (await fetch(client, settings, code))["errcode"] == 42003


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"appid": "wx1"}, "10013"),
        ({"scope": "all"}, "10005"),
        ({"redirect_uri": "http://www.127.0.0.1:8000/"}, "10003"),
        ({"redirect_uri": "javascript:alert(1)"}, "10003"),
    ],
)
async def test_a_wrong_link_ends_on_a_page(
    client: httpx.AsyncClient,
    settings: Settings,
    user: dict[str, Any],
    changed: dict[str, str],
    sentence: str,
) -> None:
    answer = await authorize(client, settings, user, **changed)
    assert answer.status_code == 200
    assert sentence in answer.text


async def test_a_subscription_account_has_no_oauth(
    platform: Platform, client: httpx.AsyncClient, settings: Settings, user: dict[str, Any]
) -> None:
    await platform.knob("oa", profile="subscription_verified")
    assert "10005" in (await authorize(client, settings, user)).text


async def test_an_unknown_phone_is_asked_whose_it_is(
    platform: Platform, client: httpx.AsyncClient, settings: Settings
) -> None:
    await platform.resident("<script>alert(1)</script>")
    page = await authorize(client, settings, None)
    assert "&lt;script&gt;" in page.text
    assert "<script>alert" not in page.text


async def test_a_snapshot_page_shows_a_virtual_account(
    platform: Platform, client: httpx.AsyncClient, settings: Settings, user: dict[str, Any]
) -> None:
    await platform.knob("oa", snapshot=True)
    token = await fetch(client, settings, code_of(await authorize(client, settings, user)))
    assert token["is_snapshotuser"] == 1
    assert token["openid"] not in user["openids"].values()
    query = {"access_token": token["access_token"], "openid": token["openid"]}
    assert (await client.get("/sns/userinfo", params=query)).json()["errcode"] == 48001


async def test_a_double_redirect_visits_the_address_before_the_browser(
    platform: Platform,
    client: httpx.AsyncClient,
    settings: Settings,
    user: dict[str, Any],
    service: Service,
) -> None:
    await platform.knob("oa", double_redirect=True)
    answer = await authorize(client, settings, user)
    assert [str(request.url) for request in service.requests] == [answer.headers["location"]]
