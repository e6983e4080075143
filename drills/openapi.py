"""schemathesis over the whole OpenAPI as four kinds of person: no 5xx, nothing but what is said.

The administrator and the tutor go first and leave things behind; then nobody and a resident try
the same addresses, and the database is compared: they changed nothing that is not theirs.

schemathesis is no dependency of ours: it gets a venv of its own beside this one's packages, once.
`SCHEMATHESIS` names a program that is there already.
"""

import json
import os
import shutil
import subprocess
import sys
import venv
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from drills.one_service import Ground, ground
from drills.openapi_town import OTHERS, Person, everything, others, people
from drills.table import Finding, left_out

SCHEMATHESIS = "schemathesis==4.32.5"
SEED = 20261123
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
)
EXAMPLES, EXAMPLES_SHORT = 100, 2
SECONDS_MOST = 1800
IDS_MOST = 4
"""Ids are asked for from 1 to here, so that most of them name something that is there."""
ENDS_THE_SESSION = (("/api/v1/me", "delete"), ("/api/v1/me/logout", "post"))
"""Tried in tests/api: after them the rest would be a nobody's run."""
SHOWN = 40


def run(*, short: bool) -> list[Finding]:
    program = installed()
    if program is None:
        why = f"{SCHEMATHESIS} is not installed, and no package index answers"
        return [left_out("openapi", why)]
    findings: list[Finding] = []
    with ground() as here:
        web = here.serve(**here.stand_in())
        for person in people(here, web.url):
            document = here.home / "openapi.json"
            document.write_text(json.dumps(reachable(web.url, person)), "utf-8")
            before, theirs = everything(here), others(here, person)
            told = attacked(program, here, web.url, document, person, short=short)
            findings += told
            if person.may_change is not None:
                after, then = everything(here), others(here, person)
                changed = {name for name in after if after[name] != before.get(name)}
                wrong = sorted(changed - person.may_change)
                wrong += [f"{name} of others" for name in OTHERS if theirs[name] != then[name]]
                print(f"  {person.kind}: changed {sorted(changed)}", file=sys.stderr)
                if wrong:
                    print(f"  {person.kind}: WITHOUT RIGHT {wrong}", file=sys.stderr)
                what = f"{person.kind}: tables changed without right"
                findings.append(Finding("openapi", what, len(wrong), expected=0))
        dead = sum(one.is_dead for one in here.webs)
        findings.append(Finding("openapi", "processes that died", dead, expected=0))
    return findings


def installed() -> str | None:
    """The program `st`; None where it is not there and cannot be fetched."""
    if given := os.environ.get("SCHEMATHESIS"):
        return given
    home = Path(sys.prefix) / "drills" / SCHEMATHESIS
    program = home / "bin" / "st"
    if not program.exists():
        venv.create(home, with_pip=True, clear=True)
        pip = [str(home / "bin" / "python"), "-m", "pip", "install", "--quiet", SCHEMATHESIS]
        if subprocess.run(pip, check=False, capture_output=True).returncode:
            shutil.rmtree(home)
            return None
    return str(program)


def reachable(url: str, person: Person) -> Any:
    """The document as the service tells it, with ids that exist, without what ends the session."""
    document = httpx.get(f"{url}/openapi.json").raise_for_status().json()
    if person.token:
        for path, method in ENDS_THE_SESSION:
            document["paths"][path].pop(method)
    for operations in document["paths"].values():
        for operation in operations.values():
            for parameter in operation.get("parameters", ()):
                if parameter["in"] == "path" and parameter["schema"].get("type") == "integer":
                    parameter["schema"]["maximum"] = IDS_MOST
    return document


def preserving() -> str:
    """It also tries methods that the document does not tell of: not those that end the session."""
    paths = json.dumps([path for path, _ in ENDS_THE_SESSION])
    return (
        f"[[operations]]\ninclude-path = {paths}\n"
        "[operations.phases.coverage]\nunexpected-methods = ['TRACE', 'PUT']\n"
    )


def attacked(
    program: str, here: Ground, url: str, document: Path, person: Person, *, short: bool
) -> list[Finding]:
    report = here.home / f"report-{person.kind}.ndjson"
    (here.home / "schemathesis.toml").write_text(preserving() if person.token else "")
    command = [
        program, "run", str(document), "--url", url, "--seed", str(SEED),
        "--checks", ",".join(CHECKS), "--max-examples", str(EXAMPLES_SHORT if short else EXAMPLES),
        "--workers", "1",  # with more of them CPython 3.11's parser gives up now and then
        "--continue-on-failure", "--no-shrink",
        "--phases", "fuzzing" if short else "examples,coverage,fuzzing", "--mode", "all",
        "--request-timeout", "10", "--suppress-health-check", "all", "--warnings", "off",
        "--report", "ndjson", "--report-ndjson-path", str(report),
    ]  # fmt: skip
    if person.token:
        command += ["--header", f"Authorization: Bearer {person.token}"]
    done = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd=here.home,
        timeout=SECONDS_MOST,
        env={name: value for name, value in os.environ.items() if not name.startswith("SHOUSHAN")},
    )
    tried, operations, failed = read_report(report)
    # What it says of itself: the failures with the request of each, and errors of its own.
    _, _, shown = done.stdout.partition("= ERRORS =" if "= ERRORS =" in done.stdout else "= FAIL")
    for line in shown.splitlines()[:SHOWN]:
        print(f"  {line}", file=sys.stderr)
    if done.returncode not in {0, 1}:
        print(done.stdout[-2000:], done.stderr[-2000:], file=sys.stderr)
    paths = json.loads(document.read_text("utf-8"))["paths"]
    there = sum(len(of_path) for of_path in paths.values())
    return [
        Finding("openapi", f"{person.kind}: operations tried", operations, expected=there),
        Finding("openapi", f"{person.kind}: requests", tried, part_of="tried"),
        Finding("openapi", f"{person.kind}: runs that broke off", failed["error"], expected=0),
        *(Finding("openapi", f"{person.kind}: {one}", failed[one], expected=0) for one in CHECKS),
    ]


def read_report(report: Path) -> tuple[int, int, Counter[str]]:
    """Requests, operations, and how often each check failed."""
    tried, operations, failed = 0, set(), Counter[str]()
    for line in report.read_text("utf-8").splitlines():
        ((event, told),) = json.loads(line).items()
        if event == "NonFatalError":
            failed["error"] += 1
        if event != "ScenarioFinished":
            continue
        recorder = told["recorder"]
        # A scenario for which nothing could be made up has neither.
        made = len(recorder.get("interactions", ()))
        tried += made
        if made:
            operations.add(recorder["label"])
        for checks in recorder.get("checks", {}).values():
            failed.update(one["name"] for one in checks if one["status"] == "failure")
    return tried, len(operations), failed
