"""What an operator sees when a command cannot do it: one line, and a status that says how."""

import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from app.cli.main import main
from app.core.schema import newest_revision
from app.core.settings import get_settings

Told = tuple[int, str, str]
"""Exit status, stdout, stderr."""

NOWHERE = "postgresql://shoushan:never-told@127.0.0.1:1/shoushan"
WRONG_ARGUMENTS = [
    ("nosuch",),
    ("bank", "nosuch"),
    ("bank", "close", "--day", "yesterday"),
    ("role", "grant", "boss", "--identity", "wx:o", "--org", "x"),
    ("role", "grant", "tutor", "--identity", "no-colon", "--org", "x"),
    ("import", "orgs", "/no/such/file.csv"),
    ("login-link",),
]
FAILING: list[tuple[dict[str, str], tuple[str, ...], str]] = [
    ({"SHOUSHAN_DATABASE_URL": NOWHERE}, ("bank", "audit"), "Connection refused"),
    ({"SHOUSHAN_DATABASE_URL": NOWHERE}, ("migrate",), "Connection refused"),
    ({"SHOUSHAN_DATABASE_URL": NOWHERE}, ("revision", "x"), "Connection refused"),
    ({"SHOUSHAN_DATABASE_URL": NOWHERE}, ("serve",), "Connection refused"),
    ({"SHOUSHAN_DATABASE_URL": "nonsense"}, ("bank", "audit"), "BadDatabaseUrl: missing"),
    ({"SHOUSHAN_PORT": "99999"}, ("serve",), "SHOUSHAN_PORT: Input should be less"),
    ({"SHOUSHAN_CLOCK_START": "2026-01-01T00:00:00"}, ("up",), "SHOUSHAN_CLOCK_START needs a"),
    ({"SHOUSHAN_WECHAT__OA__KIND": "never-told"}, ("serve",), "SHOUSHAN_WECHAT__OA__KIND:"),
    ({"SHOUSHAN_WECHAT": "never-told"}, ("serve",), 'for field "wechat"'),
    ({"SHOUSHAN_ENV": "production"}, ("up",), "SHOUSHAN_SECRET_KEY"),
    ({"SHOUSHAN_DATA_DIR": "/dev/null"}, ("bank", "audit"), "/dev/null"),
]


@pytest.fixture
def shoushan(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> Iterator[Callable[..., Told]]:
    def run(*arguments: str, **settings: str) -> Told:
        monkeypatch.setenv("SHOUSHAN_DATA_DIR", str(tmp_path))
        for name, value in settings.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["shoushan", *arguments])
        get_settings.cache_clear()
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    yield run
    get_settings.cache_clear()


@pytest.mark.parametrize("arguments", WRONG_ARGUMENTS, ids=" ".join)
def test_wrong_arguments_are_one_line_and_status_2(
    shoushan: Callable[..., Told], arguments: tuple[str, ...]
) -> None:
    status, out, err = shoushan(*arguments)
    assert (status, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("Error: ")
    assert line.endswith(" --help`.")


@pytest.mark.parametrize(("settings", "arguments", "why"), FAILING)
def test_what_fails_is_one_line_and_status_1(
    shoushan: Callable[..., Told],
    settings: dict[str, str],
    arguments: tuple[str, ...],
    why: str,
) -> None:
    status, out, err = shoushan(*arguments, **settings)
    assert (status, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith("Error: ")
    assert why in line
    assert "never-told" not in line


def test_a_server_that_cannot_start_has_failed(shoushan: Callable[..., Told]) -> None:
    """Its own number for that is 3; why is in its log."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        status, _, err = shoushan("sandbox", SHOUSHAN_SANDBOX__PORT=port)
    assert status == 1
    assert "Traceback" not in err


def test_a_database_of_a_newer_release_is_named(
    shoushan: Callable[..., Told], database_url_of_its_own: str
) -> None:
    change = "UPDATE alembic_version SET version_num = %s"
    with psycopg.connect(database_url_of_its_own, autocommit=True) as connection:
        connection.execute(change, ["ffff"])
        status, out, err = shoushan("migrate", SHOUSHAN_DATABASE_URL=database_url_of_its_own)
        connection.execute(change, [newest_revision()])  # Other tests use it after us.
    assert (status, out) == (1, "")
    assert err == "Error: migration: Can't locate revision identified by 'ffff'\n"


@pytest.mark.parametrize("arguments", [(), ("bank",), ("import",)])
def test_without_a_command_the_help_is_shown(
    shoushan: Callable[..., Told], arguments: tuple[str, ...]
) -> None:
    status, _, err = shoushan(*arguments)
    assert status == 2
    assert "Commands:" in err


def test_help_is_done_and_says_it_in_both_languages(shoushan: Callable[..., Told]) -> None:
    status, out, err = shoushan("bank", "audit", "--help")
    assert (status, err) == (0, "")
    assert "Recompute" in out
    assert "重算" in out
