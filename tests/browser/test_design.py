"""The style guide in a real browser: nothing overflows, every target can be hit, nothing fails."""

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
VIEWS = (
    PHONE,
    View(360, 740, text=30),
    View(360, 740, text=30, scheme="dark"),
    View(1280, 800),
    View(1280, 800, scheme="dark"),
    View(320, 480, text=22),
)
PATHS = ("/design", "/design/staff", "/design/foundation", "/design/print", "/text-size")
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1
        && !one.closest('.table-box, .prose table, svg, .skip, dialog'))
    .map(one => one.outerHTML.slice(0, 80))"""
# A link in a sentence is as high as its line (WCAG 2.5.8 excepts it); a choice is its whole label.
TOO_SMALL = """() => [...document.querySelectorAll('a, button, input, select, textarea, summary')]
    .filter(one => one.type !== 'hidden' && !one.closest('.prose p') && !one.matches('.skip'))
    .map(one => [one, (one.closest('label') || one).getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < 43.5 || box.height < 43.5))
    .map(([one]) => one.outerHTML.slice(0, 80))"""
TOO_LOW = """() => [...document.querySelectorAll('.button.main')]
    .map(one => one.getBoundingClientRect().height).filter(height => height && height < 60)"""


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


@pytest.mark.parametrize("view", VIEWS, ids=str)
async def test_nothing_overflows_and_every_target_can_be_hit(
    browser: Browser, town: str, view: View, tmp_path: Path
) -> None:
    async with window(browser, town, view) as (opened, complaints):
        for path in PATHS:
            page = await open_page(opened, town + path)
            name = f"{path.strip('/').replace('/', '-')}-{view}.png"
            await page.screenshot(path=tmp_path / name, full_page=True)
            size = await page.evaluate("parseFloat(getComputedStyle(document.body).fontSize)")
            assert size == (16 if path in {"/design/staff", "/design/print"} else view.text)
            wide = await page.evaluate("document.documentElement.scrollWidth - innerWidth")
            assert wide <= 0, (path, await page.evaluate(TOO_WIDE))
            assert await page.evaluate(TOO_WIDE) == []
            assert await page.evaluate(TOO_SMALL) == [], path
            assert await page.evaluate(TOO_LOW) == [], path
            await page.close()
        assert complaints == []


async def test_a_browser_s_zoom_of_200_per_cent_loses_nothing(browser: Browser, town: str) -> None:
    """Zoomed to twice its size, a window of 1280 × 800 is one of 640 × 400."""
    async with window(browser, town, View(640, 400)) as (opened, complaints):
        for path in PATHS:
            page = await open_page(opened, town + path)
            assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        bar = page.locator(".tab-bar")
        await expect(bar).to_have_css("position", "static")  # It would take a third of the window.
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
