"""Every benchmark in turn, nothing else beside it, and one table: `python -m bench [name …]`.

The same goes to var/bench.json after each of them, so that what was measured is there however the
rest ends. A bench that raises has a line that says so, and the next one follows.
"""

import argparse
import importlib
import sys
import traceback
from pathlib import Path
from typing import Any

from bench import machine
from bench.table import Figure, broken, markdown, objects

BENCHES = ("learning", "callback", "ledger", "ranks", "planning", "footprint", "first_paint")
"""Modules of this package; each has `run(*, short: bool) -> list[Figure]`."""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("names", nargs="*", help=", ".join(BENCHES))
    asked.add_argument("--short", action="store_true", help="one round each: only to see it run")
    asked.add_argument("--to", type=Path, default=machine.VAR / "bench.json", help="for programs")
    given = asked.parse_args()
    run = machine.here(short=given.short)
    figures: list[Figure] = []
    told: list[dict[str, Any]] = []
    for name in given.names or BENCHES:
        print(f"… {name}", file=sys.stderr, flush=True)
        found = measure(name, short=given.short)
        figures += found
        told += objects(found, bench=name, **run)
        machine.write(given.to, told)
    print(f"{machine.line(run)}\n\n{markdown(figures)}")
    return int(any(figure.met is False for figure in figures))


def measure(name: str, *, short: bool) -> list[Figure]:
    """What one bench finds; whatever it raises is its finding, and spoils nobody else's."""
    try:
        found: list[Figure] = importlib.import_module(f"bench.{name}").run(short=short)
    except Exception as error:  # noqa: BLE001  a server that dies, a peer, a count: all end it
        traceback.print_exc()
        return [broken(name, error)]
    return found


if __name__ == "__main__":
    sys.exit(main())
