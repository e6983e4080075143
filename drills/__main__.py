"""Every drill, and one table of counts: `python -m drills [--short] [--jobs N] [name …]`."""

import argparse
import sys
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

from drills.performing import perform
from drills.table import markdown

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
    given = asked.parse_args()
    with ProcessPoolExecutor(given.jobs, mp_context=get_context("spawn")) as pool:
        done = pool.map(partial(perform, short=given.short), given.names or DRILLS)
        findings = [finding for found in done for finding in found]
    print(markdown(findings))
    broken = [finding for finding in findings if not finding.holds]
    if broken:  # once more at the end: of a long log often only that is kept
        print(f"\n{len(broken)} of {len(findings)} do not hold:\n\n{markdown(broken)}")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
