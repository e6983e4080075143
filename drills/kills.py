"""kill -9 of web, worker and PostgreSQL, one after the other at random, under load.

`shoushan up` starts again what dies, and the database recovers by itself.
"""

import asyncio
import contextlib
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path

import psycopg

from app.core.embedded import Cluster
from drills import house, load
from drills.house import House
from drills.table import Finding
from tests.processes import processes_of, wait_until_ready

DRILL = "kill -9"
VICTIMS = ("web", "worker", "PostgreSQL")
PROCESSES = {"web": "serve", "worker": "worker"}
REFUSAL_SECONDS_MOST = 30


def run(*, short: bool) -> list[Finding]:
    residents, seconds, rate = (30, 16.0, 45.0) if short else (500, 300.0, 4.0)
    pauses = (2.0, 4.0) if short else (2.0, 6.0)
    begins = "23:48" if short else "23:40"
    with house.folder() as data_dir:
        environment = house.environment(data_dir, rate=rate, begins=begins)
        with house.up(data_dir, environment) as running:
            record, killed = asyncio.run(_under_load(running, residents, seconds, rate, pauses))
            wait_until_ready(running.service)
            url = Cluster(data_dir).url()
            closed = _closes(url)
            faults = house.audit_faults(environment)
            findings = load.judge(DRILL, record, url, audit_faults=faults)
    return [
        *(Finding(DRILL, f"kills of {name}", killed[name]) for name in VICTIMS),
        *findings,
        Finding(DRILL, "victims never killed", len(set(VICTIMS) - set(killed)), expected=0),
        Finding(DRILL, "closes of the day that ended meanwhile", closed, expected=1),
        Finding(
            DRILL,
            "longest refusal",
            round(record.refused_seconds, 1),
            most=REFUSAL_SECONDS_MOST,
            unit=" s",
        ),
    ]


async def _under_load(
    running: House, residents: int, seconds: float, rate: float, pauses: tuple[float, float]
) -> tuple[load.Record, Counter[str]]:
    killed: Counter[str] = Counter()
    dice = random.Random()

    async def kill_for_ever() -> None:
        """Each in turn, in an order of chance. Counts only those who were there to be killed."""
        while True:
            for victim in dice.sample(VICTIMS, len(VICTIMS)):
                await asyncio.sleep(dice.uniform(*pauses))
                killed[victim] += _kill(running.data_dir, victim)

    record = await load.play(
        [running.service],
        running.stand_in,
        rate=rate,
        residents=residents,
        seconds=seconds,
        disturb=kill_for_ever,
    )
    return record, killed


def _kill(data_dir: Path, victim: str) -> int:
    """How many died."""
    if victim == "PostgreSQL":
        with contextlib.suppress(OSError, ValueError):
            pid = int((data_dir / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, signal.SIGKILL)
            return 1
        return 0
    dead = 0
    for pid in processes_of(data_dir, PROCESSES[victim]):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
            dead += 1
    return dead


def _closes(url: str) -> int:
    """How often the day that ended under load was closed, once the worker has come to it."""
    deadline = time.monotonic() + load.CLOSE_SECONDS
    while True:
        with psycopg.connect(url) as connection:
            closed = int(connection.execute("select count(*) from day_close").fetchall()[0][0])
        if closed or time.monotonic() > deadline:
            return closed
        time.sleep(0.5)
