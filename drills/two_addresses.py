"""Two machines, each with a web and a worker process, on one PostgreSQL and one stand-in.

Each machine is a network namespace (ip-netns(8)) with an address of its own. The first runs
`shoushan up`, the second `serve` and `worker` with the same settings.
"""

import asyncio
import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psycopg

from app.cli.life import Town, ask, log_in, make_residents
from app.cli.supervisor import stand_in as play_tencent
from app.core.settings import SandboxSettings, Settings
from drills import house, load
from drills.servers import Server
from drills.table import Finding, left_out
from tests.processes import wait_until_ready

DRILL = "two addresses"
ASK_FOR_TOKEN = "/cgi-bin/stable_token"  # noqa: S105  an address
FOLLOWERS = 12
BOARDS = (
    "/rankings/villages?period=all&limit=100",
    "/rankings/people?period=all&limit=100",
    "/rankings/villages?period=week&limit=100",
)
FIRED = """
select task_name, args ->> 'due_at', count(*) from procrastinate_jobs
where args ? 'due_at' group by 1, 2
"""


def run(*, short: bool) -> list[Finding]:
    residents, seconds, rate = (16, 6.0, 60.0) if short else (500, 120.0, 4.0)
    with ExitStack() as stack:
        home = stack.enter_context(house.folder())
        try:
            net = stack.enter_context(_two_machines())
        except (OSError, subprocess.CalledProcessError) as error:
            return [left_out(DRILL, f"network namespaces are not permitted ({error})")]
        server = Server(home, host=net.here)
        server.create(network=f"{net.here}/24")
        stack.callback(server.stop)
        environments = _environments(home, net, server.url(), rate)
        first = stack.enter_context(house.up(home, environments[0], *net.inside(0)))
        for name in ("serve", "worker"):
            folder = home / "second"
            folder.mkdir(exist_ok=True)
            stack.enter_context(
                house.started(folder, environments[1], *net.inside(1), arguments=[name])
            )
        second = f"http://{net.there[1]}:{environments[1]['SHOUSHAN_PORT']}"
        wait_until_ready(second)
        services = [first.service, second]
        tokens = _Tokens(first.stand_in, seconds)
        record = asyncio.run(
            load.play(
                services, first.stand_in, rate=rate, residents=residents, disturb=tokens.end_them
            )
        )
        differing = asyncio.run(_differing_boards(services, first.stand_in))
        asked = asyncio.run(tokens.asked())
        workers, fired, doubled = _fired(server.url())
        faults = house.audit_faults(environments[0])
        findings = load.judge(DRILL, record, server.url(), audit_faults=faults)
    return [
        *findings,
        Finding(DRILL, "workers at work", workers, expected=2),
        Finding(DRILL, "schedules fired", fired),
        Finding(DRILL, "schedules fired more than once", doubled, expected=0, part_of="doubled"),
        Finding(DRILL, "tokens that ended", tokens.ended),
        Finding(DRILL, "calls for a token, first and after each end", asked, expected=2),
        Finding(DRILL, "rankings in which the two differ", differing, expected=0),
        record.longest_refusal(DRILL, most=None),
    ]


@dataclass(frozen=True)
class _Net:
    """Two namespaces on one switch, their addresses, and ours on the same switch."""

    switch: str
    names: tuple[str, str]
    there: tuple[str, str]
    here: str

    def inside(self, number: int) -> tuple[str, ...]:
        return ("ip", "netns", "exec", self.names[number])


