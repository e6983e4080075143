"""A spreadsheet of anything: read as questions, or refused in words; never an error of ours."""

import io
from collections.abc import Callable
from datetime import date, time
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from app.content.question_sheet import HEAD, read_sheet, template
from app.core.errors import Invalid

WHOLE = template()
ILLEGAL = "".join(map(chr, range(32)))
CELLS: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**18), 10**18),
    st.floats(allow_nan=False, allow_infinity=False),
    st.dates(date(1901, 1, 1), date(2999, 1, 1)),
    st.just(time(7, 40)),
    st.sampled_from(["单选", "多选", "判断", "A", "AB", "对", "=1+1", "#N/A", "√"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters=ILLEGAL), max_size=20),
)


def refused(content: bytes) -> bool:
    try:
        read = read_sheet(content)
    except Invalid:
        return True
    assert 1 <= len(read.questions) <= 20
    return False


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(st.lists(CELLS, max_size=len(HEAD) + 2), max_size=6))
def test_cells_of_any_kind(rows: list[list[Any]]) -> None:
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (HEAD, *rows):
        sheet.append(list(row))
    out = io.BytesIO()
    book.save(out)
    refused(out.getvalue())


@settings(max_examples=150, deadline=None)
@given(
    at=st.integers(0, len(WHOLE) - 1),
    change=st.sampled_from(
        [
            lambda content, at: content[:at],
            lambda content, at: content[at:],
            lambda content, at: content[:at] + bytes([content[at] ^ 255]) + content[at + 1 :],
            lambda content, at: content[:at] + b"\x00" * 64 + content[at:],
        ]
    ),
)
def test_bytes_that_are_cut_turned_or_added(at: int, change: Callable[[bytes, int], bytes]) -> None:
    refused(change(WHOLE, at))


def test_the_template_itself_is_taken() -> None:
    assert not refused(WHOLE)
