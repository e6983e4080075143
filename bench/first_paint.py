"""How soon a resident sees something, and how much comes over the wire for it.

A cheap phone's link (400 kbit/s, 400 ms) is emulated in a real Chromium; the service and its demo
town run in processes of their own. Every load is a first visit: nothing is kept. Rounds are
interleaved, so that what else the machine does falls on all pages alike; the ratio is to a bare
page of the same server in the same round, and says more than seconds do on another machine.
"""

import asyncio
import random
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from playwright.async_api import Browser, CDPSession, async_playwright

from bench.table import Figure
from tests.browser.conftest import find_chromium
from tests.processes import Installation, running

ROUNDS = 5
LINK = {
    "offline": False,
    "latency": 400,
    "downloadThroughput": 400_000 / 8,
    "uploadThroughput": 400_000 / 8,
}
PAINT_MS_MAX, WIRE_KIB_MAX = 1500, 30
BARE = "/healthz"
PAGES = (
    *("/", "/lessons/{lesson}", "/credits", "/credits/statement", "/ranking", "/discover"),
    *("/me", "/me/letters"),
)
PAINTED = """() => new Promise(told => {
    const paint = () => performance.getEntriesByName('first-contentful-paint')[0]?.startTime;
    const look = () => paint() === undefined ? requestAnimationFrame(look) : told(paint());
    look();
})"""


@dataclass
class Measured:
    paints: list[float] = field(default_factory=list)
    ratios: list[float] = field(default_factory=list)
    wire: dict[str, int] = field(default_factory=dict)
    """Document, Stylesheet, Script, Image … → bytes with their heads, compressed as they came."""

    @property
    def before_images(self) -> int:
        return sum(size for kind, size in self.wire.items() if kind != "Image")


@dataclass(frozen=True)
class Phone:
    browser: Browser
    base: str
    cookies: list[Any]

    async def load(self, path: str) -> tuple[float, dict[str, int]]:
        """First contentful paint in ms, and bytes by kind; in a window that knows nothing yet."""
        context = await self.browser.new_context(
            viewport={"width": 360, "height": 740}, locale="zh-CN"
        )
        await context.add_cookies(self.cookies)
        page = await context.new_page()
        cdp = await context.new_cdp_session(page)
        wire = await _listen(cdp)
        answer = await page.goto(self.base + path, wait_until="load")
        assert answer is not None
        assert answer.ok, f"{path}: {answer.status}"
        assert page.url == self.base + path, f"{path} led to {page.url}"
        paint = float(await page.evaluate(PAINTED))
        await context.close()
        return paint, wire


async def _listen(cdp: CDPSession) -> dict[str, int]:
    kinds: dict[str, str] = {}
    wire: dict[str, int] = {}

    def answered(event: dict[str, Any]) -> None:
        kinds[event["requestId"]] = event["type"]

    def finished(event: dict[str, Any]) -> None:
        kind = kinds.get(event["requestId"], "Other")
        wire[kind] = wire.get(kind, 0) + int(event["encodedDataLength"])

    cdp.on("Network.responseReceived", answered)
    cdp.on("Network.loadingFinished", finished)
    await cdp.send("Network.enable")
    await cdp.send("Network.setCacheDisabled", {"cacheDisabled": True})
    await cdp.send("Network.emulateNetworkConditions", LINK)
    return wire


def link_of_somebody(town: Installation) -> str:
    """A link that signs in one of the demo town's residents."""
    users = httpx.get(f"{town.stand_in}/_sandbox/users").json()
    someone = next(one for one in users if one["following"])
    appid, openid = next(iter(someone["openids"].items()))
    said = town.shoushan("login-link", "--identity", f"{appid}:{openid}")
    return next(word for word in said.stdout.split() if word.startswith("http"))


async def sign_in(browser: Browser, town: Installation, link: str) -> tuple[list[Any], int]:
    """The cookies of who has this link, and the number of a lesson on their first page."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(link)
    await page.locator("main form button").click()
    await page.goto(town.service)
    href = await page.locator('a[href*="/lessons/"]').first.get_attribute("href")
    assert href is not None
    cookies: list[Any] = list(await context.cookies())
    await context.close()
    return cookies, int(href.split("/lessons/")[1].partition("?")[0])


async def measure(town: Installation, link: str, rounds: int) -> dict[str, Measured]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        cookies, lesson = await sign_in(browser, town, link)
        phone = Phone(browser, town.service, cookies)
        paths = {path: path.format(lesson=lesson) for path in (BARE, *PAGES)}
        found = {path: Measured() for path in paths}
        await phone.load("/")  # The service has read its templates; a browser its fonts.
        for _ in range(rounds):
            this_round = {}
            for path in random.sample(list(paths), len(paths)):
                paint, found[path].wire = await phone.load(paths[path])
                found[path].paints.append(paint)
                this_round[path] = paint
            for path, paint in this_round.items():
                found[path].ratios.append(paint / this_round[BARE])
        await browser.close()
    return found


def run(*, short: bool) -> list[Figure]:
    """Per page: milliseconds to the first contentful paint, and KiB over the wire before images."""
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as town:
        found = asyncio.run(measure(town, link_of_somebody(town), 1 if short else ROUNDS))
    figures = []
    for path in PAGES:
        one = found[path]
        figures += [
            Figure(f"first paint of {path}", one.paints, "ms", "≤", PAINT_MS_MAX),
            Figure(
                "… beside a bare page", one.ratios, "× bare",
                ours=one.paints, other=found[BARE].paints, each="ms",
            ),
            Figure("… over the wire", [one.before_images / 1024], "KiB", "≤", WIRE_KIB_MAX),
        ]  # fmt: skip
    return figures
