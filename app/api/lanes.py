"""The straight way to what thousands ask for at once.

To look through the routes, solve parameters and wrap a request in whatever any endpoint may need
takes the framework longer than all else that a beat or a message needs (docs/performance.md). A
lane stands before the routes and takes what is plainly its own. Each endpoint is declared and
documented as a route, too: what is not plainly right goes there, and has its errors.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from fastapi import Request, Response
from pydantic import BaseModel
from starlette.datastructures import URLPath
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Message, Receive, Scope, Send

Content = TypeVar("Content", bound=BaseModel)
LEFT = "shoushan.left_by_its_lane"
"""In the scope of a request that a lane has looked into: it is the route's now."""


class Lane(BaseRoute):
    """POST requests whose path is of this form, for an endpoint that reads the request itself.

    `path` is that of the declared route: what is counted and logged is one and the same. With
    `query` False a request that has one is left to the route. So is one whose endpoint answers
    None: it must not have done anything yet but read.
    """

    def __init__(
        self,
        path: str,
        form: str,
        endpoint: Callable[[Request], Awaitable[Response | None]],
        *,
        query: bool,
    ) -> None:
        self.path = self.path_format = path
        self.endpoint = endpoint
        self._form, self._query = re.compile(form), query

    def matches(self, scope: Scope) -> tuple[Match, dict[str, Any]]:
        if scope["type"] != "http" or scope["method"] != "POST" or LEFT in scope:
            return Match.NONE, {}
        found = self._form.fullmatch(scope["path"].removeprefix(scope.get("root_path", "")))
        if found is None or (scope["query_string"] and not self._query):
            return Match.NONE, {}
        return Match.FULL, {"path_params": found.groupdict(), "route": self}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """A lane has no name: the address is the route's."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        heard: list[Message] = []  # what the endpoint has taken from the line, for the route

        async def hearing() -> Message:
            heard.append(await receive())
            return heard[-1]

        async def once_more() -> Message:
            return heard.pop(0) if heard else await receive()

        response = await self.endpoint(Request(scope, hearing, send))
        if response is not None:
            await response(scope, receive, send)
            return
        scope[LEFT] = True
        await scope["app"].router(scope, once_more, send)


async def plain_body(request: Request, content: type[Content]) -> Content | None:
    """What was sent, if it is plainly right; None where only the route can tell what is wrong.

    Read in FastAPI's own two steps: Pydantic's reader of JSON is another one, with limits of its
    own, and would save two of a thousand microseconds.
    """
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        return None
    try:
        return content.model_validate(await request.json())
    except (ClientDisconnect, RecursionError, ValueError):
        return None
