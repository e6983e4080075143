"""A backup comes back whole on an empty machine, or not at all."""

import asyncio
import io
import json
import secrets
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from app.cli import backup_database, backup_file
from app.cli.backup import write_backup
from app.cli.backup_file import BackupBusy, BackupDamaged, Manifest
from app.cli.main import shoushan
from app.core import db
from app.core.settings import get_settings
from app.editorial import pictures
from tests.databases import administer, database_url, drop
from tests.factories.content import make_lesson
from tests.factories.editorial import picture
from tests.factories.learning import complete_lesson
from tests.factories.people import NOW, make_person, make_town

FACTS = Manifest(
    software="0", revision="0004", server="18", made_at=NOW.isoformat(), rows={}, missing=[]
)


async def live(url: str, data_dir: Path) -> None:
    """Two people learn, one has uploaded two pictures."""
    async with db.connected(db.make_engine(url, pool_size=2)), db.transaction() as session:
        town = await make_town(session)
        lesson = await make_lesson(session)
        for number in range(2):
            person = await make_person(session, home=town.west)
            await complete_lesson(
                session, person.id, lesson.id, now=NOW + timedelta(minutes=number)
            )
        for colour in ("red", "blue"):
            await pictures.store(
                session,
                content=picture(colour=colour),
                directory=data_dir,
                uploaded_by_id=person.id,
                now=NOW,
            )


@pytest.fixture
def town(database_url_of_its_own: str, tmp_path: Path) -> Path:
    """The data directory of a small town whose database is `database_url_of_its_own`."""
    asyncio.run(live(database_url_of_its_own, tmp_path / "town"))
    return tmp_path / "town"


