"""`shoushan demo`: a town's life through the stand-in, over real HTTP, on a fast clock."""

import asyncio
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import click
import httpx
from tqdm import tqdm

from app.cli.life import (
    Resident,
    Town,
    arrive,
    call,
    make_residents,
    read_answers,
    study,
)
from app.cli.running import Failed
from app.cli.staff import WEEK_DAYS, Office, open_rooms, prepare_week
from app.cli.week import check_week, do_duties, read_links, settle_doubts
from app.core import clock
from app.core.settings import PROJECT, get_settings

REQUESTS_PER_STUDY = 12
REQUESTS_PER_SECOND = 45
"""What two cores answer while they also play the residents and the stand-in, with room to spare."""
DAY_SECONDS_MIN = 16
"""On a faster clock the worker's tick, five times a real second, would miss a group's hour."""
LEAD_SECONDS = 12
"""Before the first morning: the town is set up, and its staff prepares the week."""
AWAKE = (time(6, 30), time(21, 30))
PLAYERS = 24
ROUNDS = (time(9, 30), time(11, 0), time(16, 0))
"""When the staff looks at its tasks."""
SLOTS = (2, 5)
"""Tuesday and Friday: the planner's own default."""
CLOSE_BY = time(0, 40)
"""By then the worker has closed the last day and frozen its rankings."""
SETTLED_WITHIN = 30
"""Real seconds for what a killed process left under way at the end, whatever the clock's rate."""


@dataclass(frozen=True)
class Stage:
    """One demonstration installation: its own data, ports and clock."""

    data_dir: Path
    service: str
    stand_in: str
    first_day: date
    start: datetime
    rate: float
    environment: dict[str, str]

    @property
    def announcement(self) -> Path:
        """What `up` prints once everything is there."""
        return self.data_dir / "up.txt"


@click.command()
@click.option("--residents", default=200, show_default=True, type=click.IntRange(1, 100_000),
              help="How many. 居民数。")  # fmt: skip
@click.option("--days", default=7, show_default=True, type=click.IntRange(1, 366),
              help="How long. 天数。")  # fmt: skip
@click.option("--seed", default=1, show_default=True, help="The dice's. 随机种子。")
@click.option("--day-seconds", default=DAY_SECONDS_MIN, show_default=True,
              type=click.IntRange(DAY_SECONDS_MIN, 24 * 3600),
              help="How long a day lasts, at least. 一天至少演几秒。")  # fmt: skip
def demo(residents: int, days: int, seed: int, day_seconds: int) -> None:
    """Play a town's life on a fast clock, then show ranking, a statement and the audit.

    在加速的时钟上演示一个镇的学习生活，最后给出排行、对账单和审计结果。
    """
    if get_settings().env == "production":
        raise Failed("the demo is refused in production 生产环境不允许演示")
    stage = _set_stage(residents, days, day_seconds)
    with (stage.data_dir / "demo.log").open("wb") as log, stage.announcement.open("wb") as said:
        up = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", "up", "--sandbox", "--town", "--no-week"],
            env=stage.environment,
            cwd=PROJECT,
            stdout=said,
            stderr=log,
        )
    try:
        asyncio.run(_play(stage, up, residents, days, seed))
        _run(stage, "push", "status")
        audit = _run(stage, "bank", "audit")
    finally:
        up.send_signal(signal.SIGTERM)
        up.wait(timeout=60)
    raise click.exceptions.Exit(audit.returncode)


