"""Around every request: an id, a size limit, a time, and headers that are always right. ASGI."""

import logging
import random
import re
from collections.abc import Iterable, Iterator
from functools import cache

import structlog
from prometheus_client import Histogram
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.errors import HTTP_TITLES, MALFORMED, on_bug, problem
from app.core import clock
from app.core.logging import get_logger
from app.core.metrics import REQUESTS

log = get_logger()
written = logging.getLogger(__name__)

BODY_BYTES_MAX = 256 * 1024
"""Few JSON bodies of this API come near it; the callback's own limit is tighter."""
LARGER = (
    ("/api/v1/uploads", 10 * 1024 * 1024 + 64 * 1024),
    ("/api/v1/issues", 2 * 1024 * 1024),
    ("/studio/manuscripts", 64 * 1024 * 1024),
    ("/studio/lessons", 64 * 1024 * 1024),
    ("/studio/preview", 2 * 1024 * 1024),
    ("/studio/pictures", 10 * 1024 * 1024 + 64 * 1024),
    ("/desk/prior-learning", 10 * 1024 * 1024 + 64 * 1024),
    ("/credits/prior-learning", 10 * 1024 * 1024 + 64 * 1024),
    ("/desk/organisations", 2 * 1024 * 1024),
)
"""Where it is not enough: a picture of 10 MB in its form, eight articles of 20,000 characters. The
studio's forms carry a text beside their files: who sends a file that is far too large shall be told
beside that text, and not lose it."""
LARGER_PATHS = tuple(begin for begin, _ in LARGER)
LENGTH = re.compile(rb"[0-9]{1,18}")
GIVEN_ID = re.compile(rb"[A-Za-z0-9._-]{8,64}")
UNLOGGED = {"/healthz", "/readyz", "/metrics"}
METHODS = {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}
"""The rest is counted as one: a stranger must not make up labels."""

NO_PAGE = b"default-src 'none'; form-action 'none'; frame-ancestors 'none'"
"""JSON, text, XML, a file: should a browser take it for a page, it loads, runs, sends nothing."""
SECURITY_HEADERS = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"cache-control", b"no-store"),
    (b"content-security-policy", NO_PAGE),
)


class RequestFrame:
    """Gives every request its id (or keeps the proxy's), logs it, measures it, bounds it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = dict(scope["headers"])
        given = headers.get(b"x-request-id", b"")
        request_id = given.decode() if GIVEN_ID.fullmatch(given) else _new_id()
        begun, status = clock.monotonic(), None
        tokens = structlog.contextvars.bind_contextvars(request_id=request_id)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [
                    *message["headers"],
                    *_missing(message["headers"]),
                    (b"x-request-id", request_id.encode()),
                ]
            await send(message)

        try:
            limit = _limit_of(scope)
            app = _refusal(scope, headers, limit) or self.app
            await app(scope, _bounded(receive, limit), sending)
        except Exception as error:
            # Here and not in Starlette's outermost layer: its answer would have no id.
            answer = on_bug(error)
            if status is not None:
                raise
            await answer(scope, receive, sending)
        finally:
            _note(scope, status or 500, clock.monotonic() - begun)
            structlog.contextvars.reset_contextvars(**tokens)


def _new_id() -> str:
    """A name and no secret: the operating system need not be asked."""
    return f"{random.getrandbits(64):016x}"


def _bounded(receive: Receive, limit: int) -> Receive:
    received = 0

    async def receiving() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > limit:
            # The one exception that FastAPI lets pass while it reads a body.
            raise HTTPException(413, _too_large(limit))
        return message

    return receiving


def _missing(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[bytes, bytes]]:
    """The headers that are always there, less those that the answer brings itself."""
    present = {name.lower() for name, _ in headers}
    return (pair for pair in SECURITY_HEADERS if pair[0] not in present)


def _note(scope: Scope, status: int, took: float) -> None:
    route = getattr(scope.get("route"), "path", "unknown")
    method = scope["method"] if scope["method"] in METHODS else "other"
    _measured(method, route, status).observe(took)
    # Asked of the standard library: a line that is not written is still put together otherwise.
    if route not in UNLOGGED and written.isEnabledFor(logging.INFO):
        log.info(
            "request.done", method=method, route=route, status=status, ms=round(took * 1000, 1)
        )


@cache
def _measured(method: str, route: str, status: int) -> Histogram:
    """Kept, as it takes longer to find than to count. There are as many as there are routes."""
    return REQUESTS.labels(method, route, status)


def _limit_of(scope: Scope) -> int:
    path = scope["path"].removeprefix(scope.get("root_path", ""))
    if not path.startswith(LARGER_PATHS):
        return BODY_BYTES_MAX
    return next((most for begin, most in LARGER if path.startswith(begin)), BODY_BYTES_MAX)


def _too_large(limit: int) -> str:
    return f"最多 {limit // 1024} KB"


def _refusal(scope: Scope, headers: dict[bytes, bytes], limit: int) -> ASGIApp | None:
    """What needs no look at the route: a length over the limit, a NUL in the address."""
    declared = headers.get(b"content-length", b"0")
    if LENGTH.fullmatch(declared) is None or int(declared) > limit:
        return problem(413, *HTTP_TITLES[413], _too_large(limit))
    if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
        # PostgreSQL's text has no NUL, and nothing anybody looks for does.
        return problem(422, "MalformedRequest", MALFORMED, "地址中有不允许的字符")
    return None
