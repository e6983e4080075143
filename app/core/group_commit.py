"""Group commit: what callers ask for within the same few milliseconds becomes one transaction.

A commit waits for the disk and a statement for its way there and back, and neither takes longer
for fifty callers than for one. A lone caller is served at once; in a crowd, batches begin a few
milliseconds apart, and who comes meanwhile goes with the next one.

This module knows nothing of what is done. `perform` gets the items in the order they came and
answers for each with its result, or with the exception that is this item's alone.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Hashable, Iterator, Sequence
from contextvars import Context
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.core.errors import Unavailable
from app.core.statements import rows_of

Item = TypeVar("Item")
Result = TypeVar("Result")

GATHER_SECONDS = 0.005
"""From the beginning of one batch to that of the next. The first after a silence waits for nothing;
without this pause a crowd comes in batches of a few, as the next is begun with the first caller."""
AT_ONCE = 2
"""While the database works at one batch this process makes the next. They are as independent as
those of two processes: whoever meets at a row waits there."""
BATCH_MAX = 40
"""Larger ones gain little more, a failed one costs as many transactions as it had items, and where
a whole crowd fits into one batch, nobody is left to be served while that is written."""
WAITING_MAX = 2000
"""So many callers may wait; beyond it the database cannot keep up, and more would only wait."""
ALONE_MAX = 4
"""So many connections are for those of a failed batch, each in a transaction of its own."""
LOCK_WAIT = "SET LOCAL lock_timeout = '250ms'"
"""How long many wait for a row that one of them needs; alone, that one may wait longer."""
COMMIT_SECONDS = 7.0
"""A batch that takes longer is given up, so that those behind it are not kept by it: less than a
request's deadline (app/api/deadline.py), more than a wait for a lock or for a connection."""
UNDONE = {"40", "55", "57", "23", "22", "P0", "42"}
"""Classes of SQLSTATE with which the server itself says that the transaction is undone:
rollback, not in the prerequisite state (locks), cancelled, constraint, data, raised, not allowed
(postgresql.org/docs/current/errcodes-appendix.html)."""


class Overrun(Unavailable):
    title = "现在用的人太多，请稍后再试"


class Stuck(Unavailable):
    """Nobody knows whether it was done."""

    title = "数据库暂时没有回答，请稍后再试"


@dataclass(slots=True)
class _Asked(Generic[Item, Result]):
    item: Item
    answer: "asyncio.Future[Result]"


