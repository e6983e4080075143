"""A town on the first released schema is brought to the newest one while it is being used.

Its books are those of the benchmarks: the audit finds them true before and after. Connections speak
to it as the first release did, with its columns, before, during and after the migration; each
statement is timed, and gives up after 5 s as the service's own do.
"""

import asyncio
import itertools
import random
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from alembic import command

from app.cli.data import found_in, migrate_database
from app.core import db, schema
from app.flows.auditing import audit
from bench.books import LAST, NOW, Books, cluster, fill
from drills.table import Finding

DRILL = "upgrade"
FIRST = "0002"
"""The oldest revision on which a released service could run: 0001 has no queue and no guards."""
STATEMENT_SECONDS_MAX = 2.0
STARTED = 100_000_000
"""Conversions are numbered from here, so that the load's own are told from what was there."""

OLD_ROWS = """
    INSERT INTO account (unit, program) VALUES ('points', 'conversion');
    INSERT INTO person_token (person_id, digest, kind, created_at, expires_at, last_used_at)
        SELECT id, sha256(id::text::bytea), 'api', created_at, created_at + interval '1 year',
            created_at FROM person;
    INSERT INTO letter (key, person_id, kind, text, state, made_at, sent_at)
        SELECT 'honour:' || id, id, 'honour', '恭喜', 'sent', created_at, created_at FROM person;
    INSERT INTO prior_learning (person_id, title, institution, hours_hundredths, achieved_on,
            document_name, document_sha256, state, applied_at, confirmed_by_id, confirmed_at,
            refused_by_id)
        SELECT id, '电工证', '职校', 1000, '2020-01-01', '证.jpg',
            encode(sha256(id::text::bytea), 'hex'), CASE id % 2 WHEN 0 THEN 'refused' ELSE 'applied'
            END, created_at, NULL, NULL, CASE id % 2 WHEN 0 THEN id END
        FROM person WHERE id % 10 < 2;
"""
# What the first release did, in its own columns: (name, statements of one transaction).
BOOK = (
    "SELECT balance FROM account WHERE id = %(account)s FOR UPDATE",
    "UPDATE account SET balance = balance + 1 WHERE id = %(account)s",
    """INSERT INTO transfer (key, unit, debit_id, credit_id, amount, kind, subject, evidence,
            credit_after, local_day, made_at)
        SELECT 'load:' || %(number)s, 'points', program.id, owner.id, 1, 'conversion',
            'conversion:' || %(number)s, 'load', owner.balance, %(today)s, %(now)s
        FROM account owner, account program
        WHERE owner.id = %(account)s AND program.program = 'conversion'""",
)
BEAT = (
    "SELECT id FROM study WHERE id = %(study)s FOR UPDATE",
    "UPDATE study SET verified_ms = verified_ms + 15000 WHERE id = %(study)s",
    """INSERT INTO study_day (study_id, local_day, verified_ms)
        VALUES (%(study)s, %(today)s, 15000) ON CONFLICT (study_id, local_day)
        DO UPDATE SET verified_ms = study_day.verified_ms + 15000""",
)
READ = (
    """SELECT t.id, t.amount, t.subject, t.facts, t.credit_after FROM transfer t
        WHERE t.credit_id = %(account)s ORDER BY t.id DESC LIMIT 20""",
    """SELECT l.id, v.title, v.required_seconds FROM lesson l
        JOIN lesson_version v ON v.id = l.current_id WHERE l.published_at <= %(now)s""",
    """SELECT village_id, sum(amount) FROM transfer WHERE local_day = %(today)s
        GROUP BY 1 ORDER BY 2 DESC""",
)
SIGN_IN = (
    """INSERT INTO person_token (person_id, digest, kind, created_at, expires_at, last_used_at)
        VALUES (%(person)s, sha256(%(number)s::text::bytea), 'api', %(now)s, %(now)s, %(now)s)""",
    "UPDATE person_token SET last_used_at = %(now)s WHERE person_id = %(person)s",
    "UPDATE person SET rank_visible = NOT rank_visible WHERE id = %(person)s",
)
WRITE = (
    """INSERT INTO letter (key, person_id, kind, text, state, made_at)
        VALUES ('load:' || %(number)s, %(person)s, 'honour', '恭喜', 'waiting', %(now)s)""",
    "UPDATE letter SET state = 'claimed', claimed_at = %(now)s WHERE key = 'load:' || %(number)s",
    """INSERT INTO prior_learning (person_id, title, institution, hours_hundredths, achieved_on,
            document_name, document_sha256, state, applied_at)
        VALUES (%(person)s, '证', '校', 100, '2020-01-01', '证.jpg',
            encode(sha256(('load' || %(number)s)::bytea), 'hex'), 'applied', %(now)s)""",
)
DIGEST = "SELECT md5(string_agg(md5(old::text), '' ORDER BY old)) FROM ({}) old"
OLD_COLUMNS = {
    "transfer": """SELECT id, key, unit, debit_id, credit_id, amount, kind, rule_id, rule_code,
        subject, evidence, facts::text, village_id, unit_id, reverses_id, reason, ordered_by_id,
        debit_after, credit_after, local_day, made_at FROM transfer WHERE key NOT LIKE 'load:%'""",
    "person": "SELECT id, name, org_id, unit_id, birth_year, created_at FROM person",
    "person_token": """SELECT person_id, digest, kind FROM person_token
        WHERE expires_at > created_at""",  # The load's own expire as they are made.
    "letter": "SELECT key, person_id, text, state, sent_at FROM letter WHERE key LIKE 'honour:%'",
    "prior_learning": """SELECT person_id, title, state, applied_at, document_sha256, refused_by_id
        FROM prior_learning WHERE title = '电工证'""",
    "lesson_version": "SELECT id, lesson_id, title, digest, required_seconds FROM lesson_version",
    "credit_rule": "SELECT id, code, version, formula::text FROM credit_rule",
}
ACTS = (BOOK, BEAT, READ, SIGN_IN, WRITE)


