"""What production refuses, each by the name of its variable."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import ValidationError

from app.core.settings import MiniProgram, OfficialAccount, Settings

SERIOUS = {
    "SHOUSHAN_ENV": "production",
    "SHOUSHAN_SECRET_KEY": "k" * 32,
    "SHOUSHAN_PUBLIC_URL": "https://xue.example.cn/",
    "SHOUSHAN_WECHAT__OA__APPID": "wx1111111111111111",
    "SHOUSHAN_WECHAT__OA__SECRET": "secret-1",
    "SHOUSHAN_WECHAT__OA__TOKEN": "token1",
    "SHOUSHAN_WECHAT__OA__AES_KEY": "a" * 43,
    "SHOUSHAN_WECHAT__OA__ORIGINAL_ID": "gh_111111111111",
    "SHOUSHAN_WECHAT__MINI__APPID": "wx2222222222222222",
    "SHOUSHAN_WECHAT__MINI__SECRET": "secret-2",
    "SHOUSHAN_WECHAT__MINI__TOKEN": "token2",
    "SHOUSHAN_WECHAT__MINI__AES_KEY": "b" * 43,
}


@pytest.fixture(autouse=True)
def _nothing_else_set(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("SHOUSHAN_ENV", "SHOUSHAN_DATABASE_URL", "SHOUSHAN_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)  # no .env of the developer's


def read(monkeypatch: pytest.MonkeyPatch, **changes: str | None) -> Settings:
    """Settings of a serious production environment with some variables changed or missing."""
    for name, value in {**SERIOUS, **changes}.items():
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)
    return Settings()


def test_serious_settings_are_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch)
    assert found.base_url == "https://xue.example.cn"
    assert found.wechat.oa.secret == "secret-1"
    assert found.wechat.mini.aes_key == "b" * 43


@pytest.mark.parametrize("name", sorted(set(SERIOUS) - {"SHOUSHAN_ENV"}))
def test_production_refuses_what_is_not_set(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        read(monkeypatch, **{name: None})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SHOUSHAN_SECRET_KEY", "k" * 31),
        ("SHOUSHAN_SECRET_KEY", "development-only"),
        ("SHOUSHAN_CLOCK_RATE", "60"),
        ("SHOUSHAN_CLOCK_START", "2026-11-23T06:00:00+08:00"),
        ("SHOUSHAN_WECHAT__OA__SECRET", OfficialAccount().secret),
        ("SHOUSHAN_WECHAT__MINI__AES_KEY", MiniProgram().aes_key),
    ],
)
def test_production_refuses_development_values(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    with pytest.raises(ValidationError, match=name):
        read(monkeypatch, **{name: value})


def test_every_reason_is_told_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    bare: dict[str, str | None] = dict.fromkeys(SERIOUS)
    with pytest.raises(ValidationError) as refused:
        read(monkeypatch, **bare | {"SHOUSHAN_ENV": "production"})
    assert [name for name in bare if name not in str(refused.value)] == ["SHOUSHAN_ENV"]


def test_development_needs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = read(monkeypatch, **dict.fromkeys(SERIOUS))
    assert found.env == "development"
    assert found.base_url == "http://127.0.0.1:8000"


def test_a_clock_start_needs_a_time_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    development = dict.fromkeys(SERIOUS)
    with pytest.raises(ValidationError, match="SHOUSHAN_CLOCK_START needs a time zone"):
        read(monkeypatch, **development | {"SHOUSHAN_CLOCK_START": "2026-11-23T06:00:00"})
    found = read(monkeypatch, **development | {"SHOUSHAN_CLOCK_START": "2026-11-23T06:00:00+08:00"})
    assert found.clock_start == datetime(2026, 11, 22, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize("rate", ["0", "-1", "100001", "nan"])
def test_a_clock_moves_forwards(monkeypatch: pytest.MonkeyPatch, rate: str) -> None:
    with pytest.raises(ValidationError, match="clock_rate"):
        read(monkeypatch, **dict.fromkeys(SERIOUS) | {"SHOUSHAN_CLOCK_RATE": rate})


@pytest.mark.parametrize("key", ["short", "a" * 42, "a" * 44, "a" * 42 + "="])
def test_an_aes_key_has_43_letters(monkeypatch: pytest.MonkeyPatch, key: str) -> None:
    with pytest.raises(ValidationError, match="aes_key"):
        read(monkeypatch, SHOUSHAN_WECHAT__OA__AES_KEY=key)
    with pytest.raises(ValidationError, match="previous_aes_key"):
        read(monkeypatch, SHOUSHAN_WECHAT__OA__PREVIOUS_AES_KEY=key)


def test_no_value_is_told_by_a_refusal_or_a_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = {"SHOUSHAN_SECRET_KEY": "sEcReT", "SHOUSHAN_WECHAT__MINI__SECRET": "sEcReT"}
    for change in ({"SHOUSHAN_PUBLIC_URL": None}, {"SHOUSHAN_WECHAT__OA__AES_KEY": "sEcReT"}):
        with pytest.raises(ValidationError) as refused:
            read(monkeypatch, **secret, **change)
        assert "sEcReT" not in str(refused.value)
    secret = {
        "SHOUSHAN_SECRET_KEY": "sEcReT" * 6,
        "SHOUSHAN_DATABASE_URL": "postgresql://a:sEcReT@b",
    }
    found = read(monkeypatch, **secret, SHOUSHAN_WECHAT__OA__SECRET="sEcReT")
    assert "sEcReT" not in f"{found!r} {found} {found.wechat!r} {found.wechat.oa}"
