"""What is measured: our web process on a database that syncs, and the bare framework beside it.

Both are processes of their own under the same uvicorn settings, on free ports of 127.0.0.1. `bare`
is the limit: what FastAPI itself can do when there is nothing to be done.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psycopg
from fastapi import FastAPI

from app.cli.serving import serve_app
from app.core import embedded
from tests.processes import PROJECT, environment_of, free_port

START_SECONDS, STOP_SECONDS = 60, 40
UNLIMITED = "100000000/minute"
"""One machine plays all residents: the limits are still counted, but none is met."""


@dataclass(frozen=True)
class Server:
    """`env` and `database_url` are empty where there is no database."""

    url: str
    pid: int
    env: Mapping[str, str]
    database_url: str = ""

    def ask(self, query: str, **values: Any) -> list[tuple[Any, ...]]:
        """What stands in its database."""
        with psycopg.connect(self.database_url) as connection:
            return connection.execute(query, values).fetchall()

    def shoushan(self, *arguments: str) -> str:
        """What a command of ours prints, run beside it on the same database."""
        command = [sys.executable, "-m", "app.cli.main", *arguments]
        done = subprocess.run(
            command, env=self.env, cwd=PROJECT, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr[-2000:]
        return done.stdout


@contextmanager
def web(folder: Path, **settings: str) -> Iterator[Server]:
    """One migrated installation with one web process; `settings` as SHOUSHAN_… environment.

    The database lives as long as this block, so that a process can be started beside the first.
    """
    with embedded.running(folder) as database_url:
        environment = environment_of(
            folder,
            SHOUSHAN_DATABASE_URL=database_url,
            SHOUSHAN_RATE__PERSON=UNLIMITED,
            SHOUSHAN_RATE__ADDRESS=UNLIMITED,
            SHOUSHAN_RATE__LOGIN=UNLIMITED,
            **settings,
        )
        server = Server(_address(environment["SHOUSHAN_PORT"]), 0, environment, database_url)
        server.shoushan("migrate")
        command = (sys.executable, "-m", "app.cli.main", "serve")
        with process(command, f"{server.url}/readyz", env=environment, log=folder / "web.log") as p:
            yield Server(server.url, p, environment, database_url)


@contextmanager
def bare() -> Iterator[Server]:
    """FastAPI with one endpoint and nothing else, at `/`."""
    port = str(free_port())
    command = (sys.executable, "-m", "bench.servers", port)
    with process(command, _address(port)) as pid:
        yield Server(_address(port), pid, {})


@contextmanager
def process(
    command: Sequence[str],
    url: str,
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path = PROJECT,
    log: Path | None = None,
) -> Iterator[int]:
    """A server's pid, from its first answer at this address until SIGTERM has stopped it."""
    with (log or Path(os.devnull)).open("w") as said:
        running = subprocess.Popen(command, env=env, cwd=cwd, stdout=said, stderr=said)
    try:
        _wait(url, running, log)
        yield running.pid
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(timeout=STOP_SECONDS)


def create_bare() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def small() -> dict[str, str]:
        return {"status": "ok"}

    return app


def _address(port: str) -> str:
    return f"http://127.0.0.1:{port}"


def _wait(url: str, running: "subprocess.Popen[bytes]", log: Path | None) -> None:
    """Any answer will do: a peer may know no address but the one that is measured."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and running.poll() is None:
        try:
            if httpx.get(url, timeout=2).status_code != httpx.codes.SERVICE_UNAVAILABLE:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise AssertionError(f"no answer from {url}: {log.read_text()[-2000:] if log else ''}")


if __name__ == "__main__":
    serve_app("bench.servers:create_bare", "127.0.0.1", int(sys.argv[1]))
