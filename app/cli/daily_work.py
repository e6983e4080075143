"""`shoushan staff`: the demo town's staff goes to work every day, beside the stand-in."""

import asyncio
from datetime import date, time, timedelta

import click
import httpx

from app.cli.life import Town
from app.cli.running import Failed, database, plain_failures, share_clock
from app.cli.staff import Office, dice, open_rooms
from app.cli.week import do_duties
from app.core import clock, logging
from app.core.logging import get_logger
from app.core.settings import Settings, get_settings

log = get_logger()

ROUND = timedelta(minutes=15)
ROUND_SECONDS_MIN = 2
PATIENCE = timedelta(hours=1)
"""So long a task is left to whoever plays the tutor."""
MORNING = time(7, 0)


@click.command()
def staff() -> None:
    """Let the demo town's staff do its daily work (development only).

    演示镇的工作人员每天问候、转发、确认（仅供开发）。
    """
    settings = get_settings()
    if settings.env == "production":
        raise Failed("the demo staff is refused in production 生产环境没有演示人员")
    logging.configure(settings, process="staff")
    with plain_failures(), database(settings) as url:
        asyncio.run(_work(settings, url))


async def _work(settings: Settings, url: str) -> None:
    await share_clock(settings, url)
    service = f"http://{settings.host}:{settings.port}"
    stand_in = f"http://{settings.sandbox.host}:{settings.sandbox.port}"
    async with (
        httpx.AsyncClient(base_url=service, timeout=20) as api,
        httpx.AsyncClient(base_url=stand_in, timeout=20) as phone,
    ):
        office = Office(Town(api, phone, settings.clock_rate, {}, dice()))
        greeted: date | None = None
        while True:
            try:
                greeted = await _one_round(office, greeted)
            except (Failed, httpx.HTTPError, TimeoutError) as error:
                log.warning("staff.interrupted", error=str(error))
            await asyncio.sleep(max(ROUND_SECONDS_MIN, clock.real_seconds(ROUND.total_seconds())))


async def _one_round(office: Office, greeted: date | None) -> date | None:
    """Sign in once, greet the account every morning, look at the tasks; the day last greeted."""
    if not office.rooms:
        await office.sign_in()
        await open_rooms(office)
    now = clock.utcnow().astimezone(clock.TOWN)
    if now.time() >= MORNING and now.date() != greeted:
        await office.say_good_morning()
        greeted = now.date()
    await do_duties(office, after=PATIENCE)
    return greeted
