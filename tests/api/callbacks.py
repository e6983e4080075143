"""Pushes at the service's callback, made by wechatpy, and its answers, opened by wechatpy."""

from typing import Any

import httpx
import xmltodict

from app.core import clock
from app.core.settings import MiniProgram, OfficialAccount
from tests.api.service import MORNING, Service
from tests.wechat.pushes import safe

Push = tuple[dict[str, str], bytes]
OA, MINI = OfficialAccount(), MiniProgram()


def text_of(said: str = "帮助", msg_id: int = 1, openid: str = "o-resident-1") -> str:
    return (
        f"<xml><ToUserName><![CDATA[{OA.original_id}]]></ToUserName>"
        f"<FromUserName><![CDATA[{openid}]]></FromUserName>"
        f"<CreateTime>{int(MORNING.timestamp())}</CreateTime>"
        f"<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[{said}]]></Content>"
        f"<MsgId>{msg_id}</MsgId></xml>"
    )


def event_of(event: str, key: str = "", openid: str = "o-resident-1", **more: str) -> str:
    rest = "".join(f"<{name}>{value}</{name}>" for name, value in more.items())
    return (
        f"<xml><ToUserName>{OA.original_id}</ToUserName><FromUserName>{openid}</FromUserName>"
        f"<CreateTime>{int(MORNING.timestamp())}</CreateTime><MsgType>event</MsgType>"
        f"<Event>{event}</Event><EventKey>{key}</EventKey>{rest}</xml>"
    )


def sealed(message: str, **changed: Any) -> Push:
    """A genuine push, if nothing is changed."""
    return safe(OA, message, **{"now": clock.utcnow(), **changed})


async def push(
    service: Service, one: Push, appid: str = OA.appid, kind: str = "text/xml"
) -> httpx.Response:
    query, body = one
    headers = {"Content-Type": kind, "User-Agent": "Mozilla/4.0"}
    return await service.client.post(
        f"/wechat/{appid}", params=query, content=body, headers=headers
    )


def opened(service: Service, answer: httpx.Response) -> dict[str, str]:
    """The passive reply, checked and decrypted by wechatpy."""
    assert answer.status_code == 200, answer.text
    reply = xmltodict.parse(answer.text)["xml"]
    assert set(reply) == {"Encrypt", "MsgSignature", "TimeStamp", "Nonce"}
    signed = (reply["MsgSignature"], reply["TimeStamp"], reply["Nonce"])
    message = service.crypto().decrypt_message(answer.text, *signed)
    return dict(xmltodict.parse(message)["xml"])


async def rows(service: Service) -> tuple[int, int, int]:
    """Pushes kept, identities and persons made."""
    return (
        await service.count("wechat_inbox"),
        await service.count("identity"),
        await service.count("person"),
    )
