import asyncio

import pytest

from app.core import clock
from app.core.held_token import HeldToken


class Platform:
    def __init__(self, *, seconds: float = 7200, fails: bool = False) -> None:
        self.fetched, self.seconds, self.fails = 0, seconds, fails

    async def fetch(self) -> tuple[str, float]:
        self.fetched += 1
        await asyncio.sleep(0)
        if self.fails:
            raise ConnectionError
        return f"token-{self.fetched}", self.seconds


async def test_many_at_once_fetch_once() -> None:
    platform = Platform()
    held = HeldToken(platform.fetch)
    found = await asyncio.gather(*(held.get() for _ in range(20)))
    assert (set(found), platform.fetched) == ({"token-1"}, 1)


async def test_a_late_refusal_does_not_forget_the_newer_token() -> None:
    platform = Platform()
    held = HeldToken(platform.fetch)
    held.forget(await held.get())
    assert await held.get() == "token-2"
    held.forget("token-1")
    assert await held.get() == "token-2"


@pytest.mark.parametrize(("seconds", "margin"), [(7200, 30), (100, 10)])
async def test_it_is_not_used_in_its_last_seconds(
    monkeypatch: pytest.MonkeyPatch, seconds: float, margin: float
) -> None:
    now = 1000.0
    monkeypatch.setattr(clock, "monotonic", lambda: now)
    platform = Platform(seconds=seconds)
    held = HeldToken(platform.fetch)
    await held.get()
    now += seconds - margin - 1
    assert await held.get() == "token-1"
    now += 1
    assert await held.get() == "token-2"


async def test_a_failure_leaves_the_way_open() -> None:
    platform = Platform(fails=True)
    held = HeldToken(platform.fetch)
    for _ in range(2):
        with pytest.raises(ConnectionError):
            await held.get()
    platform.fails = False
    assert await held.get() == "token-3"
