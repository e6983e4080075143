"""The mini-program's codes and links: getwxacodeunlimit and generate_urllink (§4.3, §9.14)."""

import re
import secrets
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from app.core import clock
from app.sandbox.calls import OK, Call
from app.sandbox.errors import CallRefused
from app.sandbox.qrcodes import png_response

SCENE = re.compile(r"[0-9A-Za-z!#$&'()*+,/:;=?@\-._~]{1,32}")
WIDTH_MIN, WIDTH_MAX = 280, 1280
VERSIONS = ("release", "trial", "develop")
QUERY_MAX, PAGE_MAX = 1024, 128
LINK_DAYS_MAX = 30
BY_INSTANT, BY_DAYS = 0, 1


async def get_unlimited_code(call: Call) -> Response:
    """A picture; every refusal is JSON, so callers must look at the content type."""
    body = call.body
    scene = body.get("scene")
    if not isinstance(scene, str) or not SCENE.fullmatch(scene):
        raise CallRefused(40169)
    page = _page_of(body.get("page", "pages/index/index"), 41030)
    width = body.get("width", 430)
    if not isinstance(width, int) or not WIDTH_MIN <= width <= WIDTH_MAX:
        raise CallRefused(40097)
    if body.get("env_version", "release") not in VERSIONS:
        raise CallRefused(40097)
    return png_response(f"https://mp.weixin.qq.com/a/~{call.caller.appid}/{page}?scene={scene}")


async def generate_urllink(call: Call) -> Mapping[str, object]:
    body = call.body
    if body.get("path"):
        _page_of(body["path"], 40165)
    if len(str(body.get("query", ""))) > QUERY_MAX:
        raise CallRefused(40212)
    if body.get("env_version", "release") not in VERSIONS:
        raise CallRefused(85402)
    _check_life(body)
    return {**OK, "url_link": f"https://wxaurl.cn/{secrets.token_urlsafe(8)}"}


def _page_of(page: Any, errcode: int) -> str:
    if not isinstance(page, str) or not 1 <= len(page) <= PAGE_MAX:
        raise CallRefused(errcode)
    if page.startswith("/") or "?" in page:
        raise CallRefused(errcode)
    return page


def _check_life(body: Mapping[str, Any]) -> None:
    """A link lives 30 days at most; an absent expiry means 30 days."""
    kind = body.get("expire_type", BY_INSTANT)
    if kind == BY_DAYS:
        days = body.get("expire_interval")
        if not isinstance(days, int) or days < 1:
            raise CallRefused(85401)
        if days > LINK_DAYS_MAX:
            raise CallRefused(85400)
    elif kind == BY_INSTANT and "expire_time" in body:
        ends = body["expire_time"]
        left = ends - clock.utcnow().timestamp() if isinstance(ends, int) else 0
        if left <= 0:
            raise CallRefused(85401)
        if left > LINK_DAYS_MAX * 24 * 3600:
            raise CallRefused(85400)
    elif kind != BY_INSTANT:
        raise CallRefused(85401)
