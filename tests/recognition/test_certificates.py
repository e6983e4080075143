"""Numbers nobody can guess, and paper that takes any name."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.recognition.certificates import (
    ALPHABET,
    Certificate,
    card,
    number_of,
    pdf,
    read_number,
)

DAY = date(2026, 11, 23)
IDS = st.integers(1, 2**62)


@given(IDS)
def test_a_number_is_read_back_as_people_write_it(honour_id: int) -> None:
    number = number_of(honour_id, DAY, secret="s")
    assert read_number(f" {number.lower()} ", secret="s") == honour_id
    assert read_number(number, secret="other") is None


@given(IDS, st.integers(0, 7), st.sampled_from(ALPHABET))
def test_another_tag_is_none_of_ours(honour_id: int, at: int, letter: str) -> None:
    number = number_of(honour_id, DAY, secret="s")
    place = len(number) - 8 + at
    changed = number[:place] + letter + number[place + 1 :]
    assert read_number(changed, secret="s") == (honour_id if changed == number else None)


@pytest.mark.parametrize("wrong", ["", "SS", "SS2026-1-", "SS2026-١-AAAAAAAA", "x" * 99])
def test_what_is_no_number(wrong: str) -> None:
    assert read_number(wrong, secret="s") is None


def test_another_year_is_none_of_ours() -> None:
    number = number_of(7, DAY, secret="s")
    assert read_number(number.replace("2026", "2025"), secret="s") is None


@pytest.mark.parametrize(
    "holder", ["槐", "槐小花" * 6 + "村里", '#eval("1") $x$ *b* <a> \\', "𠮷😀é"]
)
def test_any_name_fits_on_paper_and_picture(holder: str) -> None:
    one = Certificate(
        number=number_of(1, DAY, secret="s"),
        kind="badge",
        honour="连续学习 100 天",
        meaning="连续 100 天，天天有所学",
        holder=holder,
        granted_on=DAY,
        issuer="双槐镇",
        link="https://xuetang.example/verify/x",
    )
    assert pdf(one).startswith(b"%PDF-")
    assert card(one).startswith(b"\x89PNG")
