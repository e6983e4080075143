"""Hostile and broken callbacks: what the service must refuse without harm (§9.9)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import httpx

from app.core import clock
from app.sandbox.accounts import Account
from app.sandbox.callbacks import build_request, make_request, stamped
from app.sandbox.documents import to_xml
from app.sandbox.envelope import seal, sign
from app.sandbox.world import User, World

ForgeryKind = Literal[
    "wrong_signature",
    "wrong_msg_signature",
    "foreign_appid",
    "plain",
    "not_xml",
    "truncated",
    "oversized",
    "oversized_sealed",
    "xml_bomb",
    "xml_bomb_sealed",
    "old_timestamp",
]
PATIENCE_SECONDS = 30
OVERSIZED = 3_000_000
OLD_SECONDS = 24 * 3600
ENTITIES = "".join(
    f'<!ENTITY {name} "{f"&{inner};" * 10}">'
    for inner, name in zip("abcdefgh", "bcdefghi", strict=True)
)
BOMB = (
    f'<?xml version="1.0"?><!DOCTYPE xml [<!ENTITY a "aaaaaaaaaa">{ENTITIES}]>'
    "<xml><ToUserName>&i;</ToUserName><Content>&i;</Content><Encrypt>&i;</Encrypt></xml>"
)


@dataclass(frozen=True)
class Refusal:
    """How the service took it: `status` is None when there was no answer at all."""

    status: int | None
    body: str
    ms: int


async def send_forgery(world: World, account: Account, user: User, kind: ForgeryKind) -> Refusal:
    return await send_once(world, FORGERS[kind](world, account, _message(account, user)))


async def send_once(world: World, request: httpx.Request) -> Refusal:
    """One request, one bare HTTP answer, whatever it is."""
    started = clock.monotonic()
    status, body = None, ""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            answer = await world.http.send(request)
        status, body = answer.status_code, answer.text
    except TimeoutError:
        body = "timeout"
    except httpx.HTTPError as error:
        body = type(error).__name__
    return Refusal(status, body, round((clock.monotonic() - started) * 1000))


def again(world: World, request: httpx.Request) -> httpx.Request:
    """The same bytes once more: a replay by somebody who captured them."""
    return world.http.build_request(
        request.method, request.url, headers=request.headers, content=request.content
    )


def _message(account: Account, user: User, text: str = "伪造的消息") -> dict[str, Any]:
    return {
        "ToUserName": account.original_id,
        "FromUserName": user.openid(account.appid),
        "CreateTime": int(clock.utcnow().timestamp()),
        "MsgType": "text",
        "Content": text,
        "MsgId": int(clock.real_now().timestamp() * 10**6),
    }


def _with_query(world: World, request: httpx.Request, **changed: str) -> httpx.Request:
    url = request.url.copy_merge_params(changed)
    headers = request.headers
    return world.http.build_request("POST", url, headers=headers, content=request.content)


def _wrong_signature(world: World, account: Account, fields: Mapping[str, Any]) -> httpx.Request:
    request = make_request(world, account, fields)
    return _with_query(world, request, signature="0" * 40, msg_signature="0" * 40)


def _wrong_msg_signature(
    world: World, account: Account, fields: Mapping[str, Any]
) -> httpx.Request:
    """`signature` is genuine but covers no body; only `msg_signature` does."""
    request = make_request(world, account, fields)
    return _with_query(world, request, msg_signature="0" * 40)


def _foreign_appid(world: World, account: Account, fields: Mapping[str, Any]) -> httpx.Request:
    return _sealed(world, account, to_xml(fields), appid="wxffffffffffffffff")


def _plain(world: World, account: Account, fields: Mapping[str, Any]) -> httpx.Request:
    """An open body under a genuine signature, as in plain mode."""
    return make_request(world, replace(account, mode="plain"), fields)


def _open(world: World, account: Account, fields: Mapping[str, Any], body: str) -> httpx.Request:
    query = stamped(account, str(fields["FromUserName"]))
    return build_request(world, account, query, body.encode())


def _sealed(
    world: World, account: Account, message: str, *, appid: str = "", seconds_ago: int = 0
) -> httpx.Request:
    """Any text, sealed and signed as the platform does."""
    sealed = seal(account.aes_key, appid or account.appid, message)
    query = stamped(account, "")
    query["timestamp"] = str(int(query["timestamp"]) - seconds_ago)
    query["signature"] = sign(account.token, query["timestamp"], query["nonce"])
    signature = sign(account.token, query["timestamp"], query["nonce"], sealed)
    query |= {"encrypt_type": "aes", "msg_signature": signature}
    body = to_xml({"ToUserName": account.original_id, "Encrypt": sealed})
    return build_request(world, account, query, body.encode())


def _truncated(world: World, account: Account, fields: Mapping[str, Any]) -> httpx.Request:
    request = make_request(world, account, fields)
    half = request.content[: len(request.content) // 2]
    return build_request(world, account, dict(request.url.params), half)


FORGERS: Mapping[str, Callable[[World, Account, Mapping[str, Any]], httpx.Request]] = {
    "wrong_signature": _wrong_signature,
    "wrong_msg_signature": _wrong_msg_signature,
    "foreign_appid": _foreign_appid,
    "plain": _plain,
    "not_xml": lambda world, account, fields: _open(world, account, fields, "这不是 XML"),
    "truncated": _truncated,
    "oversized": lambda world, account, fields: _open(
        world, account, fields, to_xml({**fields, "Content": "长" * OVERSIZED})
    ),
    "oversized_sealed": lambda world, account, fields: _sealed(
        world, account, to_xml({**fields, "Content": "长" * OVERSIZED})
    ),
    "xml_bomb": lambda world, account, fields: _open(world, account, fields, BOMB),
    "xml_bomb_sealed": lambda world, account, _: _sealed(world, account, BOMB),
    "old_timestamp": lambda world, account, fields: _sealed(
        world, account, to_xml(fields), seconds_ago=OLD_SECONDS
    ),
}
assert FORGERS.keys() == set(get_args(ForgeryKind))