@contextmanager
def _two_machines() -> Iterator[_Net]:
    mark = f"drill{os.getpid() % 100_000}"
    base = f"10.{200 + os.getpid() % 50}.{os.getpid() % 251}"
    net = _Net(
        switch=mark,
        names=(f"{mark}a", f"{mark}b"),
        there=(f"{base}.2", f"{base}.3"),
        here=f"{base}.1",
    )
    try:
        _ip("link", "add", net.switch, "type", "bridge")
        _ip("addr", "add", f"{net.here}/24", "dev", net.switch)
        _ip("link", "set", net.switch, "up")
        for name, there in zip(net.names, net.there, strict=True):
            _ip("netns", "add", name)
            _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("link", "set", name, "master", net.switch, "up")
            _ip("-n", name, "addr", "add", f"{there}/24", "dev", "eth0")
            for link in ("lo", "eth0"):
                _ip("-n", name, "link", "set", link, "up")
        yield net
    finally:
        # The end of a cable goes with its namespace, and so does the other one.
        for gone in (*(("netns", "del", name) for name in net.names), ("link", "del", net.switch)):
            subprocess.run(["ip", *gone], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


def _environments(home: Path, net: _Net, url: str, rate: float) -> list[dict[str, str]]:
    """The same installation twice; both know the stand-in, which runs on the first machine."""
    both = house.environment(home, rate=rate, begins="23:40", SHOUSHAN_DATABASE_URL=url)
    phone = int(both["SHOUSHAN_SANDBOX__PORT"])
    tencent = play_tencent(
        Settings(_env_file=None, sandbox=SandboxSettings(host=net.there[0], port=phone))
    )
    both |= tencent | {
        "SHOUSHAN_SANDBOX__HOST": net.there[0],
        "SHOUSHAN_PUBLIC_URL": f"http://{net.there[0]}:{both['SHOUSHAN_PORT']}",
    }
    return [both | {"SHOUSHAN_HOST": there} for there in net.there]


@dataclass
class _Tokens:
    """The official account's access token, seen from Tencent's side."""

    stand_in: str
    seconds: float
    ended: int = 0

    async def end_them(self) -> None:
        """In the middle of the load the token is replaced, and both machines need one at once."""
        await asyncio.sleep(self.seconds / 2)
        async with httpx.AsyncClient(base_url=self.stand_in, trust_env=False, timeout=30) as phone:
            path = f"/_sandbox/accounts/{_appid()}/tokens"
            answer = await phone.post(path, json={"how": "replace"})
            self.ended += int(answer.raise_for_status().json()["ended"])
            # Of each the workers ask Tencent who that is.
            await asyncio.gather(*(self._follow(phone, number) for number in range(FOLLOWERS)))
        await asyncio.sleep(self.seconds / 2)

    async def _follow(self, phone: httpx.AsyncClient, number: int) -> None:
        form = {"name": f"新来的{number}", "openid_base": f"drill-{number}"}
        user = (await phone.post("/_sandbox/users", json=form)).raise_for_status().json()
        await phone.post(f"/_sandbox/users/{user['id']}/follow", json={})

    async def asked(self) -> int:
        """How often anybody asked for one."""
        async with httpx.AsyncClient(base_url=self.stand_in, trust_env=False) as phone:
            answer = await phone.get("/_sandbox/calls?limit=5000")
        return sum(one["path"] == ASK_FOR_TOKEN for one in answer.raise_for_status().json())


def _appid() -> str:
    return Settings(_env_file=None).wechat.oa.appid


async def _differing_boards(services: list[str], stand_in: str) -> int:
    """The same resident asks both for the same rankings."""
    async with (
        httpx.AsyncClient(base_url=services[0], trust_env=False) as one,
        httpx.AsyncClient(base_url=services[1], trust_env=False) as two,
        httpx.AsyncClient(base_url=stand_in, trust_env=False) as phone,
    ):
        town = Town(one, phone, 1, {}, random.Random(1))
        asking = make_residents(1, [""], town.dice)[0]
        form = {"name": asking.name, "openid_base": "life-1"}
        asking.phone_id = (await ask(town, phone, "POST", "/_sandbox/users", json=form)).json()[
            "id"
        ]
        await log_in(town, asking)
        headers = {"Authorization": f"Bearer {asking.token}"}
        differing = 0
        for board in BOARDS:
            answers = [
                (await client.get(f"/api/v1{board}", headers=headers)).raise_for_status().json()
                for client in (one, two)
            ]
            if not answers[0]["items"]:
                raise RuntimeError(f"nobody stands in {board}")
            differing += any(answers[0][part] != answers[1][part] for part in ("items", "me"))
    return differing


def _fired(url: str) -> tuple[int, int, int]:
    """Workers that the queue knows, runs of schedules, and runs beyond the first of each."""
    with psycopg.connect(url) as connection:
        workers = connection.execute("select count(*) from procrastinate_workers").fetchall()
        times = [int(row[2]) for row in connection.execute(FIRED)]
    return int(workers[0][0]), len(times), sum(times) - len(times)
