"""Every drill, and one table of counts: `python -m drills [--short] [--jobs N] [name …]`.

The same goes to var/drill.json after each of them, so that what was found is there however the rest
ends. A drill that raises has a line that says so, and the next one follows.
"""

import argparse
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from bench import machine
from drills.performing import perform_apart
from drills.table import Finding, markdown, objects

DRILLS: tuple[str, ...] = (
    *("kills", "failover", "bouncer", "two_addresses", "database_outages", "tencent_outages"),
    *("restore", "upgrade", "fuzz", "openapi"),
)
"""Modules of this package; each has `run(*, short: bool) -> list[Finding]`."""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("names", nargs="*", help=", ".join(DRILLS))
    asked.add_argument("--short", action="store_true", help="seconds instead of minutes: for CI")
    asked.add_argument("--jobs", type=int, default=1, help="how many at once: most of them wait")
    asked.add_argument("--to", type=Path, default=machine.VAR / "drill.json", help="for programs")
    given = asked.parse_args()
    run = machine.here(short=given.short)
    findings: list[Finding] = []
    told: list[dict[str, Any]] = []
    with ThreadPoolExecutor(given.jobs) as pool:
        for found in pool.map(partial(perform_apart, short=given.short), given.names or DRILLS):
            findings += found
            told += objects(found, **run)
            machine.write(given.to, told)
    print(f"{machine.line(run)}\n\n{markdown(findings)}")
    broken = [finding for finding in findings if not finding.holds]
    if broken:  # once more at the end: of a long log often only that is kept
        print(f"\n{len(broken)} of {len(findings)} do not hold:\n\n{markdown(broken)}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
