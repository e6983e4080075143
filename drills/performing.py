"""One drill, in a process that imports it by name: that process is not the program itself."""

import importlib
import sys

from drills.table import Finding


def perform(name: str, *, short: bool) -> list[Finding]:
    print(f"… {name}", file=sys.stderr, flush=True)
    found: list[Finding] = importlib.import_module(f"drills.{name}").run(short=short)
    return found
