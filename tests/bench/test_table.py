"""What a bench found, in the table and in var/bench.json, and what becomes of one that breaks."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from bench import __main__ as program
from bench import wrk
from bench.callback import figures
from bench.table import Figure, markdown, objects, per

NAMES = {"work", "ours", "other", "ratio", "target", "met", "spread", "rounds"}
SAID = """
    50%    4.00ms
    99%   20.00ms
  6000 requests in 5.00s, 1.20MB read
  Socket errors: connect 0, read 0, write 0, timeout {timeouts}
Requests/sec:   1200.50
"""


def load(rps: float) -> wrk.Load:
    return wrk.Load(rps, 1, 2, 100, 0)


@pytest.fixture
def fake_bench(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, Any], None]:
    def put(name: str, run: Any) -> None:
        module = ModuleType(f"bench.{name}")
        module.run = run  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, f"bench.{name}", module)

    return put


def test_a_ratio_tells_both_sides_and_its_rounds() -> None:
    ours, bare = [400.0, 500.0, 300.0], [1000.0, 1000.0, 1000.0]
    (told,) = objects(
        [Figure("beat", per(ours, bare), "× bare", "≥", 0.45, ours, bare, each="/s")], bench="one"
    )
    assert told.keys() >= NAMES
    assert (told["ours"], told["other"], told["ratio"]) == (400, 1000, 0.4)
    assert (told["target"], told["met"], told["spread"]) == (0.45, False, [0.3, 0.5])
    assert (told["rounds"], told["unit"], told["each"]) == ([0.4, 0.5, 0.3], "× bare", "/s")
    assert told["bench"] == "one"


def test_what_is_no_ratio_is_ours_or_somebody_elses() -> None:
    mine, theirs = objects(
        [Figure("award", [2.0], "s", "≤", 3), Figure("… pgbench", [9.0], "/s", by_other=True)]
    )
    assert (mine["ours"], mine["other"], mine["ratio"], mine["met"]) == (2, None, None, True)
    assert (theirs["ours"], theirs["other"], theirs["met"]) == (None, 9, None)
    assert theirs["work"] == "award … pgbench"


def test_a_round_with_errors_has_no_figure_and_the_others_keep_theirs() -> None:
    table = figures(
        {
            "ours": [load(400), load(500), load(600)],
            "bare": [load(1000), load(1000), load(1000)],
            "peer": [load(200), None, load(200)],
        },
        {"another": "not installed: npm is not there"},
    )
    told = {one["work"]: one for one in objects(table)}
    beside = told["callback: kept and answered … ours beside peer"]
    assert (beside["rounds"], beside["ratio"], beside["met"]) == ([2, None, 3], 2.5, True)
    assert told["callback: kept and answered"]["ratio"] == 0.5
    assert "met (2 of 3 rounds had no error)" in markdown(table)
    absent = told["callback: kept and answered … another"]
    assert (absent["met"], absent["rounds"], absent["spread"]) == (None, [], None)
    assert absent["why_not"] == "not installed: npm is not there"


def test_a_target_without_any_figure_is_not_met() -> None:
    figure = Figure("… ours beside peer", [None, None], "×", "≥", 1)
    assert figure.met is False
    assert figure.row()[2:] == ("—", "—", "NOT MET (0 of 2 rounds had no error)")


def test_a_peers_time_out_costs_its_round_and_ours_the_bench(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(command: list[str], **_: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.CompletedProcess(command, 0, SAID.format(timeouts=2), "")

    monkeypatch.setattr(subprocess, "run", run)
    assert wrk.without_errors("http://peer") is None
    assert "http://peer" in capsys.readouterr().err
    with pytest.raises(wrk.Wrong):
        wrk.wrk("http://ours")
    assert wrk.parse(SAID.format(timeouts=0)).rps == 1200.5


def test_a_bench_that_raises_has_a_line_and_the_others_go_on(
    fake_bench: Callable[[str, Any], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def breaks(**_: bool) -> list[Figure]:
        raise wrk.Wrong("timeout 2 | read 0\nmore")

    to = tmp_path / "var" / "bench.json"
    written_before_the_last: list[Any] = []

    def last(**_: bool) -> list[Figure]:
        written_before_the_last.extend(json.loads(to.read_text("utf-8")))
        return [Figure("later", [1.0], "s", "≤", 2)]

    fake_bench("first", lambda **_: [Figure("earlier", [1.0, 3.0], "s", "≤", 2)])
    fake_bench("second", breaks)
    fake_bench("third", last)
    monkeypatch.setattr(sys, "argv", ["bench", "--to", str(to), "first", "second", "third"])
    assert program.main() == 1
    told = json.loads(to.read_text("utf-8"))
    assert [(one["work"], one["met"]) for one in told] == [
        ("earlier", True),
        ("second: broke off", False),
        ("later", True),
    ]
    assert [one["work"] for one in written_before_the_last] == ["earlier", "second: broke off"]
    assert all(one.keys() >= NAMES and one["short"] is False for one in told)
    assert told[1]["why_not"] == "Wrong: timeout 2 / read 0 more"
    out = capsys.readouterr().out
    assert out.startswith(f"{told[0]['date']}, {told[0]['cores']} cores and ")
    assert f"PostgreSQL {told[0]['postgresql']}" in out
    assert "| second: broke off | — | — | — | NOT MET (Wrong: timeout 2 / read 0 more) |" in out
    assert "| later | ≤ 2.00 s | 1.00 s | 1.00–1.00 | met |" in out


def test_the_short_form_says_that_it_is_no_measurement(
    fake_bench: Callable[[str, Any], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    to = tmp_path / "bench.json"
    fake_bench("one", lambda **_: [Figure("some", [1.0], "s")])
    monkeypatch.setattr(sys, "argv", ["bench", "--short", "--to", str(to), "one"])
    assert program.main() == 0
    assert json.loads(to.read_text("utf-8"))[0]["short"] is True
    assert "SHORT FORM" in capsys.readouterr().out
