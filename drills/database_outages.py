"""The database hangs, refuses, or has no room left, under load: what residents see, and after.

One installation on a small disk of its own, three troubles one after the other.
"""

import asyncio
import contextlib
import io
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from PIL import Image

from app.core.embedded import Cluster
from drills import house, load
from drills.house import House
from drills.probes import DRILL, PAUSE_SECONDS, Prober, probing
from drills.table import Finding, left_out
from drills.trouble import Trouble

DISK = "512m"
RATE = 60.0
RECOVERED_MOST = 30
PICTURES_LEAST = 3
CALM_SECONDS = 60.0
CONNECTIONS = 100
"""All that the embedded server gives (app/core/embedded.py)."""


@dataclass(frozen=True)
class Plan:
    residents: int
    probes: int
    paused: float
    refused: float


SHORT, FULL = Plan(10, 12, 11, 4), Plan(100, 60, 20, 20)


def run(*, short: bool) -> list[Finding]:
    plan = SHORT if short else FULL
    with house.folder() as data_dir, _small_disk(data_dir) as is_small:
        environment = house.environment(data_dir, rate=RATE, begins="09:00")
        with house.up(data_dir, environment) as running:
            url = Cluster(data_dir).url()
            record, findings = asyncio.run(_drill(running, plan, url, is_small=is_small))
            faults = house.audit_faults(environment)
            return findings + load.judge(DRILL, record, url, audit_faults=faults)


async def _drill(
    running: House, plan: Plan, url: str, *, is_small: bool
) -> tuple[load.Record, list[Finding]]:
    findings: list[Finding] = []
    begun, over = asyncio.Event(), asyncio.Event()

    async def disturb() -> None:
        begun.set()
        await over.wait()

    async with probing(running, plan.probes) as prober:
        living = load.play(
            [running.service],
            running.stand_in,
            rate=RATE,
            residents=plan.residents,
            disturb=disturb,
        )
        async with asyncio.TaskGroup() as group, prober.asking():
            lives = group.create_task(living)
            await begun.wait()
            await _first_award(url)
            findings += await _pause(prober, plan.paused)
            findings += await _exhaust(prober, url, plan.refused)
            if is_small:
                findings += await _fill(prober, url, plan.refused)
            else:
                findings.append(left_out("disk full", "a disk of its own may not be mounted"))
            over.set()
        findings += await prober.untrue(url)
    return lives.result(), findings


async def _first_award(url: str) -> None:
    """Nothing can be lost before somebody has something."""
    ends = time.monotonic() + CALM_SECONDS
    while time.monotonic() < ends:
        async with await psycopg.AsyncConnection.connect(url) as connection:
            asked = await connection.execute("SELECT 1 FROM transfer WHERE kind = 'award'")
            if await asked.fetchone():
                return
        await asyncio.sleep(PAUSE_SECONDS)


async def _pause(prober: Prober, seconds: float) -> list[Finding]:
    """SIGSTOP for all of PostgreSQL, the one that starts the others first."""
    async with prober.in_trouble("PostgreSQL paused") as trouble:
        stopped = _processes_in(prober.house.data_dir / "postgres")
        try:
            for pid in stopped:
                os.kill(pid, signal.SIGSTOP)
            await asyncio.sleep(1)
            ready_before = _ready(trouble)
            await asyncio.sleep(seconds - 1)
            ready = _ready(trouble) - ready_before
        finally:
            for pid in stopped:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
    return [
        *trouble.findings(recovered_most=RECOVERED_MOST),
        Finding(trouble.name, "/readyz that said ready meanwhile", ready, expected=0),
    ]


async def _exhaust(prober: Prober, url: str, seconds: float) -> list[Finding]:
    """Others hold every connection that PostgreSQL gives."""
    async with prober.in_trouble("connections exhausted") as trouble:
        taken: list[psycopg.Connection[object]] = []
        try:
            ends = time.monotonic() + seconds
            await asyncio.to_thread(_take_all, url, taken, ends)
            ready_before = _ready(trouble)
            await asyncio.sleep(max(1, ends - time.monotonic()))
            ready = _ready(trouble) - ready_before
        finally:
            for one in taken:
                one.close()
    return [
        *trouble.findings(recovered_most=RECOVERED_MOST),
        Finding(trouble.name, "connections that others held", len(taken)),
        # With one of them left to the service it may well be ready.
        Finding(
            trouble.name,
            "/readyz that said ready meanwhile",
            ready,
            expected=0 if len(taken) >= CONNECTIONS else None,
        ),
    ]


