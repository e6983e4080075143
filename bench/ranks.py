"""What one's own rank and its neighbours cost among ten thousand people and among a million.

One PostgreSQL of its own with a database of each size; `get_ranking` is asked as the page asks it:
the whole board, this month, oneself and two neighbours on either side. Rounds of the sizes and of
a Redis sorted set (rank, and a range around it) take turns. `… with notes` is while some hundred
awards of the last seconds are not folded yet.
"""

import asyncio
import random
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.core import db
from bench.table import Figure
from bench.town import NOW, TODAY, a_town, running_cluster
from app.ranking.queries import get_ranking

ROUNDS, CALLS = 5, 400
NOTES = 300
RATIO_MAX, P99_MS_MAX = 1.5, 10
GROUPS_EVERY = 10


@dataclass
class Timed:
    """Milliseconds, round by round."""

    rounds: list[list[float]] = field(default_factory=list)

    def medians(self) -> list[float]:
        return [statistics.median(one) for one in self.rounds]

    def p99s(self) -> list[float]:
        return [sorted(one)[int(len(one) * 0.99)] for one in self.rounds]

    async def take(self, asked: Callable[[], Awaitable[object]], times: int) -> None:
        spent = []
        for _ in range(times):
            begin = time.perf_counter()
            await asked()
            spent.append((time.perf_counter() - begin) * 1000)
        self.rounds.append(spent)


async def ask(session: AsyncSession, person_id: int, board: str = "people") -> Any:
    return await get_ranking(
        session,
        board=board,  # type: ignore[arg-type]  # one of two literals below
        unit="credit",
        period="month",
        day=TODAY,
        org_id=None,
        person_id=person_id,
        my_org_ids=[],
        cursor=None,
        limit=20,
        around=2,
        now=NOW,
    )


@dataclass
class Sized:
    """A database of so many people."""

    people: int
    engine: AsyncEngine
    alone: Timed = field(default_factory=Timed)
    noted: Timed = field(default_factory=Timed)
    groups: Timed = field(default_factory=Timed)
    redis: Timed = field(default_factory=Timed)

    async def measure(self, times: int) -> None:
        async def one() -> None:
            async with AsyncSession(self.engine) as session:
                found = await ask(session, random.randint(1, self.people))  # noqa: S311  no secret
                assert found.me is not None
                assert len(found.near) > 2

        async def villages() -> None:
            async with AsyncSession(self.engine) as session:
                assert len((await ask(session, 1, "villages")).items) > 0

        await self.alone.take(one, times)
        await self.groups.take(villages, max(times // GROUPS_EVERY, 5))
        # What was booked a moment ago, and is taken back for the next round.
        async with self.engine.begin() as connection:
            await connection.execute(
                text("""
                    INSERT INTO rank_booking (unit, local_day, person_id, amount)
                    SELECT 'credit', :today, 1 + (n * 7919) % :people, 50
                    FROM generate_series(1, :notes) AS n"""),
                {"today": TODAY, "people": self.people, "notes": NOTES},
            )
        await self.noted.take(one, times)
        async with self.engine.begin() as connection:
            await connection.execute(text("DELETE FROM rank_booking"))


async def measure(sizes: tuple[int, int], url: Callable[[int], str], short: bool) -> list[Sized]:  # noqa: FBT001
    ...
