from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.core.settings import Settings
from app.sandbox.server import create_sandbox
from app.sandbox.world import World
from app.wechat.client import WeChatClient
from tests.sandbox.platform import Platform
from tests.sandbox.press import real_client
from tests.sandbox.service import Service


@pytest.fixture
def settings() -> Settings:
    return Settings(_env_file=None)


@pytest.fixture
def service(settings: Settings) -> Service:
    return Service(settings)


@pytest.fixture
async def sandbox(settings: Settings, service: Service) -> AsyncIterator[FastAPI]:
    async with httpx.AsyncClient(transport=httpx.MockTransport(service.handle)) as http:
        yield create_sandbox(settings, http=http)


@pytest.fixture
def world(sandbox: FastAPI) -> World:
    found: World = sandbox.state.world
    return found


@pytest.fixture
async def client(sandbox: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(sandbox)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client


@pytest.fixture
def platform(client: httpx.AsyncClient, settings: Settings) -> Platform:
    return Platform(client, settings)


@pytest.fixture
async def wechat(sandbox: FastAPI, settings: Settings) -> AsyncIterator[WeChatClient]:
    """The service's own client, talking to the stand-in."""
    async with real_client(sandbox, settings) as client:
        yield client
