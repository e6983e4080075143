from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from app.core.settings import Settings, get_settings
from app.wechat.client import WeChatClient
from app.worker.resources import Resources
from tests.api.conftest import UNLIMITED
from tests.api.service import running
from tests.publishing.newsroom import Newsroom


class Cable(httpx.ASGITransport):
    """A connection that can be cut: the stand-in's `reset` ends an answer before its end."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except AssertionError as error:
            raise httpx.RemoteProtocolError("cut", request=request) from error


async def at_once(_: float) -> None:
    pass


Opens = Callable[..., AbstractAsyncContextManager[Newsroom]]


@pytest.fixture
def open_newsroom(database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch) -> Opens:
    """A newsroom of an account of this kind; `publish_by` None is the best that it may do."""

    @asynccontextmanager
    async def opened(
        kind: str = "subscription", *, verified: bool = True, publish_by: str | None = None
    ) -> AsyncIterator[Newsroom]:
        monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "T")
        monkeypatch.setenv("SHOUSHAN_WECHAT__OA__KIND", kind)
        monkeypatch.setenv("SHOUSHAN_WECHAT__OA__VERIFIED", str(verified))
        if publish_by is not None:
            monkeypatch.setenv("SHOUSHAN_PUSH__PUBLISH_BY", publish_by)
        get_settings.cache_clear()
        settings = Settings(_env_file=None, database_url=database_url_of_its_own, rate=UNLIMITED)
        async with (
            running(settings) as service,
            httpx.AsyncClient(transport=Cable(service.sandbox), base_url="http://sandbox") as http,
        ):
            service.open_platforms()
            Resources.wechat = WeChatClient(settings.wechat, http=http, sleep=at_once)
            editor = await service.officer("editor", "T")
            yield Newsroom(service, editor)

    return opened


@pytest.fixture
async def newsroom(open_newsroom: Opens) -> AsyncIterator[Newsroom]:
    """Of a verified subscription account: one mass send a day."""
    async with open_newsroom() as opened:
        opened.next_week()
        yield opened
