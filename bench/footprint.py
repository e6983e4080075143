"""What a process costs before it does anything: time to import, to the first answer, and memory.

Memory is that of the web process after some hundred requests, and of the worker once it has ticked.
"""

import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx

from bench.servers import Server, process, web
from bench.table import Figure
from tests.processes import PROJECT, free_port

ROUNDS = 5
IMPORT_SECONDS, ANSWER_SECONDS, MEMORY_MB = 1.5, 3, 160
WARM = ("/", "/discover", "/ranking", "/healthz", "/login", "/about", "/static-nothing")
WORKER_SECONDS = 6
TIMED = """
import sys, time
# structlog and httpx take them along where they are: a town has only what requirements.lock brings.
sys.modules["rich"] = sys.modules["pygments"] = None
begun = time.perf_counter()
import app.main
print(time.perf_counter() - begun)
"""


def imported() -> float:
    """Seconds to import the web application in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", TIMED], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def resident_mb(pid: int) -> float:
    """The resident set, shared pages included, as /proc/PID/status tells it (proc(5))."""
    status = Path(f"/proc/{pid}/status").read_text()
    line = next(line for line in status.splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024


def first_answer(beside: Server, folder: Path) -> float:
    """Seconds from the start of `serve`, on a migrated database, to its first answer."""
    other = {**beside.env, "SHOUSHAN_PORT": str(free_port())}
    command = (sys.executable, "-m", "app.cli.main", "serve")
    begun = time.perf_counter()
    address = f"http://127.0.0.1:{other['SHOUSHAN_PORT']}/readyz"
    with process(command, address, env=other, log=folder / "second.log"):
        return time.perf_counter() - begun


def worker_mb(beside: Server, folder: Path) -> float:
    command = (sys.executable, "-m", "app.cli.main", "worker")
    with (folder / "worker.log").open("w") as log:
        worker = subprocess.Popen(command, env=beside.env, cwd=PROJECT, stdout=log, stderr=log)
    try:
        time.sleep(WORKER_SECONDS)
        assert worker.poll() is None, (folder / "worker.log").read_text()[-2000:]
        return resident_mb(worker.pid)
    finally:
        worker.terminate()
        worker.wait(30)


def run(*, short: bool) -> list[Figure]:
    rounds = 1 if short else ROUNDS
    with tempfile.TemporaryDirectory() as name, web(Path(name)) as ours:
        folder = Path(name)
        imports = [imported() for _ in range(rounds)]
        answers = [first_answer(ours, folder) for _ in range(rounds)]
        for _ in range(50):
            for path in WARM:
                httpx.get(ours.url + path)
        memory = [resident_mb(ours.pid)]
        workers = [worker_mb(ours, folder)]
    return [
        Figure("import of the web application", imports, "s", "≤", IMPORT_SECONDS),
        Figure("first answer after the start", answers, "s", "≤", ANSWER_SECONDS),
        Figure("memory of the web process", memory, "MB", "≤", MEMORY_MB),
        Figure("memory of the worker", workers, "MB", "≤", MEMORY_MB),
    ]