class GroupCommit(Generic[Item, Result]):
    """Collects calls of `ask` into transactions, AT_ONCE of them under way.

    `gather`: seconds from the beginning of one batch to that of the next, while there is a crowd;
    `most`: so many callers to a batch.
    """

    def __init__(
        self,
        perform: Callable[[AsyncSession, Sequence[Item]], Awaitable[Sequence[Result | Exception]]],
        *,
        gather: float = GATHER_SECONDS,
        most: int = BATCH_MAX,
    ) -> None:
        self._perform, self._pause, self._most = perform, gather, most
        self._waiting: list[_Asked[Item, Result]] = []
        self._gathering, self._under_way = False, 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._not_before = 0.0
        self._few = asyncio.Semaphore(ALONE_MAX)
        self._given_up: set[asyncio.Task[None]] = set()

    async def ask(self, item: Item) -> Result:
        """This item's own result, after the commit that made it true.

        A caller who is cancelled before its batch begins asks for nothing; later, the work is done
        and only the answer is dropped. Raises Overrun, and whatever the work raises.
        """
        if len(self._waiting) >= WAITING_MAX:
            self._waiting = [asked for asked in self._waiting if not asked.answer.done()]
        if len(self._waiting) >= WAITING_MAX:
            raise Overrun
        answer: asyncio.Future[Result] = self._loop.create_future()
        self._waiting.append(_Asked(item, answer))
        self._gather()
        return await answer

    @cached_property
    def _loop(self) -> asyncio.AbstractEventLoop:
        """The one it lives in, kept: to ask for it is a trip into the kernel (Python 3.11)."""
        return asyncio.get_running_loop()

    async def drain(self) -> None:
        """Wait until everything asked so far is answered; what was given up is not waited for."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        # In a context of its own: what is logged belongs to no single request.
        task = self._loop.create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _gather(self) -> None:
        """Begin the next batch, if there is somebody for it and the database is not kept busy."""
        if self._waiting and not self._gathering and self._under_way < AT_ONCE:
            self._gathering = True
            self._start(self._run())

    async def _run(self) -> None:
        try:
            # At least one turn of the event loop: whoever is ready in it comes along.
            await asyncio.sleep(max(0, self._not_before - self._loop.time()))
        finally:
            self._gathering = False
        self._not_before = self._loop.time() + self._pause
        taken, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
        self._under_way += 1
        try:
            self._gather()
            if batch := [asked for asked in taken if not asked.answer.done()]:
                await self._together(batch)
        finally:
            self._under_way -= 1
            self._gather()

    async def _together(self, batch: list[_Asked[Item, Result]]) -> None:
        try:
            await self._in_time(batch)
        except Exception as error:  # noqa: BLE001  handed on to whom it concerns
            if len(batch) > 1 and _is_undone(error):
                # One of them failed all. Alone, each has its own fate, and nobody else waits.
                for asked in batch:
                    self._start(self._alone(asked))
            else:
                _tell(batch, [error] * len(batch))

    async def _alone(self, asked: _Asked[Item, Result]) -> None:
        async with self._few:
            if asked.answer.done():
                return  # Its caller has gone.
            try:
                await self._in_time([asked])
            except Exception as error:  # noqa: BLE001  the same
                _tell([asked], [error])

    async def _in_time(self, batch: list[_Asked[Item, Result]]) -> None:
        """Commit, or give up.

        A cancelled statement may itself wait long for a server that hangs. Nobody waits for that:
        it keeps its one connection until it ends.
        """
        work = asyncio.create_task(self._commit(batch))
        try:
            done, _ = await asyncio.wait({work}, timeout=COMMIT_SECONDS)
        except asyncio.CancelledError:
            work.cancel()
            raise
        if done:
            work.result()
            return
        self._given_up.add(work)
        work.add_done_callback(self._forget)
        work.cancel()
        raise Stuck

    def _forget(self, work: "asyncio.Task[None]") -> None:
        self._given_up.discard(work)
        if not work.cancelled():
            work.exception()  # Looked at, or asyncio would complain that nobody did.

    async def _commit(self, batch: list[_Asked[Item, Result]]) -> None:
        async with transaction() as session:
            if len(batch) > 1:
                await rows_of(session, LOCK_WAIT, {})
            results = await self._perform(session, [asked.item for asked in batch])
        _tell(batch, results)


def rounds(items: Sequence[Item], key: Callable[[Item], Hashable]) -> Iterator[list[Item]]:
    """The items in as few lists as possible, none with the same key twice; order is kept per key.

    Statements over a list assume that each row is touched once; what one person asks for twice in a
    batch is done in two rounds of the same transaction.
    """
    found: list[list[Item]] = []
    seen: dict[Hashable, int] = {}
    for item in items:
        number = seen.get(key(item), 0)
        seen[key(item)] = number + 1
        if number == len(found):
            found.append([])
        found[number].append(item)
    yield from found


def _tell(batch: Sequence[_Asked[Item, Result]], results: Sequence[Result | Exception]) -> None:
    for asked, result in zip(batch, results, strict=True):
        if asked.answer.done():
            continue  # Its caller has gone.
        if isinstance(result, Exception):
            asked.answer.set_exception(result)
        else:
            asked.answer.set_result(result)


def _is_undone(error: Exception) -> bool:
    """Whether it is certain that nothing was committed, and trying again makes sense.

    An error of our own rolled back. One of the database did if the server said so; with a lost
    connection nobody knows, and it is the client that asks again, under its own key. Whoever got
    no connection together gets none alone.
    """
    if not isinstance(error, DBAPIError):
        return not isinstance(error, OSError | TimeoutError | PoolTimeoutError | Stuck)
    state = getattr(error.orig, "sqlstate", None) or ""
    return state[:2] in UNDONE and not state.startswith("57P")
