"""The ledger alone, beside pgbench sending the same SQL and beside two peers; audit and close.

Awards per second, and what an award costs in small and in large books.

The service books through its own function, a group of persons in one transaction, as the group
commit does. pgbench sends what the service would have sent for other persons: captured from groups
of the same size that were rolled back, prepared, one client, every statement once. Peers book one
award a transaction by their documented interfaces, into tables that hold next to nothing; what the
service does alone, one award a transaction, stands beside them.
"""

import asyncio
import gc
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core import db, embedded
from app.credit_bank.awards import Earner, award_all
from app.credit_bank.closing import close_days
from app.credit_bank.ledger import Stamp
from app.flows.auditing import audit
from bench import pgbench
from bench.books import LAST, NOW, VILLAGES, Books, build, cluster
from bench.peers.install import NotInstalled
from bench.peers.ledgers import PEERS
from bench.table import Figure, per

ROUNDS, SLOW_ROUNDS = 5, 3
WARM, GROUPS, GROUP = 8, 60, 32
AWARDS = GROUPS * GROUP * 2
"""In a round: every person claims two awards."""
ALONE = 300
"""As many as a peer books in a round."""
LARGE, SMALL = 10_000_000, 10_000
SHORT_LARGE = 100_000
PER_PGBENCH, PER_PEER, GROWTH_MAX = 0.6, 10, 1.3
AUDIT_SECONDS, CLOSE_SECONDS = 60, 10
Peer = Callable[[], float]
"""Books one round and says how many awards a second it booked."""


@dataclass
class Measured:
    """Awards per second of each round, and what came of it beside others."""

    ours: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    pgbench: list[float] = field(default_factory=list)
    per_pgbench: list[float] = field(default_factory=list)
    growth: list[float] = field(default_factory=list)
    peers: dict[str, list[float]] = field(default_factory=dict)
    audit: list[float] = field(default_factory=list)
    close: list[float] = field(default_factory=list)


@dataclass
class Turn:
    """Hands out persons and lessons, so that every group is news to the books."""

    books: Books
    number: int = 0

    def group(self) -> list[Earner]:
        earners = []
        for _ in range(GROUP):
            again = self.number // self.books.people
            person_id, claims = self.books.claims(self.number, again + 1)
            # Small books come round to the same person: on another day, or a cap would bind.
            at = NOW + again * timedelta(days=1)
            earners.append(Earner(person_id, claims, Stamp(2 + person_id % VILLAGES), at))
            self.number += 1
        return earners


async def book(turn: Turn) -> float:
    """Awards per second of this process: one round, every group committed."""
    async with connected(turn.books):
        groups = [turn.group() for _ in range(WARM + GROUPS)]
        for group in groups[:WARM]:
            await _book(group)
        before = await _transfers()
        start = time.perf_counter()
        for group in groups[WARM:]:
            await _book(group)
        seconds = time.perf_counter() - start
        assert await _transfers() - before == AWARDS, "an award is missing"
    return AWARDS / seconds


