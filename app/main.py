"""Puts the house together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from app import __version__
from app.api import errors
from app.api.errors import Problem
from app.api.limiting import Limiter
from app.api.middleware import RequestFrame
from app.api.pages import doors
from app.api.routers import ROUTERS
from app.core import db, installation, schema
from app.core.settings import Settings, get_settings
from app.wechat.client import WeChatClient

DESCRIPTION = "首善学堂: learning in a township, and a credit bank whose every credit is proven."


def create_app(settings: Settings | None = None) -> FastAPI:
    """The web application. It opens its own database connections while it lives."""
    settings = settings or get_settings()
    url = settings.database_url
    assert url is not None, "the database is chosen by whoever starts this process"

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            engine = db.make_engine(url, pool_size=settings.database_pool)
            await stack.enter_async_context(db.connected(engine))
            async with db.transaction() as session:
                await installation.settle_clock(session, settings)
            app.state.wechat = WeChatClient(settings.wechat)
            stack.push_async_callback(app.state.wechat.aclose)
            yield

    app = FastAPIOffline(  # /docs from this machine: no page of ours calls a third party's host
        docs_url="/docs",
        redoc_url=None,
        static_url="/docs/static",
        title="首善学堂",
        version=__version__,
        description=DESCRIPTION,
        lifespan=lifespan,
        swagger_ui_parameters={"docExpansion": "none"},
    )
    app.state.settings = settings
    app.state.limiter = Limiter(settings.rate)
    app.state.revision = schema.newest_revision()
    errors.install(app)
    doors.install(app)
    app.add_middleware(RequestFrame)
    for router in ROUTERS:
        app.include_router(router)
    _document_problems(app)
    return app


def _document_problems(app: FastAPI) -> None:
    """Put the one form of all errors into the OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, object]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema())
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
