"""What the real clients never do: odd values, old tokens, several recipients, uploads."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core import clock
from app.core.settings import Settings
from app.sandbox.wecom import ENDPOINTS
from tests.sandbox.companies import make_group, read_group, with_companies
from tests.sandbox.platform import travel
from tests.sandbox.test_dispatch import ODD

CONTACTS = "/cgi-bin/externalcontact"
FIELDS = {
    "/cgi-bin/message/send": ["touser", "msgtype", "text", "agentid", "duplicate_check_interval"],
    "/cgi-bin/webhook/send": ["msgtype", "text", "markdown", "news", "image", "file"],
    f"{CONTACTS}/add_msg_template": ["chat_type", "sender", "chat_id_list", "text", "attachments"],
    f"{CONTACTS}/get_groupmsg_list_v2": ["chat_type", "start_time", "end_time", "limit", "cursor"],
    f"{CONTACTS}/get_groupmsg_task": ["msgid", "limit", "cursor"],
    f"{CONTACTS}/get_groupmsg_send_result": ["msgid", "userid", "limit", "cursor"],
    f"{CONTACTS}/remind_groupmsg_send": ["msgid"],
    f"{CONTACTS}/cancel_groupmsg_send": ["msgid"],
}
QQ_FIELDS = {
    "/app/getAppAccessToken": ["appId", "clientSecret"],
    "/v2/groups/G1/messages": ["msg_type", "content", "msg_id", "msg_seq"],
}


@pytest.fixture
def settings() -> Settings:
    return with_companies()


async def get_token(client: httpx.AsyncClient) -> dict[str, Any]:
    params = {"corpid": "ww00000000000000c3", "corpsecret": "wecom-secret"}
    return dict((await client.get("/cgi-bin/gettoken", params=params)).json())


async def post(client: httpx.AsyncClient, path: str, body: Any) -> dict[str, Any]:
    token = (await get_token(client))["access_token"]
    params = {"access_token": token, "key": "key-1"}
    answer = await client.post(path, params=params, json=body)
    assert answer.status_code == 200, body
    return dict(answer.json())


def test_every_posted_call_is_teased() -> None:
    posted = {path for path, one in ENDPOINTS.items() if one.method == "POST" and not one.form}
    assert FIELDS.keys() == posted


@pytest.mark.parametrize("path", FIELDS)
async def test_odd_values_never_break_the_platform(client: httpx.AsyncClient, path: str) -> None:
    await make_group(client, "wecom_robot", address="key-1")
    good = {
        "sender": (await make_group(client, "wecom_customer_group", owner="huai"))["owner"],
        "chat_type": "group",
        "text": {"content": "x"},
        "agentid": 1000002,
        "touser": "huai",
        "msgtype": "text",
        "start_time": 1,
        "end_time": 2,
    }
    message = {"chat_type": "group", "sender": "huai", "text": {"content": "x"}}
    made = await post(client, f"{CONTACTS}/add_msg_template", message)
    for name in FIELDS[path]:
        for value in ODD:
            kind = {"msgtype": name} if name in {"news", "image", "file", "markdown"} else {}
            body = {**good, "msgid": made["msgid"], **kind, name: value}
            assert "errcode" in await post(client, path, body), (name, value)


@pytest.mark.parametrize("path", QQ_FIELDS)
async def test_odd_values_never_break_qq(client: httpx.AsyncClient, path: str) -> None:
    await make_group(client, "qq_bot", address="G1", allow_proactive=True)
    login = {"appId": "100000004", "clientSecret": "qq-secret"}
    token = (await client.post("/app/getAppAccessToken", json=login)).json()["access_token"]
    headers = {"Authorization": f"QQBot {token}"}
    good = {"msg_type": 0, "content": "x"} | login
    for name in QQ_FIELDS[path]:
        for value in ODD:
            answer = await client.post(path, headers=headers, json={**good, name: value})
            assert answer.status_code in {200, 400}, (name, value)
    for content in (b"", b"[]", b"\xff", b'{"content": "\\ud800"}'):
        answer = await client.post(path, headers=headers, content=content)
        assert answer.json()["code"] in {11255, 100007}


@pytest.mark.parametrize(
    ("params", "errcode"),
    [
        ({}, 41002),
        ({"corpid": "ww00000000000000c3"}, 41004),
        ({"corpid": "ww1", "corpsecret": "x"}, 40013),
        ({"corpid": "ww00000000000000c3", "corpsecret": "x"}, 40001),
    ],
)
async def test_a_token_wants_the_right_credentials(
    client: httpx.AsyncClient, params: dict[str, str], errcode: int
) -> None:
    answer = (await client.get("/cgi-bin/gettoken", params=params)).json()
    assert answer["errcode"] == errcode
    assert "hint: [" in answer["errmsg"]


async def test_the_token_is_the_same_until_its_end(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await get_token(client)
    assert (await get_token(client))["access_token"] == first["access_token"]
    travel(monkeypatch, 7201)
    params = {"access_token": first["access_token"]}
    old = await client.post("/cgi-bin/message/send", params=params, json={})
    assert old.json()["errcode"] == 42001
    assert (await get_token(client))["access_token"] != first["access_token"]
    for value, errcode in (("", 41001), ("x", 40014)):
        params = {"access_token": value}
        answer = await client.post("/cgi-bin/message/send", params=params, json={})
        assert answer.json()["errcode"] == errcode


async def test_unknown_recipients_are_named_beside_known_ones(client: httpx.AsyncClient) -> None:
    await client.post("/_sandbox/wecom/members", json={"userid": "huai"})
    message = {"agentid": 1000002, "msgtype": "text", "text": {"content": "x"}}

    async def send(touser: str, **changed: Any) -> dict[str, Any]:
        return await post(client, "/cgi-bin/message/send", {**message, "touser": touser, **changed})

    assert (await send("huai|nobody"))["invaliduser"] == "nobody"
    assert "invaliduser" not in await send("@all")
    assert (await send("nobody"))["errcode"] == 81013
    assert (await send("huai", agentid=1))["errcode"] == 301002
    assert (await send("huai", msgtype="poem"))["errcode"] == 40008
    assert (await send("huai", text={}))["errcode"] == 44004


async def test_a_file_is_for_its_robot_and_three_days(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = await make_group(client, "wecom_robot", address="key-1")
    await make_group(client, "wecom_robot", address="key-2")

    async def upload(kind: str = "file", **files: Any) -> dict[str, Any]:
        params = {"key": "key-1", "type": kind}
        path = "/cgi-bin/webhook/upload_media"
        return dict((await client.post(path, params=params, files=files)).json())

    async def send(key: str) -> int:
        message = {"msgtype": "file", "file": {"media_id": media_id}}
        answer = await client.post("/cgi-bin/webhook/send", params={"key": key}, json=message)
        return int(answer.json()["errcode"])

    assert (await upload("poem", media=("a.pdf", b"12345")))["errcode"] == 40035
    assert (await upload(other=("a.pdf", b"12345")))["errcode"] == 41005
    assert (await upload(media=("a.pdf", b"1234")))["errcode"] == 44001
    media_id = (await upload(media=("a.pdf", b"12345")))["media_id"]
    assert [await send("key-1"), await send("key-2")] == [0, 40007]
    assert (await read_group(client, group))[0]["content"] == {"text": "a.pdf"}
    travel(monkeypatch, 3 * 86_400)
    assert await send("key-1") == 40007


async def test_the_list_of_tasks_has_pages_and_a_span(client: httpx.AsyncClient) -> None:
    await make_group(client, "wecom_customer_group", address="wr1", owner="huai")
    for _ in range(3):
        body = {"chat_type": "group", "sender": "huai", "text": {"content": "x"}}
        await post(client, f"{CONTACTS}/add_msg_template", body)
    now = int(clock.utcnow().timestamp())

    async def ask(**changed: Any) -> dict[str, Any]:
        asked = {"chat_type": "group", "start_time": now - 60, "end_time": now + 60, **changed}
        return await post(client, f"{CONTACTS}/get_groupmsg_list_v2", asked)

    first = await ask(limit=2)
    assert (len(first["group_msg_list"]), first["next_cursor"]) == (2, "2")
    last = await ask(limit=2, cursor="2")
    assert (len(last["group_msg_list"]), last["next_cursor"]) == (1, "")
    assert "creator" not in last["group_msg_list"][0]
    for hidden in ({"creator": "huai"}, {"filter_type": 1}, {"chat_type": "single"}):
        assert (await ask(**hidden))["group_msg_list"] == []
    assert (await ask(start_time=now - 32 * 86_400))["errcode"] == 40058
    assert (await ask(cursor="x"))["errcode"] == 50100


@pytest.fixture
async def unconfigured(sandbox: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    sandbox.state.world.settings = Settings(_env_file=None)
    transport = httpx.ASGITransport(sandbox)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client


async def test_without_settings_nobody_gets_a_token(unconfigured: httpx.AsyncClient) -> None:
    assert (await get_token(unconfigured))["errcode"] == 40013
    for body in ({"appId": None}, {}, {"appId": "", "clientSecret": ""}):
        answer = await unconfigured.post("/app/getAppAccessToken", json=body)
        assert answer.json()["code"] == 100007