@dataclass
class Load:
    """One thread an act, until told to stop."""

    books: Books
    longest: float = 0.0
    slowest: str = ""
    statements: int = 0
    booked: int = 0
    errors: list[str] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(STARTED))
    _stop: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def live(self, act: tuple[str, ...]) -> None:
        options = "-c statement_timeout=10s -c lock_timeout=5s"
        with psycopg.connect(self.books.url, options=options) as connection:
            # As at a service's: the plan is made once, and must survive a new column.
            connection.prepare_threshold = 2
            while not self._stop.is_set():
                self._one(connection, act)
                time.sleep(0.001)

    def _one(self, connection: "psycopg.Connection[Any]", act: tuple[str, ...]) -> None:
        values = self._values()
        try:
            with connection.transaction():
                for statement in act:
                    self._timed(connection, statement, values)
        except psycopg.Error as error:
            self.errors.append(f"{type(error).__name__}: {error}")
            return
        if act is BOOK:
            self.booked += 1

    def _values(self) -> dict[str, Any]:
        person = random.randint(1, self.books.people)
        return {
            "person": person,
            "account": 2 * person + 2,  # The person's points.
            "study": random.randint(1, self.books.transfers // 4),
            "number": next(self._numbers),
            "today": LAST + timedelta(days=1),
            "now": NOW,
        }

    def _timed(
        self, connection: "psycopg.Connection[Any]", statement: str, values: dict[str, Any]
    ) -> None:
        before = time.perf_counter()
        try:
            connection.execute(statement.encode(), values)
        finally:
            took = time.perf_counter() - before
            with self._lock:
                self.statements += 1
                if took > self.longest:
                    self.longest, self.slowest = took, " ".join(statement.split())[:70]

    def under(self, work: Callable[[], None], *, around: float) -> float:
        """Do `work` under load, which begins so many seconds before and ends as many after it."""
        threads = [threading.Thread(target=self.live, args=(act,)) for act in ACTS]
        for thread in threads:
            thread.start()
        try:
            time.sleep(around)
            before = time.perf_counter()
            work()
            took = time.perf_counter() - before
            time.sleep(around)
        finally:
            self._stop.set()
            for thread in threads:
                thread.join()
        return took


def old_town(url: str, *, transfers: int) -> Books:
    """The first release's schema, with what its residents left."""
    command.upgrade(schema.alembic_config(url), FIRST)
    asyncio.run(found_in(url))
    books = fill(url, transfers=transfers)
    with psycopg.connect(url) as connection:
        connection.execute(OLD_ROWS)
    return books


def digests_of(url: str) -> dict[str, str]:
    """What the old rows say in their old columns, the load's own left out."""
    with psycopg.connect(url) as connection:
        return {
            table: str((connection.execute(DIGEST.format(ask).encode()).fetchone() or ("",))[0])
            for table, ask in OLD_COLUMNS.items()
        }


def beside_a_long_reader(url: str, seconds: float, work: Callable[[], None]) -> None:
    """Do `work` while somebody, a backup say, has read everything and does not end for so long."""
    with psycopg.connect(url) as connection:
        for table in OLD_COLUMNS:
            connection.execute(f"SELECT FROM {table} LIMIT 1".encode())
        timer = threading.Timer(seconds, connection.close)
        timer.start()
        work()
        timer.join()


def count_of(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


async def wrong_rows(url: str) -> int:
    """How many findings the whole audit has."""
    engine = db.make_engine(url, pool_size=1, statement_seconds=600)
    async with db.connected(engine), db.read_transaction() as session:
        report = await audit(session)
    for finding in report.findings:
        print(f"WRONG {finding.check}: {finding.row}", file=sys.stderr)
    return len(report.findings)


def run(*, short: bool) -> list[Finding]:
    """What a migration from the first schema to the newest costs those who use it meanwhile."""
    transfers, around, reader = (5_000, 0.5, 3.0) if short else (200_000, 10.0, 20.0)
    with cluster() as server:
        with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
            connection.execute("CREATE DATABASE upgraded")
        url = server.url("upgraded")
        books = old_town(url, transfers=transfers)
        before = digests_of(url)
        load = Load(books)
        took = load.under(
            lambda: beside_a_long_reader(url, reader, lambda: migrate_database(url)), around=around
        )
        after = digests_of(url)
        for error in sorted(set(load.errors))[:5]:
            print(error, file=sys.stderr)
        print(f"slowest: {load.slowest}", file=sys.stderr)
        booked = count_of(url, "SELECT count(*) FROM transfer WHERE key LIKE 'load:%'")
        return [
            Finding(DRILL, "transfers there", books.transfers),
            Finding(DRILL, "a backup holds its locks for", reader, unit=" s"),
            Finding(DRILL, f"migration from {FIRST} to head", round(took, 2), unit=" s"),
            Finding(
                DRILL, "statements of the old release meanwhile", load.statements, part_of="tried"
            ),
            Finding(DRILL, "… that failed", len(load.errors), expected=0),
            Finding(
                DRILL, "… the longest of them", round(load.longest, 2),
                most=STATEMENT_SECONDS_MAX, unit=" s",
            ),
            Finding(DRILL, "transfers acknowledged meanwhile", load.booked, part_of="acknowledged"),
            Finding(DRILL, "… lost", load.booked - booked, expected=0, part_of="lost"),
            Finding(
                DRILL, "tables whose old rows changed",
                sum(before[table] != after[table] for table in before), expected=0,
            ),
            Finding(DRILL, "findings of the audit", asyncio.run(wrong_rows(url)), expected=0),
        ]  # fmt: skip
