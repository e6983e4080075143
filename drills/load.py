"""A town's residents at their lessons, and whether the books hold what the service told them.

What is counted is what was *acknowledged*: an award in an answer that arrived. A request without
an answer is repeated as a phone would, so an award may be booked that nobody was told of; one that
was told of must be booked, and once.
"""

import asyncio
import random
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass

import httpx
import psycopg

from app.cli.life import Resident, Town, arrive, call, learn, make_residents, read_answers
from app.core.settings import PROJECT
from drills.table import Finding

CONNECTIONS = 100
BEAT_SECONDS = 25
"""Of the service's clock. A beat counts 30 s at most: few beats, and little of the time is lost."""
CLOSE_SECONDS = 30
PATIENCE_SECONDS = 60
CALM_SECONDS = 6.0
"""At the end nothing is broken any more: it must have recovered by itself."""

BOOKED = """
select a.person_id, s.lesson_id, t.unit || ' ' || r.name, t.amount
from transfer t
join account a on a.id = t.credit_id
join credit_rule r on r.id = t.rule_id
join study s on t.evidence = 'study:' || s.id
where t.kind = 'award'
"""
DOUBLED = """
select coalesce(sum(times - 1), 0) from (
  select count(*) as times from transfer where kind = 'award'
  group by credit_id, rule_code, subject having count(*) > 1
) as twice
"""
COMPLETED = "select person_id, lesson_id from study where completed_at is not null"
MERGED = "select merged_id, kept_id from merge where undone_at is null"


@dataclass(frozen=True)
class Record:
    """What the load was told: person → (lesson, unit and rule, amount), and completed lessons."""

    awards: dict[int, list[tuple[int, str, int]]]
    completed: dict[int, set[int]]
    requests: int
    repeats: int
    refused_seconds: float

    @property
    def count(self) -> int:
        return sum(len(awards) for awards in self.awards.values())

    def longest_refusal(self, drill: str, *, most: float | None) -> Finding:
        """How long one request at most had to be repeated. Short forms ask no time of a machine."""
        return Finding(
            drill, "longest refusal", round(self.refused_seconds, 1), most=most, unit=" s",
            part_of="seconds_refused",
        )  # fmt: skip


async def play(
    services: Sequence[str],
    stand_in: str,
    *,
    rate: float,
    residents: int,
    disturb: Callable[[], Awaitable[None]],
) -> Record:
    """So many residents come, and learn, each going from one service to the next.

    Once all of them are signed in, whatever disturbs them begins; a calm moment after it has ended
    they stop, wherever they are.
    """
    dice = random.Random(5)
    answers = read_answers(PROJECT / "content")
    patience = httpx.Timeout(20, pool=None)
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with AsyncExitStack() as stack:

        async def client(url: str) -> httpx.AsyncClient:
            made = httpx.AsyncClient(base_url=url, timeout=patience, limits=limits, trust_env=False)
            return await stack.enter_async_context(made)

        phone = await client(stand_in)
        towns = [
            Town(await client(url), phone, rate, answers, dice, BEAT_SECONDS) for url in services
        ]
        people = make_residents(residents, _villages(), dice)
        async with asyncio.TaskGroup() as coming:
            for one in people:
                coming.create_task(arrive(towns[one.number % len(towns)], one))
        lives = [asyncio.create_task(_live(towns, one)) for one in people]
        try:
            await disturb()
            await asyncio.sleep(CALM_SECONDS)
            patience_ends = time.monotonic() + PATIENCE_SECONDS
            # A slow machine: a drill in which nobody earned anything would prove nothing.
            while sum(len(one.acknowledged) for one in people) < residents:
                if time.monotonic() > patience_ends:
                    break
                await asyncio.sleep(0.5)
        finally:
            for life in lives:
                life.cancel()
        for end in await asyncio.gather(*lives, return_exceptions=True):
            if isinstance(end, Exception):
                raise end
        told = [one for one in people if one.acknowledged or one.completed]
        ids = [await _id_of(towns[0], one) for one in told]
    return Record(
        awards=dict(zip(ids, ([a for a in one.acknowledged if a[2]] for one in told), strict=True)),
        completed=dict(zip(ids, (one.completed for one in told), strict=True)),
        requests=sum(town.requests for town in towns),
        repeats=sum(town.repeats for town in towns),
        refused_seconds=max(town.refused_seconds for town in towns),
    )


async def _live(towns: Sequence[Town], resident: Resident) -> None:
    """One lesson after the other."""
    town = towns[resident.number % len(towns)]
    lessons = (await call(town, resident, "GET", "/lessons?limit=100")).json()["items"]
    town.dice.shuffle(lessons)
    for number, row in enumerate(lessons):
        town = towns[(resident.number + number) % len(towns)]
        lesson = (await call(town, resident, "GET", f"/lessons/{row['id']}")).json()
        await learn(town, resident, lesson)


async def _id_of(town: Town, resident: Resident) -> int:
    return int((await call(town, resident, "GET", "/me")).json()["id"])


def _villages() -> list[str]:
    rows = (PROJECT / "data" / "shuanghuai-villages.csv").read_text("utf-8").splitlines()[1:]
    cells = [row.split(",") for row in rows]
    return [code for code, _, kind, _ in cells if kind in {"village", "community"}]


def judge(drill: str, record: Record, url: str, *, audit_faults: int) -> list[Finding]:
    """The books beside what was acknowledged. Raises RuntimeError where nothing was."""
    if not record.count:
        raise RuntimeError(
            f"{drill}: nobody was told of any award: {record.requests} requests,"
            f" {record.repeats} of them repeated"
        )
    with psycopg.connect(url) as connection:
        merged: dict[int, int] = dict(connection.execute(MERGED).fetchall())
        booked: defaultdict[tuple[int, int, str], list[int]] = defaultdict(list)
        for person, lesson, rule, amount in connection.execute(BOOKED):
            booked[_kept(merged, person), lesson, rule].append(amount)
        doubled = int(connection.execute(DOUBLED).fetchall()[0][0])
        completed = {
            (_kept(merged, person), lesson) for person, lesson in connection.execute(COMPLETED)
        }
    told = Counter(
        (_kept(merged, person), lesson, rule, amount)
        for person, awards in record.awards.items()
        for lesson, rule, amount in awards
    )
    lost = sum(
        amount not in booked.get((who, lesson, rule), ()) for who, lesson, rule, amount in told
    )
    doubled += sum(len(amounts) - 1 for amounts in booked.values())
    twice = sum(told.values()) - len(told)
    learned = {
        (_kept(merged, person), lesson)
        for person, lessons in record.completed.items()
        for lesson in lessons
    }
    return [
        Finding(drill, "requests", record.requests, part_of="tried"),
        Finding(drill, "of them repeated", record.repeats),
        Finding(drill, "awards acknowledged", record.count, part_of="acknowledged"),
        Finding(
            drill, "acknowledged awards that are not in the ledger", lost, expected=0,
            part_of="lost",
        ),
        Finding(drill, "awards booked twice", doubled, expected=0, part_of="doubled"),
        Finding(drill, "awards acknowledged twice", twice, expected=0, part_of="doubled"),
        Finding(drill, "completions acknowledged", len(learned), part_of="acknowledged"),
        Finding(
            drill, "acknowledged completions that are lost", len(learned - completed), expected=0,
            part_of="lost",
        ),
        Finding(drill, "faults the audit finds", audit_faults, expected=0),
    ]  # fmt: skip


def _kept(merged: dict[int, int], person: int) -> int:
    """Whom this person has been merged into, if so."""
    while person in merged:
        person = merged[person]
    return person
