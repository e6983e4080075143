from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from app.sandbox.server import create_sandbox
from tests.sandbox.companies import with_companies


@pytest.fixture
async def sandbox() -> AsyncIterator[FastAPI]:
    async with httpx.AsyncClient() as http:
        yield create_sandbox(with_companies(), http=http)


@pytest.fixture
async def admin(sandbox: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(sandbox)
    async with httpx.AsyncClient(transport=transport, base_url="http://sandbox") as client:
        yield client
