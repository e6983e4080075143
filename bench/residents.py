"""Residents for the benchmarks: signed in, in the middle of a lesson.

They are written by SQL, since a benchmark measures the service and not its own preparation; all
they earn, they earn through the service, and its audit is asked about it at the end.
"""

import psycopg

from bench.servers import Server

PEOPLE = 10_000
ENDLESS = 1_000_000
"""Seconds that a lesson asks for which nobody is to finish."""
SHORT = 60

SETTLE = """
WITH org AS (
    INSERT INTO organisation (code, name, kind, lineage) VALUES ('bench', '测试村', 'village', '{}')
    RETURNING id
), people AS (
    INSERT INTO person (created_at, rank_visible, org_id)
    SELECT now(), true, id FROM org, generate_series(1, %(people)s) RETURNING id
)
INSERT INTO person_token (person_id, digest, kind, created_at, expires_at, last_used_at)
SELECT id, sha256(convert_to('bench-' || row_number() OVER (ORDER BY id), 'UTF8')), 'api',
    now(), now() + interval '1 day', now()
FROM people RETURNING 1
"""
HONOURED = """
INSERT INTO honour (person_id, code, kind, name, evidence, granted_at, granted_on)
SELECT id, code, 'badge', code, 'bench', now(), current_date
FROM person, unnest(%(codes)s::text[]) AS code RETURNING 1
"""
FIRST = ["badge.first_lesson", "badge.first_full_marks"]
"""What a first completion earns: most are not the first."""
LINEAGE = "UPDATE organisation SET lineage = ARRAY[id] WHERE code = 'bench' RETURNING 1"
TEACH = """
WITH lesson AS (
    INSERT INTO lesson (key, created_at) VALUES (%(key)s, now()) RETURNING id
), version AS (
    INSERT INTO lesson_version (lesson_id, number, title, kind, platform, audience, summary, source,
        html, plain, required_seconds, digest, made_at)
    SELECT id, 1, '防骗一课', 'article', (SELECT name FROM platform ORDER BY position LIMIT 1),
        '{}', '', '', '', '', %(seconds)s, encode(sha256(convert_to(%(key)s, 'UTF8')), 'hex'), now()
    FROM lesson RETURNING id, lesson_id
), question AS (
    INSERT INTO question (version_id, position, kind, text, options, answer, why)
    SELECT id, number, 'single', '哪一个对？', '{甲,乙}', '{1}', '乙对。'
    FROM version, generate_series(1, 2) AS number RETURNING id
)
SELECT lesson_id, version.id, (SELECT array_agg(question.id) FROM question) FROM version
"""
SHOW = """
UPDATE lesson SET current_id = %(version)s, published_at = now() WHERE id = %(lesson)s RETURNING 1
"""
BEGIN = """
WITH begun AS (
    INSERT INTO study (person_id, lesson_id, version_id, started_at, verified_ms, attempts)
    SELECT id, %(lesson)s, %(version)s, now(), %(ms)s, 0 FROM person RETURNING id, person_id
), of_today AS (
    INSERT INTO study_day (study_id, local_day, verified_ms)
    SELECT id, (now() AT TIME ZONE 'Asia/Shanghai')::date, %(ms)s FROM begun WHERE %(ms)s > 0
)
INSERT INTO attention (person_id, lesson_id, beat_at)
SELECT person_id, %(lesson)s, now() - interval '10 seconds' FROM begun
ON CONFLICT (person_id) DO UPDATE
SET lesson_id = excluded.lesson_id, beat_at = excluded.beat_at RETURNING 1
"""


def settle(server: Server, people: int = PEOPLE) -> None:
    """A village of so many; the bearer token of its nth resident is `bench-n`, from 1."""
    server.ask(SETTLE, people=people)
    server.ask(LINEAGE)
    server.ask(HONOURED, codes=FIRST)


def teach(server: Server, key: str, *, seconds: int) -> tuple[int, list[int]]:
    """A lesson that everybody is one second short of having read: its number, and its questions'.

    Option 1 is right. `seconds` are what it asks for.
    """
    ((lesson, version, questions),) = server.ask(TEACH, key=key, seconds=seconds)
    server.ask(SHOW, lesson=lesson, version=version)
    server.ask(BEGIN, lesson=lesson, version=version, ms=max(seconds - 1, 0) * 1000)
    with psycopg.connect(server.database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")  # As autovacuum does with what is written slowly.
    return int(lesson), list(questions)
