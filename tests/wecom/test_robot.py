import base64
import hashlib
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.core import exchange
from app.core.settings import WeCom
from app.wecom import errors
from app.wecom.client import WeComClient
from app.wecom.robot import send_robot
from tests.sandbox.companies import add_fault, make_group, read_group, running, wecom_client
from tests.sandbox.platform import travel

HELLO = {"msgtype": "text", "text": {"content": "今日一课：https://xuexi.example/t/1"}}


def text(kind: str, size: int) -> dict[str, Any]:
    return {"msgtype": kind, kind: {"content": "x" * size}}


def news(count: int) -> dict[str, Any]:
    article = {"title": "今日一课", "url": "https://xuexi.example/t/1", "description": "防骗"}
    return {"msgtype": "news", "news": {"articles": [article] * count}}


def image(content: bytes) -> dict[str, Any]:
    # What the platform asks for, as a check sum.
    md5 = hashlib.md5(content).hexdigest()  # noqa: S324
    return {"msgtype": "image", "image": {"base64": base64.b64encode(content).decode(), "md5": md5}}


@pytest.mark.parametrize(
    "message", [HELLO, text("text", 2048), text("markdown", 4096), news(8), image(b"\x89PNG...")]
)
async def test_the_group_sees_what_the_robot_says(
    sandbox: FastAPI, admin: httpx.AsyncClient, message: dict[str, Any]
) -> None:
    group = await make_group(admin, "wecom_robot", address="key-1")
    await send_robot(wecom_client(sandbox), key="key-1", message=message)
    said = (await read_group(admin, group))[-1]
    assert (said["type"], said["by"]) == (message["msgtype"], "robot")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (text("text", 2049), errors.WeComTooLong),
        (text("markdown", 4097), errors.WeComTooLong),
        ({"msgtype": "text", "text": {"content": "长" * 683}}, errors.WeComTooLong),
        ({"msgtype": "text", "text": {"content": ""}}, errors.WeComMessageInvalid),
        ({"msgtype": "poem", "poem": {}}, errors.WeComMessageInvalid),
        (news(0), errors.WeComMessageInvalid),
        (news(9), errors.WeComMessageInvalid),
        (image(b"no picture"), errors.WeComMessageInvalid),
        ({**image(b"\x89PNG"), "image": {"base64": "iVBORw==", "md5": "0"}}, None),
        ({"msgtype": "file", "file": {"media_id": "x"}}, errors.WeComMessageInvalid),
    ],
)
async def test_a_wrong_message_is_refused_and_not_seen(
    sandbox: FastAPI, admin: httpx.AsyncClient, message: dict[str, Any], kind: Any
) -> None:
    group = await make_group(admin, "wecom_robot", address="key-1")
    with pytest.raises(kind or errors.WeComMessageInvalid):
        await send_robot(wecom_client(sandbox), key="key-1", message=message)
    assert await read_group(admin, group) == []


async def test_twenty_a_minute(
    sandbox: FastAPI, admin: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await make_group(admin, "wecom_robot", address="key-1")
    await make_group(admin, "wecom_robot", address="key-2")
    client = wecom_client(sandbox)
    for _ in range(20):
        await send_robot(client, key="key-1", message=HELLO)
    with pytest.raises(errors.WeComRateLimited):
        await send_robot(client, key="key-1", message=HELLO)
    await send_robot(client, key="key-2", message=HELLO)
    travel(monkeypatch, 61)
    await send_robot(client, key="key-1", message=HELLO)


async def test_a_robot_that_is_gone(sandbox: FastAPI, admin: httpx.AsyncClient) -> None:
    group = await make_group(admin, "wecom_robot", address="key-1")
    client = wecom_client(sandbox)
    with pytest.raises(errors.RobotGone):
        await send_robot(client, key="key-2", message=HELLO)
    await admin.post(f"/_sandbox/groups/{group['id']}/remove")
    with pytest.raises(errors.RobotGone):
        await send_robot(client, key="key-1", message=HELLO)
    await admin.post(f"/_sandbox/groups/{group['id']}/restore")
    await send_robot(client, key="key-1", message=HELLO)


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("html502", "no JSON"),
        ("truncated", "no JSON"),
        ("reset", "RemoteProtocolError"),
        ("latency", "TimeoutError"),
    ],
)
async def test_a_lost_answer_may_be_done_and_here_it_is(
    sandbox: FastAPI,
    admin: httpx.AsyncClient,
    monkeypatch: pytest.MonkeyPatch,
    kind: str,
    reason: str,
) -> None:
    group = await make_group(admin, "wecom_robot", address="key-1")
    await add_fault(admin, "/cgi-bin/webhook/*", kind, seconds=1)
    if kind == "latency":
        monkeypatch.setattr(exchange, "CALL_SECONDS_MAX", 0.5)
    async with running(sandbox) as address:
        client = WeComClient(WeCom.model_validate({"api_url": address}))
        with pytest.raises(errors.WeComUnavailable) as found:
            await send_robot(client, key="key-1", message=HELLO)
        await client.aclose()
    assert found.value.facts == {"reason": reason, "maybe_done": True}
    assert len(await read_group(admin, group)) == 1


async def test_an_errcode_and_a_closed_port_mean_it_is_not_done(
    sandbox: FastAPI, admin: httpx.AsyncClient
) -> None:
    group = await make_group(admin, "wecom_robot", address="key-1")
    await add_fault(admin, "/cgi-bin/webhook/send", "errcode", errcode=45009)
    with pytest.raises(errors.WeComRateLimited):
        await send_robot(wecom_client(sandbox), key="key-1", message=HELLO)
    await add_fault(admin, "/cgi-bin/webhook/send", "errcode", count=3)
    with pytest.raises(errors.WeComBusy):
        await send_robot(wecom_client(sandbox), key="key-1", message=HELLO)
    async with running(sandbox) as address:
        pass
    client = WeComClient(WeCom.model_validate({"api_url": address}))
    with pytest.raises(errors.WeComUnavailable) as found:
        await send_robot(client, key="key-1", message=HELLO)
    await client.aclose()
    assert found.value.facts == {"reason": "ConnectError", "maybe_done": False}
    assert await read_group(admin, group) == []
