from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.errors import NameUnsuitable
from app.people.rules import clean_name, holds_number, is_plain, mask_name, needs_guardian


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (None, "居民"),
        ("", "居民"),
        ("  ", "居民"),
        ("丰", "*"),
        ("张三", "张*"),
        ("张三丰", "张*丰"),
        ("欧阳修文", "欧**文"),
        ("阿依·古丽", "阿***丽"),
    ],
)
def test_a_name_is_masked(name: str | None, shown: str) -> None:
    assert mask_name(name) == shown


@given(st.text(min_size=1, max_size=20).filter(lambda text: len(text.strip()) > 1))
def test_a_mask_keeps_at_most_the_ends(name: str) -> None:
    name = name.strip()
    shown = mask_name(name)
    assert len(shown) == len(name)
    assert shown[0] == name[0]
    assert set(shown[1:-1]) <= {"*"}
    assert shown[-1] == ("*" if len(name) == 2 else name[-1])


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ("  张三 ", "张三"),
        ("\u3000张三\n", "张三"),
        ("张", "张"),
        ("三" * 20, "三" * 20),
        ("阿依古丽·买买提", "阿依古丽·买买提"),
        ("e\u0301", "é"),
        ("文坪村 007", "文坪村 007"),
    ],
)
def test_a_name_is_cleaned(raw: str, name: str) -> None:
    assert clean_name(raw) == name


@pytest.mark.parametrize(
    "raw",
    [
        *("", "   ", "三" * 21),
        *("张\n三", "张\x00三", "张\u200b三", "张\u202e三", "张\u2028三", "\ud800"),
        *("13800138000", "张三13800138000", "五00117198001010011", "１３８００１３８０００"),
    ],
)
def test_what_is_no_name_is_refused(raw: str) -> None:
    with pytest.raises(NameUnsuitable):
        clean_name(raw)


@given(st.text(max_size=30))
def test_a_clean_name_is_stable_and_storable(raw: str) -> None:
    try:
        name = clean_name(raw)
    except NameUnsuitable:
        return
    assert clean_name(name) == name
    assert 1 <= len(name) <= 20
    assert is_plain(name)
    assert not holds_number(name)
    name.encode()


@pytest.mark.parametrize(
    ("birth_year", "day", "needed"),
    [
        (None, date(2026, 11, 23), False),
        (2020, date(2026, 11, 23), True),
        (2013, date(2026, 11, 23), True),
        # 14 some day of 2026, perhaps only tomorrow.
        (2012, date(2026, 1, 1), True),
        (2012, date(2026, 12, 31), True),
        (2012, date(2027, 1, 1), False),
        (2011, date(2026, 1, 1), False),
        (1950, date(2026, 1, 1), False),
    ],
)
def test_under_fourteen_unless_certainly_fourteen(
    birth_year: int | None, day: date, needed: bool
) -> None:
    assert needs_guardian(birth_year, day) is needed


@given(st.dates(date(1990, 1, 1), date(2040, 1, 1)), st.dates(date(1990, 1, 1), date(2040, 1, 1)))
def test_nobody_under_fourteen_is_taken_for_older(born: date, day: date) -> None:
    age = day.year - born.year - ((day.month, day.day) <= (born.month, born.day))
    if age < 14:
        assert needs_guardian(born.year, day)
