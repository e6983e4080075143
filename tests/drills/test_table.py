"""What a drill found, in the table and in var/drill.json, and what becomes of one that breaks."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

from drills import __main__ as program
from drills.performing import perform
from drills.table import Finding, left_out, objects

NAMES = {"drill", "tried", "acknowledged", "lost", "doubled", "seconds_refused", "met"}


def test_the_sums_of_a_drill_are_those_of_its_counts() -> None:
    kills, fuzz, outage = objects(
        [
            Finding("kill -9", "requests", 900, part_of="tried"),
            Finding("kill -9", "awards acknowledged", 70, part_of="acknowledged"),
            Finding("kill -9", "completions acknowledged", 30, part_of="acknowledged"),
            Finding("kill -9", "awards lost", 0, expected=0, part_of="lost"),
            Finding("kill -9", "completions lost", 0, expected=0, part_of="lost"),
            Finding("kill -9", "twice", 0, expected=0, part_of="doubled"),
            Finding("kill -9", "refusal", 4.5, most=30, part_of="seconds_refused"),
            Finding("fuzz", "callbacks", 3000, part_of="tried"),
            Finding("fuzz", "5xx", 1, expected=0),
            left_out("disk full", "may not mount"),
        ],
        short=True,
    )
    assert all(one.keys() >= NAMES and one["short"] is True for one in (kills, fuzz, outage))
    assert [kills[name] for name in sorted(NAMES)] == [100, 0, "kill -9", 0, True, 4.5, 900]
    assert (fuzz["tried"], fuzz["met"]) == (3000, False)
    assert [fuzz[name] for name in ("acknowledged", "lost", "doubled", "seconds_refused")] == (
        [None] * 4
    )
    assert (outage["met"], outage["tried"]) == (None, None)
    assert outage["counts"][0]["what"] == "left out: may not mount"


def test_something_lost_makes_the_drill_fail() -> None:
    (told,) = objects([Finding("restore", "lost", 1, expected=0, part_of="lost")])
    assert (told["lost"], told["met"]) == (1, False)


def test_a_drill_that_raises_has_found_that(monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(**_: bool) -> list[Finding]:
        raise RuntimeError("nobody was told of\nany award")

    module = ModuleType("drills.breaking")
    module.run, module.DRILL = breaks, "breaking things"  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "drills.breaking", module)
    (finding,) = perform("breaking", short=True)
    assert not finding.holds
    assert finding.drill == "breaking things"
    assert finding.what == "broke off: RuntimeError: nobody was told of any award"


def test_the_command_writes_what_it_has_whatever_breaks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    to = tmp_path / "var" / "drill.json"
    monkeypatch.setattr(
        sys, "argv", ["drills", "--short", "--to", str(to), "no_such_drill", "table"]
    )
    assert program.main() == 1
    told = json.loads(to.read_text("utf-8"))
    assert [(one["drill"], one["met"]) for one in told] == [
        ("no_such_drill", False),
        ("table", False),
    ]
    assert all(one["short"] and one["cores"] and one["postgresql"] for one in told)
    out = capsys.readouterr().out
    assert "SHORT FORM" in out
    assert "| no_such_drill | broke off: ModuleNotFoundError" in out
