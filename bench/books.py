"""Books of any size that the real audit finds true, in an embedded PostgreSQL, filled by SQL.

Every person studies `ROUNDS` lessons, each on a day of its own, and is awarded four times for each,
as a completion does: 学分 for the time, 积分 for the lesson, the first try and the day. One
tenth of all transfers falls on the last day, which is left open: it is the day to close.
"""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from app.cli.data import migrate_database
from app.core import db, embedded
from app.core.clock import day_start
from app.credit_bank.closing import close_days
from app.credit_bank.rules import Claim

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""A Monday, ten in the morning in town: the day after the last day of the books."""
LAST = date(2026, 11, 22)
DAYS = 36
"""So many days before the last one share nine tenths of the transfers."""
ROUNDS, PER_STUDY, VILLAGES = 5, 4, 10
PER_PERSON = ROUNDS * PER_STUDY
SECONDS = [540 + 60 * number for number in range(1, ROUNDS + 1)]
CREDIT = [(2 * seconds * 100 + 3600) // 7200 for seconds in SECONDS]
ISSUERS = {"credit": 1, "points": 2}
TABLES = ("transfer", "account", "study", "study_day", "person")

PEOPLE = """
    INSERT INTO organisation (id, code, name, kind, parent_id, parent_code, lineage)
        OVERRIDING SYSTEM VALUE
        SELECT 1, 'B', '测量镇', 'town', NULL::bigint, NULL, '{1}'::bigint[] UNION ALL
        SELECT 1 + n, 'B-' || n, n || '号村', 'village', 1, 'B', ARRAY[1, 1 + n]
        FROM generate_series(1, %(villages)s) AS n;
    INSERT INTO person (id, name, org_id, rank_visible, birth_year, created_at)
        OVERRIDING SYSTEM VALUE
        SELECT p, '居民' || p, 2 + p %% %(villages)s, true, 1940 + p %% 60, %(begin)s
        FROM generate_series(1, %(people)s) AS p;
    INSERT INTO account (id, unit, program) OVERRIDING SYSTEM VALUE
        VALUES (1, 'credit', 'issuer'), (2, 'points', 'issuer');
    INSERT INTO account (id, unit, person_id, balance, earned) OVERRIDING SYSTEM VALUE
        SELECT 2 * p + n, unit, p, holds, holds FROM generate_series(1, %(people)s) AS p,
            (VALUES (1, 'credit', (SELECT sum(c) FROM unnest(%(credit)s::bigint[]) AS c)),
                    (2, 'points', 4 * cardinality(%(credit)s::bigint[]))) AS a (n, unit, holds);
"""
LESSONS = """
    INSERT INTO lesson (id, key, current_id, published_at, created_at) OVERRIDING SYSTEM VALUE
        SELECT n, 'measured-' || n, n, %(begin)s, %(begin)s
        FROM generate_series(1, cardinality(%(seconds)s::int[])) AS n;
    INSERT INTO lesson_version (id, lesson_id, number, title, kind, platform, audience, summary,
            source, html, plain, required_seconds, digest, made_at) OVERRIDING SYSTEM VALUE
        SELECT n, n, 1, '测量第' || n || '课', 'article', (SELECT min(name) FROM platform), '{}',
            '',
            '自编', '<p>测量</p>', '测量', (%(seconds)s::int[])[n],
            encode(sha256(n::text::bytea), 'hex'), %(begin)s
        FROM generate_series(1, cardinality(%(seconds)s::int[])) AS n;
    INSERT INTO question (version_id, position, kind, text, options, answer, why)
        SELECT id, 1, 'judge', '对吗？', '{对,错}', '{0}', '对。' FROM lesson_version;
"""
# Study `s` is the next person's; within a day everybody studies once, so every day is learned.
STUDIES = """
    CREATE TEMP VIEW studied AS
        SELECT s, 1 + s %% %(people)s AS p, (1 + s / %(people)s)::int AS r, d AS day,
            (d + time '06:00') AT TIME ZONE 'Asia/Shanghai'
                + interval '16 h' * (s %% 100003 / 100003.0) AS at
        FROM generate_series(0, %(studies)s::bigint - 1) AS s, LATERAL (
            SELECT CASE WHEN s < %(early)s THEN %(last)s::date - %(days)s
                + (s * %(days)s / %(early)s)::int ELSE %(last)s::date END AS d) AS dated;
    INSERT INTO study (id, person_id, lesson_id, version_id, started_at, verified_ms, attempts,
            passed_at, completed_at, completed_on) OVERRIDING SYSTEM VALUE
        SELECT s + 1, p, r, r, at - interval '15 min', 1000 * (%(seconds)s::int[])[r], 1, at, at,
            day FROM studied;
    INSERT INTO study_day (study_id, local_day, verified_ms)
        SELECT s + 1, day, 1000 * (%(seconds)s::int[])[r] FROM studied;
"""
TRANSFERS = """
    INSERT INTO transfer (id, key, unit, debit_id, credit_id, amount, kind, rule_id, rule_code,
            subject, evidence, facts, village_id, credit_after, local_day, made_at)
        OVERRIDING SYSTEM VALUE
        SELECT 4 * s + line.n, 'award:' || code || ':person:' || p || ':' ||
                CASE WHEN once = 'day' THEN day::text ELSE 'lesson:' || r END,
            line.unit, line.debit_id, 2 * p + line.debit_id, paid, 'award', line.rule_id, code,
            CASE WHEN once = 'day' THEN 'day:' || day ELSE 'lesson:' || r END, 'study:' || s + 1,
            line.facts[r], 2 + p %% %(villages)s, after[r], day, at
        FROM studied, LATERAL (
            SELECT n, unit, debit_id, rule_id, code, once, facts, after, paids[r] AS paid
            FROM line ORDER BY n) AS line;
