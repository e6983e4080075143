"""So many requests per person and per address, counted in this process."""

from limits import RateLimitItem, parse
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter

from app.core import clock
from app.core.errors import TooMany
from app.core.settings import RateLimits


class TooManyRequests(TooMany):
    title = "操作太频繁，请稍后再试"


class Limiter:
    """Fixed windows in memory: each web process counts for itself, which is enough for an edge."""

    def __init__(self, rates: RateLimits) -> None:
        self.rates: dict[str, RateLimitItem] = {
            name: parse(rate) for name, rate in rates.model_dump().items()
        }
        self.windows = FixedWindowRateLimiter(MemoryStorage())

    def hit(self, kind: str, who: str) -> None:
        """Count one request. Raises TooManyRequests with `retry_after` in seconds."""
        rate = self.rates[kind]
        if not self.windows.hit(rate, kind, who):
            reset = self.windows.get_window_stats(rate, kind, who).reset_time
            raise TooManyRequests(retry_after=max(1, int(reset - clock.real_now().timestamp()) + 1))
