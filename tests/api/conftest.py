from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import structlog

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


@pytest.fixture(autouse=True)
def terse_log() -> Iterator[None]:
    """structlog's own default draws every traceback with all its variables: seconds each."""
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars],
        logger_factory=structlog.ReturnLoggerFactory(),
    )
    yield
    structlog.reset_defaults()