"""
LINES = """
    CREATE TEMP TABLE line AS
        SELECT n, rule.unit, (%(issuers)s::jsonb->>rule.unit)::bigint AS debit_id,
            rule.id AS rule_id, rule.code, rule.once, array_agg(paid ORDER BY r) AS paids,
            array_agg(jsonb_build_object('title', '测量第' || r || '课', 'version', 1)
                || CASE WHEN n = 1 THEN jsonb_build_object('seconds', (%(seconds)s::int[])[r])
                    ELSE '{}' END ORDER BY r) AS facts,
            array_agg(CASE WHEN n = 1
                THEN (SELECT sum(c) FROM unnest((%(credit)s::bigint[])[:r]) AS c)
                ELSE 4 * (r - 1) + n END ORDER BY r) AS after
        FROM (VALUES (1, 'lesson.credit'), (2, 'lesson.points'), (3, 'questions.first_try'),
                (4, 'day.learned')) AS claimed (n, code)
            JOIN credit_rule rule USING (code),
            generate_series(1, cardinality(%(credit)s::bigint[])) AS r,
            LATERAL (SELECT CASE WHEN n = 1 THEN (%(credit)s::bigint[])[r]
                ELSE (rule.formula->>'amount')::bigint END AS paid) AS said
        GROUP BY n, rule.unit, rule.id, rule.code, rule.once;
"""
# Points pass through 2, 3, 4 within a study: 2 for the lesson, and one each for the rest.


@dataclass(frozen=True)
class Books:
    """What stands in the database at `url`."""

    url: str
    transfers: int
    people: int

    def claims(self, number: int, lesson: int) -> tuple[int, list[Claim]]:
        """The `number`th person, and what completing one more lesson is worth claiming."""
        subject, proof = f"lesson:{ROUNDS + lesson}", f"study:{self.transfers + number}"
        title = f"测量第{ROUNDS + lesson}课"
        return 1 + number % self.people, [
            Claim("lesson.credit", subject, proof, title, seconds=600),
            Claim("lesson.points", subject, proof, title),
        ]


@contextmanager
def cluster(*, settings: str = "") -> Iterator[embedded.Cluster]:
    """An embedded PostgreSQL in a folder of its own, gone at the end; its durability is real."""
    home = Path(tempfile.mkdtemp(prefix="shoushan-books-"))
    home.chmod(0o755)
    server = embedded.Cluster(home)
    server.start()
    try:
        if settings:
            server.stop()
            with (server.data / "postgresql.auto.conf").open("a") as file:
                file.write(settings)
            server.start()
        yield server
    finally:
        server.stop()
        shutil.rmtree(home, ignore_errors=True)


def build(server: embedded.Cluster, name: str, *, transfers: int, close: bool = True) -> Books:
    """Fill a new database `name` with that many transfers, all but the last day closed."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    url = server.url(name)
    migrate_database(url)
    return fill(url, transfers=transfers, close=close)


def fill(url: str, *, transfers: int, close: bool = True) -> Books:
    """Fill a migrated database that is still empty."""
    people = transfers // PER_PERSON
    studies = people * ROUNDS
    values: dict[str, Any] = {
        "people": people,
        "studies": studies,
        "early": studies * 9 // 10,
        "days": DAYS,
        "last": LAST,
        "begin": day_start(LAST - timedelta(days=DAYS + 1)),
        "villages": VILLAGES,
        "seconds": SECONDS,
        "credit": CREDIT,
        "issuers": psycopg.types.json.Jsonb(ISSUERS),
    }
    with psycopg.connect(url, autocommit=True, cursor_factory=psycopg.ClientCursor) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute("SET synchronous_commit = off; SET maintenance_work_mem = '1GB'")
        with _without_indexes(connection):
            for statement in (PEOPLE, LESSONS, STUDIES, LINES, TRANSFERS):
                connection.execute(statement, values)
        for table in (*TABLES, "organisation", "lesson", "lesson_version"):
            if table != "study_day":
                connection.execute(
                    sql.SQL(
                        "SELECT setval(pg_get_serial_sequence({}, 'id'), max(id)) FROM {}"
                    ).format(table, sql.Identifier(table))
                )
        connection.execute("VACUUM ANALYZE")
        connection.execute("CHECKPOINT")
    if close:
        asyncio.run(_close_early_days(url))
    return Books(url, studies * PER_STUDY, people)


@contextmanager
def _without_indexes(connection: psycopg.Connection[Any]) -> Iterator[None]:
    """Rows come in first and are put into the indexes afterwards: minutes instead of an hour."""
    ready = "UPDATE pg_index SET indisready = %s WHERE indrelid = %s::regclass"
    for table in TABLES:
        connection.execute(ready, (False, table))
    yield
    for table in TABLES:
        connection.execute(ready, (True, table))
        connection.execute(f"REINDEX TABLE {table}")


async def _close_early_days(url: str) -> None:
    engine = db.make_engine(url, pool_size=1, statement_seconds=600)
    async with db.connected(engine), db.transaction() as session:
        await close_days(session, until=LAST - timedelta(days=1), now=NOW)


def cores() -> int:
    return os.cpu_count() or 1
