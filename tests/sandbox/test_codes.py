from typing import Any

import httpx
import pytest

from app.core.settings import Settings
from tests.sandbox.platform import Platform, travel

PNG = b"\x89PNG"


def scene(**facts: Any) -> dict[str, Any]:
    return {"action_info": {"scene": facts}}


async def test_a_code_is_made_and_shown(platform: Platform, client: httpx.AsyncClient) -> None:
    body = {"action_name": "QR_STR_SCENE", "expire_seconds": 600, **scene(scene_str="活动1")}
    made = await platform.post("/cgi-bin/qrcode/create", body)
    assert set(made) == {"ticket", "expire_seconds", "url"}
    picture = await client.get("/cgi-bin/showqrcode", params={"ticket": made["ticket"]})
    assert picture.headers["content-type"] == "image/png"
    assert picture.content.startswith(PNG)
    missing = await client.get("/cgi-bin/showqrcode", params={"ticket": "x"})
    assert missing.status_code == 404


async def test_a_temporary_code_ends(
    platform: Platform, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = {"action_name": "QR_SCENE", "expire_seconds": 600, **scene(scene_id=7)}
    await platform.post("/cgi-bin/qrcode/create", body)
    assert [code["scene"] for code in (await client.get("/_sandbox/qrcodes")).json()] == ["7"]
    travel(monkeypatch, 601)
    assert (await client.get("/_sandbox/qrcodes")).json() == []


@pytest.mark.parametrize(
    "body",
    [
        {"action_name": "QR", **scene(scene_id=1)},
        {"action_name": "QR_SCENE", **scene(scene_id=0)},
        {"action_name": "QR_LIMIT_SCENE", **scene(scene_id=100_001)},
        {"action_name": "QR_LIMIT_STR_SCENE", **scene(scene_str="x" * 65)},
        {"action_name": "QR_STR_SCENE", "expire_seconds": 2_592_001, **scene(scene_str="x")},
        {"action_name": "QR_STR_SCENE"},
    ],
)
async def test_a_wrong_code_is_refused(platform: Platform, body: dict[str, Any]) -> None:
    assert (await platform.post("/cgi-bin/qrcode/create", body))["errcode"] == 40053


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({}, 0),
        ({"scene": "中文"}, 40169),
        ({"scene": "x" * 33}, 40169),
        ({"page": "/pages/index"}, 41030),
        ({"page": "pages/index?a=1"}, 41030),
        ({"width": 10}, 40097),
        ({"env_version": "beta"}, 40097),
    ],
)
async def test_a_mini_program_code_is_a_picture_or_a_refusal(
    platform: Platform, client: httpx.AsyncClient, changed: dict[str, Any], errcode: int
) -> None:
    body = {"scene": "l=anti-fraud_01", "page": "pages/lesson/lesson"} | changed
    answer = await client.post(
        "/wxa/getwxacodeunlimit", params={"access_token": await platform.token("mini")}, json=body
    )
    if errcode:
        assert answer.json()["errcode"] == errcode
    else:
        assert answer.content.startswith(PNG)


@pytest.mark.parametrize(
    ("body", "errcode"),
    [
        ({"path": "pages/index", "query": "a=1"}, 0),
        ({"expire_type": 1, "expire_interval": 30}, 0),
        ({"expire_type": 1, "expire_interval": 31}, 85400),
        ({"expire_type": 1}, 85401),
        ({"expire_type": 0, "expire_time": 1}, 85401),
        ({"path": "/pages/index"}, 40165),
        ({"query": "q" * 1025}, 40212),
        ({"env_version": "beta"}, 85402),
    ],
)
async def test_a_link_lives_thirty_days_at_most(
    platform: Platform, body: dict[str, Any], errcode: int
) -> None:
    answer = await platform.post("/wxa/generate_urllink", body, "mini")
    assert answer["errcode"] == errcode
    assert errcode or answer["url_link"].startswith("https://wxaurl.cn/")


async def test_texts_are_checked_for_active_users_only(
    platform: Platform, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await platform.resident()
    openid = user["openids"][settings.wechat.mini.appid]
    body = {"version": 2, "scene": 2, "openid": openid, "content": "很好"}
    path = "/wxa/msg_sec_check"

    async def check(**changed: Any) -> dict[str, Any]:
        return await platform.post(path, body | changed, "mini")

    assert (await check())["errcode"] == 61010
    await platform.act(user, "mini-code")
    assert (await check())["result"] == {"suggest": "pass", "label": 100}
    assert (await check(content="一起赌博"))["result"] == {"suggest": "risky", "label": 20006}
    assert (await check(title="祖传秘方"))["result"]["suggest"] == "review"
    assert (await check(scene=9))["errcode"] == 40129
    assert (await check(openid="x"))["errcode"] == 40003
    foreign = user["openids"][settings.wechat.oa.appid]
    assert (await check(openid=foreign))["errcode"] == 43104
    assert (await check(content="长" * 2501))["errcode"] == 45002
    travel(monkeypatch, 7201)
    assert (await check())["errcode"] == 61010
