"""A town's day while its processes are killed: what was acknowledged is in the books, once."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.processes import PROJECT, environment_of, processes_of

KILLS = 4
SIZE = ("--residents", "10", "--days", "1", "--day-seconds", "30")
"""A day long enough for processes that come back again and again on two busy cores."""


@pytest.mark.timeout(180)
def test_a_town_survives_kill_9(tmp_path: Path) -> None:
    environment = environment_of(tmp_path)
    demo = subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", "demo", *SIZE],
        env=environment | {"PYTHONUNBUFFERED": "1"},
        cwd=PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert demo.stdout is not None
    assert "演示开始" in demo.stdout.readline()
    killed = {"serve": 0, "worker": 0}
    deadline = time.monotonic() + 60
    while demo.poll() is None and min(killed.values()) < KILLS and time.monotonic() < deadline:
        time.sleep(1.0)
        for name in killed:
            for pid in processes_of(tmp_path / "demo", name):
                os.kill(pid, signal.SIGKILL)
                killed[name] += 1
    said, _ = demo.communicate(timeout=120)
    assert demo.returncode == 0, said
    assert min(killed.values()) >= 1, said
    assert "the books are true" in said
    assert "10 residents" in said
    # The demo itself compares what was sent with what each group saw; here: that there was any.
    week = re.search(r"(\d+) issues published, (\d+) pushes seen in (\d+) groups", said)
    assert week is not None, said
    assert 0 < int(week[2]) <= int(week[3])
