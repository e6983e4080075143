import asyncio
import re
from typing import Any

import httpx
import pytest
import xmltodict

from app.core.settings import Settings
from app.sandbox.callbacks import SORRY
from app.sandbox.world import World
from tests.sandbox.platform import Platform
from tests.sandbox.service import Service, echo


async def test_the_address_is_verified_before_the_first_push(
    platform: Platform, service: Service
) -> None:
    user = await platform.resident()
    await platform.act(user, "follow")
    await platform.act(user, "text", text="你好")
    assert service.verified == 1


@pytest.mark.parametrize("mode", ["safe", "compatible", "plain"])
@pytest.mark.parametrize("layout", ["xml", "json"])
async def test_wechatpy_reads_what_we_push_and_we_read_what_wechatpy_answers(
    platform: Platform, service: Service, settings: Settings, mode: str, layout: str
) -> None:
    service.script, service.seal = echo, mode == "safe"
    await platform.knob("oa", mode=mode, format=layout)
    if layout == "json":
        service.script = lambda _: "success"
    user = await platform.resident(followed=True)
    outcome = await platform.act(user, "text", text="你好 ]]> <b>&amp;")
    assert outcome["delivered"] is True
    assert outcome["tries"] == 1
    message = service.messages[-1]
    assert message["Content"] == "你好 ]]> <b>&amp;"
    assert message["FromUserName"] == user["openids"][settings.wechat.oa.appid]
    assert message["ToUserName"] == settings.wechat.oa.original_id
    if layout == "xml":
        assert outcome["reply"]["type"] == "text"
        assert outcome["reply"]["text"].startswith("收到：你好")


async def test_safe_mode_shows_nothing_but_the_receiver(
    platform: Platform, service: Service, settings: Settings
) -> None:
    user = await platform.resident(followed=True)
    await platform.act(user, "text", text="秘密")
    request = service.requests[-1]
    envelope = xmltodict.parse(request.content)["xml"]
    assert set(envelope) == {"ToUserName", "Encrypt"}
    assert request.headers["user-agent"] == "Mozilla/4.0"
    assert request.headers["content-type"] == "text/xml"
    assert request.url.path == f"/wechat/{settings.wechat.oa.appid}"
    assert set(request.url.params) == {
        "signature", "timestamp", "nonce", "openid", "encrypt_type", "msg_signature",
    }  # fmt: skip


