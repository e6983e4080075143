"""Real processes on a real data directory: start, kill, restart, stop."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from app.core.embedded import Cluster
from app.core.settings import PROJECT

PATIENCE_SECONDS = 40


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(what: Callable[[], bool], seconds: float = PATIENCE_SECONDS) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, f"{what.__name__} did not come true"
        time.sleep(0.1)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def children_of(pid: int) -> dict[str, int]:
    """Subcommand → process id of what `up` started."""
    found = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            arguments = (entry / "cmdline").read_bytes().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if parent == pid and b"app.cli.main" in arguments:
            found[arguments[-2].decode()] = int(entry.name)
    return found


@dataclass
class House:
    """A data directory, its ports, and what was started on it."""

    home: Path
    port: int = field(default_factory=free_port)
    phone: int = field(default_factory=free_port)
    started: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        ours = {name: v for name, v in os.environ.items() if not name.startswith("SHOUSHAN_")}
        return ours | {
            "SHOUSHAN_DATA_DIR": str(self.home),
            "SHOUSHAN_PORT": str(self.port),
            "SHOUSHAN_SANDBOX__PORT": str(self.phone),
        }

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "app.cli.main", *arguments]

    def up(self) -> "subprocess.Popen[bytes]":
        with (self.home / "up.log").open("ab") as log:
            process = subprocess.Popen(
                self.command("up", "--sandbox"),
                env=self.environment,
                cwd=PROJECT,
                stdout=log,
                stderr=log,
            )
        self.started.append(process)
        until(lambda: self.is_ready() or process.poll() is not None)
        assert process.poll() is None, (self.home / "up.log").read_text()
        return process

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """A command of the operator's, beside the running house."""
        return subprocess.Popen(
            self.command(*arguments),
            env=self.environment,
            cwd=PROJECT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def is_ready(self) -> bool:
        try:
            urls = (
                f"http://127.0.0.1:{self.port}/readyz",
                f"http://127.0.0.1:{self.phone}/healthz",
            )
            return all(httpx.get(url, timeout=2, trust_env=False).is_success for url in urls)
        except httpx.HTTPError:
            return False

    def close(self) -> None:
        for process in self.started:
            if process.poll() is None:
                process.terminate()
                process.wait(PATIENCE_SECONDS)
        Cluster(self.home).stop()


@pytest.fixture
def house() -> Iterator[House]:
    # Not pytest's own place: PostgreSQL's user must be able to walk there when we are root.
    home = Path(tempfile.mkdtemp(prefix="shoushan-story-"))
    home.chmod(0o755)
    house = House(home)
    yield house
    house.close()
    shutil.rmtree(home, ignore_errors=True)


def resident_follows_and_asks(house: House) -> str:
    """Through the stand-in, as a phone would: the answer in the chat."""
    with httpx.Client(base_url=f"http://127.0.0.1:{house.phone}", trust_env=False) as phone:
        user = phone.post("/_sandbox/users", json={"name": "槐小花"}).raise_for_status().json()
        path = f"/_sandbox/users/{user['id']}"
        phone.post(f"{path}/follow", json={}).raise_for_status()
        outcome = phone.post(f"{path}/text", json={"text": "学分"}).raise_for_status().json()
    return str(outcome["reply"]["text"])


def the_books_are_true(audit: "subprocess.Popen[str]") -> None:
    said, complained = audit.communicate(timeout=PATIENCE_SECONDS)
    assert audit.returncode == 0, complained
    assert re.search(r"账目属实: \d+ accounts, \d+ transfers, \d+ closed days", said)


def it_says_that_another_runs(second: "subprocess.Popen[str]", first: int) -> None:
    _, said = second.communicate(timeout=PATIENCE_SECONDS)
    assert second.returncode == 1
    assert str(first) in said
    assert "该目录下已有一个服务在运行" in said
    assert "Traceback" not in said


@pytest.mark.timeout(110)
def test_a_house_survives_its_processes(house: House) -> None:
    first = house.up()
    processes = children_of(first.pid)
    assert set(processes) == {"sandbox", "serve", "worker"}
    assert "您的称号：闻善" in resident_follows_and_asks(house)

    # The web process dies and is started again; the command line works meanwhile.
    second, audit = house.start("up", "--sandbox"), house.start("bank", "audit")
    os.kill(processes["serve"], signal.SIGKILL)
    until(lambda: children_of(first.pid).get("serve", processes["serve"]) != processes["serve"])
    the_books_are_true(audit)
    it_says_that_another_runs(second, first.pid)
    until(house.is_ready)
    assert "您的称号：闻善" in resident_follows_and_asks(house)

    # All of it is killed: the children go with their parent, so nothing holds the ports.
    started = list(children_of(first.pid).values())
    assert len(started) == 3
    first.kill()
    first.wait()
    until(lambda: not any(is_alive(pid) for pid in started))
    third = house.up()
    assert "您的称号：闻善" in resident_follows_and_asks(house)

    # SIGTERM: everything that was started is gone, the database's server too.
    started = list(children_of(third.pid).values())
    third.send_signal(signal.SIGTERM)
    assert third.wait(PATIENCE_SECONDS) == 0
    assert [pid for pid in started if is_alive(pid)] == []
    assert not Cluster(house.home).is_running()
