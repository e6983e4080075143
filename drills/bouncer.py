"""The service behind pgbouncer in transaction mode, which itself is killed and started once.

A pooler that lends a server for one transaction refuses what needs a session: the service is told
of it by `pgbouncer=true` in its URL (app/core/db.py).
"""

import asyncio
import os
import pwd
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

import psycopg

from app.core.embedded import SYSTEM_USER, Cluster, running
from drills import house, load
from drills.table import Finding, left_out
from tests.processes import free_port

DRILL = "pgbouncer"
PROGRAMS = ("pgbouncer", "/usr/sbin/pgbouncer")
REFUSAL_SECONDS_MOST = 10
AWAY_SECONDS = 1.0
SETTINGS = """\
[databases]
shoushan = host={socket} dbname=shoushan user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 8
max_client_conn = 200
server_reset_query_always = 0
admin_users = drill
stats_users = drill
"""


def run(*, short: bool) -> list[Finding]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        return [left_out(DRILL, "pgbouncer (a Debian package) is not installed")]
    residents, seconds, rate = (16, 12.0, 60.0) if short else (500, 120.0, 4.0)
    with house.folder() as home, running(home) as direct:
        bouncer = _Bouncer(program, home, seconds)
        url = f"postgresql://postgres@127.0.0.1:{bouncer.port}/shoushan?pgbouncer=true"
        environment = house.environment(home, rate=rate, begins="22:00", SHOUSHAN_DATABASE_URL=url)
        bouncer.start()
        try:
            with house.up(home, environment) as town:
                record = asyncio.run(
                    load.play(
                        [town.service],
                        town.stand_in,
                        rate=rate,
                        residents=residents,
                        disturb=bouncer.be_killed,
                    )
                )
                jobs = _jobs_done(direct)
                faults = house.audit_faults(environment)
                findings = load.judge(DRILL, record, direct, audit_faults=faults)
        finally:
            bouncer.stop()
    if not jobs:
        raise RuntimeError("the worker found no job")
    return [
        *findings,
        Finding(DRILL, "jobs done, found by asking", jobs),
        Finding(DRILL, "kills of pgbouncer", bouncer.killed),
        record.longest_refusal(DRILL, most=None if short else REFUSAL_SECONDS_MOST),
    ]


class _Bouncer:
    """One pgbouncer before the cluster in `home`, as the cluster's own user where we are root."""

    def __init__(self, program: str, home: Path, seconds: float) -> None:
        self.port, self.killed = free_port(), 0
        self._seconds = seconds
        self._settings = home / "pgbouncer.ini"
        self._settings.write_text(
            SETTINGS.format(socket=Cluster(home).socket_dir, port=self.port), "utf-8"
        )
        self._command = [program, "-q", str(self._settings)]
        self._user = pwd.getpwnam(SYSTEM_USER).pw_uid if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self._process = subprocess.Popen(
            self._command,
            user=self._user,
            extra_groups=None if self._user is None else [],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def be_killed(self) -> None:
        """In the middle of the load, and back a moment later."""
        await asyncio.sleep(self._seconds / 2)
        self.stop()
        self.killed += 1
        await asyncio.sleep(AWAY_SECONDS)
        self.start()
        await asyncio.sleep(self._seconds / 2)


def _jobs_done(url: str) -> int:
    ask = "select count(*) from procrastinate_jobs where status = 'succeeded'"
    with suppress(psycopg.errors.UndefinedTable), psycopg.connect(url) as connection:
        return int(connection.execute(ask).fetchall()[0][0])
    return 0
