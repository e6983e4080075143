"""A real Chromium, where one is found; `.ci/run` installs it and lets no story be skipped."""

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, async_playwright

from app.core.settings import RateLimits, Settings
from tests.api.service import Service, running
from tests.processes import free_port

HOW = "no Chromium found: the browser stories are skipped (Debian: apt-get install chromium)"


def find_chromium() -> str | None:
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
    return next((path for name in names if (path := shutil.which(name))), None)


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    path = find_chromium()
    if path is None:
        if os.environ.get("SHOUSHAN_BROWSER_REQUIRED"):
            pytest.fail(HOW)
        pytest.skip(HOW)
    async with async_playwright() as playwright:
        quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        opened = await playwright.chromium.launch(executable_path=path, args=quiet)
        yield opened
        await opened.close()


@pytest.fixture
async def service(database_url_of_its_own: str, tmp_path: Path) -> AsyncIterator[Service]:
    """The service beside its stand-in, listening on a port for the browser."""
    settings = Settings(
        _env_file=None,
        database_url=database_url_of_its_own,
        port=free_port(),
        data_dir=tmp_path,
        rate=RateLimits(person="100000/minute", address="100000/minute", login="100000/minute"),
    )
    async with running(settings) as service:
        config = uvicorn.Config(
            service.app, port=settings.port, lifespan="off", log_config=None, ws="none"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.02)
        yield service
        server.should_exit = True
        await serving
