"""When and on what something was measured, and the file that tells it to programs."""

import json
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

from app.core import clock, embedded
from app.core.settings import PROJECT

VAR = PROJECT / "var"


def here(*, short: bool) -> dict[str, Any]:
    """What holds for a whole run, as its table and its file tell it.

    `cores` are those this process may use, `memory_gb` is the machine's, `postgresql` the embedded
    server's version (benches and drills bring their own database).
    """
    version = subprocess.run(
        [embedded.programs() / "postgres", "--version"], capture_output=True, text=True, check=True
    )
    pages, page = os.sysconf("SC_PHYS_PAGES"), os.sysconf("SC_PAGE_SIZE")
    return {
        "date": clock.local_day(clock.real_now()).isoformat(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gb": round(pages * page / 1e9),
        "postgresql": version.stdout.split()[-1],
        "python": platform.python_version(),
        "short": short,
    }


def line(run: dict[str, Any]) -> str:
    """The same in a line above the table."""
    told = (
        "{date}, {cores} cores and {memory_gb} GB, PostgreSQL {postgresql}, Python {python}"
    ).format(**run)
    return f"{told}; SHORT FORM: seen to run, not measured" if run["short"] else told


def write(path: Path, told: list[dict[str, Any]]) -> None:
    """At once whole or not at all: who reads it meanwhile sees what was there before."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(".part")
    part.write_text(json.dumps(told, ensure_ascii=False, indent=1) + "\n", "utf-8")
    part.replace(path)
