"""PostgreSQL from a wheel: shared by processes, recovered after a kill."""

import os
import shutil
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from app.core.embedded import Cluster, DatabaseDidNotStart, revive, running


@pytest.fixture
def home() -> Iterator[Path]:
    """Not `tmp_path`: each start of any pytest closes its parent to the server's user again."""
    folder = Path(tempfile.mkdtemp(prefix="shoushan-embedded-"))
    yield folder
    shutil.rmtree(folder)


def say(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_it_starts_is_shared_and_stops_with_its_last_user(home: Path) -> None:
    cluster = Cluster(home)
    assert not cluster.is_running()
    with running(home, fsync=False) as url:
        say(url, "CREATE TABLE kept (word text)")
        with running(home, fsync=False) as second:
            assert second == url
            say(second, "INSERT INTO kept VALUES ('双槐')")
        assert cluster.is_running(), "the first user is still there"
        # A locale of C would leave the search blind to Chinese.
        assert say(url, "SELECT count(*) FROM kept WHERE word ~ '^[[:alpha:]]+$'") == [(1,)]
        assert say(url, "SHOW timezone") == [("UTC",)]
        assert say(url, "SHOW listen_addresses") == [("",)]
        assert say(url, "SHOW random_page_cost") == [("1.1",)]
    assert not cluster.is_running()
    with running(home, fsync=False) as url:
        assert say(url, "SELECT word FROM kept") == [("双槐",)]
    assert not cluster.is_running()


def test_a_killed_server_recovers_what_was_committed(home: Path) -> None:
    cluster = Cluster(home)
    with running(home) as url:
        say(url, "CREATE TABLE kept (number int)")
        say(url, "INSERT INTO kept SELECT generate_series(1, 1000)")
        with psycopg.connect(url) as open_one:
            open_one.execute("INSERT INTO kept VALUES (0)")
            postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGKILL)
            with running(home) as again:
                assert say(again, "SELECT count(*), min(number) FROM kept") == [(1000, 1)]
            open_one.close()
        # The same while somebody watches it, as `up` does.
        assert not revive(cluster)
        os.kill(int((cluster.data / "postmaster.pid").read_text().split()[0]), signal.SIGKILL)
        while not cluster.has_died():
            """A signal takes a moment."""
        assert revive(cluster)
        assert say(url, "SELECT count(*) FROM kept") == [(1000,)]
        # It may also end by itself, as on a full disk; that leaves nothing behind.
        cluster.stop()
        assert revive(cluster)
        assert say(url, "SELECT count(*) FROM kept") == [(1000,)]
    assert not cluster.is_running()


def test_a_path_too_long_for_a_socket_works(home: Path) -> None:
    deep = home / ("学堂数据" * 10)
    assert len(os.fsencode(deep / "run" / ".s.PGSQL.5432")) > 107
    with running(deep, fsync=False) as url:
        assert say(url, "SELECT 1") == [(1,)]
        folder = Cluster(deep).socket_dir
        assert folder.stat().st_mode & 0o077 == 0, "nobody else may talk to the database"


def test_a_broken_directory_is_refused_with_what_postgresql_said(home: Path) -> None:
    (home / "postgres").mkdir()
    (home / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(DatabaseDidNotStart, match=r"pg_ctl.*postgres\.log"):
        Cluster(home).start()
