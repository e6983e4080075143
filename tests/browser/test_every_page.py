"""Every page there is, in a real Chromium, at every size, by whom it is for."""

import asyncio
import os
import re
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from fastapi.routing import APIRoute
from playwright.async_api import Browser, Page, expect

from app.api.routers import ROUTERS
from tests.api.service import Service
from tests.browser.looking import (
    SCRIPT,
    VIEWS,
    ZOOMED,
    barriers,
    by_keyboard,
    faults,
    listen,
    photograph,
    resize,
)
from tests.browser.site_map import AWAY, FILES, MACHINES, MAP, REFUSED, Refused, Seen
from tests.browser.site_town import Town, settled

LOOK = os.environ.get("SHOUSHAN_LOOK_AT")
"""A folder for the pictures, for people to look at."""


def test_every_page_is_on_the_map() -> None:
    routes = {
        route.path
        for router in ROUTERS
        for route in router.routes
        if isinstance(route, APIRoute) and "GET" in (route.methods or ())
        if not route.path.startswith("/api/")
    }
    on_the_map = {seen.route for pages in MAP.values() for seen in pages}
    assert routes - FILES - AWAY - MACHINES == on_the_map


@pytest.mark.browser
@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", MAP)
async def test_every_page_is_fit_to_be_seen(
    browser: Browser, service: Service, role: str, tmp_path: Path
) -> None:
    pictures = Path(LOOK or tmp_path)
    async with settled(service, role) as town:
        base = service.settings.base_url
        context = await browser.new_context(locale="zh-CN", reduced_motion="reduce")
        await context.add_cookies(town.cookies(role))
        await context.add_init_script(SCRIPT)
        complaints = listen(context, base)
        page = await context.new_page()
        page.set_default_timeout(10_000)
        found: list[str] = []
        for seen in MAP[role]:
            said = await look_at(page, town, role, seen, pictures)
            # A page that answers 404 says so in the console.
            said += [one for one in complaints if not (seen.status >= 400 and "status of" in one)]
            complaints.clear()
            found += [f"{seen.path} {one}" for one in said]
        for form in REFUSED.get(role, ()):
            said = await send_wrong(page, town, form)
            said += [one for one in complaints if "status of" not in one]
            complaints.clear()
            found += [f"the form of {form.address} {one}" for one in said]
        await context.close()
    assert not found, "\n".join(found)


async def look_at(page: Page, town: Town, role: str, seen: Seen, pictures: Path) -> list[str]:
    path = seen.path.format(**town.facts)
    await page.emulate_media(color_scheme="light")
    await page.set_viewport_size({"width": VIEWS[0].width, "height": VIEWS[0].height})
    answer = await page.goto(town.service.settings.base_url + path)
    assert answer is not None
    arrived = unquote(urlsplit(answer.url).path)
    if (answer.status, arrived) != (seen.status, urlsplit(path).path):
        return [f"answered {answer.status} at {answer.url}"]
    await page.evaluate("looks.still()")
    cdp = await page.context.new_cdp_session(page)
    name = f"{role}-{re.sub(r'[^a-z0-9]+', '-', seen.path).strip('-') or 'home'}"
    found: list[str] = []
    for view in VIEWS:
        found += await faults(page, view)
        found += await photograph(cdp, view, pictures / f"{name}-{view.name}.png")
    await cdp.detach()
    # At the largest text: what a phone hides then must still have its name.
    found += await barriers(page)
    await page.emulate_media(color_scheme="dark")
    found += [f"dark: {one}" for one in await barriers(page, "color-contrast")]
    found += [f"zoomed: {one}" for one in (await faults(page, ZOOMED)) if "tooWide" in one]
    await resize(page, VIEWS[0])
    return found + await by_keyboard(page)


async def send_wrong(page: Page, town: Town, form: Refused) -> list[str]:
    """The form comes back with what was typed; its wrong field says so and what is wrong."""
    await page.goto(town.service.settings.base_url + form.address.format(**town.facts))
    await page.evaluate("document.querySelectorAll('form').forEach(one => one.noValidate = true)")
    main = page.locator("main")
    for label, text in form.typed.items():
        await main.get_by_label(label).fill(text)
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    async with page.expect_response(lambda answer: answer.request.method == "POST") as posting:
        await main.get_by_role("button", name=form.button).click()
    status = (await posting.value).status
    for label, text in form.typed.items():
        await expect(main.get_by_label(label)).to_have_value(text)
    wrong = main.get_by_label(form.wrong)
    await expect(wrong).to_have_attribute("aria-invalid", "true")
    said = await wrong.evaluate(
        """one => one.getAttribute('aria-describedby').split(' ')
            .filter(id => id.endsWith('-error')).map(id => document.getElementById(id).innerText)"""
    )
    found = [] if status in {400, 422} and said and said[0].strip() else [f"{status} {said}"]
    for view in VIEWS:
        found += await faults(page, view)
    return found + await barriers(page)
