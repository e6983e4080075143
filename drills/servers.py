"""A PostgreSQL server of its own on TCP, from the embedded wheel: for drills with several."""

import contextlib
import os
import shutil
import signal
from pathlib import Path

import psycopg

from app.core.embedded import DATABASE, Cluster
from tests.processes import free_port

STANDBY = "standby"


class Server(Cluster):
    """Answers on TCP, as production's does; made new, or as a copy of another (`follow`)."""

    def __init__(self, home: Path, *, host: str = "127.0.0.1") -> None:
        super().__init__(home)
        self.host, self.port = host, free_port()

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://postgres@{self.host}:{self.port}/{database}"

    def create(self, *, network: str = "127.0.0.1/32") -> None:
        """A new cluster with an empty database, which lets `network` in, and running."""
        self._prepare()
        self._run(
            "initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
        )  # fmt: skip
        with (self.data / "pg_hba.conf").open("a") as rules:
            rules.write(f"host all all {network} trust\n")
        self.serve()
        self.say(f"CREATE DATABASE {DATABASE}")

    def follow(self, primary: "Server") -> None:
        """Become a streaming standby of `primary`, and its synchronous one."""
        self._prepare()
        source = f"host={primary.host} port={primary.port} user=postgres application_name={STANDBY}"
        self._run(
            "pg_basebackup", "-d", source, "-D", str(self.data), "-X", "stream", "-R",
            "--checkpoint=fast",
        )  # fmt: skip
        self.serve()

    def serve(self) -> None:
        self._run(
            "pg_ctl", "start", "-w", "-t", "60", "-D", str(self.data), "-l", str(self.log),
            "-o", self._server_options(),
        )  # fmt: skip

    def promote(self) -> None:
        self._run("pg_ctl", "promote", "-w", "-D", str(self.data))

    def clear(self) -> None:
        """Nothing is left of its data."""
        shutil.rmtree(self.data)

    def say(self, statement: str) -> list[tuple[object, ...]]:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def kill(self) -> None:
        """As if the machine had lost its power: the server and every process of it, at once."""
        first = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
        for pid in (first, *self._processes()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _processes(self) -> list[int]:
        found = []
        for link in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if link.readlink() == self.data:
                    found.append(int(link.parent.name))
        return found

    def _server_options(self) -> str:
        # The last of two wins.
        return f"{super()._server_options()} -c listen_addresses='{self.host}' -c port={self.port}"
