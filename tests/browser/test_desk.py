"""An administrator's morning: one look, the rankings, a comparison, a file, down to one transfer,
and a reversal; on a computer and on a phone.
"""

import asyncio
import os
import re
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect

from tests.api.desk_town import Desk, furnish
from tests.api.service import Service
from tests.browser.looking import fits

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
LOOK = os.environ.get("SHOUSHAN_LOOK_AT")
"""A folder for pictures to look at."""
SIZES = {
    "desk": ViewportSize(width=1280, height=800),
    "phone": ViewportSize(width=360, height=740),
}
REASON = "居民来问少记了学分"


async def look(page: Page, name: str) -> None:
    await fits(page, name, LOOK)


async def enter(browser: Browser, service: Service, desk: Desk, size: ViewportSize) -> Page:
    scheme: Literal["dark", "light"] = "dark" if os.environ.get("SHOUSHAN_LOOK_DARK") else "light"
    context = await browser.new_context(viewport=size, color_scheme=scheme, locale="zh-CN")
    page = await context.new_page()
    page.set_default_timeout(10_000)
    page.on("pageerror", lambda error: pytest.fail(str(error)))
    said = await service.ask("POST", "/login/ticket?next=/desk", desk.admin)
    await page.goto(said["url"])
    await page.get_by_role("button", name="进入首善学堂").click()
    await expect(page.get_by_role("heading", name="双槐镇学习情况")).to_be_visible()
    return page


@pytest.mark.parametrize("where", SIZES)
async def test_from_the_rankings_to_a_reversal(
    browser: Browser, service: Service, where: str
) -> None:
    desk = await furnish(service)
    page = await enter(browser, service, desk, SIZES[where])
    await look(page, f"overview-{where}")
    await page.get_by_role("link", name="打印一页").click()
    await look(page, f"sheet-{where}")
    paper = await page.pdf(prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) == 1, "the town on one A4 page"
    await page.goto(f"{service.settings.base_url}/desk/rankings")
    await look(page, f"rankings-{where}")
    await expect(page.get_by_label("对比从")).to_be_hidden()

    await page.get_by_label("比较", exact=True).select_option("previous")
    await page.get_by_role("button", name="查看").click()
    await expect(page.get_by_text("两期对比")).to_be_visible()
    await look(page, f"compared-{where}")
    async with page.expect_download() as awaited:
        await page.get_by_role("button", name="导出 Excel").click()
    download = await awaited.value
    assert download.suggested_filename == "双槐镇2026年11月村（社区）学分排行.xlsx"
    assert await service.count("staff_act", "act = 'export.make'") == 1
    await page.get_by_role("link", name="打印").click()
    await look(page, f"print-{where}")
    await page.get_by_role("link", name="返回").click()

    await page.get_by_role("link", name="黄土村").first.click()
    await look(page, f"place-{where}")
    await page.get_by_label("为什么要看").fill(REASON)
    await page.get_by_role("button", name="记下理由并查看").click()
    await expect(page.get_by_text("您正在因工作查看全部居民")).to_be_visible()
    await look(page, f"everybody-{where}")
    await page.get_by_role("button", name="槐花婆婆").click()
    await expect(page.get_by_role("heading", name="槐花婆婆的对账单")).to_be_visible()
    await look(page, f"statement-{where}")
    await page.get_by_role("link", name="学分", exact=True).click()
    await expect(page).to_have_url(re.compile("unit=credit"))
    await page.get_by_role("table").get_by_role("link", name="号").first.click()
    await expect(page.get_by_role("heading", name="凭证")).to_be_visible()
    await look(page, f"transfer-{where}")

    await page.get_by_role("link", name="冲正这笔").click()
    await look(page, f"reversal-{where}")
    await page.get_by_label("为什么冲正").fill("重复记了一次")
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.get_by_role("button", name="确认冲正").click()
    await expect(page.get_by_text("已冲正，居民的对账单里会写明原因")).to_be_visible()
    await look(page, f"reversed-{where}")
    assert await service.count("transfer", "reason = '重复记了一次'") == 1
    await page.get_by_role("link", name="号冲正记录").click()
    await look(page, f"correction-{where}")
    for path in (
        "honours",
        "honours/certificates",
        "inbox",
        "honours/badge.first_lesson",
        "rankings?of=people",
        "rankings?of=schools&sort=per_member",
    ):
        await page.goto(f"{service.settings.base_url}/desk/{path}")
        await look(page, f"{path.replace('/', '-').replace('?', '-')}-{where}")
