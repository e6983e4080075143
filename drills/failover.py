"""The primary loses its power under load; its synchronous standby is promoted.

The service is pointed at both (`target_session_attrs=read-write`) and is not touched. Later the
old primary's address comes back as a standby, first in the URL: nobody may stay with it.
"""

import asyncio
import time
from dataclasses import dataclass

from drills import house, load
from drills.servers import STANDBY, Server
from drills.table import Finding

DRILL = "fail-over"
REFUSAL_SECONDS_MOST = 10
SYNC_SECONDS = 30
CONNECTED = """
select count(*) from pg_stat_activity
where backend_type = 'client backend' and datname = 'shoushan'
"""


def run(*, short: bool) -> list[Finding]:
    residents, seconds, rate = (16, 15.0, 60.0) if short else (500, 120.0, 4.0)
    with house.folder() as home:
        one, two = Server(home / "one"), Server(home / "two")
        one.create()
        two.follow(one)
        _synchronise(one)
        hosts = f"{one.host}:{one.port},{two.host}:{two.port}"
        url = f"postgresql://postgres@{hosts}/shoushan?target_session_attrs=read-write"
        environment = house.environment(home, rate=rate, begins="22:00", SHOUSHAN_DATABASE_URL=url)
        try:
            with house.up(home, environment) as running:
                killing = _FailOver(one, two, seconds)
                record = asyncio.run(
                    load.play(
                        [running.service],
                        running.stand_in,
                        rate=rate,
                        residents=residents,
                        disturb=killing.go,
                    )
                )
                stale = one.say(CONNECTED)[0][0]
                faults = house.audit_faults(environment)
                findings = load.judge(DRILL, record, two.url(), audit_faults=faults)
        finally:
            one.stop()
            two.stop()
    return [
        *findings,
        Finding(DRILL, "from the kill to the standby's promotion", killing.took, unit=" s"),
        record.longest_refusal(DRILL, most=None if short else REFUSAL_SECONDS_MOST),
        Finding(DRILL, "connections to the old primary's address", int(str(stale)), expected=0),
    ]


def _synchronise(primary: Server) -> None:
    """From now on a commit is acknowledged only once the standby has it on its disk."""
    primary.say(f"ALTER SYSTEM SET synchronous_standby_names = '{STANDBY}'")
    primary.say("SELECT pg_reload_conf()")
    deadline = time.monotonic() + SYNC_SECONDS
    while primary.say("SELECT sync_state FROM pg_stat_replication") != [("sync",)]:
        if time.monotonic() > deadline:
            raise RuntimeError("the standby does not keep up")
        time.sleep(0.1)


@dataclass
class _FailOver:
    one: Server
    two: Server
    seconds: float
    took: float = 0.0

    async def go(self) -> None:
        """A third of the time all is well; then the primary dies, and comes back as a standby."""
        await asyncio.sleep(self.seconds / 3)
        began = time.monotonic()
        self.one.kill()
        await asyncio.to_thread(self.two.promote)
        self.took = round(time.monotonic() - began, 1)
        await asyncio.sleep(self.seconds / 3)
        await asyncio.to_thread(self._come_back)
        await asyncio.sleep(self.seconds / 3)

    def _come_back(self) -> None:
        """The old primary's machine is made anew as the new one's standby."""
        self.one.clear()
        self.one.follow(self.two)
