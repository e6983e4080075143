"""PostgreSQL from a wheel: shared by processes, recovered after a kill."""

import os
import signal
from pathlib import Path

import psycopg
import pytest

from app.core.embedded import Cluster, DatabaseDidNotStart, running


def say(url: str, statement: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(statement.encode())
        return cursor.fetchall() if cursor.description else []


def test_it_starts_is_shared_and_stops_with_its_last_user(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    assert not cluster.is_running()
    with running(tmp_path, fsync=False) as url:
        say(url, "CREATE TABLE kept (word text)")
        with running(tmp_path, fsync=False) as second:
            assert second == url
            say(second, "INSERT INTO kept VALUES ('双槐')")
        assert cluster.is_running(), "the first user is still there"
        # A locale of C would leave the search blind to Chinese.
        assert say(url, "SELECT count(*) FROM kept WHERE word ~ '^[[:alpha:]]+$'") == [(1,)]
        assert say(url, "SHOW timezone") == [("UTC",)]
        assert say(url, "SHOW listen_addresses") == [("",)]
    assert not cluster.is_running()
    with running(tmp_path, fsync=False) as url:
        assert say(url, "SELECT word FROM kept") == [("双槐",)]
    assert not cluster.is_running()


def test_a_killed_server_recovers_what_was_committed(tmp_path: Path) -> None:
    cluster = Cluster(tmp_path)
    with running(tmp_path) as url:
        say(url, "CREATE TABLE kept (number int)")
        say(url, "INSERT INTO kept SELECT generate_series(1, 1000)")
        with psycopg.connect(url) as open_one:
            open_one.execute("INSERT INTO kept VALUES (0)")
            postmaster = int((cluster.data / "postmaster.pid").read_text().split()[0])
            os.kill(postmaster, signal.SIGKILL)
            with running(tmp_path) as again:
                assert say(again, "SELECT count(*), min(number) FROM kept") == [(1000, 1)]
            open_one.close()
    assert not cluster.is_running()


def test_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    deep = tmp_path / ("学堂数据" * 10)
    assert len(os.fsencode(deep / "run" / ".s.PGSQL.5432")) > 107
    with running(deep, fsync=False) as url:
        assert say(url, "SELECT 1") == [(1,)]
        folder = Cluster(deep).socket_dir
        assert folder.stat().st_mode & 0o077 == 0, "nobody else may talk to the database"


def test_a_broken_directory_is_refused_with_what_postgresql_said(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(DatabaseDidNotStart, match=r"pg_ctl.*postgres\.log"):
        Cluster(tmp_path).start()
