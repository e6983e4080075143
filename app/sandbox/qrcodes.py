"""Parametric QR codes of the official account, and their picture.

WD:doc/service/api/qrcode (wechat-platform.md §8): temporary up to 30 days, permanent scene ids
1–100000, texts of 1–64 characters.
"""

import io
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import segno
from starlette.responses import Response

from app.core import clock
from app.sandbox.accounts import Account, QrCode
from app.sandbox.calls import Call
from app.sandbox.errors import CallRefused

LIFE_DEFAULT, LIFE_MAX = 60, 30 * 24 * 3600
PERMANENT_ID_MAX, TEMPORARY_ID_MAX = 100_000, 2**32 - 1
SCENE_TEXT_MAX = 64
PERMANENT_MAX = 100_000
ACTIONS = ("QR_SCENE", "QR_STR_SCENE", "QR_LIMIT_SCENE", "QR_LIMIT_STR_SCENE")


async def create_qrcode(call: Call) -> Mapping[str, object]:
    action, info = call.body.get("action_name"), call.body.get("action_info")
    if action not in ACTIONS or not isinstance(info, dict):
        raise CallRefused(40053)
    permanent = "LIMIT" in action
    scene = _scene_of(info.get("scene"), text="STR" in action, permanent=permanent)
    seconds = None if permanent else call.body.get("expire_seconds", LIFE_DEFAULT)
    if seconds is not None and not (isinstance(seconds, int) and 1 <= seconds <= LIFE_MAX):
        raise CallRefused(40053)
    code = make_qrcode(call.caller, scene, seconds=seconds)
    answer: dict[str, object] = {"ticket": code.ticket}
    if seconds is not None:
        answer["expire_seconds"] = seconds
    return answer | {"url": code.url}


async def show_qrcode(call: Call) -> Response:
    """The picture for a ticket; 404 for an unknown one. No token is asked for."""
    ticket = call.query.get("ticket", "")
    found = (account.qrcodes.get(ticket) for account in call.world.accounts.values())
    code = next((code for code in found if code is not None), None)
    if code is None:
        return Response(status_code=404)
    return png_response(code.url)


def make_qrcode(account: Account, scene: str, *, seconds: int | None) -> QrCode:
    """A permanent code of the same scene is the same code again."""
    now = clock.utcnow()
    if seconds is None:
        for code in account.qrcodes.values():
            if code.scene == scene and code.expires_at is None:
                return code
        if sum(code.expires_at is None for code in account.qrcodes.values()) >= PERMANENT_MAX:
            raise CallRefused(45009)
    code = QrCode(
        ticket="gQ" + secrets.token_urlsafe(66),
        scene=scene,
        url=f"http://weixin.qq.com/q/{secrets.token_urlsafe(16)}",
        made_at=now,
        expires_at=None if seconds is None else now + timedelta(seconds=seconds),
    )
    account.qrcodes[code.ticket] = code
    return code


def find_qrcode(account: Account, sought: str) -> QrCode | None:
    """The newest code in force with this ticket, address or scene."""
    now = clock.utcnow()
    for code in reversed(account.qrcodes.values()):
        alive = code.expires_at is None or code.expires_at > now
        if alive and sought in {code.ticket, code.url, code.scene}:
            return code
    return None


def png_response(content: str) -> Response:
    picture = io.BytesIO()
    segno.make_qr(content, error="m").save(picture, kind="png", scale=8, border=4)
    return Response(picture.getvalue(), media_type="image/png")


def _scene_of(scene: Any, *, text: bool, permanent: bool) -> str:
    if not isinstance(scene, dict):
        raise CallRefused(40053)
    if text:
        value = scene.get("scene_str")
        if isinstance(value, str) and 1 <= len(value) <= SCENE_TEXT_MAX:
            return value
        raise CallRefused(40053)
    number = scene.get("scene_id")
    highest = PERMANENT_ID_MAX if permanent else TEMPORARY_ID_MAX
    if isinstance(number, int) and 1 <= number <= highest:
        return str(number)
    raise CallRefused(40053)
