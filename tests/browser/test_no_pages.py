"""What is no page of ours, opened by itself in a real Chromium: shown, and kept from nothing."""

import asyncio
import io
import os
from pathlib import Path

import pytest
from PIL import Image
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, expect

from app.api.pages import static
from tests.api.newsroom import send_picture
from tests.api.service import Service
from tests.browser.site_town import Town, settled
from tests.factories.editorial import picture

LOOK = os.environ.get("SHOUSHAN_LOOK_AT")
"""A folder for the pictures, for people to look at."""
WINDOW = ViewportSize(width=1000, height=700)
PAPER_SECONDS = 15
"""The browser's viewer is a program of its own, and starts when it is first needed."""
PAPER_SHARE = 0.5


def listen(context: BrowserContext) -> list[str]:
    """Errors only: the viewer of PDFs asks for files of the browser's own."""
    complaints: list[str] = []
    context.on(
        "console", lambda said: complaints.append(said.text) if said.type == "error" else None
    )
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    return complaints


async def seen(page: Page, name: str) -> Image.Image:
    content = await page.screenshot()
    if LOOK:
        (Path(LOOK) / f"{name}.png").write_bytes(content)
    return Image.open(io.BytesIO(content)).convert("RGB")


def drawn(shown: Image.Image) -> float:
    """Which part of the middle of the window is white or nearly so: a paper's colour."""
    middle = shown.crop((400, 100, 900, 500)).convert("L")
    return sum(middle.histogram()[240:]) / (middle.width * middle.height)


async def addresses(service: Service, town: Town) -> dict[str, str]:
    tutor = await service.officer("tutor", "T")
    upload = await send_picture(service, tutor, picture("PNG", size=(300, 200), colour="green"))
    number = town.facts["number"]
    return {
        "upload": upload.json()["url"],
        "card": f"/certificates/{number}/card.png",
        "poster": f"/posters/{town.facts['code']}.png",
        "drawing": static.path_of("svg/mark.svg"),
        "style": static.path_of("site.css"),
        "json": "/openapi.json",
        "text": "/metrics",
        "paper": f"/certificates/{number}.pdf",
    }


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_files_and_answers_are_shown_as_they_were(browser: Browser, service: Service) -> None:
    async with settled(service, "resident") as town:
        context = await browser.new_context(viewport=WINDOW)
        await context.add_cookies(town.cookies("resident"))
        complaints = listen(context)
        page = await context.new_page()
        shown = {}
        for name, path in (await addresses(service, town)).items():
            answer = await page.goto(service.settings.base_url + path)
            assert answer is not None
            assert answer.status == 200, path
            # Of a PDF's policy Chromium's viewer leaves these words only.
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"], path
            shown[name] = await seen(page, name)
            assert complaints == [], path
        # In the middle of the window, as browsers do it.
        assert shown["upload"].getpixel((500, 350)) == (0, 128, 0)
        assert shown["drawing"].getpixel((500, 350)) != (255, 255, 255)
        await paper_is_shown(page)
        assert complaints == []
        await context.close()


async def paper_is_shown(page: Page) -> None:
    async with asyncio.timeout(PAPER_SECONDS):
        while drawn(await seen(page, "paper")) < PAPER_SHARE:
            await page.wait_for_timeout(200)


@pytest.mark.browser
@pytest.mark.timeout(120)
async def test_the_api_is_described_and_tried_out(browser: Browser, service: Service) -> None:
    context = await browser.new_context(viewport=WINDOW)
    complaints = listen(context)
    page = await context.new_page()
    page.set_default_timeout(10_000)
    await page.goto(f"{service.settings.base_url}/docs")
    await page.locator(".opblock-tag", has_text="health").click()
    operation = page.locator(".opblock", has_text="/healthz")
    await operation.locator(".opblock-summary-control").click()
    await operation.get_by_role("button", name="Try it out").click()
    await operation.get_by_role("button", name="Execute").click()
    answer = operation.locator(".live-responses-table .response")
    await expect(answer.locator(".response-col_status")).to_contain_text("200")
    await expect(answer).to_contain_text('"status": "ok"')
    await page.get_by_role("button", name="Authorize").click()
    await page.locator(".modal-ux input").fill("a token")
    await page.locator(".modal-ux").get_by_role("button", name="Apply credentials").click()
    removing = page.get_by_role("button", name="Remove authorization")
    await expect(removing).to_be_visible()
    await seen(page, "docs")
    assert complaints == []
    await context.close()
