"""Group robots of WeCom: developer.work.weixin.qq.com 91770 (wechat-platform.md §6.1, §9.16)."""

import base64
import binascii
import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from app.core import clock
from app.sandbox.calls import OK, Call
from app.sandbox.corp import Upload
from app.sandbox.group_chat import say_in
from app.sandbox.groups import Group, find_group
from app.sandbox.wecom_errors import WeComCallRefused

PER_MINUTE, MINUTE = 20, timedelta(minutes=1)
BYTES_MAX = {"text": 2048, "markdown": 4096}
ARTICLES_MAX = 8
IMAGE_MAX = 2 * 1024 * 1024
IMAGES = (b"\xff\xd8\xff", b"\x89PNG")
FILE_MIN, FILE_MAX, VOICE_MAX = 5, 20 * 1024 * 1024, 2 * 1024 * 1024
UPLOAD_LIFE = timedelta(days=3)


async def send(call: Call) -> Mapping[str, object]:
    group = _robot_of(call)
    kind, content, image = _read(call, group)
    _spend(group)
    say_in(call.world, group, "群机器人", "robot", type=kind, image=image, **content)
    return OK


async def upload(call: Call) -> Mapping[str, object]:
    """For this robot only, for three days."""
    group, kind = _robot_of(call), call.query.get("type", "")
    if kind not in {"file", "voice"}:
        raise WeComCallRefused(40035)
    try:
        async with call.request.form() as form:
            media = form.get("media")
            if not isinstance(media, UploadFile):
                raise WeComCallRefused(41005)
            size, name = len(await media.read()), media.filename or "media"
    except (MultiPartException, HTTPException):
        raise WeComCallRefused(41005) from None
    if size < FILE_MIN:
        raise WeComCallRefused(44001)
    if size > (FILE_MAX if kind == "file" else VOICE_MAX):
        raise WeComCallRefused(45001)
    media_id, now = secrets.token_urlsafe(32), clock.utcnow()
    call.world.corp.uploads[media_id] = Upload(group.address, name, kind, now)
    stamp = str(int(now.timestamp()))
    return {**OK, "type": kind, "media_id": media_id, "created_at": stamp}


def _robot_of(call: Call) -> Group:
    key = call.query.get("key", "")
    group = find_group(call.world.groups.values(), "wecom_robot", key)
    if group is None or group.removed:
        raise WeComCallRefused(93000, call.ip)
    return group


def _spend(group: Group) -> None:
    """20 messages in any minute of the machine's clock; what was refused does not count [R]."""
    now = clock.real_now()
    while group.spoken_at and group.spoken_at[0] <= now - MINUTE:
        group.spoken_at.popleft()
    if len(group.spoken_at) >= PER_MINUTE:
        raise WeComCallRefused(45009)
    group.spoken_at.append(now)


def _read(call: Call, group: Group) -> tuple[str, dict[str, Any], bytes | None]:
    kind = call.body.get("msgtype")
    content = call.body.get(kind) if isinstance(kind, str) else None
    if not isinstance(kind, str) or kind not in {*BYTES_MAX, "news", "image", "file", "voice"}:
        raise WeComCallRefused(40008)
    if not isinstance(content, dict):
        raise WeComCallRefused(44004)
    match kind:
        case "text" | "markdown":
            return kind, {"text": _text(content, BYTES_MAX[kind])}, None
        case "news":
            return kind, {"articles": _articles(content)}, None
        case "image":
            return kind, {}, _image(content)
        case _:
            return kind, {"text": _upload(call, group, content)}, None


def _text(content: Mapping[str, Any], bytes_max: int) -> str:
    text = content.get("content")
    if not isinstance(text, str) or not text:
        raise WeComCallRefused(44004)
    if len(text.encode()) > bytes_max:
        raise WeComCallRefused(45002)
    return text


def _articles(content: Mapping[str, Any]) -> list[dict[str, str]]:
    articles = content.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= ARTICLES_MAX:
        raise WeComCallRefused(45008)
    for one in articles:
        if not isinstance(one, dict) or not one.get("title") or not one.get("url"):
            raise WeComCallRefused(40063)
        if not str(one["url"]).startswith(("http://", "https://")):
            raise WeComCallRefused(45034)
    kept = ("title", "description", "url", "picurl")
    return [{name: str(one[name]) for name in kept if one.get(name)} for one in articles]


def _image(content: Mapping[str, Any]) -> bytes:
    try:
        image = base64.b64decode(str(content.get("base64", "")), validate=True)
    except binascii.Error:
        raise WeComCallRefused(40035) from None
    if not image:
        raise WeComCallRefused(44001)
    if len(image) > IMAGE_MAX or not image.startswith(IMAGES):
        raise WeComCallRefused(40009)
    # MD5 is what the platform asks for, as a check sum only.
    if hashlib.md5(image, usedforsecurity=False).hexdigest() != content.get("md5"):
        raise WeComCallRefused(301019)
    return image


def _upload(call: Call, group: Group, content: Mapping[str, Any]) -> str:
    found = call.world.corp.uploads.get(str(content.get("media_id", "")))
    now = clock.utcnow()
    if found is None or found.key != group.address or found.made_at + UPLOAD_LIFE <= now:
        raise WeComCallRefused(40007)
    return found.name
