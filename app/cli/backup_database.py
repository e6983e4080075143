"""The database in and out, by the PostgreSQL programs that every installation has with it.

pg_dump and pg_restore come from the wheel, so they are as new as any server this release supports.
"""

import contextlib
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from app.core import embedded
from app.core.errors import Conflict, Unavailable

LEFT_OUT = ("wechat_token",)
"""Rows that are not kept: an access token is a secret, lives two hours and is fetched again."""
LOCK_WAIT = "60s"
NOT_BEFORE_17 = b"SET transaction_timeout = 0;\n"
"""pg_restore 18 writes it into every script's head; a server older than 17 does not know it."""
PIECE = 1 << 20


class BackupProgramFailed(Unavailable):
    title = "PostgreSQL 的备份程序未能完成"


class DatabaseNotEmpty(Conflict):
    title = "数据库不是空的：只能恢复到空数据库"


@dataclass(frozen=True)
class Snapshot:
    """One consistent view of the database, and its name for pg_dump."""

    name: str
    connection: "psycopg.Connection[tuple[object, ...]]"

    def revision(self) -> str | None:
        """None: there is no schema of ours."""
        if not self._has("alembic_version"):
            return None
        return str(self._one("SELECT version_num FROM alembic_version"))

    def server(self) -> str:
        return str(self._one("SHOW server_version"))

    def uploads(self) -> list[str]:
        """SHA-256 of all pictures; none where the schema is older than they are."""
        if not self._has("upload"):
            return []
        rows = self.connection.execute("SELECT sha256 FROM upload ORDER BY sha256")
        return [str(row[0]) for row in rows]

    def rows(self) -> dict[str, int]:
        """How many rows each table has, of those whose rows are kept."""
        tables = self.connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL (%s)"
            " ORDER BY tablename",
            (list(LEFT_OUT),),
        ).fetchall()
        return {
            str(table): int(str(self._one(COUNT.format(sql.Identifier("public", str(table))))))
            for (table,) in tables
        }

    def _has(self, table: str) -> bool:
        found = self.connection.execute("SELECT to_regclass(%s)", (f"public.{table}",)).fetchone()
        return found is not None and found[0] is not None

    def _one(self, query: "str | sql.Composed") -> object:
        row = self.connection.execute(query).fetchone()
        assert row is not None
        return row[0]


COUNT = sql.SQL("SELECT count(*) FROM {}")


def plain_url(url: str) -> str:
    """Without the driver's name that SQLAlchemy wants."""
    return re.sub(r"^postgres(ql)?\+\w+://", "postgresql://", url)


@contextmanager
def snapshot(url: str) -> Iterator[Snapshot]:
    """A view that lasts as long as this block, whatever is booked meanwhile."""
    patient = "-c statement_timeout=0 -c idle_in_transaction_session_timeout=0"
    with psycopg.connect(plain_url(url), options=patient) as connection:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        yield Snapshot(str(row[0]), connection)


def must_be_empty(url: str) -> None:
    """Raises DatabaseNotEmpty: a restore overwrites nothing."""
    with psycopg.connect(plain_url(url)) as connection:
        found = connection.execute(
            "SELECT count(*), min(relname) FROM pg_class c"
            " WHERE relnamespace = 'public'::regnamespace AND NOT EXISTS ("
            "SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
        ).fetchone()
    if found is not None and found[0]:
        raise DatabaseNotEmpty(
            f"{found[0]} tables and indexes, such as {found[1]}: a restore needs an empty database"
            " 只能恢复到空数据库"
        )


@contextmanager
def dump(url: str, view: Snapshot) -> Iterator[IO[bytes]]:
    """pg_dump's custom format, as it comes. Raises BackupProgramFailed at the end if it failed."""
    arguments = ["--format=custom", "--no-owner", "--no-privileges"]
    # What the server's keeper added to it belongs to that server.
    arguments += ["--no-publications", "--no-subscriptions", "--exclude-extension=*"]
    arguments += [f"--lock-wait-timeout={LOCK_WAIT}", f"--snapshot={view.name}"]
    arguments += [f"--exclude-table-data=public.{table}" for table in LEFT_OUT]
    with _program("pg_dump", *arguments, url=url) as process:
        assert process.stdout is not None
        yield process.stdout


def load(url: str, pieces: Iterator[bytes]) -> None:
    """A dump into an empty database, all or nothing: killed at any moment, nothing is there."""
    with (
        _program("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", url=url) as target,
        contextlib.suppress(BrokenPipeError),  # psql stopped at an error, which its exit tells.
    ):
        assert target.stdin is not None
        target.stdin.write(b"BEGIN;\n")
        _write_script(pieces, target.stdin)
        # Only now: whoever dies before leaves psql at its input's end in an open transaction.
        target.stdin.write(b"COMMIT;\n")
        target.stdin.close()


def _write_script(pieces: Iterator[bytes], target: IO[bytes]) -> None:
    """The dump as SQL. Raises, before the script's end is believed, whatever `pieces` raises."""
    restore = _program("pg_restore", "--no-owner", "--no-privileges", "--file=-")
    with ThreadPoolExecutor(1) as feeder, restore as source:
        assert source.stdin is not None
        assert source.stdout is not None
        fed = feeder.submit(_feed, pieces, source.stdin)
        head = source.stdout.read(PIECE)
        target.write(head.replace(NOT_BEFORE_17, b"", 1))
        while piece := source.stdout.read(PIECE):
            target.write(piece)
        fed.result()


def _feed(pieces: Iterator[bytes], stdin: IO[bytes]) -> None:
    with stdin, contextlib.suppress(BrokenPipeError):
        for piece in pieces:
            stdin.write(piece)


@contextmanager
def _program(
    name: str, *arguments: str, url: str | None = None
) -> Iterator["subprocess.Popen[bytes]"]:
    """One of PostgreSQL's, its streams ours; its password is in no list of processes."""
    environment = {**os.environ, "LC_ALL": "C.UTF-8", "PGTZ": "UTC"}
    program = str(embedded.programs() / name)
    if url is not None:
        facts = conninfo_to_dict(plain_url(url))
        if "password" in facts:
            environment["PGPASSWORD"] = str(facts.pop("password"))
        arguments = (*arguments, f"--dbname={make_conninfo('', **facts)}")
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(  # noqa: S603  our own program and arguments
            [program, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if name != "psql" else subprocess.DEVNULL,
            stderr=said,
            env=environment,
        )
        try:
            yield process
        except BaseException:
            process.kill()
            raise
        finally:
            for stream in (process.stdin, process.stdout):
                # What a dead program left unread is no news, and must not keep us from its end.
                with contextlib.suppress(BrokenPipeError):
                    if stream is not None:
                        stream.close()
            status = process.wait()
        if status:
            said.seek(0)
            lines = said.read().decode(errors="replace").strip().splitlines()
            raise BackupProgramFailed(f"{name}: {' '.join(lines[:3]) or f'status {status}'}")
