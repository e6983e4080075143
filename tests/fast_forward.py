"""An event loop's own clock, moved on by hand: what waits for hours is tested in no time."""

import asyncio
from collections.abc import Callable


def clock_of_this_loop() -> Callable[[float], None]:
    """Move the running loop's clock on by so many seconds; timers that are due then ring."""
    loop, ahead = asyncio.get_running_loop(), 0.0
    read = loop.time

    def forward(seconds: float) -> None:
        nonlocal ahead
        ahead += seconds

    loop.time = lambda: read() + ahead  # type: ignore[method-assign]
    return forward
