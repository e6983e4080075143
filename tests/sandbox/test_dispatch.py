from typing import Any

import httpx
import pytest

from app.sandbox.server import ENDPOINTS
from tests.sandbox.platform import Platform

ODD: list[Any] = [None, True, -1, 10**30, 1.5, "", "http://[", "长" * 3000, [], [[]], {}, {"a": []}]
FIELDS = {
    "/cgi-bin/stable_token": ["grant_type", "appid", "secret", "force_refresh"],
    "/cgi-bin/message/custom/send": ["touser", "msgtype", "text", "news"],
    "/cgi-bin/menu/create": ["button"],
    "/cgi-bin/qrcode/create": ["action_name", "action_info", "expire_seconds"],
    "/wxa/business/getuserphonenumber": ["code"],
    "/wxa/getwxacodeunlimit": ["scene", "page", "width", "env_version"],
    "/wxa/generate_urllink": ["path", "query", "expire_type", "expire_time", "expire_interval"],
    "/wxa/msg_sec_check": ["version", "scene", "openid", "content", "title"],
    "/cgi-bin/openapi/quota/get": ["cgi_path"],
    "/cgi-bin/media/uploadimg": ["media"],
    "/cgi-bin/media/upload": ["media"],
    "/cgi-bin/material/add_material": ["media"],
    "/cgi-bin/draft/add": ["articles"],
    "/cgi-bin/draft/update": ["media_id", "index", "articles"],
    "/cgi-bin/draft/get": ["media_id"],
    "/cgi-bin/draft/batchget": ["offset", "count", "no_content"],
    "/cgi-bin/draft/delete": ["media_id"],
    "/cgi-bin/freepublish/submit": ["media_id"],
    "/cgi-bin/freepublish/get": ["publish_id"],
    "/cgi-bin/freepublish/batchget": ["offset", "count", "no_content"],
    "/cgi-bin/freepublish/getarticle": ["article_id"],
    "/cgi-bin/freepublish/delete": ["article_id", "index"],
    "/cgi-bin/message/mass/sendall": ["filter", "msgtype", "mpnews", "clientmsgid"],
    "/cgi-bin/message/mass/preview": ["touser", "towxname", "msgtype", "mpnews"],
    "/cgi-bin/message/mass/get": ["msg_id"],
    "/cgi-bin/message/mass/delete": ["msg_id", "article_idx"],
    "/cgi-bin/message/subscribe/send": ["touser", "template_id", "page", "data", "lang"],
}
GOOD: dict[str, dict[str, Any]] = {
    "/cgi-bin/qrcode/create": {
        "action_name": "QR_STR_SCENE",
        "action_info": {"scene": {"scene_str": "x"}},
    },
    "/wxa/getwxacodeunlimit": {"scene": "x"},
    "/wxa/msg_sec_check": {"version": 2, "scene": 1, "content": "x", "openid": "o"},
    "/wxa/generate_urllink": {"expire_type": 1, "expire_interval": 1},
    "/cgi-bin/message/mass/sendall": {"filter": {"is_to_all": True}, "msgtype": "mpnews"},
}


def test_every_posted_call_is_teased() -> None:
    assert FIELDS.keys() == {path for path, one in ENDPOINTS.items() if one.method == "POST"}


@pytest.mark.parametrize("path", FIELDS)
async def test_odd_values_are_refused_and_never_break_the_platform(
    platform: Platform, client: httpx.AsyncClient, path: str
) -> None:
    account = "mini" if path.startswith(("/wxa/", "/cgi-bin/message/subscribe/")) else "oa"
    query = {"access_token": await platform.token(account)}
    for name in FIELDS[path]:
        for value in ODD:
            body = GOOD.get(path, {}) | {name: value}
            answer = await client.post(path, params=query, json=body)
            assert answer.status_code == 200, (name, value)


@pytest.mark.parametrize(
    "button",
    [
        [],
        {"name": []},
        {"name": "x", "type": []},
        {"name": "x", "type": "view", "url": []},
        {"name": "x", "type": "view", "url": "http://["},
        {"name": "x", "sub_button": {}},
        {"name": "x", "sub_button": {"list": []}},
        {"name": "x", "sub_button": [[]]},
    ],
)
async def test_odd_buttons_are_refused(platform: Platform, button: Any) -> None:
    answer = await platform.post("/cgi-bin/menu/create", {"button": [button]})
    assert answer["errcode"] or button.get("url") == "http://["


async def test_half_a_character_is_no_data(platform: Platform, client: httpx.AsyncClient) -> None:
    query = {"access_token": await platform.token()}
    body = '{"touser": "\\ud800", "msgtype": "text"}'
    answer = await client.post("/cgi-bin/message/custom/send", params=query, content=body)
    assert answer.json()["errcode"] == 47001


async def test_the_wrong_method_is_refused(platform: Platform) -> None:
    assert (await platform.get("/cgi-bin/menu/create"))["errcode"] == 43002
    assert (await platform.post("/cgi-bin/menu/get", {}))["errcode"] == 43001


async def test_an_answer_has_the_type_the_platform_gives_it(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    query = {"access_token": await platform.token()}
    answer = await client.get("/cgi-bin/getcallbackip", params=query)
    assert answer.headers["content-type"] == "application/json; encoding=utf-8"


async def test_what_xml_cannot_hold_is_dropped(platform: Platform) -> None:
    user = await platform.resident(followed=True)
    assert (await platform.act(user, "text", text="a\x00\x0bb"))["delivered"] is True
