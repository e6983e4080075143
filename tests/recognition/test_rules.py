"""Which record deserves which honours."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.recognition.rules import (
    BADGES,
    BY_CODE,
    STREAK_MAX,
    TITLES,
    Record,
    congratulation,
    deserved,
    title_of,
)

NOTHING = Record(earned=0, completed=0, full_marks=False, streak=0)
RECORDS = st.builds(
    Record,
    earned=st.integers(-100, 10_000),
    completed=st.integers(0, 5),
    full_marks=st.booleans(),
    streak=st.integers(0, 150),
)


def codes(record: Record) -> set[str]:
    return {honour.code for honour in deserved(record)}


@pytest.mark.parametrize(
    ("earned", "name", "following"),
    [
        (-50, "闻善", "识善"),
        (0, "闻善", "识善"),
        (9, "闻善", "识善"),
        (10, "识善", "习善"),
        (49, "识善", "习善"),
        (50, "习善", "明善"),
        (5999, "传善", "首善"),
        (6000, "首善", None),
        (10**9, "首善", None),
    ],
)
def test_the_title_is_the_highest_reached(earned: int, name: str, following: str | None) -> None:
    title, after = title_of(earned)
    assert title.name == name
    assert (after.name if after else None) == following


@pytest.mark.parametrize(
    ("record", "granted"),
    [
        (NOTHING, set()),
        (Record(10, 0, full_marks=False, streak=0), {"title.2"}),
        (Record(150, 0, full_marks=False, streak=0), {"title.2", "title.3", "title.4"}),
        (Record(0, 1, full_marks=False, streak=1), {"badge.first_lesson"}),
        (Record(0, 0, full_marks=True, streak=0), {"badge.first_full_marks"}),
        (Record(0, 0, full_marks=False, streak=6), set()),
        (Record(0, 0, full_marks=False, streak=7), {"badge.streak_7"}),
        (Record(0, 0, full_marks=False, streak=30), {"badge.streak_7", "badge.streak_30"}),
        (
            Record(0, 0, full_marks=False, streak=100),
            {"badge.streak_7", "badge.streak_30", "badge.streak_100"},
        ),
    ],
)
def test_what_a_record_deserves(record: Record, granted: set[str]) -> None:
    assert codes(record) == granted


@given(record=RECORDS, more=st.integers(0, 5000))
def test_more_never_deserves_less(record: Record, more: int) -> None:
    better = Record(
        earned=record.earned + more,
        completed=record.completed + more,
        full_marks=record.full_marks or more > 0,
        streak=record.streak + more,
    )
    assert codes(record) <= codes(better)


def test_no_honour_goes_by_place_and_all_are_told_apart() -> None:
    assert len(BY_CODE) == len(TITLES) + len(BADGES)
    thresholds = [title.threshold for title in TITLES]
    assert thresholds == sorted(set(thresholds))
    assert thresholds[0] == 0
    longest = max(badge.threshold for badge in BADGES if "streak" in badge.code)
    assert longest == STREAK_MAX


def test_a_congratulation_names_everything_at_once() -> None:
    text = congratulation(["title.2", "badge.first_lesson"])
    assert "称号「识善」" in text
    assert "徽章「开卷有益」" in text
    assert len(congratulation(list(BY_CODE)).encode()) < 2048, "one message holds them all"
