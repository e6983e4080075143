"""Real processes of one installation for drills, in a folder of its own."""

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from app.core.settings import PROJECT
from tests.processes import environment_of

START_SECONDS = 90
STOP_SECONDS = 60


@contextmanager
def folder() -> Iterator[Path]:
    """Gone at the end. PostgreSQL's own user must be able to walk there when we are root."""
    made = Path(tempfile.mkdtemp(prefix="shoushan-drill-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


def environment(data_dir: Path, *, rate: float, begins: str, **settings: str) -> dict[str, str]:
    """Settings of a town on a fast clock that begins yesterday at `begins` (town time, HH:MM)."""
    yesterday = (datetime.now(UTC) + timedelta(hours=8) - timedelta(days=1)).date()
    unlimited = {
        f"SHOUSHAN_RATE__{name}": "1000000/minute" for name in ("ADDRESS", "LOGIN", "PERSON")
    }
    return environment_of(
        data_dir,
        SHOUSHAN_CLOCK_START=f"{yesterday.isoformat()}T{begins}:00+08:00",
        SHOUSHAN_CLOCK_RATE=str(rate),
        # The residents of a drill share one address.
        **unlimited,
        **settings,
    )


@dataclass(frozen=True)
class House:
    """What runs, and where its database answers beside it."""

    data_dir: Path
    environment: dict[str, str]
    process: "subprocess.Popen[bytes]"

    @property
    def service(self) -> str:
        return f"http://{self._host('SHOUSHAN_HOST')}:{self.environment['SHOUSHAN_PORT']}"

    @property
    def stand_in(self) -> str:
        host = self._host("SHOUSHAN_SANDBOX__HOST")
        return f"http://{host}:{self.environment['SHOUSHAN_SANDBOX__PORT']}"

    def _host(self, name: str) -> str:
        return self.environment.get(name, "127.0.0.1")


@contextmanager
def up(data_dir: Path, environment: dict[str, str], *prefix: str) -> Iterator[House]:
    """`shoushan up` beside the stand-in with a town, announced; `prefix` is put before it."""
    with started(data_dir, environment, *prefix, arguments=UP) as process:
        deadline = time.monotonic() + START_SECONDS
        said = data_dir / "up.out"
        while "Ctrl-C" not in said.read_text("utf-8"):
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"it did not start: {errors_of(data_dir, 'up')}")
            time.sleep(0.1)
        yield House(data_dir, environment, process)


UP = ("up", "--sandbox", "--town", "--no-week")


@contextmanager
def started(
    folder: Path, environment: dict[str, str], *prefix: str, arguments: Sequence[str]
) -> Iterator["subprocess.Popen[bytes]"]:
    """One command of ours, asked to stop at the end; what it says is in <name>.out and .err."""
    name = arguments[0]
    with (folder / f"{name}.out").open("ab") as out, (folder / f"{name}.err").open("ab") as err:
        process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "app.cli.main", *arguments],
            env=environment,
            cwd=PROJECT,
            stdout=out,
            stderr=err,
        )
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def errors_of(folder: Path, name: str) -> str:
    return (folder / f"{name}.err").read_text("utf-8")[-2000:]


def audit_faults(environment: dict[str, str]) -> int:
    """How much `shoushan bank audit` finds wrong."""
    done = subprocess.run(
        [sys.executable, "-m", "app.cli.main", "bank", "audit"],
        env=environment,
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 0:
        return 0
    print(done.stderr[-2000:], file=sys.stderr)
    return max(1, done.stderr.count("WRONG"))
