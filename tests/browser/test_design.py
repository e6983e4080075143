"""What the parts of pages do in a real browser, shown by the style guide."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import uvicorn
from playwright.async_api import Browser, BrowserContext, Page, Route, expect

from app.api.pages.frame import TEXT_COOKIE
from app.core.settings import Settings
from app.main import create_app
from tests.browser.looking import fits
from tests.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


class View(NamedTuple):
    width: int
    height: int
    text: int = 18
    scheme: str = "light"

    def __str__(self) -> str:
        return f"{self.width}-{self.text}-{self.scheme}"


PHONE = View(360, 740)


@pytest.fixture
async def town() -> AsyncIterator[str]:
    """The service without its life: these pages need no database."""
    app = create_app(Settings(_env_file=None, database_url="postgresql://nowhere/x"))
    port = free_port()
    config = uvicorn.Config(app, port=port, lifespan="off", log_config=None)
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
        await asyncio.sleep(0.02)
    yield f"http://127.0.0.1:{port}"
    server.should_exit = True
    await serving


@asynccontextmanager
async def window(
    browser: Browser, town: str, view: View, *, scripts: bool = True
) -> AsyncIterator[tuple[BrowserContext, list[str]]]:
    """A window that was told the text's size, and everything its pages complain about."""
    opened = await browser.new_context(
        viewport={"width": view.width, "height": view.height},
        color_scheme="dark" if view.scheme == "dark" else "light",
        java_script_enabled=scripts,
        locale="zh-CN",
    )
    await opened.add_cookies([{"name": TEXT_COOKIE, "value": str(view.text), "url": town}])
    complaints: list[str] = []
    opened.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    opened.on("weberror", lambda error: complaints.append(str(error.error)))
    opened.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((town, "data:")) else complaints.append(asked.url)
        ),
    )
    yield opened, complaints
    await opened.close()


async def open_page(opened: BrowserContext, address: str) -> Page:
    page = await opened.new_page()
    page.set_default_timeout(10_000)
    await page.goto(address)
    return page


async def test_in_a_low_window_the_bar_takes_no_place(browser: Browser, town: str) -> None:
    """Zoomed to twice its size, a window of 1280 × 800 is one of 640 × 400."""
    async with window(browser, town, View(640, 400)) as (opened, _):
        page = await open_page(opened, f"{town}/design")
        await expect(page.locator(".tab-bar")).to_have_css("position", "static")


async def test_the_text_is_as_large_as_was_asked(browser: Browser, town: str) -> None:
    for size in (18, 22, 26, 30):
        async with window(browser, town, View(320, 480, text=size)) as (opened, complaints):
            page = await open_page(opened, f"{town}/design")
            await expect(page.locator("body")).to_have_css("font-size", f"{size}px")
            await fits(page, f"design-{size}")
            assert complaints == []


async def test_the_size_chosen_shows_at_once_and_stays(browser: Browser, town: str) -> None:
    async with window(browser, town, PHONE) as (opened, complaints):
        page = await open_page(opened, f"{town}/text-size")
        async with page.expect_response(lambda answer: answer.request.method == "POST"):
            await page.get_by_label("特大").check()
        await expect(page.locator("html")).to_have_attribute("data-text", "26")
        await page.goto(f"{town}/design")
        await expect(page.locator("html")).to_have_attribute("data-text", "26")
        assert complaints == []


async def test_a_text_is_copied_and_a_question_opens(browser: Browser, town: str) -> None:
    async with window(browser, town, PHONE) as (opened, complaints):
        await opened.grant_permissions(["clipboard-read", "clipboard-write"])
        page = await open_page(opened, f"{town}/design")
        await page.get_by_role("button", name="复制文字").click()
        await expect(page.get_by_text("已复制")).to_be_visible()
        assert "今天学防骗" in await page.evaluate("navigator.clipboard.readText()")
        await page.get_by_role("link", name="退出家庭组").click()
        await expect(page.get_by_role("dialog")).to_contain_text("要退出家庭组吗？")
        await page.get_by_role("button", name="先不办").click()
        await expect(page.get_by_role("dialog")).to_be_hidden()
        assert complaints == []


async def test_a_form_that_fails_is_sent_again_with_the_same_key(
    browser: Browser, town: str
) -> None:
    keys: list[str | None] = []

    async def weak(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        keys.append(route.request.headers.get("idempotency-key"))
        if len(keys) == 1:
            await route.abort("internetdisconnected")
        else:
            await route.continue_()

    async with window(browser, town, PHONE) as (opened, _):
        page = await open_page(opened, f"{town}/design")
        await page.route("**/design", weak)
        await page.get_by_label("怎么称呼您").fill("槐小花")
        await page.get_by_label("您住在哪个村").select_option("T-1")
        await page.get_by_role("link", name="姓名不能超过").click()
        await page.go_back()  # A jump within the page forgets nothing.
        await expect(page.get_by_label("怎么称呼您")).to_have_value("槐小花")
        await page.get_by_role("button", name="保存").click()
        await expect(page.get_by_text("现在没有网络")).to_be_visible()
        await page.evaluate("dispatchEvent(new Event('online'))")
        await expect(page.get_by_role("heading", level=1)).to_have_text("这份内容刚刚被别人改过")
        await expect(page.get_by_text("还有给孙子拍视频")).to_be_visible()
        assert len(keys) == 2
        assert keys[0] is not None
        assert keys[0] == keys[1]


async def test_without_scripts_forms_and_questions_still_work(browser: Browser, town: str) -> None:
    async with window(browser, town, PHONE, scripts=False) as (opened, _):
        page = await open_page(opened, f"{town}/text-size?next=/design/print")
        await page.get_by_label("最大").check()
        await page.get_by_role("button", name="用这个大小").click()
        assert page.url == f"{town}/design/print"
        await page.goto(f"{town}/design")
        assert await page.locator("html").get_attribute("data-text") == "30"
        await expect(page.get_by_role("button", name="复制文字")).to_be_hidden()
        await page.get_by_role("link", name="退出家庭组").click()
        assert page.url == f"{town}/design"


async def test_on_paper_there_are_no_bars_and_heads_repeat(
    browser: Browser, town: str, tmp_path: Path
) -> None:
    async with window(browser, town, View(690, 980, scheme="dark")) as (opened, _):
        page = await open_page(opened, f"{town}/design/staff")
        await page.emulate_media(media="print")
        await expect(page.locator(".side")).to_be_hidden()
        await expect(page.locator("body")).to_have_css("background-color", "rgb(255, 255, 255)")
        head = page.locator("thead").first
        await expect(head).to_have_css("display", "table-header-group")
        assert (await page.pdf(path=tmp_path / "page.pdf", prefer_css_page_size=True))[
            :4
        ] == b"%PDF"
