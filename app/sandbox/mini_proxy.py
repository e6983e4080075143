"""The way from the simulated mini-program to the service: a phone's wx.request knows no CORS."""

from typing import Annotated
from urllib.parse import quote

import httpx
from fastapi import APIRouter, Header, Request
from starlette.responses import JSONResponse, Response

from app.core import clock
from app.sandbox.admin_users import Here

router = APIRouter(prefix="/_sandbox/mini", tags=["phone"], include_in_schema=False)
PASSED = ("authorization", "idempotency-key", "content-type", "accept", "range")
RETURNED = (
    "content-type",
    "content-range",
    "accept-ranges",
    "content-disposition",
    "retry-after",
    "x-request-id",
)
PATIENCE_SECONDS = 30
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@router.api_route("/api/v1/{path:path}", methods=METHODS)
async def forward_call(
    world: Here, request: Request, path: str, x_sandbox_user: Annotated[str, Header()] = ""
) -> Response:
    user = world.users.get(x_sandbox_user)
    if user is not None:
        user.mini_active_at = clock.utcnow()
    return await _forward(world.http, request, f"{world.settings.base_url}/api/v1/{quote(path)}")


@router.get("/site/{path:path}")
async def forward_file(world: Here, request: Request, path: str) -> Response:
    """Pictures and sounds of lessons, which the page may load from its own origin only."""
    return await _forward(world.http, request, f"{world.settings.base_url}/{quote(path)}")


async def _forward(http: httpx.AsyncClient, request: Request, url: str) -> Response:
    try:
        answer = await http.request(
            request.method,
            url,
            params=str(request.query_params),
            headers={name: request.headers[name] for name in PASSED if name in request.headers},
            content=await request.body(),
            timeout=PATIENCE_SECONDS,
        )
    except httpx.HTTPError as error:
        problem = {"title": "连接不上学习服务，请稍后再试", "code": type(error).__name__}
        return JSONResponse(problem, 502, media_type="application/problem+json")
    headers = {name: answer.headers[name] for name in RETURNED if name in answer.headers}
    # A document served here would be one of this origin: let none run anything.
    headers |= {"X-Content-Type-Options": "nosniff", "Content-Security-Policy": "sandbox"}
    return Response(answer.content, answer.status_code, headers=headers)
