"""Pictures: inside articles, permanent in the library, or temporary for three days.

WxJava WxMpMaterialService; WD:doc/service/api/material (wechat-platform.md §5.2). The type is told
by the first bytes, never by the name.
"""

import hashlib
import secrets
from collections.abc import Mapping
from datetime import timedelta

from starlette.datastructures import UploadFile
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException

from app.core import clock
from app.sandbox.articles import site_of
from app.sandbox.calls import Call
from app.sandbox.errors import CallRefused
from app.sandbox.press import Image, Material
from app.sandbox.world import World

MAGIC = ((b"\x89PNG\r\n\x1a\n", "png"), (b"\xff\xd8\xff", "jpeg"), (b"GIF8", "gif"), (b"BM", "bmp"))
BODY_IMAGE_MAX, THUMB_MAX, IMAGE_MAX = 1024 * 1024, 64 * 1024, 10 * 1024 * 1024
BODY_KINDS, THUMB_KINDS = {"png", "jpeg"}, {"jpeg"}
TEMPORARY = timedelta(days=3)
OTHER_TYPES = {"voice", "video"}


async def upload_body_image(call: Call) -> Mapping[str, object]:
    """uploadimg: jpg or png below 1 MB, not counted in the library; answers its address."""
    content = await _read(call)
    if len(content) >= BODY_IMAGE_MAX:
        raise CallRefused(40009)
    if _kind_of(content) not in BODY_KINDS:
        raise CallRefused(40137)
    return {"url": f"{site_of(call.world.settings)}{_keep(call.world, content).path}"}


async def add_material(call: Call) -> Mapping[str, object]:
    """add_material: for ever, with an address of its own."""
    material = await _add(call, permanent=True)
    site = site_of(call.world.settings)
    return {"media_id": material.media_id, "url": f"{site}{material.image.path}", "item": []}


async def upload_media(call: Call) -> Mapping[str, object]:
    """media/upload: a draft's cover may not be one of these."""
    material = await _add(call, permanent=False)
    created_at = int(clock.utcnow().timestamp())
    return {"type": call.query["type"], "media_id": material.media_id, "created_at": created_at}


async def count_materials(call: Call) -> Mapping[str, object]:
    kept = [one for one in call.world.press.materials.values() if one.expires_at is None]
    return {"voice_count": 0, "video_count": 0, "image_count": len(kept), "news_count": 0}


async def _add(call: Call, *, permanent: bool) -> Material:
    asked = call.query.get("type", "")
    if asked not in {"image", "thumb"}:
        # Sounds and films: the platform has them, this stand-in does not.
        raise CallRefused(40004 if asked not in OTHER_TYPES else 40097)
    content = await _read(call)
    kind = _kind_of(content)
    if kind is None or (asked == "thumb" and kind not in THUMB_KINDS):
        raise CallRefused(40113)
    if len(content) > (THUMB_MAX if asked == "thumb" else IMAGE_MAX):
        raise CallRefused(45001)
    expires_at = None if permanent else clock.utcnow() + TEMPORARY
    material = Material(secrets.token_urlsafe(48), _keep(call.world, content), expires_at)
    call.world.press.materials[material.media_id] = material
    return material


async def _read(call: Call) -> bytes:
    """The multipart field `media`: 41005 without one, 44001 when it is empty."""
    try:
        async with call.request.form() as form:
            media = form.get("media")
            content = await media.read() if isinstance(media, UploadFile) else None
    except (MultiPartException, HTTPException):
        raise CallRefused(41005) from None
    if content is None:
        raise CallRefused(41005)
    if not content:
        raise CallRefused(44001)
    return content


def _kind_of(content: bytes) -> str | None:
    return next((kind for magic, kind in MAGIC if content.startswith(magic)), None)


def _keep(world: World, content: bytes) -> Image:
    """The same bytes have the same address, as at mmbiz.qpic.cn."""
    kind = _kind_of(content) or "png"
    name = hashlib.sha256(content).hexdigest()[:40]
    image = Image(name, kind, content, f"/mmbiz_{kind}/{name}/0?wx_fmt={kind}")
    return world.press.images.setdefault(name, image)
