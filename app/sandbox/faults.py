"""Faults on demand: what a real network and a real platform do on a bad day.

wechat-platform.md §9.18: -1 must be retried, 45009 and 45011 must be backed off from, and a
connection cut after acceptance tells whether the caller is idempotent.
"""

import asyncio
import json
from dataclasses import dataclass, field
from typing import Literal

from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

FaultKind = Literal["errcode", "latency", "reset", "html502", "truncated", "wrong_types"]
BAD_GATEWAY = (
    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n"
    "<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n"
)


@dataclass
class Fault:
    path: str
    """Exact, or a prefix that ends with `*`."""
    kind: FaultKind
    count: int
    """How many more calls it hits."""
    errcode: int = -1
    seconds: float = 0
    number: int = 0

    def hits(self, path: str) -> bool:
        if self.path.endswith("*"):
            return path.startswith(self.path[:-1])
        return path == self.path


@dataclass
class FaultBook:
    waiting: list[Fault] = field(default_factory=list)

    def take(self, path: str) -> Fault | None:
        """The oldest fault that hits this path, used up by one."""
        found = next((fault for fault in self.waiting if fault.hits(path)), None)
        if found is not None:
            found.count -= 1
            if found.count <= 0:
                self.waiting.remove(found)
        return found


class CutConnection(Response):
    """Promises a body and ends without it: the server then closes the connection.

    ASGI has no way to drop a connection before the head is sent; for the caller it comes to the
    same, an exception instead of an answer to something that was done.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del scope, receive
        head = [(b"content-type", b"application/json"), (b"content-length", b"1024")]
        await send({"type": "http.response.start", "status": 200, "headers": head})


async def spoil(fault: Fault | None, response: Response) -> Response:
    """The answer as the fault leaves it; the call itself has been carried out."""
    if fault is None:
        return response
    match fault.kind:
        case "latency":
            await asyncio.sleep(fault.seconds)
        case "reset":
            return CutConnection()
        case "html502":
            return HTMLResponse(BAD_GATEWAY, status_code=502)
        case "truncated":
            half = bytes(response.body)[: len(response.body) // 2]
            return Response(half, media_type="application/json")
        case "wrong_types":
            return Response(_listed(bytes(response.body)), media_type="application/json")
        case "errcode":
            pass
    return response


def _listed(body: bytes) -> bytes:
    """The same names, and under each a list where anything else was promised."""
    try:
        answer = json.loads(body)
    except ValueError:
        return b"[]"
    return json.dumps({name: [value] for name, value in dict(answer).items()}).encode()
