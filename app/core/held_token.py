"""An access token kept in this process's memory.

For platforms that answer the same token to every process while it lasts (WeCom, QQ). WeChat's is
shared in the database instead: app/wechat/token.py.
"""

import asyncio
from collections.abc import Awaitable, Callable

from app.core import clock

MARGIN_SECONDS_MAX = 30
"""A token is not used in its last seconds: the call it goes with must still find it good."""


class HeldToken:
    """Fetched by one caller at a time; `fetch` answers the token and its seconds to live."""

    def __init__(self, fetch: Callable[[], Awaitable[tuple[str, float]]]) -> None:
        self._fetch = fetch
        self._value: str | None = None
        self._good_until = 0.0
        self._fetching = asyncio.Lock()

    async def get(self) -> str:
        async with self._fetching:
            if self._value is None or self._good_until <= clock.monotonic():
                asked_at = clock.monotonic()
                self._value, seconds = await self._fetch()
                margin = min(MARGIN_SECONDS_MAX, seconds / 10)
                self._good_until = asked_at + seconds - margin
            return self._value

    def forget(self, refused: str) -> None:
        """The platform refused this one; a newer one, fetched meanwhile, is kept."""
        if self._value == refused:
            self._value = None
