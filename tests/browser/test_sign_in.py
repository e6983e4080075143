"""Signing in on a computer and in a web view, in a real browser."""

import asyncio
import os
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, Page, ViewportSize, expect

from app.core.settings import RateLimits, Settings
from tests.api.service import Resident, Service, running
from tests.processes import free_port

LOOK = os.environ.get("SHOUSHAN_LOOK_AT")
"""A folder for pictures to look at."""
MINI = "Mozilla/5.0 (Linux; Android 13) Chrome/116 MicroMessenger/8.0.49 miniProgram/wx1"
CODE = re.compile(r"/login/scan/([0-9a-f]{16})/picture")
PHONE, DESK = ViewportSize(width=360, height=740), ViewportSize(width=1280, height=800)


@pytest.fixture
async def service(database_url_of_its_own: str) -> AsyncIterator[Service]:
    """The service beside its stand-in, listening on a port for the browser."""
    settings = Settings(
        _env_file=None,
        database_url=database_url_of_its_own,
        port=free_port(),
        rate=RateLimits(login="10000/minute"),
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


async def look(page: Page, name: str) -> None:
    if LOOK:
        await page.screenshot(path=Path(LOOK) / f"{name}.png", full_page=True)


async def opened(browser: Browser, size: ViewportSize, agent: str | None = None) -> Page:
    context = await browser.new_context(viewport=size, user_agent=agent)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    return page


@pytest.mark.browser
async def test_the_computer_enters_when_the_phone_confirms(
    browser: Browser, service: Service
) -> None:
    resident = await service.login()
    await service.act(resident.user, "follow")
    page = await opened(browser, DESK)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text))
    await page.goto(f"{service.settings.base_url}/me/sessions")
    picture = page.get_by_alt_text("登录码")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("one => one.complete && one.naturalWidth > 0")
    await look(page, "login-scan")
    found = CODE.search(await page.content())
    assert found
    await service.act(resident.user, "scan", scene=f"login-{found[1]}")
    await expect(page.get_by_text("已扫码，请在手机上确认")).to_be_visible()
    await look(page, "login-scanned")
    await service.say(resident.user, "确认登录")
    await expect(page.get_by_role("heading", name="登录的设备")).to_be_visible()
    await look(page, "sessions-desk")
    await page.set_viewport_size(PHONE)
    await look(page, "sessions-phone")
    assert complaints == []


async def ticket(service: Service, who: Resident) -> str:
    return str((await service.ask("POST", "/login/ticket?next=/me/sessions", who))["url"])


@pytest.mark.browser
async def test_a_web_view_enters_by_itself_and_a_browser_by_a_press(
    browser: Browser, service: Service
) -> None:
    resident = await service.login()
    view = await opened(browser, PHONE, MINI)
    await view.goto(await ticket(service, resident))
    await expect(view.get_by_role("heading", name="登录的设备")).to_be_visible()
    page = await opened(browser, PHONE)
    link = await ticket(service, resident)
    await page.goto(link)
    await look(page, "login-link")
    await page.get_by_role("button", name="进入首善学堂").click()
    await expect(page.get_by_role("heading", name="登录的设备")).to_be_visible()
    stranger = await opened(browser, PHONE)
    await stranger.goto(link)
    await expect(stranger.get_by_text("已经用过")).to_be_visible()
    await look(stranger, "login-link-over")
    await look(page, "sessions-three")


@pytest.mark.browser
async def test_what_was_typed_waits_for_its_owner(browser: Browser, service: Service) -> None:
    resident = await service.login()
    page = await opened(browser, PHONE)
    await page.goto(await ticket(service, resident))
    await page.get_by_role("button", name="进入首善学堂").click()
    await expect(page.get_by_role("heading", name="登录的设备")).to_be_visible()
    service.forward(days=31)
    await page.get_by_role("button", name="让它退出").click()
    await expect(page.get_by_text("登录已过期，还没有提交")).to_be_visible()
    await look(page, "keep-text")
    again = await service.login(resident.user)
    tab = await page.context.new_page()
    await tab.goto(await ticket(service, again))
    await tab.get_by_role("button", name="进入首善学堂").click()
    await expect(tab.get_by_role("heading", name="登录的设备")).to_be_visible()
    await page.get_by_role("button", name="继续提交").click()
    await expect(page.get_by_role("heading", name="登录的设备")).to_be_visible()
