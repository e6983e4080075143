"""`shoushan up`: starts the processes, watches them, restarts one that dies, stops them all."""

import asyncio
import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import click
import httpx

from app.cli.data import migrate_database
from app.cli.running import Failed, connected, database
from app.cli.town import settle_town
from app.core import clock, embedded
from app.core.logging import get_logger
from app.core.settings import PROJECT, Settings, get_settings

log = get_logger()

READY_SECONDS = 60
STOP_SECONDS = 25
"""Longer than a worker's and a web process's own grace."""
RESTART_SECONDS = 1.0
PR_SET_PDEATHSIG = 1
NOTICES = ("lesson", "activity", "honour", "duty")


@dataclass
class Child:
    """One process: its subcommand, and the running instance."""

    name: str
    environment: dict[str, str]
    process: "subprocess.Popen[bytes] | None" = field(default=None)

    def start(self) -> None:
        self.process = subprocess.Popen(  # noqa: S603  our own program
            [sys.executable, "-m", "app.cli.main", self.name],
            env=self.environment,
            cwd=PROJECT,
            # Its own group: a Ctrl-C in the terminal reaches us first, and we stop it in order.
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509  this process has one thread
        )


def supervise(settings: Settings, *, with_sandbox: bool, town: bool, week: bool) -> None:
    """Run everything until a signal. Raises Failed where it cannot start."""
    embedded_in = settings.data_dir if settings.database_url is None else None
    with _only_one(settings.data_dir), database(settings) as url:
        _ports_are_free(settings, with_sandbox=with_sandbox)
        migrate_database(url)
        settings = _adopt(settings, url, with_sandbox=with_sandbox)
        environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
        names = ["sandbox"] * with_sandbox + ["serve", "worker"]
        children = [Child(name, environment) for name in names]
        if with_sandbox and "SHOUSHAN_LOG_LEVEL" not in os.environ:
            # On a laptop a line for every request would bury the addresses to open.
            children[1].environment = {**environment, "SHOUSHAN_LOG_LEVEL": "WARNING"}
        stopping = _Stopping()
        try:
            for child in children:
                child.start()
            _wait_until_ready(settings, children, stopping)
            if town and not stopping:
                _settle(settings, url, with_sandbox=with_sandbox, week=week)
                if with_sandbox and week:
                    children.append(Child("staff", environment))
                    children[-1].start()
            if not stopping:
                _announce(settings, with_sandbox=with_sandbox)
            _watch(children, stopping, embedded_in)
        finally:
            _stop(children)


class _Stopping:
    """Becomes true at SIGINT or SIGTERM."""

    def __init__(self) -> None:
        self.asked = False
        for name in (signal.SIGINT, signal.SIGTERM):
            signal.signal(name, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def __bool__(self) -> bool:
        return self.asked


@contextmanager
def _only_one(data_dir: Path) -> Iterator[None]:
    """Hold the data directory for this `up`; a killed one lets go by itself."""
    data_dir.mkdir(parents=True, exist_ok=True)
    path = data_dir / "up.lock"
    with path.open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise Failed(
                f"another `shoushan up` (process {lock.read().strip()}) runs on"
                f" {data_dir.resolve()} 该目录下已有一个服务在运行"
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _ports_are_free(settings: Settings, *, with_sandbox: bool) -> None:
    wanted = [(settings.host, settings.port)]
    if with_sandbox:
        wanted.append((settings.sandbox.host, settings.sandbox.port))
    for host, port in wanted:
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, port))
            except OSError as error:
                raise Failed(f"{host}:{port} is taken ({error.strerror}) 端口已被占用") from None


def _adopt(settings: Settings, url: str, *, with_sandbox: bool) -> Settings:
    """Let this process and its children agree on the database, the folder and who plays Tencent."""
    os.environ["SHOUSHAN_DATABASE_URL"] = url
    os.environ["SHOUSHAN_DATA_DIR"] = str(settings.data_dir.resolve())
    if with_sandbox:
        for name, value in stand_in(settings).items():
            os.environ.setdefault(name, value)
    get_settings.cache_clear()
    return get_settings()


def stand_in(settings: Settings) -> dict[str, str]:
    """Where Tencent's stand-in is, and credentials: it reads the same ones, so it accepts them."""
    bases = [f"WECHAT__{name}" for name in ("API_URL", "OPEN_URL", "MP_URL")]
    bases += ["WECOM__API_URL", "QQ__TOKEN_URL", "QQ__API_URL"]
    templates = {kind: f"development-template-{kind}" for kind in NOTICES}
    return {f"SHOUSHAN_{name}": sandbox_url(settings) for name in bases} | {
        "SHOUSHAN_WECOM__CORP_ID": "ww00000000000000c3",
        "SHOUSHAN_WECOM__SECRET": "development-wecom-secret",
        "SHOUSHAN_WECOM__AGENT_ID": "1000002",
        "SHOUSHAN_QQ__APP_ID": "100000004",
        "SHOUSHAN_QQ__CLIENT_SECRET": "development-qq-secret",
        "SHOUSHAN_PUSH__NOTICE_TEMPLATES": json.dumps(templates),
    }


