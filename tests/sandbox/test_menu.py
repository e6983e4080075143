from typing import Any

import httpx
import pytest

from app.core.settings import Settings
from tests.sandbox.platform import Platform

CLICK = {"type": "click", "name": "今日一学", "key": "today"}
VIEW = {"type": "view", "name": "网页", "url": "https://example.cn/a"}


def under(*children: Any) -> list[dict[str, Any]]:
    return [{"name": "更多", "sub_button": list(children)}]


@pytest.mark.parametrize(
    ("buttons", "errcode"),
    [
        ([], 40016),
        ([CLICK] * 4, 40016),
        ("x", 40016),
        ([CLICK | {"name": ""}], 40018),
        ([CLICK | {"name": "一二三四五六"}], 40018),
        ([CLICK | {"key": "k" * 129}], 40019),
        ([{"name": "空"}], 40017),
        ([CLICK | {"type": "dance"}], 40119),
        ([VIEW | {"url": "u" * 1025}], 40020),
        ([VIEW | {"url": "example.cn"}], 40055),
        (under(*[CLICK] * 6), 40023),
        (under({"name": "空"}), 40024),
        (under(CLICK | {"name": "名" * 21}), 40025),
        (under(CLICK | {"key": ""}), 40026),
        (under(VIEW | {"url": ""}), 40027),
        (under(VIEW | {"url": "javascript:alert(1)"}), 40054),
        (under(CLICK | {"type": "dance"}), 40120),
        (under(CLICK | {"sub_button": [CLICK]}), 40022),
        (
            [VIEW | {"type": "miniprogram", "appid": "wx1", "pagepath": "pages/index"}],
            45064,
        ),
    ],
)
async def test_a_wrong_menu_is_refused_with_its_code(
    platform: Platform, buttons: Any, errcode: int
) -> None:
    assert (await platform.post("/cgi-bin/menu/create", {"button": buttons}))["errcode"] == errcode


async def test_a_menu_lives_until_it_is_deleted(platform: Platform, settings: Settings) -> None:
    mini = VIEW | {"type": "miniprogram", "appid": settings.wechat.mini.appid, "pagepath": "p"}
    assert (await platform.get("/cgi-bin/menu/get"))["errcode"] == 46003
    made = await platform.post("/cgi-bin/menu/create", {"button": [CLICK, *under(VIEW, mini)]})
    assert made == {"errcode": 0, "errmsg": "ok"}
    buttons = (await platform.get("/cgi-bin/menu/get"))["menu"]["button"]
    assert [button["name"] for button in buttons] == ["今日一学", "更多"]
    assert (await platform.get("/cgi-bin/menu/delete"))["errcode"] == 0
    assert (await platform.get("/cgi-bin/menu/get"))["errcode"] == 46003


async def test_escaped_chinese_is_refused(platform: Platform, client: httpx.AsyncClient) -> None:
    body = '{"button": [{"type": "click", "name": "\\u4eca", "key": "k"}]}'
    answer = await client.post(
        "/cgi-bin/menu/create", params={"access_token": await platform.token()}, content=body
    )
    assert answer.json()["errcode"] == 40033
