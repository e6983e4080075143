"""What somebody outside sees of a service in trouble: how long an answer takes, and what it says.

Every probe asks without patience, one request after the other, for as long as it is let; what it
is told as done is remembered, to be looked for in the database afterwards.
"""

import asyncio
import os
import random
import ssl
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psycopg

from app.cli.life import Resident, Town, log_in, make_residents
from app.core.settings import OfficialAccount
from drills.house import House
from drills.table import Finding
from drills.trouble import Trouble
from tests.processes import processes_of
from tests.wechat.pushes import safe

DRILL = "outages"
OA = OfficialAccount()
PAUSE_SECONDS = 0.1
ROOF_SECONDS = 60.0
"""Far beyond what is allowed: what hangs is to be seen with its true length."""
CERTIFICATES = ssl.create_default_context()
"""None is needed, but each client would read them anew: longer than most answers take."""
AUTHOR = ("石榴编辑", "demo-4b")
"""Of the demo town's staff: may send pictures."""


MESSAGES = "SELECT fields->>'MsgId' FROM wechat_inbox WHERE openid LIKE 'o-probe-%'"


class Lines:
    """A client for everybody, as everybody has a phone.

    In a pool that many share, one request closes the idle connections of all of them, one turn of
    the loop for each, before it is sent itself: for two seconds on a busy machine, which were then
    taken for the service's.
    """

    def __init__(self, service: str, stack: AsyncExitStack) -> None:
        self._service, self._stack = service, stack
        self._open: dict[str, httpx.AsyncClient] = {}

    async def of(self, whom: str) -> httpx.AsyncClient:
        if whom not in self._open:
            self._open[whom] = await self._stack.enter_async_context(_client(self._service))
        return self._open[whom]


def _client(url: str) -> httpx.AsyncClient:
    # The server hangs up on a connection that was idle for 5 s; not to ask in just that moment.
    limits = httpx.Limits(keepalive_expiry=2)
    return httpx.AsyncClient(
        base_url=url, timeout=ROOF_SECONDS, limits=limits, trust_env=False, verify=CERTIFICATES
    )