@pytest.fixture
def empty_url() -> Iterator[str]:
    name = f"own_{secrets.token_hex(6)}"
    administer(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    yield database_url(name)
    drop(name)


def run(command: str, path: Path, *, url: str, data_dir: Path) -> Result:
    get_settings.cache_clear()
    where = {"SHOUSHAN_DATABASE_URL": url, "SHOUSHAN_DATA_DIR": str(data_dir)}
    return CliRunner().invoke(shoushan, [command, str(path)], env=where)


def tables(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'")
        return int(str((found.fetchone() or [0])[0]))


def test_a_town_comes_back_on_an_empty_machine_and_nowhere_else(
    town: Path, database_url_of_its_own: str, empty_url: str, tmp_path: Path
) -> None:
    uploads = sorted((town / "uploads").iterdir())
    lost = uploads[0].rename(tmp_path / "lost.png")
    with psycopg.connect(database_url_of_its_own) as connection:
        connection.execute("INSERT INTO wechat_token (appid, value) VALUES ('a', 'SECRET')")
    done = run("backup", tmp_path, url=database_url_of_its_own, data_dir=town)
    assert done.exit_code == 0, done.output
    assert f"picture not on the disk 图片文件缺失: {uploads[0].stem}" in done.stderr
    lost.rename(uploads[0])
    (file,) = tmp_path.glob("shoushan-*.zip")
    assert file.stat().st_mode & 0o777 == 0o600
    assert not list(tmp_path.glob(".*"))

    machine = tmp_path / "machine"
    for url, data_dir, why in (
        (database_url_of_its_own, machine, "DatabaseNotEmpty"),
        (empty_url, town, "is not empty"),
    ):
        refused = run("restore", file, url=url, data_dir=data_dir)
        assert (refused.exit_code, why in refused.stderr) == (1, True), refused.output
    assert (tables(empty_url), machine.exists()) == (0, False)

    done = run("restore", file, url=empty_url, data_dir=machine)
    assert done.exit_code == 0, done.output
    # Each learned, passed and came for the first time; two units each, and the two issuers.
    assert "the books are true 账目属实: 6 accounts, 8 transfers" in done.stdout
    assert [p.read_bytes() for p in (machine / "uploads").iterdir()] == [uploads[1].read_bytes()]
    with psycopg.connect(empty_url) as connection:
        assert connection.execute("SELECT value FROM wechat_token").fetchall() == []
        with pytest.raises(psycopg.errors.RestrictViolation):
            connection.execute("UPDATE transfer SET amount = 1")


def test_a_restore_that_ends_halfway_leaves_the_database_empty(
    town: Path, database_url_of_its_own: str, empty_url: str, tmp_path: Path
) -> None:
    file = tmp_path / "b.zip"
    manifest = write_backup(file, url=database_url_of_its_own, data_dir=town)

    def pieces(share: float) -> Iterator[bytes]:
        with backup_file.member(file, manifest, backup_file.DATABASE) as whole:
            yield b"".join(whole)[: int(manifest.members[backup_file.DATABASE].bytes * share)]

    def dying() -> Iterator[bytes]:
        yield from pieces(1)
        raise OSError("the disk is gone")

    for broken in (pieces(0.5), pieces(0.99), dying()):
        with pytest.raises((backup_database.BackupProgramFailed, OSError)):
            backup_database.load(empty_url, broken)
        assert tables(empty_url) == 0
    backup_database.load(empty_url, pieces(1))
    assert tables(empty_url) > 0


@pytest.fixture(scope="module")
def sealed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A small file in the form of a backup; no database is asked."""
    path = tmp_path_factory.mktemp("sealed") / "b.zip"
    with backup_file.writing(path) as writer:
        writer.add(backup_file.DATABASE, io.BytesIO(b"PGDMP" * 40))
        writer.add(f"uploads/{'a' * 64}.jpg", io.BytesIO(b"\xff\xd8" * 20))
        writer.close(FACTS)
    return path.read_bytes()


@given(data=st.data())
def test_a_byte_changed_or_cut_off_anywhere_is_noticed(sealed: bytes, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(sealed) - 1))
    if data.draw(st.booleans()):
        broken = sealed[:at]
    else:
        flipped = sealed[at] ^ data.draw(st.integers(1, 255))
        broken = sealed[:at] + bytes([flipped]) + sealed[at + 1 :]
    with tempfile.NamedTemporaryFile() as file:
        file.write(broken)
        file.flush()
        with pytest.raises(BackupDamaged):
            backup_file.read_manifest(Path(file.name))


def test_a_sealed_file_that_is_no_backup_is_refused(tmp_path: Path) -> None:
    """The seal says that nothing was changed, not that it is ours."""
    for name in ("../evil", "uploads/../../evil.jpg", "notes.txt"):
        path = tmp_path / "foreign.zip"
        with backup_file.writing(path) as writer:
            writer.add(backup_file.DATABASE, io.BytesIO(b"PGDMP"))
            writer.add(name, io.BytesIO(b"x"))
            writer.close(FACTS)
        with pytest.raises(BackupDamaged):
            backup_file.read_manifest(path)
        path.unlink()


def test_a_newer_schema_or_a_damaged_file_writes_nothing(
    sealed: bytes, empty_url: str, tmp_path: Path
) -> None:
    newer, damaged = tmp_path / "newer.zip", tmp_path / "damaged.zip"
    with backup_file.writing(newer) as writer:
        writer.add(backup_file.DATABASE, io.BytesIO(b"PGDMP"))
        writer.close(Manifest(**{**vars(FACTS), "revision": "9999"}))
    damaged.write_bytes(sealed[:-1])
    for file, why in ((newer, "newer than this release"), (damaged, "BackupDamaged")):
        refused = run("restore", file, url=empty_url, data_dir=tmp_path / "machine")
        assert (refused.exit_code, why in refused.stderr) == (1, True), refused.output
    assert (tables(empty_url), (tmp_path / "machine").exists()) == (0, False)


def test_a_backup_has_its_name_only_when_it_is_whole(tmp_path: Path) -> None:
    path, part = tmp_path / "b.zip", tmp_path / backup_file.PART
    with backup_file.writing(path) as writer:
        writer.add(backup_file.DATABASE, io.BytesIO(b"PGDMP"))
        with pytest.raises(BackupBusy), backup_file.writing(tmp_path / "other.zip"):
            pass
        assert part.exists()
        assert not path.exists()
        # What a kill leaves behind here is refused, and the next backup takes its place.
        with pytest.raises(BackupDamaged):
            backup_file.read_manifest(part)
        writer.close(FACTS)
    assert list(tmp_path.iterdir()) == [path]
    part.write_bytes(b"left behind by a kill" * 1000)
    again = tmp_path / "again.zip"
    with backup_file.writing(again) as writer:
        writer.add(backup_file.DATABASE, io.BytesIO(b"PGDMP"))
        writer.close(FACTS)
    assert again.read_bytes() == path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        assert json.loads(archive.read("manifest.json"))["revision"] == "0004"
