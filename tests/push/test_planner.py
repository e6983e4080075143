"""The laws of the week, on any calendar and any sequence of issues."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.clock import TOWN, local_day
from app.push.planner import (
    Calendar,
    Rhythm,
    empty_slots,
    instant_of,
    monday_of,
    next_day_for,
    next_free_slot,
    obstacle_to,
    slots_of,
    week_of,
)

HOUR = timedelta(hours=1)
USUAL = Rhythm()
MONDAY = date(2026, 11, 23)
INSTANTS = st.datetimes(
    datetime(2020, 1, 1),  # noqa: DTZ001  hypothesis adds the zone
    datetime(2032, 12, 31),  # noqa: DTZ001
    timezones=st.just(UTC),
) | st.sampled_from(
    [
        datetime(2026, 12, 31, 15, 59, 59, 999_999, tzinfo=UTC),  # a moment before the new year
        datetime(2026, 12, 31, 16, 0, tzinfo=UTC),
        datetime(2027, 1, 3, 15, 59, 59, tzinfo=UTC),  # the last second of week 53
        datetime(2027, 1, 3, 16, 0, tzinfo=UTC),
        datetime(2028, 2, 28, 16, 0, tzinfo=UTC),  # 29 February
    ]
)


@st.composite
def rhythms(draw: st.DrawFn) -> Rhythm:
    weekdays = draw(st.frozensets(st.integers(1, 7), min_size=1))
    week_max = draw(st.integers(1, 4))
    at = draw(st.sampled_from([time(0), time(7, 30), time(18), time(23, 59)]))
    return Rhythm(weekdays, at, 1, week_max)


def local(instant: datetime) -> str:
    return f"{instant.astimezone(TOWN):%Y-%m-%d %a %H:%M}"


@given(
    rhythm=rhythms(),
    start=INSTANTS,
    closed=st.sets(st.integers(0, 90), max_size=30),
    once_a_day=st.booleans(),
    acts=st.lists(st.sampled_from(["slot", "put off"]), min_size=1, max_size=12),
)
def test_never_too_many_a_week_and_never_on_a_closed_day(
    rhythm: Rhythm, start: datetime, closed: set[int], once_a_day: bool, acts: list[str]
) -> None:
    """However issues are given slots and put off, day by day."""
    first = local_day(start)
    shut = {first + timedelta(days=n): "停" for n in closed}
    taken: list[datetime] = []
    for act in acts:
        if act == "slot" or not taken:
            calendar = Calendar(shut, taken, once_a_day=once_a_day)
            at = next_free_slot(rhythm, calendar, after=start)
        else:
            late = taken.pop()
            calendar = Calendar(shut, taken, once_a_day=once_a_day)
            at = next_day_for(rhythm, calendar, at=late, after=start)
            assert at is not None
            assert at.astimezone(TOWN).time() == late.astimezone(TOWN).time()
            assert local_day(at) > local_day(late)
        assert at is not None
        assert at > start
        taken.append(at)
    days = [local_day(one) for one in taken]
    assert not shut.keys() & set(days)
    weeks = [day.isocalendar()[:2] for day in days]
    assert all(weeks.count(week) <= rhythm.week_max for week in weeks)
    if once_a_day:
        assert len(set(days)) == len(days)


@given(rhythm=rhythms(), start=INSTANTS)
def test_a_free_slot_is_the_first_one(rhythm: Rhythm, start: datetime) -> None:
    found = next_free_slot(rhythm, Calendar(), after=start)
    assert found is not None
    monday = monday_of(local_day(start))
    near = [*slots_of(rhythm, monday), *slots_of(rhythm, monday + timedelta(days=7))]
    assert found == min(slot for slot in near if slot > start)


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ((2026, 11, 24, 17, 59), "2026-11-24 Tue 18:00"),
        ((2026, 11, 24, 18, 0), "2026-11-27 Fri 18:00"),
        ((2026, 12, 29, 18, 0), "2027-01-01 Fri 18:00"),  # week 53 has its Friday in 2027
        ((2027, 1, 1, 18, 0), "2027-01-05 Tue 18:00"),
    ],
)
def test_slots_across_the_years_end(after: tuple[int, int, int, int, int], found: str) -> None:
    slot = next_free_slot(USUAL, Calendar(), after=datetime(*after, tzinfo=TOWN))
    assert slot is not None
    assert local(slot) == found


def test_the_week_ends_at_sunday_midnight() -> None:
    full = Calendar(taken=slots_of(USUAL, MONDAY))
    sunday = instant_of(MONDAY + timedelta(days=6), time(23, 59, 59))
    assert obstacle_to(USUAL, full, sunday) == "week_full"
    assert obstacle_to(USUAL, full, sunday + timedelta(seconds=1)) is None


def test_week_53_is_one_week() -> None:
    """31 December 2026 and 3 January 2027 share it."""
    taken = [instant_of(date(2026, 12, 29), time(18)), instant_of(date(2027, 1, 1), time(18))]
    calendar = Calendar(taken=taken)
    assert obstacle_to(USUAL, calendar, instant_of(date(2027, 1, 3), time(18))) == "week_full"
    assert obstacle_to(USUAL, calendar, instant_of(date(2027, 1, 4), time(18))) is None


def test_a_day_whose_mass_send_is_used_up() -> None:
    tuesday, friday = slots_of(USUAL, MONDAY)
    used = Calendar(used_up=frozenset({local_day(tuesday)}), once_a_day=True)
    assert obstacle_to(USUAL, used, tuesday) == "day_full"
    assert next_free_slot(USUAL, used, after=tuesday - HOUR) == friday
    moved = next_day_for(USUAL, used, at=tuesday, after=tuesday)
    assert moved == tuesday + timedelta(days=1)


@pytest.mark.parametrize(
    ("counts", "hours_before_friday", "risks"),
    [
        ({}, 49, 0),
        ({}, 47, 1),
        ({"scheduled": 1}, 47, 0),
        ({"published": 1}, -30, 0),
        ({"approved": 1}, 47, 1),
        ({"final_review": 1}, 47, 1),
        ({}, -1, 1),
        ({"failed": 1}, -1, 2),
        ({"unknown": 1}, 49, 1),
    ],
)
def test_a_week_at_risk(counts: dict[str, int], hours_before_friday: int, risks: int) -> None:
    friday = slots_of(USUAL, MONDAY)[-1]
    now = friday - hours_before_friday * HOUR
    week = week_of(USUAL, Calendar(), monday=MONDAY, counts=counts, now=now)
    assert len(week.risks) == risks, week.risks


def test_a_week_without_an_open_slot_is_at_risk_from_its_beginning() -> None:
    shut = {local_day(slot): "停" for slot in slots_of(USUAL, MONDAY)}
    now = instant_of(MONDAY, time(0))
    week = week_of(USUAL, Calendar(closed=shut), monday=MONDAY, counts={}, now=now)
    assert [slot.closed for slot in week.slots] == ["停", "停"]
    assert len(week.risks) == 1


def test_slots_that_somebody_must_be_reminded_of() -> None:
    tuesday, friday = slots_of(USUAL, MONDAY)
    two_days = timedelta(hours=48)

    def empty(now: datetime, *taken: datetime, approved: int = 0) -> list[datetime]:
        calendar = Calendar(taken=taken)
        return empty_slots(USUAL, calendar, approved=approved, now=now, within=two_days)

    assert empty(tuesday - two_days) == [tuesday]
    assert empty(tuesday - two_days - HOUR) == []
    assert empty(tuesday - HOUR, tuesday) == []
    assert empty(tuesday - HOUR, approved=1) == []
    assert empty(tuesday) == [], "it is over"
    assert empty(friday - HOUR, tuesday, friday - 24 * HOUR) == [], "the week is full"
