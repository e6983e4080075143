"""Looks at a page as a strict person would: size, overflow, targets, colours, keyboard."""

import base64
import io
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.async_api import BrowserContext, CDPSession, Page

AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text("utf-8")
SCRIPT = AXE + (Path(__file__).parent / "looks.js").read_text("utf-8")
"""What looks, put into every page before its own scripts; no policy of a page keeps it out."""
FOUND = """async (rules) => (await axe.run(document, {
        resultTypes: ['violations'], preload: false,
        runOnly: rules.length ? {type: 'rule', values: rules}
            : {type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa']}}))
    .violations.filter(one => ['serious', 'critical'].includes(one.impact))
    .map(one => `${one.id} ${one.nodes[0].html.slice(0, 120)} ${one.nodes[0].any[0]?.message}`)"""
PROBLEMS = """() => ['tooWide', 'tooSmall', 'clipped', 'overlapping', 'head']
    .flatMap(name => looks[name]().map(said => `${name}: ${said}`))"""
PLAIN_SHARE = 0.005
"""Less of a picture than this in other colours than its ground: nothing is drawn."""


class View(NamedTuple):
    name: str
    width: int
    height: int
    text: int


VIEWS = (
    View("desk", 1280, 800, 18),
    View("phone", 360, 740, 18),
    View("large", 360, 740, 30),
)
ZOOMED = View("zoomed", 640, 400, 18)
"""A window of 1280 × 800 zoomed to twice its size."""


def listen(context: BrowserContext, base: str) -> list[str]:
    """Everything that pages of this window complain about or ask strangers for."""
    complaints: list[str] = []
    context.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    context.on("weberror", lambda error: complaints.append(str(error.error)))
    context.on(
        "request",
        lambda asked: (
            None if asked.url.startswith((base, "data:")) else complaints.append(asked.url)
        ),
    )
    context.on(
        "requestfailed",
        # A page that is left stops loading what it had not got yet.
        lambda asked: (
            None
            if asked.failure == "net::ERR_ABORTED"
            else complaints.append(f"{asked.url}: {asked.failure}")
        ),
    )
    return complaints


async def resize(page: Page, view: View) -> None:
    """The window, and the text as the server writes it for who chose this size."""
    await page.set_viewport_size({"width": view.width, "height": view.height})
    await page.evaluate("size => document.documentElement.dataset.text = size", str(view.text))


async def faults(page: Page, view: View) -> list[str]:
    """What is wrong with the page at this size."""
    await resize(page, view)
    found: list[str] = await page.evaluate(PROBLEMS)
    sizes = await page.evaluate("looks.textSizes()")
    if await page.evaluate("document.documentElement.classList.contains('resident')"):
        if sizes["body"] < view.text:
            found.append(f"text: {sizes['body']} px instead of {view.text}")
        if sizes["least"] < view.text * 0.7:
            found.append(f"text: some is {sizes['least']} px")
    return [f"{view.name}: {said}" for said in found]


async def fits(page: Page, name: str, folder: str | None = None) -> None:
    """In the middle of a story: nothing is wrong with the page as it stands; a picture if asked."""
    if folder:
        await page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
    if not await page.evaluate("Boolean(window.looks)"):
        await page.evaluate(SCRIPT)
    assert await page.evaluate(PROBLEMS) == [], name


async def photograph(cdp: CDPSession, view: View, to: Path) -> list[str]:
    """The whole page as a picture, which is looked at: it is as wide as asked, and not blank."""
    size = (await cdp.send("Page.getLayoutMetrics"))["cssContentSize"]
    clip = {"x": 0, "y": 0, "width": view.width, "height": size["height"], "scale": 1}
    asked = {"format": "png", "captureBeyondViewport": True, "optimizeForSpeed": True, "clip": clip}
    content = base64.b64decode((await cdp.send("Page.captureScreenshot", asked))["data"])
    return _judged(content, view, to)


def _judged(content: bytes, view: View, to: Path) -> list[str]:
    to.parent.mkdir(parents=True, exist_ok=True)
    to.write_bytes(content)
    picture = Image.open(io.BytesIO(content))
    if picture.width != view.width:
        return [f"{view.name}: the picture is {picture.width} px wide"]
    counts = picture.convert("L").reduce(2).histogram()
    drawn = 1 - max(counts) / sum(counts)
    return [f"{view.name}: the picture is blank"] if drawn < PLAIN_SHARE else []


async def barriers(page: Page, *rules: str) -> list[str]:
    """What axe-core calls serious or critical; all of its rules, or these."""
    found: list[str] = await page.evaluate(FOUND, list(rules))
    return [f"axe: {one}" for one in found]


async def by_keyboard(page: Page) -> list[str]:
    """The skip link comes first and shows; from there Tab gets to the main action, in sight."""
    await page.evaluate("() => { document.activeElement.blur(); scrollTo(0, 0); }")
    await page.keyboard.press("Tab")
    at = await page.evaluate("looks.focused()")
    if not (at["skip"] and at["shown"] and at["ring"]):
        return [f"keyboard: the skip link is not first: {at}"]
    await page.keyboard.press("Enter")
    has_main = await page.locator("main .button.main:visible:not(:disabled)").count()
    for step in range(200):
        await page.keyboard.press("Tab")
        at = await page.evaluate("looks.focused()")
        if at["nowhere"] or not at["inside"]:
            return [f"keyboard: the main action is not reached: {at}"] if has_main else []
        if not (at["ring"] and at["shown"]):
            return [f"keyboard: one does not see where one is: {at}"]
        if at["main"] or (step > 2 and not has_main):
            return []
    return ["keyboard: the main action is too far"]
