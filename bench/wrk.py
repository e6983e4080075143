"""wrk, the load generator (Debian's package), and what it found.

An answer that is no 2xx or a broken connection is not fast, it is wrong: such a run has no figure.
"""

import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

UNITS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}
LATENCY = r"^\s+{}%\s+([\d.]+)(us|ms|s|m)\s*$"
SOCKETS = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")


class Wrong(Exception):
    """Some answers were errors: their speed says nothing."""


@dataclass(frozen=True)
class Load:
    """`answered` were heard; at the end as many as there are connections may be under way."""

    rps: float
    p50_ms: float
    p99_ms: float
    answered: int
    errors: int


def wrk(
    url: str,
    *,
    script: Path | None = None,
    args: Sequence[str] = (),
    connections: int = 64,
    seconds: int = 5,
    threads: int = 1,
    may_err: bool = False,
) -> Load:
    """Load on one address, or on what a Lua script makes of it. Raises Wrong unless `may_err`.

    `args` are the script's, as its `init(args)` gets them.
    """
    command = ["wrk", f"-t{threads}", f"-c{connections}", f"-d{seconds}s", "--latency"]
    command += [] if script is None else ["-s", str(script)]
    done = subprocess.run([*command, url, "--", *args], capture_output=True, text=True, check=False)
    if done.returncode != 0 or "PANIC" in done.stdout + done.stderr:
        raise Wrong(done.stdout + done.stderr)
    load = parse(done.stdout)
    if load.errors and not may_err:
        raise Wrong(done.stdout)
    return load


def without_errors(url: str, **how: Any) -> Load | None:
    """The same of somebody beside us: None for a round in which it erred, which has no figure.

    What is ours is measured with `wrk`, which raises: our own error is a finding.
    """
    try:
        return wrk(url, **how)
    except Wrong as error:
        print(f"no figure for this round of {url}:\n{error}", file=sys.stderr)
        return None


def rates(loads: Sequence[Load | None]) -> list[float | None]:
    """Requests per second, round by round."""
    return [None if load is None else load.rps for load in loads]


def parse(said: str) -> Load:
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", said)
    broken = SOCKETS.search(said)
    return Load(
        rps=float(_found(r"Requests/sec:\s+([\d.]+)", said)[1]),
        p50_ms=_latency(50, said),
        p99_ms=_latency(99, said),
        answered=int(_found(r"(\d+) requests in", said)[1]),
        errors=sum(map(int, broken.groups() if broken else ()))
        + (int(refused[1]) if refused else 0),
    )


def _latency(percent: int, said: str) -> float:
    found = _found(LATENCY.format(percent), said)
    return float(found[1]) * UNITS[found[2]]


def _found(pattern: str, said: str) -> "re.Match[str]":
    found = re.search(pattern, said, re.MULTILINE)
    if found is None:
        raise Wrong(said)
    return found
