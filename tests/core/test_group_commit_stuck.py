"""A database that hangs under a batch: callers are told, and those behind them are served."""

import asyncio
from collections.abc import Sequence

import pytest
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import group_commit
from app.core.group_commit import GroupCommit, Overrun, Stuck
from tests.fast_forward import clock_of_this_loop

pytestmark = pytest.mark.usefixtures("database")


class Hanging:
    """Hangs on "hang", and even when cancelled goes on until it is let go."""

    def __init__(self) -> None:
        self.let_go, self.hangs = asyncio.Event(), asyncio.Event()
        self.forward = clock_of_this_loop()
        self.done: list[str] = []

    async def __call__(self, _: AsyncSession, items: Sequence[str]) -> list[str]:
        if "hang" in items:
            self.forward(group_commit.COMMIT_SECONDS + 1)
            self.hangs.set()
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                await self.let_go.wait()
                raise
        self.done += items
        return [item.upper() for item in items]


async def test_a_stuck_batch_is_given_up_and_the_next_one_is_served() -> None:
    perform = Hanging()
    group = GroupCommit(perform)
    first = [asyncio.create_task(group.ask(item)) for item in ("hang", "beside")]
    await perform.hangs.wait()  # Or the time that is leapt would be that of the next batch, too.
    behind = asyncio.create_task(group.ask("behind"))
    assert await behind == "BEHIND"
    for one in first:
        with pytest.raises(Stuck):
            await one
    assert perform.done == ["behind"]  # Not tried one by one: nobody knows whether it was done.
    await group.drain()  # Does not wait for what was given up.
    perform.let_go.set()
    while group._given_up:  # noqa: ASYNC110  what must not be kept
        await asyncio.sleep(0)


async def test_callers_that_have_gone_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(group_commit, "WAITING_MAX", 3)
    perform = Hanging()
    group = GroupCommit(perform)
    stuck = asyncio.create_task(group.ask("hang"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    waiting = [asyncio.create_task(group.ask(f"{number}")) for number in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(Overrun):
        await group.ask("one too many")
    for one in waiting:
        one.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
    assert await group.ask("later") == "LATER"
    assert perform.done == ["later"]
    perform.let_go.set()
    with pytest.raises(Stuck):
        await stuck


async def test_whoever_got_no_connection_is_not_tried_alone() -> None:
    tries = 0

    async def exhausted(_: AsyncSession, __: Sequence[str]) -> list[str]:
        nonlocal tries
        tries += 1
        raise PoolTimeoutError

    group = GroupCommit(exhausted)
    said = await asyncio.gather(*(group.ask(f"{n}") for n in range(5)), return_exceptions=True)
    assert [type(one) for one in said] == [PoolTimeoutError] * 5
    assert tries == 1
