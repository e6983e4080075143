"""How much is read of somebody who has not said who it is, or not truly.

A body is read before anybody is asked for: by FastAPI everywhere, and in forms so that no typed
text is lost. So whoever sends much is looked at by the head of the request alone.
"""

from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, Literal

import psycopg
from fastapi import Request, Response
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError

from app.api.deps import address_of
from app.core.db import transaction
from app.core.errors import Unauthenticated
from app.people import web_sessions

STRANGERS_BYTES_MAX = 256 * 1024
"""Any text, but no picture."""


class SignInFirst(Unauthenticated):
    """Nobody knows whose so large a body is: it is not read, and nothing of it is kept."""

    title = "请先登录，再提交图片或长文章"


async def refuse_much_of_them(
    request: Request, *, token: str | None, kind: Literal["api", "web"]
) -> None:
    """A large body is read from who shows a secret of ours, and be it of a session that ended.

    Raises SignInFirst before anything of it is read.
    """
    is_chunked = "transfer-encoding" in request.headers
    if not is_chunked and int(request.headers.get("content-length", 0)) <= STRANGERS_BYTES_MAX:
        return
    request.app.state.limiter.hit("address", address_of(request))
    if not token:
        raise SignInFirst
    # A database that is away: the text is read, and told to who typed it with what is wrong.
    with suppress(SQLAlchemyError, psycopg.Error, OSError):
        async with transaction() as session:
            if not await web_sessions.was_given(session, token=token, kind=kind):
                raise SignInFirst


class LargeRoute(APIRoute):
    """An address of the API that takes more than a text."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            _, _, token = request.headers.get("authorization", "").partition(" ")
            await refuse_much_of_them(request, token=token.strip(), kind="api")
            return await handle(request)

        return answer
