"""The straight way to what thousands ask for at once.

To look through the routes, solve parameters and wrap a request in whatever any endpoint may need
takes the framework longer than all else that a beat or a message needs (docs/performance.md). A
lane stands before the routes and takes what is plainly its own. Each endpoint is declared and
documented as a route, too: what is not plainly right goes there, and has its errors.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import Request, Response
from starlette.datastructures import URLPath
from starlette.routing import BaseRoute, Match, NoMatchFound
from starlette.types import Receive, Scope, Send


class Lane(BaseRoute):
    """POST requests whose path is of this form, for an endpoint that reads the request itself.

    `path` is that of the declared route: what is counted and logged is one and the same. With
    `query` False a request that has one is left to the route.
    """

    def __init__(
        self,
        path: str,
        form: str,
        endpoint: Callable[[Request], Awaitable[Response]],
        *,
        query: bool,
    ) -> None:
        self.path = self.path_format = path
        self.endpoint = endpoint
        self._form, self._query = re.compile(form), query

    def matches(self, scope: Scope) -> tuple[Match, dict[str, Any]]:
        if scope["type"] != "http" or scope["method"] != "POST":
            return Match.NONE, {}
        found = self._form.fullmatch(scope["path"].removeprefix(scope.get("root_path", "")))
        if found is None or (scope["query_string"] and not self._query):
            return Match.NONE, {}
        return Match.FULL, {"path_params": found.groupdict(), "route": self}

    def url_path_for(self, name: str, /, **path_params: Any) -> URLPath:
        """A lane has no name: the address is the route's."""
        raise NoMatchFound(name, path_params)

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = await self.endpoint(Request(scope, receive, send))
        await response(scope, receive, send)
