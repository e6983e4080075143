"""Real processes for tests: one installation in a folder of its own, on free ports."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.core.embedded import Cluster

PROJECT = Path(__file__).parent.parent
START_SECONDS = 60


@dataclass(frozen=True)
class Installation:
    service: str
    stand_in: str
    environment: dict[str, str]
    process: "subprocess.Popen[str]"

    def shoushan(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "app.cli.main", *arguments],
            env=self.environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What stands in its database, beside everything that runs on it."""
        url = Cluster(Path(self.environment["SHOUSHAN_DATA_DIR"])).url()
        with psycopg.connect(url) as connection:
            return connection.execute(query, values).fetchall()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environment_of(data_dir: Path, **settings: str) -> dict[str, str]:
    """This process's environment without its service settings, and with these."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("SHOUSHAN_")}
    return inherited | {
        "SHOUSHAN_DATA_DIR": str(data_dir),
        "SHOUSHAN_PORT": str(free_port()),
        "SHOUSHAN_SANDBOX__PORT": str(free_port()),
        "SHOUSHAN_LOG_LEVEL": "WARNING",
        **settings,
    }


def processes_of(data_dir: Path, name: str) -> Iterator[int]:
    """The pids of this installation's `serve` or `worker`, found as an operator would: in /proc."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
            mine = f"SHOUSHAN_DATA_DIR={data_dir}".encode() in (entry / "environ").read_bytes()
        except OSError:
            continue
        if mine and name.encode() in command:
            yield int(entry.name)


@contextmanager
def running(data_dir: Path, **settings: str) -> Iterator[Installation]:
    """`shoushan up --sandbox --town`, until its town has settled; stopped by SIGTERM."""
    environment = environment_of(data_dir, **settings)
    with (data_dir / "up.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli.main", "up", "--sandbox", "--town"],
            env=environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        _wait_for_the_announcement(process, data_dir)
        yield Installation(
            service=f"http://127.0.0.1:{environment['SHOUSHAN_PORT']}",
            stand_in=f"http://127.0.0.1:{environment['SHOUSHAN_SANDBOX__PORT']}",
            environment=environment,
            process=process,
        )
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=40)
        assert process.stdout is not None
        process.stdout.close()


def _wait_for_the_announcement(process: "subprocess.Popen[str]", data_dir: Path) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        if "Ctrl-C" in line:
            return
    raise AssertionError((data_dir / "up.log").read_text()[-2000:])


def wait_until_ready(service: str, seconds: float = START_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{service}/readyz", timeout=2).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"{service} was not ready within {seconds} s")
