r"""One HTTP exchange with WeChat's API: its errcode read, nothing secret told.

The platform answers 200 with an errcode, even to a download (lanrion/weixin_authorize#81), and on
success often without one (jscode2session, …/api_code2session): absent means 0. httpx writes JSON
as UTF-8, as it must: WeChat stores \uXXXX literally (zwczou/weixin-python#49).
"""

from collections.abc import Mapping
from typing import Any

import httpx

from app.core import clock
from app.core.exchange import Unanswered, open_http, read_code, read_json, send
from app.core.logging import get_logger
from app.core.metrics import WECHAT_CALLS
from app.core.settings import WeChat
from app.wechat.errors import WeChatRefused, WeChatUnavailable, refusal

IMAGES = (b"\xff\xd8\xff", b"\x89PNG")
OK = 200

Files = Mapping[str, tuple[str, bytes, str]]
"""field → (file name, content, type). Bytes, because a file object would be at its end when the
call is repeated: wechatpy uploads 142 bytes of 1142 then, and reports success."""

log = get_logger()


def make_http(
    settings: WeChat, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """A client for api.weixin.qq.com."""
    return open_http(settings.api_url, transport)


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
        answer = await _ask(http, method, path, params=params, json=json, files=files)
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


async def _ask(
    http: httpx.AsyncClient, method: str, path: str, **parts: Any
) -> dict[str, Any] | bytes:
    status: dict[str, Any] = {}
    try:
        response = await send(http, method, path, **parts)
        status = {"status": response.status_code}
        # Told apart by content, since an error of an image call may come under any content type.
        if response.status_code == OK and response.content.startswith(IMAGES):
            return response.content
        answer = read_json(response)
        errcode = read_code(answer.get("errcode", 0))
    except Unanswered as error:
        raise WeChatUnavailable(
            reason=error.reason, maybe_done=error.maybe_done, **status
        ) from None
    if errcode != 0:
        raise refusal(errcode, answer)
    if response.status_code != OK:
        raise WeChatUnavailable(reason="status", **status)
    return answer
