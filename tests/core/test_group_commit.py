"""The laws of group commit, on real connections."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.core import group_commit
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.group_commit import GroupCommit, Overrun, rounds

pytestmark = pytest.mark.usefixtures("database")


class Notebook:
    """Writes numbers down; 13 breaks the statement it is in, 404 is refused by itself."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.gate, self.begun = asyncio.Event(), asyncio.Event()
        self.gate.set()

    async def write(self, session: AsyncSession, numbers: Sequence[int]) -> list[int | Exception]:
        self.batches.append(list(numbers))
        self.begun.set()
        await self.gate.wait()
        for number in numbers:
            divided = text("INSERT INTO note VALUES (:number + 0 / (:number - 13))")
            if number != 404:
                await session.execute(divided, {"number": number})
        return [Invalid(f"{one}") if one == 404 else one * 10 for one in numbers]


@pytest.fixture
async def notebook(database: AsyncEngine) -> AsyncIterator[Notebook]:
    async with database.begin() as connection:
        await connection.execute(text("CREATE TABLE note (number int UNIQUE)"))
    yield Notebook()
    async with database.begin() as connection:
        await connection.execute(text("DROP TABLE note"))


async def written() -> list[int]:
    async with transaction() as session:
        return sorted(await session.scalars(text("SELECT number FROM note")))


async def ask_all(commit: "GroupCommit[int, int]", *numbers: int) -> list[Any]:
    return await asyncio.gather(*map(commit.ask, numbers), return_exceptions=True)


async def test_a_lone_caller_is_served_at_once_and_a_crowd_shares(notebook: Notebook) -> None:
    commit = GroupCommit(notebook.write)
    assert await commit.ask(1) == 10
    assert await ask_all(commit, *range(20, 50)) == [number * 10 for number in range(20, 50)]
    assert [len(batch) for batch in notebook.batches] == [1, 30]
    assert await written() == [1, *range(20, 50)]


async def test_no_batch_holds_more_than_it_may(notebook: Notebook) -> None:
    commit = GroupCommit(notebook.write, most=4)
    assert await ask_all(commit, *range(10)) == [number * 10 for number in range(10)]
    assert [len(batch) for batch in notebook.batches] == [4, 4, 2]


async def test_a_refusal_is_one_callers_and_a_poisoned_item_fails_alone(notebook: Notebook) -> None:
    commit = GroupCommit(notebook.write)
    found = await ask_all(commit, 1, 404, 2)
    assert (found[0], found[2]) == (10, 20)
    assert isinstance(found[1], Invalid)
    assert len(notebook.batches) == 1
    found = await ask_all(commit, 3, 13, 4, 404)
    assert (found[0], found[2]) == (30, 40)
    assert "division by zero" in str(found[1])
    assert isinstance(found[3], Invalid)
    assert await written() == [1, 2, 3, 4]
    assert sorted(notebook.batches[1:]) == [[3], [3, 13, 4, 404], [4], [13], [404]]


async def test_who_goes_before_the_batch_asks_for_nothing_and_later_is_done(
    notebook: Notebook,
) -> None:
    commit = GroupCommit(notebook.write)
    notebook.gate.clear()
    under_way = asyncio.create_task(commit.ask(1))
    await notebook.begun.wait()
    early, patient = asyncio.create_task(commit.ask(2)), asyncio.create_task(commit.ask(3))
    await asyncio.sleep(0)
    under_way.cancel()
    early.cancel()
    await asyncio.gather(under_way, early, return_exceptions=True)
    notebook.gate.set()
    assert await patient == 30
    assert await written() == [1, 3]


async def test_shutting_down_waits_for_what_was_asked(notebook: Notebook) -> None:
    commit = GroupCommit(notebook.write)
    notebook.gate.clear()
    asked = [asyncio.create_task(commit.ask(number)) for number in (1, 13, 2)]
    await asyncio.sleep(0)
    asyncio.get_running_loop().call_soon(notebook.gate.set)
    await commit.drain()
    assert await written() == [1, 2]
    assert all(one.done() for one in asked)
    await asyncio.gather(*asked, return_exceptions=True)


async def test_a_row_that_somebody_holds_delays_its_own_caller_only(
    notebook: Notebook, database: AsyncEngine
) -> None:
    commit = GroupCommit(notebook.write)
    async with database.connect() as holder:
        await holder.execute(text("INSERT INTO note VALUES (7)"))
        stuck = asyncio.create_task(commit.ask(7))
        free = [asyncio.create_task(commit.ask(number)) for number in (8, 9)]
        # They come to an end while 7 is still held: the batch gave up, and each went alone.
        later = asyncio.create_task(commit.ask(10))
        assert await later == 100
        await holder.rollback()
        assert await asyncio.gather(stuck, *free) == [70, 80, 90]
    assert await written() == [7, 8, 9, 10]


async def test_a_lost_connection_is_told_to_all_and_tried_by_nobody(notebook: Notebook) -> None:
    async def lose(session: AsyncSession, numbers: Sequence[int]) -> list[int | Exception]:
        await session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))
        return await notebook.write(session, numbers)

    found = await ask_all(GroupCommit(lose), 1, 2, 3)
    assert all(isinstance(one, OperationalError) for one in found), found
    assert (notebook.batches, await written()) == ([], [])
    assert await ask_all(GroupCommit(notebook.write), 4) == [40]


async def test_more_than_can_be_served_are_told_so(
    notebook: Notebook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "WAITING_MAX", 3)
    found = await ask_all(GroupCommit(notebook.write), *range(5))
    assert [type(one) for one in found] == [int, int, int, Overrun, Overrun]
    assert await written() == [0, 1, 2]


@given(st.lists(st.tuples(st.integers(0, 3), st.integers())))
def test_rounds_keep_order_and_name_nobody_twice(items: list[tuple[int, int]]) -> None:
    found = list(rounds(items, lambda item: item[0]))
    assert all(len({key for key, _ in one}) == len(one) for one in found)
    for key in {key for key, _ in items}:
        assert [item for one in found for item in one if item[0] == key] == [
            item for item in items if item[0] == key
        ]
    most = max((sum(key == other for key, _ in items) for other, _ in items), default=0)
    assert len(found) == most
