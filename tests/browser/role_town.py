"""The whole town for stories in a browser: one person's windows, and residents who live there."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import httpx
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, expect

from app.cli.life import Town, read_answers
from app.cli.staff import AUTHOR, REVIEWERS, WEEK_DAYS, Office
from app.core import clock
from tests.processes import PROJECT, Installation

PHONE, DESK = ViewportSize(width=360, height=740), ViewportSize(width=1280, height=800)
PATIENCE_MS = 15_000
expect.set_options(timeout=PATIENCE_MS)


@dataclass
class Somebody:
    """Whoever sits at one browser, and what its pages complained of."""

    context: BrowserContext
    town: Installation
    complaints: list[str] = field(default_factory=list)

    def watch(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on(
            "console",
            lambda said: (
                self.complaints.append(f"{page.url} {said.text}")
                if said.type in {"error", "warning"}
                else None
            ),
        )

    async def open(self, address: str) -> Page:
        page = await self.context.new_page()
        await page.goto(address)
        return page

    async def become(self, name: str) -> Page:
        """By the button of the staff's page: whoever sat here before is signed out."""
        staff = await self.open(f"{self.town.stand_in}/staff")
        card = staff.get_by_role("listitem").filter(has=staff.get_by_text(name, exact=True))
        async with self.context.expect_page() as coming:
            await card.get_by_role("link", name="以此人登录").click()
        page = await coming.value
        await expect(page.get_by_role("navigation").first).to_be_visible()
        await staff.close()
        return page


@asynccontextmanager
async def somebody(
    browser: Browser, town: Installation, size: ViewportSize, *, sharp: float = 1
) -> AsyncIterator[Somebody]:
    context = await browser.new_context(viewport=size, locale="zh-CN", device_scale_factor=sharp)
    context.set_default_timeout(PATIENCE_MS)
    person = Somebody(context, town)
    context.on("page", person.watch)
    yield person
    await context.close()


@asynccontextmanager
async def living(town: Installation, *, rate: float, seed: int = 1) -> AsyncIterator[Town]:
    """For the players of app/cli/life.py."""
    dice = random.Random(seed)  # noqa: S311  dice, not secrets
    async with (
        httpx.AsyncClient(base_url=town.service, timeout=20) as service,
        httpx.AsyncClient(base_url=town.stand_in, timeout=20) as stand_in,
    ):
        yield Town(service, stand_in, rate, read_answers(PROJECT / "content"), dice)


async def hand_in(town: Town, text: str) -> None:
    """A push of the town's, after its week, that has passed two of its three reviews."""
    office = Office(town)
    await office.sign_in()
    shown = datetime.fromisoformat((await town.service.get("/healthz")).json()["now"])
    body = {
        "date": (clock.local_day(shown) + timedelta(days=WEEK_DAYS + 2)).isoformat(),
        "org_code": office.script["staff"][0]["roles"][0][1],
        "lesson_id": (await office.call(AUTHOR, "GET", "/lessons?limit=1"))["items"][0]["id"],
        "text": text,
    }
    made = await office.call(AUTHOR, "POST", "/pushes", body)
    made = await office.call(AUTHOR, "POST", f"/pushes/{made['id']}/submit")
    for reviewer in REVIEWERS[:2]:
        decision = {"decision": "approve", "digest": made["digest"], "step": made["state"]}
        made = await office.call(
            reviewer, "POST", f"/pushes/{made['id']}/reviews", decision | {"remarks": ""}
        )


async def answer_everything(page: Page) -> None:
    """Tap the right options, as somebody who read the lesson would."""
    answers = read_answers(PROJECT / "content")
    shown = await page.inner_text("body")
    asked = [text for text in answers if text in shown]
    assert len(asked) == 3
    for text in asked:
        question = page.locator("fieldset").filter(has_text=text)
        for index in answers[text]:
            await question.locator("label").nth(index).click()
