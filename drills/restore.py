"""A backup of a running installation comes back on an empty machine; a damaged one never does.

Residents go on learning while the backup is made. Then the backup is broken, killed and restored
with the operator's own commands, on a data directory of its own.
"""

import hashlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg

from app.cli import backup_file
from app.core.embedded import Cluster
from app.core.errors import DomainError
from drills.crowd import Crowd
from drills.table import Finding
from tests.processes import PROJECT, Installation, running

DRILL = "restore"
RATE = 60.0
FAST = {
    "SHOUSHAN_CLOCK_RATE": str(RATE),
    "SHOUSHAN_RATE__ADDRESS": "1000000/minute",
    "SHOUSHAN_RATE__LOGIN": "1000000/minute",
    "SHOUSHAN_RATE__PERSON": "100000/minute",
}
PICTURES = 20
AWARDED = """
SELECT p.name, t.unit, sum(t.amount) FROM transfer t JOIN account a ON a.id = t.credit_id
JOIN person p ON p.id = a.person_id GROUP BY 1, 2
"""
TRANSFERS = "SELECT id, md5(transfer::text) FROM transfer"
TABLES = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"


@dataclass(frozen=True)
class Machine:
    """A place to restore to, beside the running installation."""

    installation: Installation

    @classmethod
    def empty(cls, like: Installation, home: Path) -> "Machine":
        facts = {**like.environment, "SHOUSHAN_DATA_DIR": str(home)}
        return cls(replace(like, environment=facts))

    @property
    def home(self) -> Path:
        return Path(self.installation.environment["SHOUSHAN_DATA_DIR"])

    def tables(self) -> int:
        cluster = Cluster(self.home)
        cluster.start()
        with psycopg.connect(cluster.url()) as connection:
            row = connection.execute(TABLES).fetchone()
        assert row is not None
        return int(row[0])

    def restore(self, file: Path) -> "subprocess.CompletedProcess[str]":
        return self.installation.shoushan("restore", str(file))


def put_pictures(town: Installation) -> None:
    """Files and rows as the studio leaves them."""
    folder = Path(town.environment["SHOUSHAN_DATA_DIR"]) / "uploads"
    folder.mkdir(exist_ok=True)
    with psycopg.connect(Cluster(folder.parent).url()) as connection:
        for number in range(PICTURES):
            content = random.Random(number).randbytes(50_000)
            sha256 = hashlib.sha256(content).hexdigest()
            (folder / f"{sha256}.jpg").write_bytes(content)
            connection.execute(
                "INSERT INTO upload (sha256, media_type, width, height, bytes, uploaded_at)"
                " VALUES (%s, 'image/jpeg', 8, 6, %s, now())",
                (sha256, len(content)),
            )


def killed(town: Installation, *arguments: str, when: Path) -> None:
    """Start a command and kill -9 it as soon as `when` is there and holds something."""
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli.main", *arguments],
        env=town.environment,
        cwd=PROJECT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not (when.exists() and size_of(when)):
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


def size_of(path: Path) -> int:
    return sum(1 for _ in path.iterdir()) if path.is_dir() else path.stat().st_size


def refused_damages(file: Path, times: int) -> int:
    """How many of so many damaged copies are refused: a flipped bit, or an end cut off."""
    dice, whole = random.Random(1), file.read_bytes()
    refused = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "damaged.zip"
        for number in range(times):
            at = dice.randrange(len(whole))
            flipped = whole[:at] + bytes([whole[at] ^ (1 << dice.randrange(8))]) + whole[at + 1 :]
            copy.write_bytes(whole[:at] if number % 2 else flipped)
            try:
                backup_file.read_manifest(copy)
            except DomainError:
                refused += 1
    return refused


