"""One drill, in a process that imports it by name: that process is not the program itself."""

import importlib
import sys
import traceback
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from drills.table import Finding, broken_off


def perform(name: str, *, short: bool) -> list[Finding]:
    """What it finds; whatever it raises is its finding, and spoils nobody else's."""
    print(f"… {name}", file=sys.stderr, flush=True)
    label = name
    try:
        module = importlib.import_module(f"drills.{name}")
        label = getattr(module, "DRILL", name)
        found: list[Finding] = module.run(short=short)
    except Exception as error:  # noqa: BLE001  what is being broken may break in any way
        traceback.print_exc()
        return [broken_off(label, error)]
    return found


def perform_apart(name: str, *, short: bool) -> list[Finding]:
    """The same in a process of its own, whose death is a finding like any other."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(perform, name, short=short).result()
        except Exception as error:  # noqa: BLE001  killed, or what it found cannot be sent
            return [broken_off(name, error)]
