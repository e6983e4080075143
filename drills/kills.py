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
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from app.core.embedded import Cluster
from drills import house, load
from drills.table import Finding
from tests.processes import processes_of, wait_until_ready

DRILL = "kill -9"
VICTIMS = ("web", "worker", "PostgreSQL")
PROCESSES = {"web": "serve", "worker": "worker"}
REFUSAL_SECONDS_MOST = 30


def run(*, short: bool) -> list[Finding]:
    residents, seconds, rate = (16, 1.0, 60.0) if short else (500, 300.0, 4.0)
    pauses = (3.0, 4.0) if short else (2.0, 6.0)
    with house.folder() as data_dir:
        environment = house.environment(data_dir, rate=rate, begins="23:40" if short else "23:50")
        with house.up(data_dir, environment) as running:
            killing = _Killing(data_dir, seconds, pauses)
            record = asyncio.run(
                load.play(
                    [running.service],
                    running.stand_in,
                    rate=rate,
                    residents=residents,
                    disturb=killing.go,
                )
            )
            wait_until_ready(running.service)
            url = Cluster(data_dir).url()
            closed = _closes(url)
            faults = house.audit_faults(environment)
            findings = load.judge(DRILL, record, url, audit_faults=faults)
    return [
        *(Finding(DRILL, f"kills of {name}", killing.killed[name]) for name in VICTIMS),
        *findings,
        Finding(DRILL, "closes of the day that ended meanwhile", closed, expected=1),
        record.longest_refusal(DRILL, most=None if short else REFUSAL_SECONDS_MOST),
    ]


@dataclass
class _Killing:
    data_dir: Path
    seconds: float
    pauses: tuple[float, float]
    killed: Counter[str] = field(default_factory=Counter)

    async def go(self) -> None:
        """Each in turn, in an order of chance, as often as the time allows, but once at least."""
        dice = random.Random()
        until = time.monotonic() + self.seconds
        while not self.killed or time.monotonic() < until:
            for victim in dice.sample(VICTIMS, len(VICTIMS)):
                await asyncio.sleep(dice.uniform(*self.pauses))
                self.killed[victim] += await asyncio.to_thread(
                    _kill_patiently, self.data_dir, victim
                )


def _kill_patiently(data_dir: Path, victim: str) -> int:
    while not (dead := _kill(data_dir, victim)):
        time.sleep(0.1)  # It is just being started again.
    return dead


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
