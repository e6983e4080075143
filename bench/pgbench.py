"""The limit of a ledger: pgbench sending the very statements that our service sends."""

import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import psycopg
from psycopg import sql

from app.core import embedded

Sent = tuple[str, dict[str, Any]]
"""A statement as the driver gets it, and its values."""
PLACE = re.compile(r"%\((\w+)\)s")


@contextmanager
def listening() -> Iterator[list[Sent]]:
    """What goes to the database while this lasts, as the driver is given it."""
    sent: list[Sent] = []
    execute = psycopg.AsyncCursor.execute

    async def hear(cursor: Any, statement: str, values: Any = None, **how: Any) -> Any:
        sent.append((statement, dict(values or {})))
        return await execute(cursor, statement, values, **how)

    with patch.object(psycopg.AsyncCursor, "execute", hear):
        yield sent


def run(
    server: embedded.Cluster, url: str, groups: Sequence[Sequence[Sent]], *, warm: int
) -> float:
    """Seconds for these transactions, one after the other, by one client; statements prepared.

    The first `warm` of them are not counted: until then the server has planned what it will keep.
    """
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "groups.sql"
        with psycopg.connect(url) as connection:
            script.write_text(_script(connection, groups, warm), encoding="utf-8")
        command = [
            str(server.programs / "pgbench"),
            *("-n", "-c", "1", "-t", "1", "-M", "simple", "-f", str(script), url),
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    seconds = re.search(r"took ([\d.]+) s", done.stderr)
    assert seconds is not None, done.stdout + done.stderr[-2000:]
    return float(seconds[1])


BEGIN = "SELECT set_config('bench.begin', extract(epoch FROM clock_timestamp())::text, false);"
END = (
    "DO $$ BEGIN RAISE WARNING 'took % s', extract(epoch FROM clock_timestamp())"
    " - current_setting('bench.begin')::numeric; END $$;"
)
"""The server's clock, since pgbench would count what comes before."""


def _script(
    connection: psycopg.Connection[Any], groups: Sequence[Sequence[Sent]], warm: int
) -> str:
    """Every statement is prepared once under a name, as our driver does it, and executed often.

    To pgbench `:word` is a variable only where one of this name was set: ours stay as they are.
    """
    names: dict[str, str] = {}
    lines = []
    for number, group in enumerate(groups):
        if number == warm:
            lines.append(BEGIN)
        lines.append("BEGIN;")
        for statement, values in group:
            name = names.setdefault(statement, f"sent{len(names)}")
            order = list(dict.fromkeys(PLACE.findall(statement)))
            given = [sql.Literal(values[one]).as_string(connection) for one in order]
            said = f"({', '.join(given)})" if given else ""
            lines.append(_one_line(f"EXECUTE {name}{said};"))
        lines.append("COMMIT;")
    prepared = [_one_line(_prepare(name, statement)) for statement, name in names.items()]
    return "\n".join([*prepared, *lines, END, ""])


def _prepare(name: str, statement: str) -> str:
    order = list(dict.fromkeys(PLACE.findall(statement)))
    numbered = PLACE.sub(lambda found: f"${order.index(found[1]) + 1}", statement)
    return f"PREPARE {name} AS {numbered.replace('%%', '%')};"


def _one_line(statement: str) -> str:
    return " ".join(statement.split())
