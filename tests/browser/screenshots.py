"""`make screenshots`: a demo town lives for three days, and six of its pages are photographed.

The clock of an installation is its first start and two settings: the town is started again every
morning, and for the pictures on a clock that is slow enough for a session to outlive it.
"""

import asyncio
import io
import random
import re
import shutil
import tempfile
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Page, async_playwright, expect

from app.cli.life import KIN, PLACES, Resident, Town, arrive, make_residents, study
from app.core import clock
from app.core.settings import PROJECT
from tests.browser.conftest import find_chromium
from tests.browser.role_town import DESK, PHONE, Somebody, living, somebody
from tests.processes import Installation, running

OUT = PROJECT / "docs" / "screenshots"
MONDAY = datetime(2026, 11, 16, 7, 0, tzinfo=clock.TOWN)
LIVED_DAYS, RESIDENTS, SEATS = 3, 36, 12
FAST, SLOW = 240, 30
"""A morning in a minute; a lesson in five seconds."""
WORKDAY, GLANCE_SECONDS = timedelta(hours=3), 0.5
SHARP = 2
SOME_WAY = re.compile("[3-6][0-9]%")
COLOURS = 256
BYTES_MAX = 200_000


async def live(town: Town, people: list[Resident]) -> None:
    """A day: most of them come, a few at a time, and the staff does its own work beside them."""
    seats = asyncio.Semaphore(SEATS)

    async def one_day(resident: Resident) -> None:
        async with seats:
            if not resident.token:
                await arrive(town, resident)
            if town.dice.random() < resident.diligence:
                await study(town, resident)

    await asyncio.gather(*(one_day(one) for one in people))


def invent() -> list[Resident]:
    """As in the demo, with names that nobody has to tell apart by a number."""
    dice = random.Random(7)  # noqa: S311  dice, not secrets
    rows = (PROJECT / "data" / "shuanghuai-villages.csv").read_text("utf-8").splitlines()[1:]
    villages = [row.split(",")[0] for row in rows if row.split(",")[2] in {"village", "community"}]
    # Most live in some villages more than in others.
    people = make_residents(RESIDENTS, villages + villages[:5] + villages[:3], dice)
    names = ["".join(pair) for pair in product(PLACES, KIN)]
    dice.shuffle(names)
    for one, name in zip(people, names, strict=False):
        one.name, one.shows_name = name, True
    people[0].diligence = 1
    return people


async def keep(page: Page, name: str) -> None:
    """As it is in the window, in few colours: a page of words needs no more."""
    raw = await page.screenshot(animations="disabled")
    picture = Image.open(io.BytesIO(raw)).convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    assert len(out.getvalue()) < BYTES_MAX, (name, len(out.getvalue()))
    await asyncio.to_thread((OUT / f"{name}.png").write_bytes, out.getvalue())


async def take_on_the_phone(person: Somebody, resident: Resident) -> None:
    service = person.town.service
    # The stand-in has forgotten her since; her number makes her the same again.
    form = {"name": resident.name, "openid_base": f"life-{resident.number}", "followed": True}
    await person.context.request.post(f"{person.town.stand_in}/_sandbox/users", data=form)
    page = await person.open(f"{person.town.stand_in}/web/{resident.phone_id}?to=/")
    await expect(page.get_by_role("link", name="开始学")).to_be_visible()
    await keep(page, "resident-today")
    await page.goto(f"{service}/ranking")
    await page.locator("table").first.evaluate("one => scrollTo(0, one.offsetTop - 160)")
    await keep(page, "resident-ranking")
    await page.goto(service)
    await page.get_by_role("link", name="开始学").click()
    await expect(page.locator(".ring title")).to_have_text(SOME_WAY, timeout=30_000)
    await keep(page, "resident-lesson")


async def take_on_the_desk(person: Somebody) -> None:
    service = person.town.service
    page = await person.become("柏树讲师")
    await page.goto(f"{service}/studio/week")
    await keep(page, "studio-week")
    page = await person.become("演示管理员")
    await page.goto(f"{service}/desk")
    await keep(page, "desk-overview")
    await page.goto(f"{service}/desk/rankings?span=week")
    await keep(page, "desk-rankings")


async def photograph(browser: Browser, town: Installation, resident: Resident) -> None:
    async with somebody(browser, town, PHONE, sharp=SHARP) as person:
        await take_on_the_phone(person, resident)
    async with somebody(browser, town, DESK) as person:
        await take_on_the_desk(person)


def clock_at(instant: datetime, rate: float, first_start: datetime | None = None) -> dict[str, str]:
    """The settings by which the installation's clock shows `instant` when it has started."""
    passed = timedelta(0) if first_start is None else clock.real_now() - first_start
    start = instant - passed * rate
    return {"SHOUSHAN_CLOCK_START": start.isoformat(), "SHOUSHAN_CLOCK_RATE": str(rate)}


async def play(
    town: Installation,
    people: list[Resident],
    *,
    seed: int,
    rate: float = FAST,
    until: datetime | None = None,
) -> None:
    async with living(town, rate=rate, seed=seed) as life:
        await live(life, people)
        # However quick this machine: by then the groups have their push, and tutors forwarded it.
        while until is not None and await now_of(life) < until:  # noqa: ASYNC110  another process
            await asyncio.sleep(GLANCE_SECONDS)


async def now_of(life: Town) -> datetime:
    return datetime.fromisoformat((await life.service.get("/healthz")).json()["now"])


async def take(town: Installation, resident: Resident) -> None:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=find_chromium(), args=["--no-sandbox", "--disable-gpu"]
        )
        await photograph(browser, town, resident)
        await browser.close()


def main() -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    home = Path(tempfile.mkdtemp(prefix="shoushan-screenshots-"))
    home.chmod(0o755)
    people = invent()
    # All residents share this machine's address.
    free = {f"SHOUSHAN_RATE__{who}": "1000000/minute" for who in ("ADDRESS", "LOGIN", "PERSON")}
    try:
        founded = None
        for number in range(LIVED_DAYS):
            morning = MONDAY + timedelta(days=number)
            with running(home, **clock_at(morning, FAST, founded), **free) as town:
                ((founded,),) = town.ask("SELECT first_start FROM installation")
                asyncio.run(play(town, people, seed=number, until=morning + WORKDAY))
        thursday = MONDAY + timedelta(days=LIVED_DAYS, hours=3)
        with running(home, **clock_at(thursday, SLOW, founded), **free) as town:
            asyncio.run(play(town, people[1:SEATS], seed=LIVED_DAYS, rate=SLOW))
            asyncio.run(take(town, people[0]))
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
