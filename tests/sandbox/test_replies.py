from typing import Any

import pytest

from tests.sandbox.platform import Platform
from tests.sandbox.service import Service, echo, text_reply


def news(message: dict[str, Any], *, count: int, items: int) -> str:
    item = "<item><Title>题</Title><Description>述</Description><Url>http://a</Url></item>"
    return text_reply(message, "x").replace("[text]", "[news]").replace(
        "<Content><![CDATA[x]]></Content>",
        f"<ArticleCount>{count}</ArticleCount><Articles>{item * items}</Articles>",
    )  # fmt: skip


@pytest.mark.parametrize(
    "garble",
    [
        lambda _: '{"errcode": 0}',
        lambda _: "<html>oops</html>",
        lambda _: "<xml><ToUserName>",
        lambda m: '<!DOCTYPE x [<!ENTITY a "b">]>' + text_reply(m, "x"),
        lambda m: text_reply(m, ""),
        lambda m: text_reply(m, "长" * 700),
        lambda m: text_reply(m, "x").replace("1700000000", "now"),
        lambda m: text_reply(m, "x").replace("[text]", "[dance]"),
        lambda m: text_reply({**m, "FromUserName": "o-somebody-else"}, "x"),
        lambda m: news(m, count=2, items=2),
        lambda m: news(m, count=2, items=1),
        lambda m: news(m, count=0, items=0),
    ],
)
async def test_an_answer_wechat_would_not_show_ends_in_regret(
    platform: Platform, service: Service, garble: Any
) -> None:
    service.script = garble
    user = await platform.resident(followed=True)
    outcome = await platform.act(user, "text", text="你好")
    assert outcome["delivered"] is False
    assert outcome["tries"] == 1
    assert outcome["error"]
    callbacks = (await platform.client.get("/_sandbox/callbacks")).json()
    assert callbacks[-1]["outcome"] == "garbage"


async def test_an_open_answer_in_safe_mode_is_not_shown(
    platform: Platform, service: Service
) -> None:
    service.script, service.seal = echo, False
    outcome = await platform.act(await platform.resident(followed=True), "text", text="你好")
    assert "Encrypt" in outcome["error"]


async def test_one_card_answers_a_message_and_eight_an_event(
    platform: Platform, service: Service
) -> None:
    service.script = lambda m: news(m, count=1, items=1)
    user = await platform.resident(followed=True)
    outcome = await platform.act(user, "text", text="你好")
    assert outcome["reply"]["articles"] == [
        {"title": "题", "description": "述", "picurl": "", "url": "http://a"}
    ]
    service.script = lambda m: news(m, count=2, items=2)
    assert (await platform.act(user, "menu", key="today"))["delivered"] is True
