"""A PostgreSQL of a benchmark's own, with as many people as it takes, made by SQL."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy.ext.asyncio import AsyncEngine

from app.cli.data import migrate_database
from app.core import db, embedded
from app.core.clock import local_day

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
TODAY = local_day(NOW)
A_VILLAGE = 1000
"""People of a village; fifty villages are a town."""

# No triggers and no foreign keys while it is made: `shoushan ranking rebuild` follows.
MAKE = """
    set session_replication_role = replica;
    insert into organisation (code, name, kind, lineage) values ('county', '县', 'county', '{{}}');
    insert into organisation (code, name, kind, parent_code, lineage)
    select 't' || n, n || '镇', 'town', 'county', '{{}}'
    from generate_series(0, {people} / ({village} * 50)) n;
    insert into organisation (code, name, kind, parent_code, lineage)
    select 'v' || n, n || '村', 'village', 't' || n / 50, '{{}}'
    from generate_series(0, {people} / {village}) n;
    update organisation o set parent_id = p.id from organisation p where p.code = o.parent_code;
    update organisation set lineage = array[id] where kind = 'county';
    update organisation o set lineage = p.lineage || o.id
        from organisation p where p.id = o.parent_id and o.kind = 'town';
    update organisation o set lineage = p.lineage || o.id
        from organisation p where p.id = o.parent_id and o.kind = 'village';
    insert into person (name, org_id, rank_visible, created_at)
    select '乡亲' || n, (select id from organisation where code = 'v' || n / {village}),
        n % 5 > 0, '{now}' from generate_series(1, {people}) n;
    insert into account (unit, program) values ('credit', 'issuer');
    insert into account (unit, person_id, balance, earned)
    select 'credit', id, 0, 0 from person order by id;
    -- From half a credit to a hundred, a few with much, as a month's learning is.
    insert into transfer (key, unit, debit_id, credit_id, amount, kind, rule_id, rule_code, subject,
        evidence, village_id, local_day, made_at)
    select 'bench:' || p.id, 'credit', (select id from account where program = 'issuer'), a.id,
        50 + (10000 * power((hashint8(p.id) & 65535) / 65536.0, 3))::bigint, 'award',
        (select id from credit_rule where code = 'lesson.credit' limit 1), 'lesson.credit',
        'lesson:1', 'study:' || p.id, p.org_id,
        date '{today}' - (p.id % 20)::int, '{now}'
    from person p join account a on a.person_id = p.id;
    set session_replication_role = origin;
"""


@contextmanager
def cluster() -> Iterator[str]:
    """The address of a running server of one's own; `{database}` stands for a database."""
    with tempfile.TemporaryDirectory(prefix="shoushan-bench-") as folder:
        Path(folder).chmod(0o755)
        with embedded.running(Path(folder)) as url:
            yield url.replace(f"/{embedded.DATABASE}?", "/{database}?")


def make(address: str, people: int) -> str:
    """A database of so many people, each with an award this month; its URL."""
    name = f"people_{people}"
    with psycopg.connect(address.format(database="postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = address.format(database=name)
    migrate_database(url)
    with psycopg.connect(url, autocommit=True) as connection:
        made = MAKE.format(people=people, village=A_VILLAGE, now=NOW.isoformat(), today=TODAY)
        connection.execute(made.encode())
        connection.execute("vacuum analyze")
    return url


@asynccontextmanager
async def engines(urls: list[str]) -> AsyncIterator[list[AsyncEngine]]:
    made = [db.make_engine(url, pool_size=2, statement_seconds=600) for url in urls]
    try:
        yield made
    finally:
        for engine in made:
            await engine.dispose()
