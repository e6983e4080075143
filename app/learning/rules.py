"""What counts as learning: pure functions. Times in, decisions out."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta

from app.core.clock import day_start, local_day

BEAT_CAP = timedelta(seconds=30)
"""The most one beat can add. Pages beat every 15 s: on a thin network one beat may be lost."""

RETRY_FIRST, RETRY_MAX = timedelta(seconds=15), timedelta(minutes=10)
"""The pause after the first failed attempt, doubled by each further one, up to the longest."""


def counted(last_beat: datetime | None, now: datetime, *, same_lesson: bool) -> timedelta:
    """What a beat at `now` adds: the time since the person's last beat anywhere, capped.

    A first beat adds nothing, nor does one that comes before the last (two servers' clocks), nor
    one that opens another lesson after a silence: nobody saw that lesson being read meanwhile.
    """
    if last_beat is None or now <= last_beat:
        return timedelta(0)
    passed = now - last_beat
    if passed > BEAT_CAP and not same_lesson:
        return timedelta(0)
    return min(passed, BEAT_CAP)


def split_by_day(now: datetime, duration: timedelta) -> list[tuple[date, int]]:
    """Milliseconds per civil day of the span that ends at `now`; the sum is exact."""
    total = duration // timedelta(milliseconds=1)
    today = local_day(now)
    since_midnight = (now - day_start(today)) // timedelta(milliseconds=1)
    late = min(total, since_midnight)
    parts = [(today - timedelta(days=1), total - late), (today, late)]
    return [(day, part) for day, part in parts if part > 0]


def retry_pause(failed: int) -> timedelta:
    """How long to wait after the `failed`-th failed attempt in a row (1, 2, …)."""
    doublings = min(failed - 1, 10)
    return min(RETRY_FIRST * (1 << doublings), RETRY_MAX)


def passes(right: int, total: int) -> bool:
    """Every question must be right: a wrong one may be tried again after a pause."""
    return right == total


def streak(days: Iterable[date], today: date) -> int:
    """Consecutive days with a completed lesson, ending today (or yesterday, if not yet today)."""
    learned = set(days)
    day = today if today in learned else today - timedelta(days=1)
    length = 0
    while day in learned:
        length += 1
        day -= timedelta(days=1)
    return length
