"""The stand-in for the servers of WeChat, WeCom and the QQ bot on this machine.

One server plays them all, since their paths do not collide; beside them `/_sandbox/…` (the admin
API), `/` (the simulated phone), `/staff` (the demo town's staff), `/account` and `/groups` (what
followers and every group's members see).
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import httpx
from fastapi import FastAPI, Request
from starlette.exceptions import HTTPException
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from app.core import clock
from app.core.errors import Conflict, DomainError, NotFound
from app.core.settings import Settings
from app.sandbox import (
    account_pages,
    admin_groups,
    admin_notices,
    admin_platform,
    admin_publishing,
    admin_users,
    custom_service,
    followers,
    login,
    menu,
    mini_proxy,
    oauth,
    phone,
    qq,
    qrcodes,
    security,
    tokens,
    web_views,
    wecom,
    wxacode,
)
from app.sandbox.calls import Endpoint
from app.sandbox.dispatch import dispatch
from app.sandbox.pages import HEADERS, STATIC, render_page
from app.sandbox.platform import get_callback_ips, quota_getter
from app.sandbox.press_endpoints import PRESS_ENDPOINTS
from app.sandbox.world import World, make_world

ENDPOINTS: dict[str, Endpoint] = {
    "/cgi-bin/token": Endpoint(tokens.get_token, token=False, per_day=tokens.LEGACY_PER_DAY),
    "/cgi-bin/stable_token": Endpoint(
        tokens.get_stable_token, "POST", token=False, per_day=tokens.STABLE_PER_DAY
    ),
    "/cgi-bin/getcallbackip": Endpoint(get_callback_ips),
    "/cgi-bin/user/info": Endpoint(followers.get_follower, per_day=5_000_000),
    "/cgi-bin/message/custom/send": Endpoint(custom_service.send_message, "POST", per_day=500_000),
    "/cgi-bin/menu/create": Endpoint(menu.create_menu, "POST", per_day=1000),
    "/cgi-bin/menu/get": Endpoint(menu.get_menu, per_day=10_000),
    "/cgi-bin/menu/delete": Endpoint(menu.delete_menu, per_day=1000),
    "/cgi-bin/qrcode/create": Endpoint(qrcodes.create_qrcode, "POST", per_day=100_000),
    "/cgi-bin/showqrcode": Endpoint(qrcodes.show_qrcode, token=False),
    "/sns/jscode2session": Endpoint(login.exchange_code, token=False),
    "/wxa/checksession": Endpoint(login.check_session),
    "/wxa/resetusersessionkey": Endpoint(login.reset_session),
    "/wxa/business/getuserphonenumber": Endpoint(phone.get_phone_number, "POST"),
    "/wxa/getwxacodeunlimit": Endpoint(wxacode.get_unlimited_code, "POST", per_minute=5000),
    "/wxa/generate_urllink": Endpoint(wxacode.generate_urllink, "POST", per_day=500_000),
    "/wxa/msg_sec_check": Endpoint(
        security.check_message, "POST", per_minute=4000, per_day=2_000_000
    ),
    "/connect/oauth2/authorize": Endpoint(oauth.authorize, token=False),
    "/sns/oauth2/access_token": Endpoint(oauth.get_oauth_token, token=False),
    "/sns/userinfo": Endpoint(oauth.get_oauth_user, token=False),
}
"""Daily numbers: 接口调用频次 in the platform's console (wechat-platform.md §1.5, §4, §7, §8)."""
ENDPOINTS |= PRESS_ENDPOINTS
ENDPOINTS["/cgi-bin/openapi/quota/get"] = quota_getter(ENDPOINTS)

BEAT_SECONDS, BEAT_MS_MIN = 15, 500
"""The phone's pages beat every 15 s of the service's clock, but not faster than a phone would."""

ROOMS = ("cgi-bin", "sns", "wxa", "connect")


class StaticPages(StaticFiles):
    """Scripts and styles, under the same policy as the pages that load them."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def create_sandbox(settings: Settings, *, http: httpx.AsyncClient | None = None) -> FastAPI:
    """The whole stand-in; `http` is the way to the service, and closed here only if made here."""
    app = assemble()
    app.state.own_http = http is None
    app.state.world = make_world(settings, http or _new_client())
    return app


def assemble() -> FastAPI:
    """The stand-in with every address, and no world yet."""
    app = FastAPI(
        title="腾讯替身",
        description="Loopback stand-in for the WeChat platform: the admin API.",
        lifespan=_lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url="/_sandbox/openapi.json",
    )
    app.include_router(admin_users.router)
    app.include_router(admin_platform.router)
    app.include_router(admin_publishing.router)
    app.include_router(admin_notices.router)
    app.include_router(account_pages.router)
    app.include_router(web_views.router)
    app.include_router(admin_groups.router)
    app.include_router(qq.router)
    app.include_router(mini_proxy.router)
    app.mount("/static", StaticPages(directory=STATIC))
    _add_pages(app)
    _add_platform(app, ENDPOINTS | wecom.ENDPOINTS)
    app.add_exception_handler(DomainError, _refuse)
    return app


def _new_client() -> httpx.AsyncClient:
    return httpx.AsyncClient(
        limits=httpx.Limits(max_connections=200, max_keepalive_connections=100),
        timeout=30,
        trust_env=False,
    )


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    world: World = app.state.world
    world.press.stop()
    if app.state.own_http:
        await world.http.aclose()


def _add_pages(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def show_phone() -> HTMLResponse:
        beat_ms = max(BEAT_MS_MIN, round(clock.real_seconds(BEAT_SECONDS) * 1000))
        service = app.state.world.settings.base_url
        return render_page("phone.html", service=service, beat_ms=beat_ms)

    @app.get("/groups", include_in_schema=False)
    async def show_groups() -> HTMLResponse:
        return render_page("groups.html", service=app.state.world.settings.base_url)

    @app.get("/healthz", summary="The process lives", tags=["platform"])
    async def healthz() -> dict[str, str]:
        return {"status": "ok", "now": clock.utcnow().isoformat()}


def _add_platform(app: FastAPI, endpoints: Mapping[str, Endpoint]) -> None:
    @app.api_route("/{room}/{rest:path}", methods=["GET", "POST"], include_in_schema=False)
    async def call_platform(request: Request, room: str, rest: str) -> Response:
        if room not in ROOMS:
            raise HTTPException(404)
        return await dispatch(app.state.world, endpoints, request, f"/{room}/{rest}")


async def _refuse(_: Request, error: Exception) -> JSONResponse:
    """A refusal of the admin API: 404 no such thing, 409 not now, 422 makes no sense."""
    assert isinstance(error, DomainError)
    status = 404 if isinstance(error, NotFound) else 409 if isinstance(error, Conflict) else 422
    return JSONResponse({"code": error.code, "detail": error.detail, **error.facts}, status)
