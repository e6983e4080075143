"""One HTTP exchange with another's API, as the clients of WeChat, WeCom and QQ all make it.

Bounded in time, nothing secret told, and never a guess: where no answer came, `maybe_done` says
whether the other side may have done what was asked all the same.
"""

import asyncio
import json
import re
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import Any, ClassVar

import httpx

from app.core import clock
from app.core.errors import DomainError, Invalid, Unavailable
from app.core.logging import get_logger
from app.core.metrics import PLATFORM_CALLS

TIMEOUT = httpx.Timeout(5, connect=3)
CALL_SECONDS_MAX = 6
"""For the whole exchange: httpx's own limits are between two bytes."""
NEVER_ARRIVED = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""The request's first byte comes after all of these (www.python-httpx.org/exceptions)."""

log = get_logger()


class Unanswered(Exception):
    """No answer, or one that nobody can read."""

    def __init__(self, reason: str, *, maybe_done: bool) -> None:
        super().__init__(reason)
        self.reason = reason
        self.maybe_done = maybe_done


class PlatformUnavailable(Unavailable):
    """A platform did not answer. With `maybe_done`, trying again may do it twice."""

    def __init__(self, *, reason: str = "", maybe_done: bool = True, **facts: object) -> None:
        super().__init__("", reason=reason, maybe_done=maybe_done, **facts)

    @property
    def maybe_done(self) -> bool:
        return bool(self.facts["maybe_done"])


class PlatformRefused(DomainError):
    """A platform answered, with a code: what was asked is not done. `answer` came with it."""

    CLUES: ClassVar[Mapping[str, re.Pattern[str]]] = {}
    """What of the platform's sentence is told: only what is known to name nobody."""

    def __init__(self, errcode: int, answer: Mapping[str, Any] | None = None) -> None:
        self.errcode = errcode
        self.answer = dict(answer or {})
        sentence = f"{self.answer}"
        found = {name: clue.search(sentence) for name, clue in self.CLUES.items()}
        super().__init__("", errcode=errcode, **{k: m[1] for k, m in found.items() if m})


class Unsendable(Invalid):
    title = "内容含有无法发送的字符"


def open_http(
    base_url: object, transport: httpx.AsyncBaseTransport | None = None
) -> httpx.AsyncClient:
    """A client for one API; redirects are not followed, these APIs have none."""
    return httpx.AsyncClient(
        base_url=str(base_url).rstrip("/"),
        timeout=TIMEOUT,
        transport=transport,
        verify=_trusted(),
    )


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates we trust, read once a process: 20 ms and some memory for every client."""
    return httpx.create_ssl_context()


async def send(http: httpx.AsyncClient, method: str, path: str, **parts: Any) -> httpx.Response:
    """The answer, whatever its status. Raises Unanswered, or Unsendable before anything is sent."""
    try:
        request = http.build_request(method, path, **parts)
    except UnicodeEncodeError:
        raise Unsendable from None  # A lone surrogate, which a client's JSON can spell.
    # `from None` here and below: httpx's errors carry the request, whose address holds the token.
    try:
        async with asyncio.timeout(CALL_SECONDS_MAX):
            return await http.send(request)
    except (httpx.HTTPError, TimeoutError) as error:
        maybe_done = not isinstance(error, NEVER_ARRIVED)
        raise Unanswered(type(error).__name__, maybe_done=maybe_done) from None


def read_json(response: httpx.Response) -> dict[str, Any]:
    """The object in the answer. A gateway's page or half an answer: nobody knows what was done."""
    try:
        # Control characters inside strings do occur in answers; strict JSON has none.
        answer = json.loads(response.content, strict=False)
    except (ValueError, RecursionError):
        raise Unanswered("no JSON", maybe_done=True) from None
    if not isinstance(answer, dict):
        raise Unanswered("no JSON object", maybe_done=True)
    return answer


def read_code(value: Any) -> int:
    """An errcode, which some answers spell as a string."""
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError):
        raise Unanswered("no errcode", maybe_done=True) from None


@contextmanager
def watched(platform: str, path: str) -> Iterator[None]:
    """Measure one exchange and log its failure. `path` is a template: it names no group."""
    began, outcome = clock.monotonic(), "unavailable"
    try:
        yield
        outcome = "0"
    except PlatformRefused as refused:
        outcome = str(refused.errcode)
        log.warning("platform.refused", platform=platform, path=path, **refused.facts)
        raise
    except PlatformUnavailable as error:
        log.warning("platform.unavailable", platform=platform, path=path, **error.facts)
        raise
    finally:
        PLATFORM_CALLS.labels(platform, path, outcome).observe(clock.monotonic() - began)


@contextmanager
def nothing_done() -> Iterator[None]:
    """Around what comes before the call proper, as fetching a token: the call was not made."""
    try:
        yield
    except PlatformUnavailable as error:
        error.facts["maybe_done"] = False
        raise
