"""Puts the house together."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig
from fastapi_offline import FastAPIOffline

from app import __version__
from app.api import errors
from app.api.deadline import Deadline
from app.api.errors import Problem
from app.api.limiting import Limiter
from app.api.middleware import RequestFrame
from app.api.pages import doors
from app.api.routers import LANES, ROUTERS
from app.api.together import Together
from app.core import db, installation, schema
from app.core.settings import Settings, get_settings
from app.wechat.client import WeChatClient

DESCRIPTION = "首善学堂: learning in a township, and a credit bank whose every credit is proven."

SILENT: TelemetryConfig = {
    "tracing": False, "metrics": False, "logs": False, "auto_configure": False,
}  # fmt: skip
"""What requests do is told by our own log and /metrics: no variable of the environment may have
FastAPI send it elsewhere, and none is looked for with each request."""


def create_app(settings: Settings | None = None) -> FastAPI:
    """The web application. It opens its own database connections while it lives."""
    app = assemble()
    furnish(app, settings or get_settings())
    return app


def assemble() -> FastAPI:
    """The application with every address, and nothing yet of an installation.

    FastAPI works an address out when it is first asked for, which costs more than answering: an
    application once assembled can be furnished again (the tests do).
    """
    app = FastAPIOffline(  # for the files of /docs: no page of ours calls a third party's host
        docs_url=None,  # ours (app/api/api_docs.py), which has a policy
        redoc_url=None,
        static_url="/docs/static",
        title="首善学堂",
        version=__version__,
        description=DESCRIPTION,
        lifespan=_lifespan,
        telemetry=SILENT,
    )
    errors.install(app)
    doors.install(app)
    app.add_middleware(Deadline)  # within the frame: its answers are logged and have an id
    app.add_middleware(RequestFrame)
    # The routes themselves: a router within the router takes twice as long to look through.
    declared = [route for router in ROUTERS for route in router.routes]
    app.router.routes[:] = [*LANES, *declared, *app.router.routes]
    _document_problems(app)
    return app


def furnish(app: FastAPI, settings: Settings) -> None:
    """What differs between installations."""
    assert settings.database_url, "the database is chosen by whoever starts this process"
    app.state.settings = settings
    app.state.limiter = Limiter(settings.rate)
    app.state.revision = schema.newest_revision()


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    settings: Settings = app.state.settings
    assert settings.database_url is not None
    async with AsyncExitStack() as stack:
        engine = db.make_engine(settings.database_url, pool_size=settings.database_pool)
        await stack.enter_async_context(db.connected(engine))
        async with db.transaction() as session:
            await installation.settle_clock(session, settings)
        app.state.together = Together(app.state.limiter, settings.wechat)
        # Requests are over by now, but for those that were given up: what they asked for is done.
        stack.push_async_callback(app.state.together.drain)
        app.state.wechat = WeChatClient(settings.wechat)
        stack.push_async_callback(app.state.wechat.aclose)
        yield


def _document_problems(app: FastAPI) -> None:
    """Put the one form of all errors into the OpenAPI document."""
    generate = app.openapi

    def openapi() -> dict[str, object]:
        document = generate()
        schemas = document.setdefault("components", {}).setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema())
        return document

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way
