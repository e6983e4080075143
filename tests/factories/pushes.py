"""What WeChat pushes, as decrypted fields, and the message read from them."""

from datetime import datetime
from itertools import count
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.settings import WeChat
from app.flows import inbound
from app.wechat import messages
from app.wechat.inbox import Arrival
from tests.factories.people import NOW, OA

NUMBERS = count(24_012_345_678)


def fields(openid: str, kind: str, *, at: datetime = NOW, **facts: str) -> dict[str, str]:
    """The fields of a message; every one has a MsgId of its own unless told."""
    head = {
        "ToUserName": "gh_0000000000a1",
        "FromUserName": openid,
        "CreateTime": str(int(at.timestamp())),
        "MsgType": kind,
    }
    if kind != "event":
        head["MsgId"] = str(next(NUMBERS))
    return head | facts


def text(openid: str, content: str, *, at: datetime = NOW, **facts: str) -> dict[str, str]:
    return fields(openid, "text", at=at, Content=content, **facts)


def event(
    openid: str, name: str, *, key: str = "", at: datetime = NOW, **facts: str
) -> dict[str, str]:
    return fields(openid, "event", at=at, Event=name, EventKey=key, **facts)


async def arrive(
    session: AsyncSession, *pushed: dict[str, Any], appid: str = OA, now: datetime = NOW
) -> list[str | None]:
    """The replies to these, come in the same moment, as XML."""
    arrivals = [Arrival(read(one, appid=appid), one) for one in pushed]
    return await inbound.arrive(session, accounts=WeChat(), arrivals=arrivals, now=now)


def read(pushed: dict[str, Any], *, appid: str = OA) -> messages.Message:
    return messages.parse(appid, pushed)