def _take_all(url: str, taken: list["psycopg.Connection[object]"], ends: float) -> None:
    """Take what is free, end the service's own, and take those, too, until it has none left."""
    while time.monotonic() < ends:
        with contextlib.suppress(psycopg.OperationalError):
            while True:
                taken.append(psycopg.connect(url, autocommit=True))
        mine = [one.info.backend_pid for one in taken]
        left = taken[0].execute(OTHERS, [mine]).fetchall()
        if not left:
            return


OTHERS = """
SELECT pg_terminate_backend(pid) FROM pg_stat_activity
WHERE backend_type = 'client backend' AND pid <> ALL(%s)
"""


async def _fill(prober: Prober, url: str, seconds: float) -> list[Finding]:
    """No room on the disk of the database and the pictures, and a server that needs some."""
    async with prober.in_trouble("disk full") as trouble:
        ballast = prober.house.data_dir / "ballast"
        filling = asyncio.create_task(_keep_full(ballast))
        using = asyncio.create_task(_use_up_log_for_ever(url))
        ends, tried = time.monotonic() + seconds, 0
        try:
            while time.monotonic() < ends or tried < PICTURES_LEAST:
                await asyncio.sleep(PAUSE_SECONDS)
                files = {"file": ("picture.png", _picture(), "image/png")}
                path = "/api/v1/uploads"
                await prober.ask("picture", "POST", path, prober.author, files=files)
                tried += 1
        finally:
            filling.cancel()
            using.cancel()
            await asyncio.wait({filling, using})
            ballast.unlink()
    taken = trouble.answers["picture", 201]
    return [
        *trouble.findings(recovered_most=RECOVERED_MOST),
        Finding(trouble.name, "pictures refused", trouble.refused("picture")),
        Finding(trouble.name, "pictures taken without room for them", taken, expected=0),
    ]


async def _keep_full(ballast: Path) -> None:
    while True:
        _fill_up(ballast)
        await asyncio.sleep(PAUSE_SECONDS / 4)


def _fill_up(ballast: Path) -> None:
    """Take all of the room, and what is left when somebody else was quicker."""
    with ballast.open("ab") as file:
        room = os.statvfs(ballast.parent)
        wanted = room.f_bavail * room.f_bsize
        while wanted >= room.f_bsize:
            try:
                os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), wanted)
            except OSError:
                wanted //= 2
            else:
                return


async def _use_up_log_for_ever(url: str) -> None:
    while True:
        await asyncio.to_thread(_use_up_log, url)
        await asyncio.sleep(PAUSE_SECONDS)


def _use_up_log(url: str) -> None:
    """The server's log of changes goes on to its next file, for which there is no room."""
    with contextlib.suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2) as connection:
        connection.execute("SELECT pg_logical_emit_message(false, 'drill', repeat('x', 100000))")
        connection.execute("SELECT pg_switch_wal()")


def _picture() -> bytes:
    """Of noise, which does not get smaller: never the same, so it has to be written."""
    out = io.BytesIO()
    side = 200
    Image.frombytes("RGB", (side, side), random.randbytes(3 * side * side)).save(out, "PNG")
    return out.getvalue()


def _ready(trouble: Trouble) -> int:
    return trouble.answers["readyz", 200]


def _processes_in(folder: Path) -> list[int]:
    """The server's processes, all of which stand in its folder; the first of them comes first."""
    first = int((folder / "postmaster.pid").read_text().split("\n", 1)[0])
    found = [first]
    for link in Path("/proc").glob("[0-9]*/cwd"):
        with contextlib.suppress(OSError):
            if link.readlink() == folder and int(link.parent.name) != first:
                found.append(int(link.parent.name))
    return found


@contextmanager
def _small_disk(folder: Path) -> Iterator[bool]:
    """A disk of its own that can be filled; False, and a line, where we may not mount one."""
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=755", "shoushan-drill", str(folder)]
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode:
        print(f"not done: disk full (may not mount: {done.stderr.strip()})", file=sys.stderr)
        yield False
        return
    try:
        yield True
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