async def book_alone(turn: Turn) -> float:
    """Awards per second of this process, one award a transaction."""
    async with connected(turn.books):
        earners = [one for _ in range(1 + ALONE // GROUP) for one in turn.group()][: ALONE + WARM]
        single = [replace(one, claims=one.claims[:1]) for one in earners]
        for one in single[:WARM]:
            await _book([one])
        before = await _transfers()
        start = time.perf_counter()
        for one in single[WARM:]:
            await _book([one])
        seconds = time.perf_counter() - start
        booked = len(single) - WARM
        assert await _transfers() - before == booked, "an award is missing"
    return booked / seconds


async def _book(group: list[Earner]) -> None:
    async with db.transaction() as session:
        await award_all(session, group)


async def by_pgbench(server: embedded.Cluster, turn: Turn) -> float:
    """Awards per second of pgbench, which sends what we would send for the next groups."""
    groups: list[list[pgbench.Sent]] = []
    async with connected(turn.books):
        for _ in range(WARM + GROUPS):
            async with db.session_maker() as session:
                await session.connection()  # A new one asks for things of its own.
                with pgbench.listening() as sent:
                    await award_all(session, turn.group())
                await session.rollback()
            groups.append(sent)
        before = await _transfers()
        seconds = pgbench.run(server, turn.books.url, groups, warm=WARM)
        booked = await _transfers() - before
        assert booked == (WARM + GROUPS) * GROUP * 2, "pgbench booked something else"
    return AWARDS / seconds


async def _transfers() -> int:
    """Those since the last day: counting all of ten million would take longer than the round."""
    async with db.transaction() as session:
        new = text("SELECT count(*) FROM transfer WHERE local_day > :day")
        return int(await session.scalar(new, {"day": LAST}) or 0)


@asynccontextmanager
async def connected(books: Books) -> AsyncIterator[AsyncEngine]:
    engine = db.make_engine(books.url, pool_size=2, statement_seconds=600)
    async with db.connected(engine):
        yield engine


async def close(books: Books) -> float:
    """Seconds to close the last day, a tenth of all transfers; undone, to be done again."""
    async with connected(books), db.session_maker() as session:
        start = time.perf_counter()
        (closed,) = await close_days(session, until=LAST, now=NOW)
        seconds = time.perf_counter() - start
        assert closed.transfers == books.transfers // 10, closed.transfers
        await session.rollback()
    return seconds


async def look_through(books: Books) -> float:
    """Seconds to audit everything."""
    async with connected(books):
        start = time.perf_counter()
        async with db.read_together() as (session, beside):
            report = await audit(session, beside=beside)
        seconds = time.perf_counter() - start
    assert report.findings == [], report.findings
    return seconds


async def measure(
    server: embedded.Cluster, large: Books, small: Books, peers: dict[str, Peer], rounds: int
) -> Measured:
    found = Measured(peers={name: [] for name in peers})
    of_large, of_small = Turn(large), Turn(small)
    # As the service does once it has started (app/cli/serving.py).
    gc.collect()
    gc.freeze()
    for _ in range(min(rounds, SLOW_ROUNDS)):
        found.close.append(await close(large))
        found.audit.append(await look_through(large))
    for _ in range(rounds):
        found.ours.append(await book(of_large))
        found.alone.append(await book_alone(of_large))
        found.pgbench.append(await by_pgbench(server, of_large))
        found.per_pgbench.append(found.ours[-1] / found.pgbench[-1])
        found.growth.append(await book(of_small) / found.ours[-1])
        for name, peer in peers.items():
            found.peers[name].append(peer())
    return found


def run(*, short: bool) -> list[Figure]:
    size = SHORT_LARGE if short else LARGE
    with cluster() as server, tempfile.TemporaryDirectory() as folder:
        peers = dict(_peers(server, Path(folder)))
        start = time.perf_counter()
        large = build(server, "large", transfers=size)
        built = time.perf_counter() - start
        small = build(server, "small", transfers=SMALL)
        found = asyncio.run(measure(server, large, small, peers, 1 if short else ROUNDS))
    return list(figures(found, large, built))


def _peers(server: embedded.Cluster, folder: Path) -> Iterator[tuple[str, Peer]]:
    for name, install in PEERS.items():
        try:
            yield name, install(server, folder)
        except NotInstalled as error:
            print(f"not installed: {name}: {error}", file=sys.stderr)


def figures(found: Measured, large: Books, built: float) -> Iterator[Figure]:
    size = f"{large.transfers:,} transfers and {2 * large.people:,} accounts present"
    yield Figure(f"awards booked by one process, {size}", found.ours, "/s")
    yield Figure("… pgbench with the same SQL, one client", found.pgbench, "/s", by_other=True)
    yield Figure(
        "… ours beside pgbench", found.per_pgbench, "× pgbench", "≥", PER_PGBENCH,
        ours=found.ours, other=found.pgbench, each="/s",
    )  # fmt: skip
    yield Figure("… ours, one award a transaction as the peers do", found.alone, "/s")
    for name, awards in found.peers.items():
        yield Figure(f"… {name}, next to empty tables", awards, "/s", by_other=True)
        yield Figure(
            f"… ours beside {name}", per(found.ours, awards), "×", "≥", PER_PEER,
            ours=found.ours, other=awards, each="/s",
        )  # fmt: skip
    words = f"an award at {large.transfers:,} transfers beside one at {SMALL:,}"
    large_each = [1 / rate for rate in found.ours]
    small_each = [each / times for each, times in zip(large_each, found.growth, strict=True)]
    yield Figure(
        words, found.growth, "×", "≤", GROWTH_MAX, ours=large_each, other=small_each, each="s"
    )
    words = f"bank audit of {large.transfers:,} transfers"
    yield Figure(words, found.audit, "s", "≤", AUDIT_SECONDS)
    words = f"daily close of {large.transfers // 10:,} transfers"
    yield Figure(words, found.close, "s", "≤", CLOSE_SECONDS)
    yield Figure("… building these books and closing nine tenths", [built], "s")
