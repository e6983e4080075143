"""One embedded database and `serve` processes on it, in a folder that is gone afterwards."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.core import embedded
from app.core.settings import PROJECT
from tests.processes import environment_of, free_port, wait_until_ready

START_SECONDS, STOP_SECONDS = 60, 30
UNLIMITED = {f"SHOUSHAN_RATE__{name}": "10000000/minute" for name in ("ADDRESS", "LOGIN", "PERSON")}
"""Everything comes from this one machine."""


@dataclass
class Web:
    """One `serve` process: where it answers, and what it says."""

    url: str
    port: int
    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def is_dead(self) -> bool:
        return self.process.poll() is not None

    @property
    def rss_mb(self) -> float:
        """What it holds of memory now; 0 if it is dead."""
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{self.process.pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    return int(line.split()[1]) / 1024
        return 0.0


@dataclass
class Ground:
    """A migrated database, and what was started on it."""

    home: Path
    database_url: str
    webs: list[Web] = field(default_factory=list)

    def environment(self, **settings: str) -> dict[str, str]:
        return environment_of(self.home, SHOUSHAN_DATABASE_URL=self.database_url, **settings)

    def serve(self, **settings: str) -> Web:
        """A web process that is ready to answer."""
        environment = self.environment(**UNLIMITED, **settings)
        web = self._start("serve", int(environment["SHOUSHAN_PORT"]), environment)
        wait_until_ready(web.url)
        return web

    def stand_in(self) -> dict[str, str]:
        """Start the stand-in for Tencent's servers; the settings that lead a `serve` to it."""
        port = str(free_port())
        environment = self.environment(SHOUSHAN_SANDBOX__PORT=port)
        web = self._start("sandbox", int(port), environment)
        wait_until_answers(f"{web.url}/healthz")
        names = ("WECHAT__API_URL", "WECHAT__OPEN_URL", "WECHAT__MP_URL", "WECOM__API_URL")
        return {f"SHOUSHAN_{name}": web.url for name in names} | {"SHOUSHAN_SANDBOX__PORT": port}

    def _start(self, command: str, port: int, environment: dict[str, str]) -> Web:
        log = self.home / f"{command}-{port}.log"
        with log.open("wb") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "app.cli.main", command],
                env=environment,
                cwd=PROJECT,
                stdout=said,
                stderr=said,
            )
        web = Web(f"http://127.0.0.1:{port}", port, process, log)
        self.webs.append(web)
        return web

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What stands in the database, as a connection of its own sees it."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values or None).fetchall()

    def number(self, query: str, *values: Any) -> int:
        return int(self.ask(query, *values)[0][0])


def wait_until_answers(url: str) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(url, timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{url} did not answer within {START_SECONDS} s")


@contextmanager
def ground() -> Iterator[Ground]:
    home = Path(tempfile.mkdtemp(prefix="shoushan-drill-"))
    home.chmod(0o755)  # PostgreSQL's own user must be able to walk there when we are root
    try:
        with embedded.running(home) as url:
            found = Ground(home, url)
            subprocess.run(
                [sys.executable, "-m", "app.cli.main", "migrate"],
                env=found.environment(),
                cwd=PROJECT,
                check=True,
                capture_output=True,
            )
            try:
                yield found
            finally:
                _stop(found.webs)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _stop(webs: list[Web]) -> None:
    for web in webs:
        if not web.is_dead:
            os.kill(web.process.pid, signal.SIGTERM)
    for web in webs:
        try:
            web.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            web.process.kill()
            web.process.wait()
