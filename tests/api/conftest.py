from collections.abc import AsyncIterator

import httpx
import pytest

from app.core.settings import RateLimits, Settings
from tests.api.service import Resident, Service, running

UNLIMITED = RateLimits(person="100000/minute", address="100000/minute", login="100000/minute")


@pytest.fixture
def settings(database_url_of_its_own: str) -> Settings:
    return Settings(_env_file=None, database_url=database_url_of_its_own, rate=UNLIMITED)


@pytest.fixture
async def service(settings: Settings) -> AsyncIterator[Service]:
    async with running(settings) as service:
        yield service


@pytest.fixture
def client(service: Service) -> httpx.AsyncClient:
    return service.client


@pytest.fixture
async def resident(service: Service) -> Resident:
    return await service.login()
