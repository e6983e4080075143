"""What one's own rank and its neighbours cost among ten thousand people and among a million.

`get_ranking` is called as the page calls it: the whole board of this month, its first page, oneself
and two neighbours on either side. The two sizes and a Redis sorted set of each take turns, round by
round. `with notes`: some hundred awards of the last seconds are not folded yet.
"""

import asyncio
import random
import statistics
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.ranking.folding import fold_all
from app.ranking.queries import get_ranking
from bench.people import NOW, TODAY, cluster, engines, make
from bench.sorted_set import Redis, redis
from bench.table import Figure

ROUNDS, CALLS = 5, 400
SMALL, LARGE = 10_000, 1_000_000
SHORT = (500, 2_000)
NOTES, FOLDED, NEIGHBOURS = 300, 2_000, 2
RATIO_MAX, P99_MS_MAX = 1.5, 10
NOTE = text("""
    INSERT INTO rank_booking (unit, local_day, person_id, amount)
    SELECT 'credit', :today, 1 + (n * 7919) % :people, 50 FROM generate_series(1, :notes) AS n""")
SCORES = "SELECT person_id, placed FROM rank_score JOIN rank_board ON board_id = rank_board.id"


class Timed(list[list[float]]):
    """Milliseconds of every call, round by round."""

    async def take(self, ask: Callable[[], Awaitable[object]], times: int) -> None:
        spent = []
        for _ in range(times):
            begin = time.perf_counter()
            await ask()
            spent.append((time.perf_counter() - begin) * 1000)
        self.append(spent)

    def medians(self) -> list[float]:
        return [statistics.median(one) for one in self]

    def p99s(self) -> list[float]:
        return [sorted(one)[int(len(one) * 0.99)] for one in self]


@dataclass
class Sized:
    """A database of so many people, and a sorted set of those listed."""

    people: int
    engine: AsyncEngine
    listed: Sequence[int] = ()
    built: float = 0
    mine: Timed = field(default_factory=Timed)
    noted: Timed = field(default_factory=Timed)
    villages: Timed = field(default_factory=Timed)
    set: Timed = field(default_factory=Timed)

    async def build(self, beside: Redis | None) -> None:
        begin = time.perf_counter()
        async with AsyncSession(self.engine) as session, session.begin():
            await fold_all(session)
        self.built = time.perf_counter() - begin
        async with self.engine.connect() as connection:
            autocommit = await connection.execution_options(isolation_level="AUTOCOMMIT")
            await autocommit.execute(text("VACUUM ANALYZE"))
            board = text(f"{SCORES} WHERE period = 'month' AND placed > 0 ORDER BY 1")
            scores = [(one, score) for one, score in await connection.execute(board)]
        self.listed = [one for one, _ in scores]
        if beside is not None:
            await beside.fill(str(self.people), scores)

    async def ask(self, board: Any, person_id: int) -> Any:
        async with AsyncSession(self.engine) as session, session.begin():
            return await get_ranking(
                session, board=board,
                unit="credit", period="month", day=TODAY, org_id=None,
                person_id=person_id, my_org_ids=[], cursor=None, limit=20, around=NEIGHBOURS,
                now=NOW,
            )  # fmt: skip

    async def measure(self, times: int, beside: Redis | None) -> None:
        async def mine() -> None:
            found = await self.ask("people", random.choice(self.listed))
            assert len(found.near) > NEIGHBOURS, found

        await self.mine.take(mine, times)
        await self.villages.take(lambda: self.ask("villages", 1), times // 20 + 1)
        await self.note(NOTES)
        await self.noted.take(mine, times)
        async with self.engine.begin() as connection:
            await connection.execute(text("DELETE FROM rank_booking"))
        if beside is not None:
            await self.set.take(
                lambda: beside.near(str(self.people), random.choice(self.listed)),
                times,
            )

    async def note(self, notes: int) -> None:
        facts = {"today": TODAY, "people": self.people, "notes": notes}
        async with self.engine.begin() as connection:
            await connection.execute(NOTE, facts)

    async def fold(self) -> float:
        await self.note(FOLDED)
        begin = time.perf_counter()
        async with AsyncSession(self.engine) as session, session.begin():
            await fold_all(session)
        return time.perf_counter() - begin


async def measure(urls: dict[int, str], rounds: int, calls: int) -> list[Figure]:
    async with engines(list(urls.values())) as opened, redis() as beside:
        sizes = [Sized(people, engine) for people, engine in zip(urls, opened, strict=True)]
        for one in sizes:
            await one.build(beside)
            await one.measure(20, beside)  # Statements are prepared, pages are in memory.
            for timed in (one.mine, one.noted, one.villages, one.set):
                timed.clear()
        for _ in range(rounds):
            for one in random.sample(sizes, len(sizes)):
                await one.measure(calls, beside)
        folds = [[await one.fold() for _ in range(rounds)] for one in sizes]
    return [
        *figures(sizes[0], sizes[1]),
        Figure(f"fold {FOLDED:,} awards at {sizes[1].people:,}", folds[1], "s"),
        Figure(f"build the read model of {sizes[1].people:,}", [sizes[1].built], "s"),
    ]


def figures(small: Sized, large: Sized) -> list[Figure]:
    def against(one: Timed, other: Timed) -> list[float]:
        return [b / a for a, b in zip(one.medians(), other.medians(), strict=True)]

    many, few = f"{large.people:,}", f"{small.people:,}"
    found = [
        Figure(
            f"own rank + neighbours, {many} people vs {few}",
            against(small.mine, large.mine), "×", "≤", RATIO_MAX,
            ours=large.mine.medians(), other=small.mine.medians(), each="ms",
        ),
        Figure(f"… p99 at {many}", large.mine.p99s(), "ms", "≤", P99_MS_MAX),
        Figure(f"… median at {many}", large.mine.medians(), "ms"),
        Figure(f"… median at {few}", small.mine.medians(), "ms"),
        Figure(
            f"… with {NOTES} notes, {many} vs {few}",
            against(small.noted, large.noted), "×", "≤", RATIO_MAX,
            ours=large.noted.medians(), other=small.noted.medians(), each="ms",
        ),
        Figure(f"… with {NOTES} notes, p99 at {many}", large.noted.p99s(), "ms", "≤", P99_MS_MAX),
        Figure(f"board of villages, median at {many}", large.villages.medians(), "ms"),
        Figure(f"board of villages, median at {few}", small.villages.medians(), "ms"),
    ]  # fmt: skip
    if large.set:
        found += [
            Figure(
                f"Redis sorted set, {many} vs {few}", against(small.set, large.set), "×",
                other=large.set.medians(), each="ms",
            ),
            Figure(
                f"Redis sorted set, median at {many}", large.set.medians(), "ms", by_other=True
            ),
            Figure(f"Redis sorted set, p99 at {many}", large.set.p99s(), "ms", by_other=True),
        ]  # fmt: skip
    return found


def run(*, short: bool) -> list[Figure]:
    """Own rank and neighbours, boards of villages, folding and building; Redis beside."""
    sizes = SHORT if short else (SMALL, LARGE)
    with cluster() as address:
        urls = {people: make(address, people) for people in sizes}
        rounds, calls = (1, 40) if short else (ROUNDS, CALLS)
        return asyncio.run(measure(urls, rounds, calls))
