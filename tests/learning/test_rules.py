"""What counts as learning, in numbers."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import day_start, local_day
from app.learning.rules import (
    BEAT_CAP,
    RETRY_MAX,
    counted,
    passes,
    retry_pause,
    split_by_day,
    streak,
)

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
MIDNIGHT = datetime(2026, 11, 23, 16, 0, tzinfo=UTC)
TODAY = date(2026, 11, 23)
INSTANTS = st.timedeltas(timedelta(0), timedelta(days=400)).map(
    lambda after: datetime(2026, 1, 1, tzinfo=UTC) + after
)
GAPS = st.timedeltas(min_value=timedelta(0), max_value=timedelta(minutes=3))


@pytest.mark.parametrize(
    ("gap", "added"),
    [(None, 0), (-5, 0), (0, 0), (15, 15), (29.999, 29.999), (30, 30), (31, 30), (86_400, 30)],
)
def test_a_beat_adds_the_time_since_the_last_up_to_its_cap(gap: float | None, added: float) -> None:
    last = None if gap is None else NOW - timedelta(seconds=gap)
    assert counted(last, NOW, same_lesson=True) == timedelta(seconds=added)


@pytest.mark.parametrize(("gap", "added"), [(-5, 0), (15, 15), (30, 30), (30.001, 0), (86_400, 0)])
def test_what_opens_another_lesson_after_a_silence_adds_nothing(gap: float, added: float) -> None:
    last = NOW - timedelta(seconds=gap)
    assert counted(last, NOW, same_lesson=False) == timedelta(seconds=added)


@given(start=INSTANTS, gaps=st.lists(GAPS, max_size=30))
def test_no_row_of_beats_counts_more_than_passed(start: datetime, gaps: list[timedelta]) -> None:
    total, last, now = timedelta(0), None, start
    for gap in [timedelta(0), *gaps]:
        now += gap
        added = counted(last, now, same_lesson=True)
        assert timedelta(0) <= added <= BEAT_CAP
        total, last = total + added, now
    assert total <= now - start
    assert total == sum((min(gap, BEAT_CAP) for gap in gaps), timedelta(0))


@pytest.mark.parametrize(
    ("now", "milliseconds", "parts"),
    [
        (NOW, 15_000, [(TODAY, 15_000)]),
        (NOW, 0, []),
        (MIDNIGHT - timedelta(milliseconds=1), 30_000, [(TODAY, 30_000)]),
        (MIDNIGHT, 30_000, [(TODAY, 30_000)]),
        (
            MIDNIGHT + timedelta(milliseconds=1),
            30_000,
            [(TODAY, 29_999), (date(2026, 11, 24), 1)],
        ),
        (
            MIDNIGHT + timedelta(seconds=12),
            30_000,
            [(TODAY, 18_000), (date(2026, 11, 24), 12_000)],
        ),
        (MIDNIGHT + timedelta(seconds=30), 30_000, [(date(2026, 11, 24), 30_000)]),
        (
            datetime(2026, 12, 31, 16, 0, 10, tzinfo=UTC),
            15_000,
            [(date(2026, 12, 31), 5_000), (date(2027, 1, 1), 10_000)],
        ),
    ],
)
def test_a_beat_across_midnight_is_split(
    now: datetime, milliseconds: int, parts: list[tuple[date, int]]
) -> None:
    assert split_by_day(now, timedelta(milliseconds=milliseconds)) == parts


@given(now=INSTANTS, after=GAPS, duration=st.timedeltas(timedelta(0), BEAT_CAP))
def test_a_split_loses_nothing_and_names_the_right_days(
    now: datetime, after: timedelta, duration: timedelta
) -> None:
    near_midnight = day_start(local_day(now)) + after
    for end in (now, near_midnight):
        parts = split_by_day(end, duration)
        assert sum(part for _, part in parts) == duration // timedelta(milliseconds=1)
        for day, part in parts:
            first, last = max(end - duration, day_start(day)), end
            if day != local_day(end):
                last = day_start(local_day(end))
            # Each day has what lay within it, to the millisecond that rounding may shift.
            assert abs(last - first - timedelta(milliseconds=part)) <= timedelta(milliseconds=1)


def test_the_pause_doubles_up_to_ten_minutes() -> None:
    pauses = [retry_pause(failed).total_seconds() for failed in range(1, 9)]
    assert pauses == [15, 30, 60, 120, 240, 480, 600, 600]


@given(failed=st.integers(min_value=1, max_value=10_000))
def test_the_pause_never_shrinks_and_has_an_end(failed: int) -> None:
    assert retry_pause(failed) <= retry_pause(failed + 1) <= RETRY_MAX
    assert retry_pause(failed) < retry_pause(failed + 1) or retry_pause(failed) == RETRY_MAX


@pytest.mark.parametrize(("right", "total", "passed"), [(2, 2, True), (1, 2, False), (0, 1, False)])
def test_every_question_must_be_right(right: int, total: int, passed: bool) -> None:
    assert passes(right, total) is passed


def back(*days: int) -> list[date]:
    return [TODAY - timedelta(days=day) for day in days]


@pytest.mark.parametrize(
    ("days", "length"),
    [
        ([], 0),
        (back(0), 1),
        (back(1), 1),
        (back(2), 0),
        (back(0, 1, 2), 3),
        (back(1, 2, 3), 3),
        (back(0, 2, 3), 1),
        (back(0, 0, 1), 2),
        (back(3, 1, 0, 2), 4),
        (back(-1, 0), 1),
    ],
)
def test_a_streak_may_end_yesterday(days: list[date], length: int) -> None:
    assert streak(days, TODAY) == length


@given(days=st.sets(st.integers(min_value=0, max_value=40)))
def test_a_streak_is_an_unbroken_row(days: set[int]) -> None:
    length = streak(back(*days), TODAY)
    start = 0 if 0 in days else 1
    assert set(range(start, start + length)) <= days
    assert start + length not in days
