"""What a subscription message says always fits its keys: judged by the stand-in's own rules."""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.push import notice_values
from app.sandbox.notices import KEY, RULES

AT = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
INSTANTS = st.datetimes(datetime(2000, 1, 1), datetime(2099, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001  hypothesis adds the zone


def allowed(key: str, value: str) -> bool:
    kind = KEY.fullmatch(key)
    assert kind is not None
    return re.fullmatch(RULES[kind[1]], value) is not None


def test_a_notice_is_what_when_and_a_note() -> None:
    told = notice_values.describe(what="防诈骗讲座", when=AT, note="请准时参加")
    assert notice_values.fill(told) == {
        "thing1": "防诈骗讲座",
        "time2": "2026年11月24日 14:30",
        "thing3": "请准时参加",
    }
    own = ("thing4", "date7", "thing2")
    assert set(notice_values.fill(told, own)) == set(own)
    assert notice_values.fill({"thing9": "x"}) == {"thing9": "x"}, "a template's key stays"


@given(what=st.text(max_size=200), note=st.text(max_size=200), when=INSTANTS)
def test_whatever_is_told_fits(what: str, note: str, when: datetime) -> None:
    told = notice_values.describe(what=what, when=when, note=note)
    for keys in (notice_values.KEYS, ("thing12", "date3", "const4")):
        filled = notice_values.fill(told, keys)
        assert list(filled) == list(keys)
        assert all(allowed(key, value) for key, value in filled.items())


@pytest.mark.parametrize(
    ("key", "value", "fitted"),
    [
        ("thing1", "一二三四五六七八九十" * 2, "一二三四五六七八九十" * 2),
        ("thing1", "一二三四五六七八九十" * 2 + "多", "一二三四五六七八九十一二三四五六七八九…"),
        ("thing1", " 两行\n变一行\t", "两行 变一行"),
        ("thing1", "\u200b\x00", "（无）"),
        ("phrase2", "恭喜恭喜恭喜", "恭喜恭喜恭"),
        ("car_number3", "渝A1234567", "渝A123456"),
        ("unheard_of1", "x" * 99, "x" * 99),
    ],
)
def test_a_value_is_cut_to_its_kind(key: str, value: str, fitted: str) -> None:
    assert notice_values.fit(key, value) == fitted
