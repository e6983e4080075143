r"""One HTTP exchange with WeChat's API: bounded in time, its errcode read, nothing secret told.

The platform answers 200 with an errcode, even to a download (lanrion/weixin_authorize#81), and on
success often without one (jscode2session, …/api_code2session): absent means 0. httpx writes JSON
as UTF-8, as it must: WeChat stores \uXXXX literally (zwczou/weixin-python#49).
"""

import asyncio
import json as jsonlib
from collections.abc import Mapping
from typing import Any

import httpx

from app.core import clock
from app.core.errors import Invalid
from app.core.logging import get_logger
from app.core.metrics import WECHAT_CALLS
from app.core.settings import WeChat
from app.wechat.errors import WeChatRefused, WeChatUnavailable, refusal

TIMEOUT = httpx.Timeout(5, connect=3)
CALL_SECONDS_MAX = 6
"""For the whole exchange: httpx's own limits are between two bytes."""
IMAGES = (b"\xff\xd8\xff", b"\x89PNG")
OK = 200

Files = Mapping[str, tuple[str, bytes, str]]
"""field → (file name, content, type). Bytes, because a file object would be at its end when the
call is repeated: wechatpy uploads 142 bytes of 1142 then, and reports success."""

log = get_logger()


class Unsendable(Invalid):
    title = "内容含有无法发送的字符"


def make_http(
    settings: WeChat, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """A client for api.weixin.qq.com; redirects are not followed, the API has none."""
    base_url = str(settings.api_url).rstrip("/")
    return httpx.AsyncClient(base_url=base_url, timeout=TIMEOUT, transport=transport)


async def exchange(
    http: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    params: Mapping[str, str] | None = None,
    json: Any = None,
    files: Files | None = None,
) -> dict[str, Any] | bytes:
    """WeChat's answer, bytes if it is an image. Raises WeChatRefused or WeChatUnavailable."""
    began, outcome = clock.monotonic(), "unavailable"
    try:
        response = await _send(http, method, path, params=params, json=json, files=files)
        answer = _read(response)
        outcome = "0"
    except WeChatRefused as refused:
        outcome = str(refused.errcode)
        log.warning("wechat.refused", path=path, **refused.facts)
        raise
    except WeChatUnavailable as error:
        log.warning("wechat.unavailable", path=path, **error.facts)
        raise
    finally:
        WECHAT_CALLS.labels(path, outcome).observe(clock.monotonic() - began)
    return answer


async def _send(http: httpx.AsyncClient, method: str, path: str, **parts: Any) -> httpx.Response:
    try:
        request = http.build_request(method, path, **parts)
    except UnicodeEncodeError:
        raise Unsendable from None  # A lone surrogate, which a client's JSON can spell.
    # `from None` here and below: httpx's errors carry the request, whose address holds the token.
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            return await http.send(request)
    except (httpx.HTTPError, TimeoutError) as error:
        raise WeChatUnavailable(reason=type(error).__name__) from None


def _read(response: httpx.Response) -> dict[str, Any] | bytes:
    # Told apart by content, since an error of an image call may come under any content type.
    if response.status_code == OK and response.content.startswith(IMAGES):
        return response.content
    try:
        # Control characters inside strings do occur in answers; strict JSON has none.
        answer = jsonlib.loads(response.content, strict=False)
        errcode = int(answer.get("errcode", 0))
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        raise WeChatUnavailable(reason="no JSON", status=response.status_code) from None
    if errcode != 0:
        raise refusal(errcode, answer)
    if response.status_code != OK:
        raise WeChatUnavailable(reason="status", status=response.status_code)
    return dict(answer)