async def test_a_silent_service_gets_three_tries_with_one_msgid(
    platform: Platform, service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.sandbox.callbacks.ANSWER_SECONDS", 0.05)

    async def dawdle(_: dict[str, Any]) -> str:
        await asyncio.sleep(10)
        return "success"

    service.script = dawdle
    user = await platform.resident(followed=True)
    outcome = await platform.act(user, "text", text="在吗")
    assert (outcome["delivered"], outcome["tries"], outcome["error"]) == (False, 3, "timeout")
    assert len({message["MsgId"] for message in service.messages}) == 1
    assert len(service.messages) == 3
    chat = (await platform.client.get(f"/_sandbox/users/{user['id']}/chat")).json()
    assert chat[-1]["sender"] == "system"
    assert chat[-1]["content"]["text"] == SORRY


async def test_a_late_success_ends_the_tries(platform: Platform, service: Service) -> None:
    answers = iter(["boom", "success"])

    def stumble(_: dict[str, Any]) -> str:
        if next(answers) == "boom":
            raise httpx.ConnectError("down")
        return "success"

    service.script = stumble
    user = await platform.resident(followed=True)
    outcome = await platform.act(user, "text", text="在吗")
    assert (outcome["delivered"], outcome["tries"], outcome["error"]) == (True, 2, None)


async def test_following_by_a_code_tells_the_scene_and_the_ticket(
    platform: Platform, service: Service
) -> None:
    body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": "v-07"}}}
    made = await platform.post("/cgi-bin/qrcode/create", body)
    user = await platform.resident()
    await platform.act(user, "follow", scene="v-07")
    event = service.messages[-1]
    assert (event["Event"], event["EventKey"]) == ("subscribe", "qrscene_v-07")
    assert event["Ticket"] == made["ticket"]
    await platform.act(user, "scan", scene=made["ticket"])
    event = service.messages[-1]
    assert (event["Event"], event["EventKey"]) == ("SCAN", "v-07")


async def test_only_followers_write_and_leaving_is_told(
    platform: Platform, service: Service
) -> None:
    user = await platform.resident()
    path = f"/_sandbox/users/{user['id']}"
    assert (await platform.client.post(f"{path}/text", json={"text": "x"})).status_code == 409
    await platform.act(user, "follow")
    assert (await platform.client.post(f"{path}/follow", json={})).status_code == 409
    await platform.act(user, "unfollow")
    assert service.messages[-1]["Event"] == "unsubscribe"


async def test_a_menu_button_by_its_place(
    platform: Platform, service: Service, settings: Settings
) -> None:
    mini = settings.wechat.mini.appid
    leaf = {"type": "miniprogram", "name": "学", "url": "http://a", "appid": mini, "pagepath": "p"}
    click = {"type": "click", "name": "今日", "key": "today"}
    menu = {"button": [click, {"name": "更多", "sub_button": [leaf]}]}
    await platform.post("/cgi-bin/menu/create", menu)
    user = await platform.resident(followed=True)
    await platform.act(user, "menu", path=[0])
    assert service.messages[-1]["EventKey"] == "today"
    assert (await platform.act(user, "menu", path=[1, 0]))["opens"] == "p"
    assert service.messages[-1]["Event"] == "view_miniprogram"
    missing = await platform.client.post(f"/_sandbox/users/{user['id']}/menu", json={"path": [1]})
    assert missing.status_code == 404


async def test_events_of_one_second_share_their_createtime(
    platform: Platform, service: Service
) -> None:
    user = await platform.resident(followed=True)
    acts = [
        {"type": "menu", "key": "a"},
        {"type": "menu", "key": "b"},
        {"type": "text", "text": "c"},
    ]
    outcomes = await platform.act(user, "burst", acts=acts)
    assert [outcome["delivered"] for outcome in outcomes] == [True] * 3
    assert len({message["CreateTime"] for message in service.messages}) == 1


async def test_a_callback_tells_what_was_inside(platform: Platform, service: Service) -> None:
    service.script = echo
    outcome = await platform.act(await platform.resident(followed=True), "text", text="你好")
    path = f"/_sandbox/callbacks/{outcome['callback']}"
    detail = (await platform.client.get(path)).json()
    assert detail["message"]["Content"] == "你好"
    assert detail["reply"] == {"type": "text", "text": "收到：你好"}
    assert "你好" not in detail["body"] + detail["answer"]
    assert (await platform.client.get("/_sandbox/callbacks/0")).status_code == 404


async def test_the_same_message_twice(platform: Platform, service: Service) -> None:
    await platform.act(await platform.resident(followed=True), "text", text="x", copies=3)
    assert len(service.messages) == 3
    assert len({message["MsgId"] for message in service.messages}) == 1


async def test_held_callbacks_arrive_in_reverse(
    platform: Platform, service: Service, settings: Settings
) -> None:
    await platform.knob("oa", holding=True)
    user = await platform.resident(followed=True)
    for text in ("一", "二"):
        assert (await platform.act(user, "text", text=text))["error"] == "held"
    path = f"/_sandbox/accounts/{settings.wechat.oa.appid}/release"
    await platform.client.post(path, json={"order": "last_to_first"})
    assert [message["Content"] for message in service.messages] == ["二", "一"]


async def test_an_old_request_is_replayed_byte_for_byte(
    platform: Platform, service: Service
) -> None:
    outcome = await platform.act(await platform.resident(followed=True), "text", text="x")
    path = f"/_sandbox/callbacks/{outcome['callback']}/replay?times=2"
    answers = (await platform.client.post(path)).json()
    assert [answer["status"] for answer in answers] == [200, 200]
    first, *others = service.requests
    assert all(str(other.url) == str(first.url) for other in others)
    assert all(other.content == first.content for other in others)


@pytest.mark.parametrize(
    ("kind", "trace"),
    [
        ("wrong_signature", "msg_signature=0{40}"),
        ("wrong_msg_signature", "msg_signature=0{40}"),
        ("plain", "伪造的消息"),
        ("not_xml", "这不是"),
        ("oversized", "长{1000}"),
        ("xml_bomb", "ENTITY"),
        ("truncated", "<Encrypt>"),
        ("foreign_appid", "<Encrypt>"),
        ("oversized_sealed", "<Encrypt>"),
        ("xml_bomb_sealed", "<Encrypt>"),
        ("old_timestamp", "<Encrypt>"),
    ],
)
async def test_forgeries_are_sent_as_announced(
    platform: Platform, service: Service, kind: str, trace: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: httpx.Request) -> dict[str, Any]:
        text = str(request.url) + request.content.decode()
        assert re.search(trace, text)
        raise httpx.ReadError("refused")

    monkeypatch.setattr(service, "open", refuse)
    answer = await platform.act(await platform.resident(), "forge", kind=kind)
    assert (answer["status"], answer["body"]) == (None, "ReadError")


async def test_revoking_consent_tells_the_mini_program(
    platform: Platform, service: Service, settings: Settings
) -> None:
    mini = settings.wechat.mini.appid
    await platform.knob("mini", format="json")
    user = await platform.resident()
    assert (await platform.act(user, "revoke"))["delivered"] is True
    event = service.messages[-1]
    assert event["Event"] == "user_authorization_revoke"
    assert event["OpenID"] == user["openids"][mini]
    assert service.requests[-1].url.path == f"/wechat/{mini}"


async def test_nothing_is_pushed_to_an_address_that_does_not_verify(
    platform: Platform, service: Service, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def garble(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, text='"12345"')

    monkeypatch.setattr(world, "http", httpx.AsyncClient(transport=httpx.MockTransport(garble)))
    outcome = await platform.act(await platform.resident(), "follow")
    assert (outcome["error"], outcome["tries"]) == ("url_not_verified", 0)
    assert service.messages == []
