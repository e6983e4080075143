"""Cursors: what went in comes out, and nothing else is taken."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.paging import BadCursor, decode, encode

BIGINT = st.integers(min_value=-(2**63) + 1, max_value=2**63 - 1)
PLAIN = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"))


@given(key=st.lists(st.one_of(BIGINT, PLAIN), min_size=1, max_size=3))
def test_a_cursor_gives_back_its_key(key: list[int | str]) -> None:
    cursor = encode(*key)
    assert decode(cursor, *map(type, key)) == key
    assert cursor.isascii()
    assert not set(cursor) & set("+/=&?# ")


@given(garbage=st.text())
def test_garbage_is_a_bad_cursor_or_a_key(garbage: str) -> None:
    try:
        (number,) = decode(garbage, int)
    except BadCursor:
        return
    assert isinstance(number, int)


def cursor_of(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


@pytest.mark.parametrize(
    "value",
    [
        5,
        {"0": 5},
        [],
        [5, 6],
        ["5"],
        [5.0],
        [True],
        [None],
        [[5]],
        [2**63],
        [-(2**63)],
        [10**400],
    ],
)
def test_a_key_of_another_shape_is_bad(value: object) -> None:
    with pytest.raises(BadCursor):
        decode(cursor_of(value), int)


@pytest.mark.parametrize("word", ["a\x00b", "\ud800", "x\udfff"])
def test_text_that_the_database_cannot_hold_is_bad(word: str) -> None:
    with pytest.raises(BadCursor):
        decode(cursor_of([word]), str)


@pytest.mark.parametrize(
    "cursor",
    ["", "!", "WzVd\n", "WzVd ", "Wz Vd", "学", "W" * 9, "A" * 4001, "/w", "_w"],
)
def test_what_is_no_base64_of_json_is_bad(cursor: str) -> None:
    with pytest.raises(BadCursor):
        decode(cursor, int)


def test_deep_nesting_is_bad() -> None:
    deep = base64.urlsafe_b64encode(b"[" * 50_000).decode()
    with pytest.raises(BadCursor):
        decode(deep, int)
