"""Peers, installed for one measurement in a folder of its own."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from app.core.settings import Account
from bench.servers import Server, process
from tests.processes import free_port

HERE = Path(__file__).parent
WEROBOT = ("WeRoBot>=1.13,<1.14", "tornado", "cryptography")
WECHAT = ("wechat@2.1", "express")


class NotInstalled(Exception):
    """A peer that cannot be had here; it is left out of the table, and said so."""


def installed(folder: Path, *packages: str, then: Sequence[str] = ()) -> str:
    """The interpreter of a new virtual environment with these. Raises NotInstalled."""
    _run(sys.executable, "-m", "venv", str(folder))
    python = str(folder / "bin" / "python")
    for some in (packages, then):
        if some:
            _run(python, "-m", "pip", "install", "--quiet", *some)
    return python


def install_werobot(folder: Path) -> Sequence[str]:
    """The command that starts it, less its arguments."""
    return (installed(folder / "werobot", *WEROBOT), str(HERE / "werobot_peer.py"))


def install_wechat(folder: Path) -> Sequence[str]:
    _run("npm", "install", "--prefix", str(folder), "--no-audit", "--no-fund", *WECHAT)
    return ("node", str(HERE / "wechat_peer.js"))


@contextmanager
def running(command: Sequence[str], folder: Path, account: Account, text: str) -> Iterator[Server]:
    """A peer that answers every text message with this text."""
    port = str(free_port())
    command = (*command, port, account.appid, account.token, account.aes_key, text)
    environment: Mapping[str, str] = {**os.environ, "NODE_ENV": "production"}
    url = f"http://127.0.0.1:{port}"
    with process(command, url, env=environment, cwd=folder, log=folder / "peer.log") as pid:
        yield Server(url, pid, environment)


def _run(*command: str) -> None:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise NotInstalled(f"{command[0]} is not there") from None
    if done.returncode != 0:
        raise NotInstalled((done.stderr.strip() or done.stdout.strip()).splitlines()[-1])
