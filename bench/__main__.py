"""Every benchmark in turn, nothing else beside it, and one table: `python -m bench [name …]`."""

import argparse
import importlib
import sys

from bench.table import Figure, markdown

BENCHES = ("learning", "callback", "ledger", "ranks", "planning", "footprint", "first_paint")
"""Modules of this package; each has `run(*, short: bool) -> list[Figure]`."""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("names", nargs="*", help=", ".join(BENCHES))
    asked.add_argument("--short", action="store_true", help="one round each: only to see it run")
    given = asked.parse_args()
    figures: list[Figure] = []
    for name in given.names or BENCHES:
        print(f"… {name}", file=sys.stderr, flush=True)
        figures += importlib.import_module(f"bench.{name}").run(short=given.short)
    print(markdown(figures))
    return int(any(figure.met is False for figure in figures))


if __name__ == "__main__":
    sys.exit(main())
