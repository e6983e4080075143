"""The civil calendar of the town, and the clock that may run faster."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.core import clock, installation
from app.core.clock import Period, day_start, local_day, local_text, period_of, to_real, utcnow
from app.core.db import transaction
from app.core.settings import Settings

DAYS = st.dates(min_value=date(2018, 1, 1), max_value=date(2100, 1, 1))
PERIODS = st.sampled_from(["day", "week", "month", "year", "all"])


@pytest.mark.parametrize(
    ("instant", "day"),
    [
        (datetime(2026, 11, 23, 15, 59, 59, 999999, tzinfo=UTC), date(2026, 11, 23)),
        (datetime(2026, 11, 23, 16, 0, tzinfo=UTC), date(2026, 11, 24)),
        (datetime(2026, 12, 31, 15, 59, 59, 999999, tzinfo=UTC), date(2026, 12, 31)),
        (datetime(2026, 12, 31, 16, 0, tzinfo=UTC), date(2027, 1, 1)),
        (datetime(2028, 2, 28, 16, 0, tzinfo=UTC), date(2028, 2, 29)),
    ],
)
def test_the_civil_day_begins_at_sixteen_hours_utc(instant: datetime, day: date) -> None:
    assert local_day(instant) == day


@pytest.mark.parametrize(
    ("period", "day", "span"),
    [
        ("day", date(2028, 2, 29), (date(2028, 2, 29), date(2028, 3, 1))),
        # 2026 has an ISO week 53, which ends in 2027.
        ("week", date(2027, 1, 1), (date(2026, 12, 28), date(2027, 1, 4))),
        ("week", date(2026, 12, 28), (date(2026, 12, 28), date(2027, 1, 4))),
        ("week", date(2027, 1, 3), (date(2026, 12, 28), date(2027, 1, 4))),
        ("week", date(2027, 1, 4), (date(2027, 1, 4), date(2027, 1, 11))),
        ("month", date(2028, 2, 29), (date(2028, 2, 1), date(2028, 3, 1))),
        ("month", date(2027, 2, 28), (date(2027, 2, 1), date(2027, 3, 1))),
        ("month", date(2026, 12, 31), (date(2026, 12, 1), date(2027, 1, 1))),
        ("month", date(2026, 1, 31), (date(2026, 1, 1), date(2026, 2, 1))),
        ("year", date(2028, 2, 29), (date(2028, 1, 1), date(2029, 1, 1))),
        ("year", date(2026, 12, 31), (date(2026, 1, 1), date(2027, 1, 1))),
        ("all", date(2026, 11, 23), (clock.BEGINNING, clock.END)),
    ],
)
def test_periods_at_their_borders(period: Period, day: date, span: tuple[date, date]) -> None:
    assert period_of(period, day) == span


@given(day=DAYS, period=PERIODS)
def test_periods_tile_time(day: date, period: Period) -> None:
    start, end = period_of(period, day)
    assert start <= day < end
    assert period_of(period, start) == period_of(period, end - timedelta(days=1)) == (start, end)
    if period != "all":
        assert period_of(period, end)[0] == end


@given(day=DAYS)
def test_a_day_starts_at_its_first_instant(day: date) -> None:
    start = day_start(day)
    assert start.tzinfo is UTC
    assert local_day(start) == day
    assert local_day(start - timedelta(microseconds=1)) == day - timedelta(days=1)


def test_instants_are_told_in_local_time() -> None:
    assert local_text(datetime(2026, 11, 23, 0, 5, tzinfo=UTC)) == "11月23日 08:05"


async def test_a_fast_clock_starts_where_it_is_told_and_moves_by_its_rate(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    start = datetime(2027, 1, 1, 0, 0, tzinfo=UTC)
    clock.settle(clock.Origin(first_start=real, start=start, rate=60))
    monkeypatch.setattr(clock, "real_now", lambda: real)
    assert utcnow() == start
    monkeypatch.setattr(clock, "real_now", lambda: real + timedelta(seconds=90))
    assert utcnow() == start + timedelta(minutes=90)
    assert to_real(start + timedelta(minutes=90)) == real + timedelta(seconds=90)
    assert clock.real_seconds(60) == 1
    clock.settle(None)
    assert utcnow() == real + timedelta(seconds=90)
    assert to_real(start) == start
    assert clock.real_seconds(60) == 60


@given(
    rate=st.floats(min_value=0.01, max_value=100_000),
    ahead=st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=400)),
)
def test_to_real_is_the_inverse_of_the_clock(rate: float, ahead: timedelta) -> None:
    first = datetime(2026, 3, 1, tzinfo=UTC)
    start = datetime(2027, 1, 1, tzinfo=UTC)
    clock.settle(clock.Origin(first_start=first, start=start, rate=rate))
    try:
        back = start + (to_real(start + ahead) - first) * rate
        # to_real rounds to a microsecond of the machine, which is `rate` of them on our clock.
        assert abs(back - start - ahead) <= timedelta(microseconds=rate + 1)
    finally:
        clock.settle(None)


def settings(**facts: object) -> Settings:
    return Settings(_env_file=None, **facts)  # type: ignore[arg-type]


@pytest.mark.usefixtures("database")
async def test_every_process_of_an_installation_reads_one_clock(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    fast = settings(clock_start="2027-01-01T00:00:00Z", clock_rate=60)
    readings = []
    for minutes in (0, 7, 30):
        # Each round is another process, started later: the first start decides.
        clock.settle(None)
        monkeypatch.setattr(clock, "real_now", lambda at=first + timedelta(minutes=minutes): at)
        async with transaction() as session:
            await installation.settle_clock(session, fast)
        monkeypatch.setattr(clock, "real_now", lambda: first + timedelta(hours=1))
        readings.append(utcnow())
    assert readings == [datetime(2027, 1, 3, 12, 0, tzinfo=UTC)] * 3


async def test_the_clock_starts_at_the_first_start_unless_told(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    monkeypatch.setattr(clock, "real_now", lambda: first)
    await installation.settle_clock(session, settings())
    monkeypatch.setattr(clock, "real_now", lambda: first + timedelta(seconds=10))
    assert utcnow() == first + timedelta(seconds=10)
    await installation.settle_clock(session, settings(clock_rate=60))
    assert utcnow() == first + timedelta(minutes=10)


async def test_real_time_is_read_without_an_origin(
    database: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
    async with transaction() as session:
        await installation.settle_clock(session, settings())
    monkeypatch.setattr(clock, "real_now", lambda: later)
    assert database is not None
    assert utcnow() == later
