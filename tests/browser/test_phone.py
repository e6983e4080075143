"""The story of the ground floor, tapped on the simulated phone in a real browser."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, expect

from tests.browser.role_town import answer_everything
from tests.processes import running

PHONE, DESK = {"width": 360, "height": 740}, {"width": 1280, "height": 800}
RATE = 60
"""A quarter of a second is fifteen: a lesson of two and a half minutes takes a few seconds."""


async def open_phone(
    browser: Browser, address: str, size: dict[str, int]
) -> tuple[Page, list[str]]:
    page = await browser.new_page(viewport={"width": size["width"], "height": size["height"]})
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    await page.goto(address)
    return page, complaints


@pytest.mark.browser
@pytest.mark.timeout(180)
async def test_a_resident_learns_on_the_phone(browser: Browser, tmp_path: Path) -> None:
    with running(tmp_path, SHOUSHAN_CLOCK_RATE=str(RATE)) as town:
        page, complaints = await open_phone(browser, town.stand_in, PHONE)
        await page.get_by_role("textbox").first.fill("杏花大姐")
        await page.get_by_role("button", name="新建居民").click()
        await page.get_by_text("扫一扫").click()
        await page.get_by_text("v:500117126219").first.click()
        await expect(page.get_by_text("已为您登记：双槐村").first).to_be_visible()
        await page.get_by_role("button", name="今日学习").click()
        await expect(page.get_by_text("今日一课").first).to_be_visible()

        await page.get_by_role("link", name="返回").click()
        await page.get_by_text("小程序 · 学习").click()
        await page.get_by_role("link", name="开始学习").click()
        await answer_everything(page)
        await expect(page.get_by_text("时间够了").first).to_be_visible(timeout=30_000)
        await page.get_by_role("button", name="交卷").click()
        await expect(page.get_by_text("全部答对，这一课学完了")).to_be_visible()
        await page.get_by_role("link", name="返回").click()
        await page.get_by_role("link", name="学分").click()
        await expect(page.get_by_text("每学满 60 分钟得 1.00 学分").first).to_be_visible()
        await page.get_by_role("button", name="积分").click()
        await expect(page.get_by_text("今日有所学").last).to_be_visible()
        await page.screenshot(path=tmp_path / "credits.png", full_page=True)
        audit = town.shoushan("bank", "audit")
        assert audit.returncode == 0, audit.stderr
        assert " 4 transfers" in audit.stdout, audit.stdout
        board = town.shoushan("ranking", "show", "villages")
        assert re.search(r"1  双槐村  0\.0[1-9] 学分", board.stdout), board.stdout
        assert complaints == []
