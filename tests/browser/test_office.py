"""An issue reviewed by three people at their computers, scheduled, and one in doubt decided."""

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from app.core.settings import get_settings
from tests.api.newsroom import open_newsroom
from tests.api.service import Resident, Service
from tests.api.test_weeks import make_failed
from tests.browser.looking import fits
from tests.browser.test_sign_in import DESK, LOOK, PHONE, look

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
MARKDOWN = """\
## 先断电

插座发烫，**马上断电**。这不是包治百病的办法。

| 电器 | 功率 |
| --- | --- |
| 取暖器 | 1500 瓦 |
"""


@pytest.fixture(autouse=True)
def town_of_the_account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "T")
    get_settings.cache_clear()


async def at_the_desk(browser: Browser, service: Service, who: Resident, path: str) -> Page:
    context: BrowserContext = await browser.new_context(viewport=DESK, locale="zh-CN")
    page = await context.new_page()
    page.set_default_timeout(10_000)
    ticket = await service.ask("POST", f"/login/ticket?next={path}", who)
    await page.goto(ticket["url"])
    await page.get_by_role("button", name="进入首善学堂").click()
    return page


async def fits_both(page: Page, name: str) -> None:
    """Nothing overflows and every target can be hit, on a computer and on a phone."""
    for size, kind in ((DESK, "desk"), (PHONE, "phone")):
        await page.set_viewport_size(size)
        await fits(page, f"{name}-{kind}", LOOK)
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
        await fits_both(page, f"office-reviews-{review}")
        await page.get_by_role("link", name="冬天用电").click()
        shown = page.locator(".article")
        await expect(shown.locator("h2")).to_have_css("color", "rgb(30, 101, 69)")
        await expect(shown.locator("section")).to_have_css("font-size", "18px")
        await expect(shown.locator("mark")).to_have_text("包治百病")
        await fits_both(page, f"office-manuscript-{review}")
        await page.get_by_label("意见").fill(f"{review}看过")
        await page.get_by_role("button", name=f"通过{review}").click()
        await expect(page.get_by_text("已通过")).to_be_visible()
        await expect(page.get_by_text("没有等您审的稿件")).to_be_visible()
    await page.goto(f"{service.settings.base_url}/desk/calendar")
    await fits_both(page, "office-calendar")
    await page.get_by_role("button", name="排期").click()
    await expect(page.get_by_text("已排好发布时间")).to_be_visible()
    await expect(page.get_by_text("复审看过")).to_be_visible()
    await fits_both(page, "office-scheduled")
    said = await service.ask("GET", f"/issues/{issue['id']}", newsroom.admin)
    assert said["state"] == "scheduled"
    assert complaints == []


async def test_what_is_in_doubt_is_decided_by_a_person(browser: Browser, service: Service) -> None:
    editor = await service.officer("editor", "T")
    issue_id = await make_failed(service, editor)
    page = await at_the_desk(browser, service, editor, "/desk/tasks")
    await expect(page.get_by_role("heading", name="没有发出")).to_be_visible()
    await fits_both(page, "office-tasks")
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