def _run(stage: Stage, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
    """One of our own commands on the demonstration's installation; it prints where we print."""
    return subprocess.run(  # noqa: S603  our own program
        [sys.executable, "-m", "app.cli.main", *arguments],
        env=stage.environment,
        cwd=PROJECT,
        check=False,
    )


def _set_stage(residents: int, days: int, day_seconds_min: int) -> Stage:
    data_dir = get_settings().data_dir.resolve() / "demo"
    shutil.rmtree(data_dir, ignore_errors=True)
    data_dir.mkdir(parents=True)
    day_seconds = max(day_seconds_min, residents * REQUESTS_PER_STUDY / REQUESTS_PER_SECOND)
    rate = round(24 * 3600 / day_seconds, 1)
    first_day = clock.local_day(clock.real_now()) - timedelta(days=days)
    start = clock.day_start(first_day) - timedelta(seconds=LEAD_SECONDS * rate)
    port, sandbox_port = _free_port(), _free_port()
    inherited = {k: v for k, v in os.environ.items() if k != "SHOUSHAN_DATABASE_URL"}
    environment = {
        "SHOUSHAN_LOG_LEVEL": "WARNING",
        **inherited,
        "SHOUSHAN_DATA_DIR": str(data_dir),
        "SHOUSHAN_PORT": str(port),
        "SHOUSHAN_SANDBOX__PORT": str(sandbox_port),
        "SHOUSHAN_CLOCK_START": start.isoformat(),
        "SHOUSHAN_CLOCK_RATE": str(rate),
        # All residents share this machine's address.
        "SHOUSHAN_RATE__ADDRESS": "1000000/minute",
        "SHOUSHAN_RATE__LOGIN": "1000000/minute",
        "SHOUSHAN_RATE__PERSON": "100000/minute",
    }
    return Stage(
        data_dir=data_dir,
        service=f"http://127.0.0.1:{port}",
        stand_in=f"http://127.0.0.1:{sandbox_port}",
        first_day=first_day,
        start=start,
        rate=rate,
        environment=environment,
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def _play(
    stage: Stage, up: "subprocess.Popen[bytes]", residents: int, days: int, seed: int
) -> None:
    dice = random.Random(seed)  # noqa: S311  dice, not secrets
    limits = httpx.Limits(max_connections=PLAYERS * 2)
    async with (
        httpx.AsyncClient(base_url=stage.service, timeout=20, limits=limits) as service,
        httpx.AsyncClient(base_url=stage.stand_in, timeout=30, limits=limits) as stand_in,
    ):
        answers = read_answers(PROJECT / "content")
        town = Town(service, stand_in, stage.rate, answers, dice)
        villages = _villages()
        await _until_settled(stage, up)
        shown = datetime.fromisoformat((await service.get("/healthz")).json()["now"])
        if clock.local_day(shown) >= stage.first_day:
            # A slow machine has missed the morning: who registers a group now begins tomorrow.
            stage = replace(stage, first_day=clock.local_day(shown) + timedelta(days=1))
        first_start = clock.real_now() - (shown - stage.start) / stage.rate
        clock.settle(clock.Origin(first_start, stage.start, stage.rate))
        people = make_residents(residents, villages, dice)
        office = Office(town)
        await office.sign_in()
        await open_rooms(office)
        await prepare_week(office, stage.first_day, min(days, WEEK_DAYS))
        click.echo(
            f"{residents} residents, {days} days, clock x {stage.rate:.0f}, in {stage.data_dir}"
            " 演示开始"
        )
        bar: tqdm[Any] = tqdm(total=residents * days, unit="resident-day", disable=None)
        with bar:
            for day in range(days):
                await _one_day(town, office, people, stage.first_day + timedelta(days=day), bar)
        await _until(_moment(stage.first_day + timedelta(days=days), CLOSE_BY))
        await _show(town, people)
        await _show_week(office, stage, days)


async def _until_settled(stage: Stage, up: "subprocess.Popen[bytes]") -> None:
    """The town is there, its staff and the week prepared, once `up` has announced itself."""
    while "Ctrl-C" not in stage.announcement.read_text("utf-8"):
        if up.poll() is not None:
            raise Failed(f"the demonstration did not start (exit status {up.returncode})")
        await asyncio.sleep(0.2)


def _villages() -> list[str]:
    rows = (PROJECT / "data" / "shuanghuai-villages.csv").read_text("utf-8").splitlines()[1:]
    cells = [row.split(",") for row in rows]
    return [code for code, _, kind, _ in cells if kind in {"village", "community"}]


def _moment(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=clock.TOWN)


async def _until(instant: datetime) -> None:
    """Wait on the service's clock; not at all where it is past."""
    left = (instant - clock.utcnow()).total_seconds()
    await asyncio.sleep(max(0.0, clock.real_seconds(left)))


async def _one_day(
    town: Town, office: Office, people: list[Resident], day: date, bar: "tqdm[Any]"
) -> None:
    """Each resident comes, or does not, at a moment of the waking day; PLAYERS at a time.

    The staff looks at its tasks three times, one round after the other.
    """
    seats = asyncio.Semaphore(PLAYERS)
    bar.set_description(day.isoformat())
    wake, sleep = (_moment(day, at) for at in AWAKE)

    async def live(resident: Resident, moment: datetime, *, learns: bool) -> None:
        await _until(moment)
        async with seats:
            if not resident.token:
                await arrive(town, resident)
            if learns:
                await study(town, resident)
        bar.update()

    plans = [
        (one, wake + (sleep - wake) * town.dice.random(), town.dice.random() < one.diligence)
        for one in people
    ]

    async def work() -> None:
        for at in ROUNDS:
            await _until(_moment(day, at))
            await do_duties(office)
            town.links = await read_links(office)

    async with asyncio.TaskGroup() as group:
        group.create_task(work())
        for resident, moment, learns in plans:
            group.create_task(live(resident, moment, learns=learns))


async def _show_week(office: Office, stage: Stage, days: int) -> None:
    """What became of the issues and pushes, and whether anybody saw one of them twice."""
    passed = [(stage.first_day + timedelta(days=number)).isoweekday() for number in range(days)]
    due = min(len(office.script["issues"]), sum(day in SLOTS for day in passed))
    doubts, patient_until = 0, clock.monotonic() + SETTLED_WITHIN
    while True:
        doubts += await settle_doubts(office)
        try:
            said = await check_week(office, issues=due)
            break
        except Failed:
            if clock.monotonic() > patient_until:
                raise
        await asyncio.sleep(1)
    click.echo(f"\n{said}; {doubts} in doubt, which a person settled\n")


async def _show(town: Town, people: list[Resident]) -> None:
    """The ranking of villages, one resident's statement, and what was acknowledged and booked."""
    one = max(people, key=lambda resident: resident.awarded.get("credit", 0))
    board = (await call(town, one, "GET", "/rankings/villages?period=all&limit=100")).json()
    click.echo("\n各村（社区）学分排行")
    for row in board["items"]:
        click.echo(f"{row['rank']:>4}  {row['name']}  {row['amount']['text']}  {row['members']} 人")
    statement = (await call(town, one, "GET", "/me/statement?limit=12")).json()
    click.echo(f"\n{one.name} 的对账单（最近 {len(statement['items'])} 笔）")
    for line in statement["items"]:
        click.echo(f"{line['balance_after']['text']:>12}  {line['text']}")
    acknowledged = sum(resident.awarded.get("credit", 0) for resident in people)
    booked = 0
    for resident in people:
        mine = (await call(town, resident, "GET", "/me/credits")).json()
        held = {amount["unit"]: amount["amount"] for amount in mine["balances"]}
        booked += held["credit"]
        if any(held[unit] < amount for unit, amount in resident.awarded.items()):
            raise Failed(f"an acknowledged award of {resident.name} is not in the books")
    lessons = sum(len(resident.completed) for resident in people)
    click.echo(
        f"\n{len(people)} residents, {lessons} lessons acknowledged as completed; credit"
        f" acknowledged {acknowledged / 100:.2f}, booked {booked / 100:.2f};"
        f" {town.requests} requests, {town.repeats} of them repeated"
    )
