"""A call to the platform, and what an end point of it is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from starlette.requests import Request
from starlette.responses import Response

from app.sandbox.accounts import Account
from app.sandbox.world import World

OK: Mapping[str, object] = {"errcode": 0, "errmsg": "ok"}


@dataclass(frozen=True)
class Call:
    world: World
    request: Request
    account: Account | None
    body: dict[str, Any]
    raw: bytes

    @property
    def query(self) -> Mapping[str, str]:
        return self.request.query_params

    @property
    def caller(self) -> Account:
        assert self.account is not None, "the end point asks for no token"
        return self.account

    @property
    def ip(self) -> str:
        return self.request.client.host if self.request.client else "127.0.0.1"


Answer = Mapping[str, object] | Response
Handler = Callable[[Call], Awaitable[Answer]]


@dataclass(frozen=True)
class Endpoint:
    handler: Handler
    method: Literal["GET", "POST"] = "GET"
    token: bool = True
    per_minute: int | None = None
    per_day: int | None = None
    form: bool = False
    """The body is multipart, and the handler reads it."""
