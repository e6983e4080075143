"""Two accounting libraries on the same PostgreSQL, each in a virtual environment of its own."""

import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import psycopg
from psycopg import sql

from app.core.embedded import Cluster
from bench.peers.install import HERE, NotInstalled, installed

AWARDS = 300
Peer = Callable[[], float]


def install_hordak(server: Cluster, folder: Path) -> Peer:
    python = installed(
        folder / "hordak", "django-hordak==2.0.0", "dj-database-url", "psycopg[binary]", "requests"
    )
    return _first(python, "hordak_peer.py", _database(server, "hordak"))


def install_accounting(server: Cluster, folder: Path) -> Peer:
    # Less its driver for MySQL, which would have to be compiled.
    python = installed(
        folder / "accounting", "python-accounting==2.0.0", "--no-deps",
        then=("sqlalchemy>=2.1.4,<2.2", "psycopg2-binary", "python-dateutil"),
    )  # fmt: skip
    return _first(python, "accounting_peer.py", _database(server, "accounting"))


PEERS: dict[str, Callable[[Cluster, Path], Peer]] = {
    "django-hordak 2.0": install_hordak,
    "python-accounting 2.0": install_accounting,
}


def _database(server: Cluster, name: str) -> str:
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return server.url(name)


def _first(python: str, script: str, url: str) -> Peer:
    """The peer, once it has made its tables and booked something."""
    peer = partial(_book, python, script, url)
    peer(10)
    return peer


def _book(python: str, script: str, url: str, awards: int = AWARDS) -> float:
    command = [python, str(HERE / script), url, str(awards)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(done.stderr, file=sys.stderr)
        raise NotInstalled((done.stderr.strip() or done.stdout.strip()).splitlines()[-1])
    return float(done.stdout.split()[-1])