def compare(
    town: Installation, machine: Machine, file: Path, promised: dict[str, dict[str, int]]
) -> list[Finding]:
    """The restored books beside those that went on."""
    there = dict(machine.installation.ask(TRANSFERS))
    here = dict(town.ask(TRANSFERS))
    booked: dict[str, dict[str, int]] = {}
    for name, unit, amount in machine.installation.ask(AWARDED):
        booked.setdefault(name, {})[unit] = int(amount)
    lost = sum(
        booked.get(name, {}).get(unit, 0) < amount
        for name, units in promised.items()
        for unit, amount in units.items()
    )
    manifest = backup_file.read_manifest(file)
    pictures = list((machine.home / "uploads").iterdir())
    wrong = sum(hashlib.sha256(p.read_bytes()).hexdigest() != p.stem for p in pictures)
    return [
        Finding(
            DRILL, "awards promised before the backup", sum(map(len, promised.values())),
            part_of="acknowledged",
        ),
        Finding(DRILL, "… lost by backup and restore", lost, expected=0, part_of="lost"),
        Finding(
            DRILL,
            "transfers restored that are not as on the running machine",
            sum(here.get(one) != digest for one, digest in there.items()),
            expected=0,
        ),
        Finding(
            DRILL, "transfers in the backup and not restored",
            manifest.rows["transfer"] - len(there), expected=0, part_of="lost",
        ),
        Finding(DRILL, "transfers booked after the backup's moment", len(here) - len(there)),
        Finding(
            DRILL, "pictures missing or other after restore",
            abs(len(manifest.members) - 1 - len(pictures)) + wrong, expected=0,
        ),
    ]  # fmt: skip


def back_up_under_load(
    town: Installation, crowd: Crowd, folder: Path, seconds: float
) -> tuple[Path, dict[str, dict[str, int]], list[Finding]]:
    time.sleep(seconds)
    # Somebody has to have learned something, however slow the machine is today.
    while not any(crowd.acknowledged().values()):
        time.sleep(0.5)
    promised = crowd.acknowledged()
    before = time.monotonic()
    done = town.shoushan("backup", str(folder))
    took = time.monotonic() - before
    time.sleep(seconds)
    (file,) = folder.glob("*.zip")
    killed(town, "backup", str(folder), when=folder / backup_file.PART)
    looks_whole = [one for one in folder.iterdir() if one != file and one.suffix == ".zip"]
    return file, promised, [
        Finding(DRILL, "backup under load: exit status", done.returncode, expected=0),
        Finding(DRILL, "backup under load: duration", round(took, 1), unit=" s"),
        Finding(
            DRILL, "files that look whole after a killed backup", len(looks_whole), expected=0
        ),
    ]  # fmt: skip


def break_and_restore(machine: Machine, file: Path, damages: int) -> list[Finding]:
    damaged = file.with_name("damaged.zip")
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(content)
    said = machine.restore(damaged)
    refused = int(said.returncode == 1 and "BackupDamaged" in said.stderr)
    wrote = int(machine.home.exists() and any(machine.home.iterdir()))
    killed(machine.installation, "restore", str(file), when=machine.home / "uploads.restoring")
    left = machine.tables()
    before = time.monotonic()
    done = machine.restore(file)
    took = time.monotonic() - before
    print(done.stdout + done.stderr, file=sys.stderr)
    return [
        Finding(DRILL, "damaged copies tried", damages),
        Finding(DRILL, "… accepted", damages - refused_damages(file, damages), expected=0),
        Finding(DRILL, "a damaged file refused by the command", refused, expected=1),
        Finding(DRILL, "… and written nevertheless", wrote, expected=0),
        Finding(DRILL, "tables left by a killed restore", left, expected=0),
        Finding(DRILL, "restore: exit status", done.returncode, expected=0),
        Finding(DRILL, "restore and audit: duration", round(took, 1), unit=" s"),
        Finding(
            DRILL, "the books are true after restore", int("属实" in done.stdout), expected=1
        ),
    ]  # fmt: skip


def run(*, short: bool) -> list[Finding]:
    """What is lost, and what is accepted, between a running installation and an empty machine."""
    seconds, at_once, damages = (1.0, 8, 40) if short else (20.0, 32, 1000)
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for part in ("town", "backups"):
            (home / part).mkdir()
        machine = None
        try:
            with running(home / "town", **FAST) as town:
                machine = Machine.empty(town, home / "machine")
                put_pictures(town)
                with Crowd(town, at_once=at_once, rate=RATE) as crowd:
                    file, promised, findings = back_up_under_load(
                        town, crowd, home / "backups", seconds
                    )
                findings += [
                    Finding(DRILL, "requests during it", crowd.requests, part_of="tried"),
                    Finding(DRILL, "… that had to be repeated", crowd.repeats, expected=0),
                    Finding(DRILL, "… residents given up on", len(crowd.failed), expected=0),
                ]  # fmt: skip
                findings += break_and_restore(machine, file, damages)
                # The restore has stopped its database again.
                machine.tables()
                findings += compare(town, machine, file, promised)
        finally:
            if machine is not None and machine.home.exists():
                Cluster(machine.home).stop()
    return findings
