"""The router of every page: HTML, not in the API's document, forms guarded against strangers."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from fastapi.routing import APIRoute

from app.api.pages import cookies
from app.api.pages.forgery import guard
from app.api.strangers import refuse_much_of_them


class PageRoute(APIRoute):
    """Bounds what is read of a stranger, and closes what a form brought.

    It also sets the cookie that a form of the page was bound to.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            # Here, since FastAPI reads a form before it asks for anything.
            session = request.cookies.get(cookies.SESSION)
            await refuse_much_of_them(request, token=session, kind="web")
            try:
                response = await handle(request)
            finally:
                # The files of its form, which FastAPI did not read and does not know.
                await request.close()
            cookies.keep_visit(request, response)
            return response

        return answer


def page_router(prefix: str = "") -> APIRouter:
    """Pages are made with this and nothing else: a test walks all of them."""
    return APIRouter(
        prefix=prefix,
        route_class=PageRoute,
        default_response_class=HTMLResponse,
        dependencies=[Depends(guard)],
        include_in_schema=False,
    )
