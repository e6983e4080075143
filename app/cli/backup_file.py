"""The form of a backup: a ZIP whose last 64 bytes are the SHA-256 of all of it.

Any tool opens it: `database.dump` (pg_dump's custom format), `uploads/…` and `manifest.json`, which
names every member's length and SHA-256. The seal at the end covers what a ZIP's own checksums leave
out (names, lengths, the directory), so a byte changed or cut off anywhere is noticed. It is the
digest of the file with 64 zeros in its own place.
"""

import fcntl
import hashlib
import json
import os
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import IO, Any, cast

from tqdm import tqdm

from app.core.errors import Conflict, Invalid

DATABASE, MANIFEST, UPLOADS = "database.dump", "manifest.json", "uploads/"
SEAL, UNSEALED = b"shoushan-backup-1 sha256:", b"0" * 64
SEALED = re.compile(re.escape(SEAL) + rb"[0-9a-f]{64}\Z")
PIECE = 1 << 20
PART = ".shoushan-backup.part"
UPLOAD = re.compile(r"uploads/[0-9a-f]{64}\.(jpg|png)")


class BackupDamaged(Invalid):
    title = "备份文件不完整或已损坏，未恢复任何内容"


class BackupBusy(Conflict):
    title = "这个目录里正有另一个备份在写"


@dataclass(frozen=True)
class Member:
    bytes: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """What stands in the file, and what of it was not there.

    `rows`: of each table whose rows are kept. `missing`: SHA-256 of pictures that the database
    names and the disk did not have. `made_at`: by the machine's clock, ISO 8601.
    """

    software: str
    revision: str
    server: str
    made_at: str
    rows: dict[str, int]
    missing: list[str]
    members: dict[str, Member] = field(default_factory=dict)


class _Stream:
    """What a ZIP is written to: it hashes, and cannot seek, so that each byte passes once."""

    def __init__(self, file: IO[bytes]) -> None:
        self.file, self.digest = file, hashlib.sha256()

    def write(self, piece: bytes) -> int:
        self.digest.update(piece)
        return self.file.write(piece)

    def flush(self) -> None:
        self.file.flush()


class Writer:
    """Adds members, one after the other; `close` writes the manifest and seals the file."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._stream = file, _Stream(file)
        # Dumps and pictures are compressed already.
        self._zip = zipfile.ZipFile(cast("IO[bytes]", self._stream), "w")
        self.members: dict[str, Member] = {}

    def add(self, name: str, source: IO[bytes]) -> Member:
        digest, length = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as target, _bar(name) as bar:
            while piece := source.read(PIECE):
                target.write(piece)
                digest.update(piece)
                length += len(piece)
                bar.update(len(piece))
        self.members[name] = Member(length, digest.hexdigest())
        return self.members[name]

    def close(self, manifest: Manifest) -> Manifest:
        """Seal it; the manifest as it stands in the file."""
        whole = replace(manifest, members=dict(self.members))
        self._zip.writestr(MANIFEST, json.dumps(asdict(whole), ensure_ascii=False, indent=1))
        self._zip.comment = SEAL + UNSEALED
        self._zip.close()
        self._file.seek(-len(UNSEALED), os.SEEK_END)
        self._file.write(self._stream.digest.hexdigest().encode())
        return whole


@contextmanager
def writing(path: Path) -> Iterator[Writer]:
    """A file that gets its name only when it is whole and on the disk; readable by its owner only.

    A killed backup leaves `.shoushan-backup.part`, which the next one takes over.
    """
    if path.exists():
        raise Conflict(f"{path} is there already 文件已存在")
    part = path.parent / PART
    number = os.open(part, os.O_RDWR | os.O_CREAT, 0o600)
    with os.fdopen(number, "r+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BackupBusy(directory=str(path.parent)) from None
        try:
            os.fchmod(number, 0o600)
            file.truncate()
            yield Writer(file)
            file.flush()
            os.fsync(number)
            part.rename(path)
        except BaseException:
            part.unlink(missing_ok=True)
            raise
    _sync_directory(path.parent)


def read_manifest(path: Path) -> Manifest:
    """Reads every byte of the file. Raises BackupDamaged unless all of it is as it was written."""
    with path.open("rb") as file:
        _check_seal(file, path)
    try:
        with zipfile.ZipFile(path) as archive:
            manifest = _manifest(json.loads(archive.read(MANIFEST)))
            names = archive.namelist()
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError) as error:
        raise BackupDamaged(f"{path}: {type(error).__name__} {error}") from None
    expected = [*manifest.members, MANIFEST]
    foreign = [n for n in manifest.members if n != DATABASE and not UPLOAD.fullmatch(n)]
    if names != expected or DATABASE not in names or foreign:
        raise BackupDamaged(f"{path}: its members are not those of a backup")
    return manifest


def _check_seal(file: IO[bytes], path: Path) -> None:
    length = file.seek(0, os.SEEK_END)
    tail = len(SEAL) + len(UNSEALED)
    file.seek(max(0, length - tail))
    seal = file.read()
    if length <= tail or not SEALED.match(seal):
        raise BackupDamaged(f"{path}: the seal at its end is not there: cut off, or no backup")
    file.seek(0)
    digest, left = hashlib.sha256(), length - len(UNSEALED)
    with _bar("verify", length) as bar:
        while piece := file.read(min(PIECE, left)):
            digest.update(piece)
            left -= len(piece)
            bar.update(len(piece))
    digest.update(UNSEALED)
    if seal[len(SEAL) :] != digest.hexdigest().encode():
        raise BackupDamaged(f"{path}: its SHA-256 is not the one of its seal")


def _manifest(body: dict[str, Any]) -> Manifest:
    members = {name: Member(**one) for name, one in body.pop("members").items()}
    return Manifest(**body, members=members)


@contextmanager
def member(path: Path, manifest: Manifest, name: str) -> Iterator[Iterator[bytes]]:
    """A member's pieces. Raises BackupDamaged at its end if the disk gave other bytes this time."""
    with zipfile.ZipFile(path) as archive, archive.open(name) as source:
        yield _pieces(source, name, manifest.members[name])


def _pieces(source: IO[bytes], name: str, expected: Member) -> Iterator[bytes]:
    digest, length = hashlib.sha256(), 0
    with _bar(name, expected.bytes) as bar:
        while piece := source.read(PIECE):
            digest.update(piece)
            length += len(piece)
            bar.update(len(piece))
            yield piece
    if Member(length, digest.hexdigest()) != expected:
        raise BackupDamaged(f"{name}: its SHA-256 is not the one of the manifest")


def unpack_uploads(path: Path, manifest: Manifest, folder: Path) -> int:
    """All pictures into a new folder, on the disk when this returns; how many."""
    folder.mkdir(parents=True)
    names = [name for name in manifest.members if name.startswith(UPLOADS)]
    for name in names:
        with (
            member(path, manifest, name) as pieces,
            (folder / name.removeprefix(UPLOADS)).open("xb") as target,
        ):
            for piece in pieces:
                target.write(piece)
            target.flush()
            os.fsync(target.fileno())
    _sync_directory(folder)
    return len(names)


def _sync_directory(folder: Path) -> None:
    number = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)


def _bar(name: str, total: int | None = None) -> "tqdm[Any]":
    """Shown to a person at a terminal, and only for what takes a while."""
    return tqdm(
        total=total, desc=name, unit="B", unit_scale=True, disable=None, delay=1, leave=False
    )
