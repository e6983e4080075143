"""So many requests per person and per address, counted in this process.

Counted here and not by the library whose notation the settings are in: its store in memory starts a
thread for every few requests, and took longer than the request.
"""

from collections import Counter
from dataclasses import dataclass, field

from limits import RateLimitItem, parse

from app.core import clock
from app.core.errors import TooMany
from app.core.settings import RateLimits


class TooManyRequests(TooMany):
    title = "操作太频繁，请稍后再试"


@dataclass
class _Window:
    """One kind's count since `begun`, for everybody: all of it is forgotten at the end."""

    rate: RateLimitItem
    begun: float = 0.0
    hits: Counter[str] = field(default_factory=Counter)


class Limiter:
    """Fixed windows in memory: each web process counts for itself, which is enough for an edge."""

    def __init__(self, rates: RateLimits) -> None:
        self._windows = {name: _Window(parse(rate)) for name, rate in rates.model_dump().items()}

    def hit(self, kind: str, who: str) -> None:
        """Count one request. Raises TooManyRequests with `retry_after` in seconds."""
        window, now = self._windows[kind], clock.monotonic()
        ends = window.begun + window.rate.get_expiry()
        if now >= ends or not window.begun:
            window.begun, ends = now, now + window.rate.get_expiry()
            window.hits.clear()
        window.hits[who] += 1
        if window.hits[who] > window.rate.amount:
            raise TooManyRequests(retry_after=max(1, int(ends - now) + 1))
