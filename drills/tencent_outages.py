"""Tencent's side is slow, flaps and lies in the hour when the town's groups get their push.

Signing in needs WeChat and is refused clearly meanwhile; nothing else is affected; every group has
its push once at the end, as its members see it.
"""

import asyncio
import sys
import time

from app.cli.life import Resident, Town
from app.cli.running import Failed
from app.cli.staff import Office, dice, open_rooms, prepare_week
from app.cli.week import check_week, do_duties, seen_in_groups, settle_doubts
from app.core import clock
from drills import house
from drills.house import House
from drills.probes import PAUSE_SECONDS, Prober, probing
from drills.table import Finding

DRILL = "Tencent's side"
RATE, BEGINS = 60.0, "06:45"
"""A quarter of an hour of the town's in a quarter of a minute: so long its staff prepares the day.

At a faster rate a slow machine lets the hours pass in which a tutor may still forward.
"""
RECOVERED_MOST = 30
ROUND_SECONDS = 0.3
PATIENCE_SECONDS = 90
Fault = dict[str, object]
BUSY: Fault = {"kind": "errcode", "errcode": -1}
"""The platform's own word for it; a QQ bot's has none."""
CUT: Fault = {"kind": "reset"}
GATEWAY: Fault = {"kind": "html502"}
FINE: Fault = {"kind": "latency", "seconds": 0}
WRONG: Fault = {"kind": "wrong_types"}
HALF: Fault = {"kind": "truncated"}
TROUBLES: dict[str, tuple[Fault, ...]] = {
    "slow (10 s)": ({"kind": "latency", "seconds": 10},),
    "flapping": (BUSY, FINE, CUT, FINE, GATEWAY, FINE),
    "lying": (WRONG, HALF, GATEWAY),
}
CALLS = ("/sns/*", "/cgi-bin/*", "/v2/*")
TIMES = 30
TRIES = 100


def run(*, short: bool) -> list[Finding]:
    seconds, people = (7.0, 9) if short else (15.0, 30)
    with house.folder() as data_dir:
        environment = house.environment(data_dir, rate=RATE, begins=BEGINS)
        with house.up(data_dir, environment) as running:
            findings = asyncio.run(_drill(running, people, seconds))
            faults = house.audit_faults(environment)
    return [*findings, Finding(DRILL, "faults the audit finds", faults, expected=0)]


async def _drill(running: House, people: int, seconds: float) -> list[Finding]:
    findings: list[Finding] = []
    async with probing(running, people) as prober:
        office = Office(Town(prober.client, prober.phone, RATE, {}, dice()))
        await office.sign_in()
        await open_rooms(office)
        day = clock.local_day(prober.now())
        await prepare_week(office, day, 1)
        await office.stand_in("DELETE", "/faults")
        first = _minutes(min(one["send_at"] for one in office.script["groups"]))
        early = first - _minutes(_time(prober))
        await asyncio.sleep(max(0, early * 60 / RATE))
        async with prober.asking():
            for name, faults in TROUBLES.items():
                findings += await _go_wrong(prober, office, name, faults, seconds)
        return findings + await _pushes(office)


async def _go_wrong(
    prober: Prober, office: Office, name: str, faults: tuple[Fault, ...], seconds: float
) -> list[Finding]:
    """Let calls go wrong in turn for so long, while residents sign in."""
    async with prober.in_trouble(f"{DRILL} {name}") as trouble:
        for path in CALLS:
            for fault in faults * TIMES:
                if not (fault is BUSY and path == "/v2/*"):
                    await office.stand_in("POST", "/faults", {"path": path, **fault})
        signing = [asyncio.create_task(_sign_in_for_ever(prober, who)) for who in prober.people[:3]]
        await asyncio.sleep(seconds)
        for task in signing:
            task.cancel()
        await office.stand_in("DELETE", "/faults")
        trouble.mended()
        for _ in range(TRIES):
            if await _sign_in(prober, prober.people[0]):
                break
            await asyncio.sleep(PAUSE_SECONDS)
    affected = sum(trouble.refused(what) for what in ("beat", "message", "page", "readyz"))
    return [
        *trouble.findings(recovered_most=RECOVERED_MOST),
        Finding(trouble.name, "sign-ins refused", trouble.refused("sign-in")),
        Finding(trouble.name, "refusals of what needs no WeChat", affected, expected=0),
    ]


async def _sign_in_for_ever(prober: Prober, who: Resident) -> None:
    while True:
        await _sign_in(prober, who)
        await asyncio.sleep(PAUSE_SECONDS)


async def _sign_in(prober: Prober, who: Resident) -> bool:
    said = await prober.phone.post(f"/_sandbox/users/{who.phone_id}/mini-code", json={})
    code = {"code": said.json()["code"]}
    answer = await prober.ask("sign-in", "POST", "/api/v1/login/mini", json=code)
    return answer is not None and answer.is_success


async def _pushes(office: Office) -> list[Finding]:
    """Tutors and administrators do what they are asked to; then every group is looked at."""
    named = {one["name"]: one for one in office.script["groups"]}
    due = {name for name in office.rooms if not named[name].keys() & {"forgets", "removed"}}
    ends = time.monotonic() + PATIENCE_SECONDS
    while True:
        await do_duties(office)
        await settle_doubts(office)
        seen = await seen_in_groups(office)
        missing = due - {name for name, _ in seen}
        if not missing or time.monotonic() > ends:
            break
        await asyncio.sleep(ROUND_SECONDS)
    try:
        print(await check_week(office, issues=0), file=sys.stderr)
        untrue = 0
    except Failed as error:
        print(error, file=sys.stderr)
        untrue = 1
    return [
        Finding(DRILL, "groups whose push is due", len(due), part_of="tried"),
        Finding(DRILL, "groups that never had it", len(missing), expected=0, part_of="lost"),
        Finding(
            DRILL, "pushes that a group saw twice", len(seen) - len(set(seen)), expected=0,
            part_of="doubled",
        ),
        Finding(DRILL, "what is called sent is not what was seen", untrue, expected=0),
    ]  # fmt: skip


def _time(prober: Prober) -> str:
    return prober.now().astimezone(clock.TOWN).strftime("%H:%M")


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)
