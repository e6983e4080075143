"""The only file that reads the clock, and the town's civil calendar.

Instants are aware and in UTC. Days, weeks and months are those of Asia/Shanghai, which has had no
daylight saving time since 1991. In development the clock may start elsewhere and run faster; the
first start of the installation is kept in the database, so all its processes agree (`settle`).
"""

import time
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

TOWN = ZoneInfo("Asia/Shanghai")
Period = Literal["day", "week", "month", "year", "all"]
BEGINNING, END = date(2000, 1, 1), date(3000, 1, 1)
"""Bounds of the period `all`: no transfer is older than the service, none is younger."""


@dataclass(frozen=True)
class Origin:
    """The service's clock reads start + (real time - first start) x rate."""

    first_start: datetime
    start: datetime
    rate: float


_origin: Origin | None = None


def real_now() -> datetime:
    """The machine's own clock: for time-outs towards real machines, never for business."""
    return datetime.now(UTC)


def settle(origin: Origin | None) -> None:
    """Make this process read the installation's clock; None means real time."""
    global _origin  # noqa: PLW0603  one clock a process, set once at its start
    _origin = origin


def utcnow() -> datetime:
    """The service's clock."""
    if _origin is None:
        return real_now()
    return _origin.start + (real_now() - _origin.first_start) * _origin.rate


def to_real(instant: datetime) -> datetime:
    """When the machine's clock will stand where the service's clock reads `instant`."""
    if _origin is None:
        return instant
    return _origin.first_start + (instant - _origin.start) / _origin.rate


def real_seconds(seconds: float) -> float:
    """How long the machine waits while the service's clock moves by `seconds`."""
    return seconds if _origin is None else seconds / _origin.rate


def machine_span(span: timedelta) -> timedelta:
    """How far the service's clock moves while the machine's moves by `span`.

    For patience with machines (a claim whose process died): on a fast clock five of the service's
    minutes are over before a call is.
    """
    return span if _origin is None else span * _origin.rate


def monotonic() -> float:
    """Seconds that never go backwards, for measuring durations."""
    return time.perf_counter()


def local_day(instant: datetime) -> date:
    """The civil day of the town at this instant."""
    return instant.astimezone(TOWN).date()


@lru_cache(maxsize=64)
def day_start(day: date) -> datetime:
    """The first instant of a civil day, in UTC. Kept, since every beat asks for today's."""
    return datetime(day.year, day.month, day.day, tzinfo=TOWN).astimezone(UTC)


def period_of(period: Period, day: date) -> tuple[date, date]:
    """The half-open span [from, to) of days that contains `day`; weeks are ISO weeks (Monday)."""
    match period:
        case "day":
            return day, day + timedelta(days=1)
        case "week":
            monday = day - timedelta(days=day.weekday())
            return monday, monday + timedelta(days=7)
        case "month":
            first = day.replace(day=1)
            return first, (first + timedelta(days=32)).replace(day=1)
        case "year":
            return date(day.year, 1, 1), date(day.year + 1, 1, 1)
        case "all":
            return BEGINNING, END


def local_text(instant: datetime) -> str:
    """An instant as residents read it: 11月23日 08:05."""
    local = instant.astimezone(TOWN)
    return f"{local.month}月{local.day}日 {local:%H:%M}"
