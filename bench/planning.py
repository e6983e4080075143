"""How long a push takes to plan: a delivery for each group, a notice for each resident who asked.

Groups: `planning.plan`, as the worker's minute calls it. Residents: `remind_everybody`, as the
evening's job does; every resident has allowed a notice and nobody has learned today's lesson. Each
round plans all of it for another day.
"""

import asyncio
import resource
import time
from datetime import timedelta

import psycopg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.core import db
from app.push.planning import plan
from app.worker.notices import remind_everybody
from bench.people import NOW, TODAY, cluster, engines, make
from bench.table import Figure

ROUNDS, DAY = 5, timedelta(days=1)
PEOPLE, GROUPS = 1_000_000, 5_000
SHORT = (2_000, 50)
PEOPLE_S_MAX, GROUPS_S_MAX = 30, 1

# A lesson for all, another for every tenth village; a permit for everybody; a push of the county.
FURNISH = """
    set session_replication_role = replica;
    insert into lesson (key, created_at)
    select 'bench-' || n, '{now}' from generate_series(1, 2) n;
    insert into lesson_version (lesson_id, number, title, kind, platform, audience, summary,
        source, html, plain, required_seconds, digest, made_at)
    select id, 1, '防骗一课', 'article', (select min(name) from platform), '{{}}',
        '', '', '', '', 60, encode(sha256(key::bytea), 'hex'), '{now}' from lesson;
    update lesson set current_id = v.id, published_at = '{now}'
    from lesson_version v where v.lesson_id = lesson.id;
    insert into lesson_plan (local_day, org_id, lesson_id)
    select date '{today}' + n, null, min(id) from lesson, generate_series(0, {rounds}) n group by n
    union all select date '{today}' + n, o.id, (select max(id) from lesson)
    from organisation o, generate_series(0, {rounds}) n where kind = 'village' and o.id % 10 = 0;
    insert into identity (person_id, appid, openid, created_at)
    select id, 'mini', 'o' || id, '{now}' from person;
    insert into permit (key, identity_id, template_id, given_at)
    select 'p' || id, id, 'T', '{now}' from identity;
    insert into manuscript (key, kind, state, version, org_id, digest, flags, made_at, changed_at)
    select 'push:' || id || ':{today}', 'push', 'scheduled', 1, id, '', '[]', '{now}', '{now}'
    from organisation where kind = 'county';
    insert into learning_group (name, org_id, owner_id, channel, send_at, deadline, open_from,
        open_until, made_at)
    select 'g' || n, o.ids[1 + n % cardinality(o.ids)], 1, 'relay', '08:00', '20:00', '07:00',
        '21:00', timestamptz '{now}' - interval '1 day'
    from generate_series(1, {groups}) n,
        (select array_agg(id) as ids from organisation where kind = 'village') o;
    set session_replication_role = origin;
"""


def furnish(url: str, groups: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        made = FURNISH.format(now=NOW.isoformat(), today=TODAY, groups=groups, rounds=ROUNDS)
        connection.execute(made.encode())
        connection.execute("vacuum analyze")


async def plan_groups(engine: AsyncEngine, groups: int) -> float:
    async with engine.begin() as connection:
        await connection.execute(text("DELETE FROM delivery"))
    begin = time.perf_counter()
    async with AsyncSession(engine) as session, session.begin():
        assert await plan(session, day=TODAY, now=NOW) == groups
    return time.perf_counter() - begin


async def plan_people(engine: AsyncEngine, people: int, evening: int) -> float:
    """Of another day each time: what was planned before stays, as it does in a town."""
    begin = time.perf_counter()
    await remind_everybody(appid="mini", template_id="T", now=NOW + evening * DAY)
    spent = time.perf_counter() - begin
    async with engine.connect() as connection:
        letters = await connection.scalar(text("SELECT count(*) FROM letter"))
        assert letters == people * (evening + 1), letters
    return spent


def memory_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


async def measure(url: str, people: int, groups: int, rounds: int) -> list[Figure]:
    async with engines([url]) as (engine,), db.connected(engine):
        before = memory_mb()
        of_people = [await plan_people(engine, people, one) for one in range(rounds)]
        grown = memory_mb() - before
        of_groups = [await plan_groups(engine, groups) for _ in range(rounds)]
    return [
        Figure(f"plan a push to {people:,} people", of_people, "s", "≤", PEOPLE_S_MAX),
        Figure("… the process grows by", [grown], "MB"),
        Figure(f"plan a push to {groups:,} groups", of_groups, "s", "≤", GROUPS_S_MAX),
    ]


def run(*, short: bool) -> list[Figure]:
    """Seconds for a million notices with their jobs, and for five thousand deliveries."""
    people, groups = SHORT if short else (PEOPLE, GROUPS)
    with cluster() as address:
        url = make(address, people)
        furnish(url, groups)
        return asyncio.run(measure(url, people, groups, 1 if short else ROUNDS))
