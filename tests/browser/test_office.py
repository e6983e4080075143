"""An issue reviewed by three people at their computers, scheduled, and one in doubt decided."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, expect

from app.core.settings import RateLimits, Settings, get_settings
from tests.api.newsroom import open_newsroom
from tests.api.service import Resident, Service, running
from tests.api.test_weeks import make_failed
from tests.browser.test_design import TOO_SMALL, TOO_WIDE
from tests.browser.test_sign_in import DESK, PHONE, look
from tests.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
MARKDOWN = """\
## 先断电

插座发烫，**马上断电**。这不是包治百病的办法。

| 电器 | 功率 |
| --- | --- |
| 取暖器 | 1500 瓦 |
"""


@pytest.fixture
async def service(
    database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> AsyncIterator[Service]:
    """The service beside its stand-in, listening on a port for the browser."""
    monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "T")
    get_settings.cache_clear()
    settings = Settings(
        _env_file=None,
        database_url=database_url_of_its_own,
        port=free_port(),
        data_dir=tmp_path,
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


async def at_the_desk(browser: Browser, service: Service, who: Resident, path: str) -> Page:
    context: BrowserContext = await browser.new_context(viewport=DESK, locale="zh-CN")
    page = await context.new_page()
    page.set_default_timeout(10_000)
    ticket = await service.ask("POST", f"/login/ticket?next={path}", who)
    await page.goto(ticket["url"])
    await page.get_by_role("button", name="进入首善学堂").click()
    return page


async def fits(page: Page, name: str) -> None:
    """Nothing overflows and every target can be hit, on a computer and on a phone."""
    for size, kind in ((DESK, "desk"), (PHONE, "phone")):
        await page.set_viewport_size(size)
        assert await page.evaluate(TOO_WIDE) == [], name
        assert await page.evaluate(TOO_SMALL) == [], name
        await look(page, f"{name}-{kind}")
    await page.set_viewport_size(DESK)


async def test_three_people_review_an_issue_and_it_is_scheduled(
    browser: Browser, service: Service
) -> None:
    newsroom = await open_newsroom(service)
    issue = await newsroom.submit(await newsroom.begin(title="冬天用电", markdown=MARKDOWN))
    complaints: list[str] = []
    for who, review in (
        (newsroom.editor, "初审"),
        (newsroom.chief, "复审"),
        (newsroom.admin, "终审"),
    ):
        page = await at_the_desk(browser, service, who, "/desk/reviews")
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: complaints.append(said.text))
        await fits(page, f"office-reviews-{review}")
        await page.get_by_role("link", name="冬天用电").click()
        shown = page.locator(".article")
        await expect(shown.locator("h2")).to_have_css("color", "rgb(43, 43, 43)")
        await expect(shown.locator("section")).to_have_css("font-size", "18px")
        await expect(shown.locator("mark")).to_have_text("包治百病")
        await fits(page, f"office-manuscript-{review}")
        await page.get_by_label("意见").fill(f"{review}看过")
        await page.get_by_role("button", name=f"通过{review}").click()
        await expect(page.get_by_text("已通过")).to_be_visible()
        await expect(page.get_by_text("没有等您审的稿件")).to_be_visible()
    await page.goto(f"{service.settings.base_url}/desk/calendar")
    await fits(page, "office-calendar")
    await page.get_by_role("button", name="排期").click()
    await expect(page.get_by_text("已排好发布时间")).to_be_visible()
    await expect(page.get_by_text("复审看过")).to_be_visible()
    await fits(page, "office-scheduled")
    said = await service.ask("GET", f"/issues/{issue['id']}", newsroom.admin)
    assert said["state"] == "scheduled"
    assert complaints == []


async def test_what_is_in_doubt_is_decided_by_a_person(browser: Browser, service: Service) -> None:
    editor = await service.officer("editor", "T")
    issue_id = await make_failed(service, editor)
    page = await at_the_desk(browser, service, editor, "/desk/tasks")
    await expect(page.get_by_role("heading", name="没有发出")).to_be_visible()
    await fits(page, "office-tasks")
    await page.get_by_label("说明").fill("在公众号后台看到已经发表")
    await page.get_by_label("文章地址").fill("https://mp.weixin.qq.com/s/dong-tian")
    await page.get_by_role("button", name="已发布").click()
    await expect(page.get_by_text("已登记")).to_be_visible()
    await expect(page.get_by_text("没有等您处理的事")).to_be_visible()
    said = await service.ask("GET", f"/issues/{issue_id}", editor)
    assert said["state"] == "published"


async def test_a_refused_form_keeps_what_was_typed_without_javascript_too(
    browser: Browser, service: Service
) -> None:
    newsroom = await open_newsroom(service)
    issue = await newsroom.submit(await newsroom.begin(title="冬天用电"))
    page = await at_the_desk(browser, service, newsroom.editor, f"/desk/reviews/{issue['id']}")
    changed = await newsroom.change(issue, newsroom.tutor, markdown="改过了。")
    await newsroom.submit(changed.json())
    await page.get_by_label("意见").fill("写了很久的意见")
    await page.get_by_role("button", name="退回修改").click()
    await expect(page.get_by_text("稿件已被修改")).to_be_visible()
    await expect(page.get_by_label("意见")).to_have_value("写了很久的意见")
    await look(page, "office-stale")
    state = await page.context.storage_state()
    silent = await browser.new_context(
        viewport=DESK, java_script_enabled=False, storage_state=state
    )
    plain = await silent.new_page()
    await plain.goto(f"{service.settings.base_url}/desk/reviews/{issue['id']}")
    await plain.get_by_label("意见").fill("这样可以")
    await plain.get_by_role("button", name="通过初审").click()
    await expect(plain.get_by_text("已通过")).to_be_visible()