def sandbox_url(settings: Settings) -> str:
    return f"http://{settings.sandbox.host}:{settings.sandbox.port}"


def local_url(settings: Settings) -> str:
    return f"http://{settings.host}:{settings.port}"


def _die_with_parent() -> None:
    """Linux: a killed supervisor takes its children with it (prctl(2), PR_SET_PDEATHSIG)."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _wait_until_ready(settings: Settings, children: list[Child], stopping: _Stopping) -> None:
    deadline = clock.monotonic() + READY_SECONDS
    while not stopping:
        for child in children:
            if child.process is not None and (code := child.process.poll()) is not None:
                raise Failed(f"{child.name} did not start (exit status {code})")
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{local_url(settings)}/readyz", timeout=2).is_success:
                return
        if clock.monotonic() > deadline:
            raise Failed(f"the web process was not ready within {READY_SECONDS} s")
        time.sleep(0.1)


def _settle(settings: Settings, url: str, *, with_sandbox: bool, week: bool) -> None:
    async def settle() -> None:
        async with connected(settings, url):
            await settle_town(
                settings,
                service=local_url(settings),
                stand_in=sandbox_url(settings) if with_sandbox else None,
                week=week,
            )

    asyncio.run(settle())


def _announce(settings: Settings, *, with_sandbox: bool) -> None:
    """Where to begin, for somebody who knows nothing: each role's address, and what it is for."""
    here, there = local_url(settings), sandbox_url(settings)
    rows = [
        ("居民网页 residents", f"{here}/", "微信里免登录；电脑上用手机扫码登录"),
        ("工作室   studio", f"{here}/studio", "辅导员、讲师、编辑"),
        ("管理台   desk", f"{here}/desk", "管理员"),
        ("接口文档 API", f"{here}/docs", ""),
    ]
    lines = [_row(*row) for row in rows]
    if with_sandbox:
        begin = [
            ("模拟手机 phone", f"{there}/", "当居民：新建一位，关注、学习、拿证书"),
            ("工作人员 staff", f"{there}/staff", "当辅导员、审核人、管理员：点一下就登录"),
            ("群聊     groups", f"{there}/groups", "群里收到的推送"),
            ("公众号   account", f"{there}/account", "发出去的文章"),
        ]
        lines = [*(_row(*row) for row in begin), "", *lines]
        lines.append(_row("替身接口 stand-in", f"{there}/_sandbox/docs", ""))
    else:
        lines.append("  第一次登录 the first sign-in: shoushan login-link --help")
    click.echo("\n首善学堂 is running. 用浏览器打开 open in a browser:\n")
    click.echo("\n".join(lines) + "\n\nCtrl-C stops it. 按 Ctrl-C 停止。\n")


def _row(name: str, address: str, what: str) -> str:
    """In columns on a terminal, where a Chinese character is two wide."""
    wide = sum(unicodedata.east_asian_width(letter) in "WF" for letter in name)
    return f"  {name}{' ' * (20 - len(name) - wide)}{address:<32}{what}".rstrip()


def _watch(children: list[Child], stopping: _Stopping, embedded_in: Path | None) -> None:
    """Start again what died: the database first, without which the others end, too."""
    cluster = None if embedded_in is None else embedded.Cluster(embedded_in)
    while not stopping:
        if cluster is not None:
            _revive(cluster)
        for child in children:
            if child.process is not None and (code := child.process.poll()) is not None:
                log.warning("process.died", child=child.name, status=code)
                time.sleep(RESTART_SECONDS)
                if not stopping:
                    child.start()
        time.sleep(0.1)


def _revive(cluster: embedded.Cluster) -> None:
    try:
        if embedded.revive(cluster):
            log.warning("process.died", child="database")
    except embedded.DatabaseDidNotStart as error:
        # The next look tries again: what it was killed in the middle of may still be ending.
        log.error("database.not_revived", detail=error.detail)  # noqa: TRY400  no traceback of ours


def _stop(children: list[Child]) -> None:
    """Ask all, then insist. The web process first stops taking requests, then the worker ends."""
    alive = [child.process for child in children if child.process is not None]
    for process in alive:
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGTERM)
    deadline = clock.monotonic() + STOP_SECONDS
    for process in alive:
        try:
            process.wait(timeout=max(0.1, deadline - clock.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
