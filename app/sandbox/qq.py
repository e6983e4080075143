"""The official QQ bot's API: its token, and messages into groups.

Real statuses here, 400 and 401 with {message, code, err_code, trace_id}; only the token's refusals
come with 200 (wechat-platform.md §6.5, §9.17).
"""

import hmac
import json
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from app.core import clock
from app.sandbox.corp import PlatformToken
from app.sandbox.faults import spoil
from app.sandbox.group_chat import say_in
from app.sandbox.groups import Group, find_group
from app.sandbox.world import CallRecord, World

SENTENCES = {
    11244: "token not exist or expire",  # Kloping/qqpd-bot-java#39
    11255: "invalid request",  # [R]
    100007: "appid invalid",  # bot.q.qq.com/wiki, 获取访问凭证
    100016: "invalid appid or secret",
    40034024: "请求参数msg_id无效或越权",  # AstrBotDevs/AstrBot#6931
    40034102: "主动消息失败, 无权限",  # tencent-connect/openclaw-qqbot#43
    40034128: "被动回复已超过时间或次数限制",  # [R]
    40054003: "机器人不在群中",  # [R]
    40054005: "消息被去重，请检查请求msgseq",  # HKUDS/nanobot#1499
}
LAST_SECONDS = 60
"""In a token's last minute there is a new one, and the old one stays good."""
REPLY_WINDOW, REPLIES_MAX = timedelta(minutes=5), 5
TEXT = 0

Work = Callable[[World, dict[str, Any]], Mapping[str, object]]
router = APIRouter(include_in_schema=False)


class QQCallRefused(Exception):
    def __init__(self, code: int, status: int = 400) -> None:
        super().__init__(code)
        self.code, self.status = code, status


@router.post("/app/getAppAccessToken")
async def get_token(request: Request) -> Response:
    return await _attend(request, _make_token)


@router.post("/v2/groups/{openid}/messages")
async def send(request: Request, openid: str) -> Response:
    authorization = request.headers.get("authorization", "")

    def work(world: World, body: dict[str, Any]) -> Mapping[str, object]:
        _check_token(world, authorization)
        group = find_group(world.groups.values(), "qq_bot", openid)
        if group is None or group.removed:
            raise QQCallRefused(40054003)
        return _speak(world, group, body)

    return await _attend(request, work)


async def _attend(request: Request, work: Work) -> Response:
    """Answer one call, with the fault that waits for it, and remember it."""
    world: World = request.app.state.world
    started, path = clock.monotonic(), request.url.path
    fault, code = world.faults.take(path), 0
    try:
        if fault is not None and fault.kind == "errcode":
            raise QQCallRefused(fault.errcode)  # noqa: TRY301  one road for every refusal
        response = _render(work(world, _parse(await request.body())))
    except QQCallRefused as refusal:
        code = refusal.code
        facts = {"code": code, "err_code": code, "trace_id": secrets.token_hex(16)}
        message = SENTENCES.get(code, "unknown error")
        response = _render({"message": message, **facts}, refusal.status)
    response = await spoil(fault, response)
    world.calls.append(
        CallRecord(
            number=next(world.sequence),
            at=clock.utcnow(),
            method=request.method,
            path=path,
            appid=world.settings.qq.app_id,
            errcode=code,
            note="" if fault is None else fault.kind,
            ms=round((clock.monotonic() - started) * 1000),
        )
    )
    return response


def _make_token(world: World, body: dict[str, Any]) -> Mapping[str, object]:
    """`expires_in` is a string; the app's id must be one too (tencent-connect/bot-docs#225)."""
    ours = world.settings.qq
    if body.get("appId") != ours.app_id or ours.app_id is None:
        raise QQCallRefused(100007, 200)
    secret = str(body.get("clientSecret", ""))
    if not hmac.compare_digest(secret.encode(), (ours.client_secret or "").encode()):
        raise QQCallRefused(100016, 200)
    bot, now = world.bot, clock.real_now()
    margin = timedelta(seconds=min(LAST_SECONDS, bot.token_seconds // 2))
    if not bot.tokens or bot.tokens[-1].expires_at - margin <= now:
        expires_at = now + timedelta(seconds=bot.token_seconds)
        bot.tokens = [*bot.tokens[-1:], PlatformToken(secrets.token_urlsafe(80), expires_at)]
    left = int((bot.tokens[-1].expires_at - now).total_seconds())
    return {"access_token": bot.tokens[-1].value, "expires_in": str(left)}


def _check_token(world: World, authorization: str) -> None:
    scheme, _, value = authorization.partition(" ")
    now = clock.real_now()
    good = [one.value for one in world.bot.tokens if one.expires_at > now]
    known = any(hmac.compare_digest(one.encode(), value.encode()) for one in good)
    if scheme != "QQBot" or not known:
        raise QQCallRefused(11244, 401)


def _speak(world: World, group: Group, body: Mapping[str, Any]) -> Mapping[str, object]:
    text, msg_id, seq = body.get("content"), body.get("msg_id"), body.get("msg_seq", 1)
    if body.get("msg_type") != TEXT or not isinstance(text, str) or not text:
        raise QQCallRefused(11255)
    if msg_id is None:
        if not group.allow_proactive:
            raise QQCallRefused(40034102)
    else:
        _answer(group, msg_id, seq)
    said = say_in(world, group, "QQ 机器人", "robot", type="text", text=text)
    return {"id": said.msg_id, "timestamp": said.at.isoformat(timespec="seconds")}


def _answer(group: Group, msg_id: object, seq: object) -> None:
    """Five answers within five minutes, each with a msg_seq of its own."""
    heard_at = group.heard_at.get(msg_id) if isinstance(msg_id, str) else None
    if heard_at is None or not isinstance(msg_id, str) or not isinstance(seq, int):
        raise QQCallRefused(40034024)
    answered = group.answered.setdefault(msg_id, [])
    if seq in answered:
        raise QQCallRefused(40054005)
    if heard_at + REPLY_WINDOW <= clock.real_now() or len(answered) >= REPLIES_MAX:
        raise QQCallRefused(40034128)
    answered.append(seq)


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        body = json.loads(raw.decode("utf-8"))
        # Half a surrogate pair is no character: it could not be written back as UTF-8.
        json.dumps(body, ensure_ascii=False).encode()
    except (ValueError, RecursionError):
        raise QQCallRefused(11255) from None
    if not isinstance(body, dict):
        raise QQCallRefused(11255)
    return body


def _render(answer: Mapping[str, object], status: int = 200) -> Response:
    return JSONResponse(dict(answer), status)
