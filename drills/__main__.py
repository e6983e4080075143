"""Every drill in turn, and one table of counts: `python -m drills [--short] [name …]`."""

import argparse
import importlib
import sys

from drills.table import Finding, markdown

DRILLS: tuple[str, ...] = (
    *("kills", "failover", "bouncer", "two_addresses", "database_outages", "tencent_outages"),
    *("restore", "upgrade", "fuzz", "openapi"),
)
"""Modules of this package; each has `run(*, short: bool) -> list[Finding]`."""


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("names", nargs="*", help=", ".join(DRILLS))
    asked.add_argument("--short", action="store_true", help="seconds instead of minutes: for CI")
    given = asked.parse_args()
    findings: list[Finding] = []
    for name in given.names or DRILLS:
        print(f"… {name}", file=sys.stderr, flush=True)
        findings += importlib.import_module(f"drills.{name}").run(short=given.short)
    print(markdown(findings))
    return int(any(not finding.holds for finding in findings))


if __name__ == "__main__":
    sys.exit(main())