@dataclass
class Prober:
    """Everybody who asks, and what they were told is done."""

    house: House
    client: httpx.AsyncClient
    phone: httpx.AsyncClient
    people: list[Resident]
    author: Resident
    lesson_id: int
    clock: datetime
    clock_read_at: float
    rate: float
    lines: Lines
    trouble: Trouble = field(default_factory=lambda: Trouble("before"))
    kept: set[int] = field(default_factory=set)
    """Numbers of the messages that were answered 200."""
    read: dict[int, int] = field(default_factory=dict)
    """Number of a person → the seconds of reading that an answer told of."""
    number: int = 0

    async def ask(
        self, what: str, method: str, path: str, who: Resident | None = None, **parts: Any
    ) -> httpx.Response | None:
        headers = {} if who is None else {"Authorization": f"Bearer {who.token}"}
        line = await self.lines.of(what if who is None else who.name)
        began = time.monotonic()
        try:
            answer = await line.request(method, path, headers=headers, **parts)
        except httpx.TransportError as error:
            self.trouble.unanswered += 1
            self.trouble.codes[type(error).__name__] += 1
            return None
        # Whoever had asked before the trouble began waits as well.
        self.trouble.note(what, answer, time.monotonic() - began)
        return answer

    async def beat(self, who: Resident) -> bool:
        said = await self.ask("beat", "POST", f"/api/v1/lessons/{self.lesson_id}/beats", who)
        if said is None or not said.is_success:
            return False
        self.read[who.number] = max(self.read.get(who.number, 0), said.json()["seconds"])
        return True

    async def write(self, who: Resident) -> bool:
        """A message to the account, as WeChat delivers it."""
        self.number += 1
        number, now = self.number, int(time.time())
        message = (
            f"<xml><ToUserName>{OA.original_id}</ToUserName>"
            f"<FromUserName>o-probe-{who.number}</FromUserName><CreateTime>{now}</CreateTime>"
            f"<MsgType>text</MsgType><Content>帮助</Content><MsgId>{number}</MsgId></xml>"
        )
        query, body = safe(OA, message, now=self.now())
        to = f"/wechat/{OA.appid}"
        said = await self.ask("message", "POST", to, who, params=query, content=body)
        if said is None or not said.is_success:
            return False
        self.kept.add(number)
        return True

    async def look(self, who: Resident) -> bool:
        said = await self.ask("page", "GET", "/api/v1/me/credits", who)
        return said is not None and said.is_success

    def now(self) -> datetime:
        """The service's clock, which stamps what the platform sends."""
        passed = time.monotonic() - self.clock_read_at
        return self.clock + timedelta(seconds=passed * self.rate)

    async def all_is_well(self) -> bool:
        who = self.people[0]
        done = await asyncio.gather(self.beat(who), self.write(who), self.look(who))
        ready = await self.ask("readyz", "GET", "/readyz")
        return all(done) and ready is not None and ready.is_success

    async def _for_ever(self, act: Any, *given: Any) -> None:
        while True:
            await act(*given)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _weigh(self) -> None:
        self.trouble.rss_most = max(self.trouble.rss_most, weight(self.trouble.pids))

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[None]:
        """All of them ask while this block runs; the last answers are waited for."""
        acts = (self.beat, self.write, self.look)
        asked = [self._for_ever(acts[n % 3], who) for n, who in enumerate(self.people)]
        asked += [
            self._for_ever(self.ask, name, "GET", f"/{name}")
            for name in ("healthz", "readyz", "metrics")
        ]
        tasks = [asyncio.create_task(one) for one in (*asked, self._for_ever(self._weigh))]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def in_trouble(self, name: str) -> AsyncIterator[Trouble]:
        """The block breaks something and mends it; then we wait until all is well again."""
        pids = pids_of(self.house)
        self.trouble = Trouble(name, pids=pids, rss_before=weight(pids))
        try:
            yield self.trouble
        finally:
            mended = self.trouble.mended_at or time.monotonic()
            while not await self.all_is_well():
                if time.monotonic() - mended > ROOF_SECONDS:
                    break
                await asyncio.sleep(PAUSE_SECONDS)
            self.trouble.recovered = time.monotonic() - mended
            # Whoever asked before the end is still owed an answer.
            await asyncio.sleep(1)
            self.trouble.died = len(pids - pids_of(self.house))

    async def untrue(self, url: str) -> list[Finding]:
        """What was acknowledged, beside what is there."""
        with psycopg.connect(url) as connection:
            there = Counter(int(row[0]) for row in connection.execute(MESSAGES))
        short = 0
        for who in self.people:
            path = f"/api/v1/lessons/{self.lesson_id}"
            said = await self.ask("lesson", "GET", path, who)
            assert said is not None
            short += said.json()["progress"]["seconds"] < self.read.get(who.number, 0)
        told, lost, doubled = (
            "acknowledged messages",
            len(self.kept - set(there)),
            there.total() - len(there),
        )
        return [
            Finding(DRILL, told, len(self.kept), part_of="acknowledged"),
            Finding(DRILL, f"{told} that are lost", lost, expected=0, part_of="lost"),
            Finding(DRILL, "messages kept twice", doubled, expected=0, part_of="doubled"),
            Finding(DRILL, "people with acknowledged time", len(self.read), part_of="acknowledged"),
            Finding(DRILL, "… whose time was lost", short, expected=0, part_of="lost"),
        ]


@asynccontextmanager
async def probing(house: House, people: int) -> AsyncIterator[Prober]:
    """So many residents and one author, signed in, beside whoever else lives there."""
    async with (
        _client(house.service) as client,
        _client(house.stand_in) as phone,
        AsyncExitStack() as stack,
    ):
        town = Town(client, phone, 1, {}, random.Random(1))
        *known, author = make_residents(people + 1, [""], town.dice)
        author.name = AUTHOR[0]
        for one in (*known, author):
            base = AUTHOR[1] if one is author else f"probe-{one.number}"
            form = {"name": one.name, "openid_base": base}
            one.phone_id = (await phone.post("/_sandbox/users", json=form)).json()["id"]
            await log_in(town, one)
        token = {"Authorization": f"Bearer {author.token}"}
        lessons = (await client.get("/api/v1/lessons", headers=token)).json()["items"]
        now = datetime.fromisoformat((await client.get("/healthz")).json()["now"])
        rate = float(house.environment["SHOUSHAN_CLOCK_RATE"])
        yield Prober(
            house, client, phone, known, author, lessons[0]["id"], now, time.monotonic(), rate,
            Lines(house.service, stack),
        )  # fmt: skip


def pids_of(house: House) -> set[int]:
    return {pid for name in ("serve", "worker") for pid in processes_of(house.data_dir, name)}


def weight(pids: set[int]) -> float:
    """Resident memory of these processes together, in MB."""
    return sum(_rss(pid) for pid in pids)


def _rss(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
