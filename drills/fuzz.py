"""Mutated callbacks at real `serve` processes: no 5xx, no death, nothing kept without right.

Two processes on one database: `strict` takes safe mode only, as production does, `plain` also takes
plain bodies. Every case comes from the seed and its number; a failure names both, and
`python -m drills.fuzz SEED NUMBER` shows the case again.
"""

import asyncio
import itertools
import os
import sys
from collections import Counter
from dataclasses import dataclass, field

from drills.fuzz_cases import Case, Server, case
from drills.one_service import Ground, Web, ground
from drills.table import Finding

SEED = 20261123
CASES, CASES_SHORT = 200_000, 3_000
CONNECTIONS = 64
ANSWER_SECONDS = 10
SHOWN = 12
WARM = 0.2
"""Memory is compared with what it was after this part of the cases: pools, caches, buffers."""
GROWTH_MB_MOST = 48
OK, SERVER_ERROR, CLIENT_ERRORS = 200, 500, range(400, 500)


@dataclass
class Found:
    answers: Counter[str] = field(default_factory=Counter)
    forms: Counter[str] = field(default_factory=Counter)
    """What the platform has: XML or JSON, plain or AES; what was changed shows it less clearly."""
    broken: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, one: Case, status: int | None, said: bytes) -> None:
        shown = self.broken.setdefault(what, [])
        shown.append(f"#{one.number} {one.server} {one.kind}: {status} {said[:200]!r}")

    def count(self, what: str) -> int:
        return len(self.broken.get(what, ()))


class Line:
    """One connection to each server, opened again when the other side closes it."""

    def __init__(self, webs: dict[Server, Web]) -> None:
        self.webs = webs
        self.open: dict[Server, tuple[asyncio.StreamReader, asyncio.StreamWriter]] = {}

    async def ask(self, one: Case) -> tuple[int | None, bytes]:
        """Status and body; None if there was no answer at all."""
        for attempt in range(2):
            fresh = one.server not in self.open
            if fresh:
                port = self.webs[one.server].port
                self.open[one.server] = await asyncio.open_connection("127.0.0.1", port)
            reader, writer = self.open[one.server]
            try:
                writer.write(one.wire())
                if one.broken_frame:
                    writer.write_eof()
                async with asyncio.timeout(ANSWER_SECONDS):
                    status, said, closing = await _read(reader)
            except (OSError, asyncio.IncompleteReadError, TimeoutError):
                self._drop(one.server)
                # A kept connection may have been closed just before: asked again on a new one.
                if fresh or attempt or one.broken_frame:
                    return None, b""
                continue
            if closing or one.broken_frame:
                self._drop(one.server)
            return status, said
        return None, b""

    def _drop(self, server: Server) -> None:
        self.open.pop(server)[1].close()

    def close(self) -> None:
        for server in list(self.open):
            self._drop(server)


async def _read(reader: asyncio.StreamReader) -> tuple[int, bytes, bool]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if b": " in line)
    said = await reader.readexactly(int(fields.get(b"content-length", b"0")))
    return int(head.split(b" ", 2)[1]), said, fields.get(b"connection") == b"close"


def judge(one: Case, status: int | None, said: bytes, found: Found) -> None:
    found.answers[str(status)] += 1
    if one.method == "POST":
        sealing = "AES" if b"encrypt_type=aes" in one.query else "plain"
        found.forms[f"{'JSON' if one.body[:1] == b'{' else 'XML'}, {sealing}"] += 1
    if status is None:
        if not one.broken_frame:
            found.note("no answer", one, status, said)
    elif status >= SERVER_ERROR:
        found.note("5xx", one, status, said)
    elif status == OK and not one.right:
        found.note("taken without right", one, status, said)
    elif status != OK and status not in CLIENT_ERRORS:
        found.note("another answer", one, status, said)
    elif status == OK and one.method == "GET" and said != b"%d" % one.number:
        found.note("echoed what it should not", one, status, said)


async def fire(webs: dict[Server, Web], seed: int, numbers: range, found: Found) -> None:
    waiting = iter(numbers)

    async def shoot() -> None:
        line = Line(webs)
        for number in waiting:
            one = case(seed, number)
            judge(one, *await line.ask(one), found)
        line.close()

    await asyncio.gather(*(shoot() for _ in range(CONNECTIONS)))


KEPT = {
    "forged or unsigned messages kept": """
        SELECT count(*) FROM wechat_inbox WHERE fields::text LIKE '%FORGED%'
        OR openid LIKE '%FORGED%'""",
    "people made by forged messages": "SELECT count(*) FROM identity WHERE openid LIKE '%FORGED%'",
    "messages kept that differ from what was sealed": """
        SELECT count(*) FROM wechat_inbox WHERE fields::text LIKE '%OUTER%'
        AND fields ->> 'Content' IS DISTINCT FROM 'OUTER' || (fields ->> 'MsgId')""",
    "genuine messages our code failed on": """
        SELECT count(*) FROM wechat_inbox WHERE state <> 'answered' AND error IS DISTINCT FROM
        'Malformed'""",
}
TOLD = ("5xx", "no answer", "taken without right", "another answer", "echoed what it should not")


def run(*, short: bool) -> list[Finding]:
    seed = int(os.environ.get("FUZZ_SEED", SEED))
    count = CASES_SHORT if short else CASES
    print(f"  {count:,} callbacks, seed {seed} (FUZZ_SEED)", file=sys.stderr)
    found = Found()
    with ground() as here:
        webs: dict[Server, Web] = {
            "strict": here.serve(),
            "plain": here.serve(
                SHOUSHAN_WECHAT__OA__ALLOW_PLAIN="true", SHOUSHAN_WECHAT__MINI__ALLOW_PLAIN="true"
            ),
        }
        warm = int(count * WARM)
        asyncio.run(fire(webs, seed, range(warm), found))
        before = {name: web.rss_mb for name, web in webs.items()}
        asyncio.run(fire(webs, seed, range(warm, count), found))
        growth = max(web.rss_mb - before[name] for name, web in webs.items())
        findings = _findings(here, found, growth)
    for line in itertools.chain.from_iterable(lines[:SHOWN] for lines in found.broken.values()):
        print(f"  {line}", file=sys.stderr)
    print(f"  answers: {dict(found.answers)}", file=sys.stderr)
    return findings


def _findings(here: Ground, found: Found, growth: float) -> list[Finding]:
    kept = here.number("SELECT count(*) FROM wechat_inbox")
    for row in here.ask("SELECT kind, error, count(*) FROM wechat_inbox GROUP BY 1, 2 ORDER BY 1"):
        print("  kept: {} {} {}".format(*row), file=sys.stderr)
    tries = sum(found.answers.values())
    dead = sum(web.is_dead for web in here.webs)
    return [
        Finding("fuzz", "mutated callbacks", tries, part_of="tried"),
        *(Finding("fuzz", f"… {form}", times) for form, times in sorted(found.forms.items())),
        Finding("fuzz", "rightful ones among them kept", kept),
        *(Finding("fuzz", f"callbacks: {what}", found.count(what), expected=0) for what in TOLD),
        *(Finding("fuzz", what, here.number(query), expected=0) for what, query in KEPT.items()),
        Finding("fuzz", "web processes that died", dead, expected=0),
        Finding(
            "fuzz", "growth of a web process", round(growth, 1), most=GROWTH_MB_MOST, unit=" MB"
        ),
    ]


if __name__ == "__main__":
    print(case(int(sys.argv[1]), int(sys.argv[2])).wire().decode("utf-8", "backslashreplace"))
