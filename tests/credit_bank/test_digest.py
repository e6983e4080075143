"""The digests of released closes stay what they were, however the lines reach the hash."""

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.closing import GENESIS, seal_of

DAY = date(2026, 11, 22)
GOLDEN = "375618990335bde1465357a01bd54087b9c17033b589c2828f9c3a3194f0e847"
"""By the release that first closed days: one row fetched and hashed at a time."""
LINES = 4321
"""More than one part of a day, and the last one not full."""

# Every column filled and every column empty; every letter that JSON, or a line, writes otherwise.
FILL = r"""
    INSERT INTO transfer OVERRIDING SYSTEM VALUE
    SELECT 1000 + 7 * n, 'award:' || n || ':' || chr(n % 40 + 1) || '"\/' || chr(127 + n % 4000),
        'points', 1 + n % 2, 3 + n % 5, n * 10000000019, 'award',
        CASE WHEN n % 3 > 0 THEN n END, CASE WHEN n % 3 > 0 THEN 'lesson.points' END,
        E'line\nline\ttab\\n' || chr(8232) || '𠮷' || n, 'study:' || n,
        CASE n % 4 WHEN 0 THEN '{}' WHEN 1 THEN '[1.50, 1e3, -0, null, true, []]'
            WHEN 2 THEN
                jsonb_build_object('title', '第"课\' || n, 'é', jsonb_build_object('a', 0.1))
            ELSE to_jsonb(E'"\\\u0001' || n) END,
        CASE WHEN n % 5 > 0 THEN n END, CASE WHEN n % 7 > 0 THEN -n END,
        CASE WHEN n % 11 = 0 THEN 5 * n END,
        CASE WHEN n % 11 = 0 THEN '因为' END, CASE WHEN n % 13 = 0 THEN n END,
        CASE WHEN n % 2 > 0 THEN -n END, n, :day,
        timestamptz '2026-11-21 16:00:00.000001+00' + n * interval '1.000007 s'
    FROM generate_series(1, :lines) AS n
"""
ACCOUNTS = """
    INSERT INTO account (id, unit, person_id, balance, earned, program) OVERRIDING SYSTEM VALUE
    SELECT n, 'points', CASE WHEN n > 2 THEN n END, CASE WHEN n > 2 THEN 0 END,
        CASE WHEN n > 2 THEN 0 END, CASE WHEN n <= 2 THEN 'p' || n END
    FROM generate_series(1, 7) AS n
"""


async def test_a_digest_is_that_of_the_first_release(session: AsyncSession) -> None:
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    await session.execute(text(ACCOUNTS))
    await session.execute(text(FILL), {"day": DAY, "lines": LINES})
    sealed = await seal_of(session, day=DAY, previous=GENESIS)
    assert (sealed.transfers, sealed.digest) == (LINES, GOLDEN)
    total = 10000000019 * LINES * (LINES + 1) // 2
    assert sealed.totals == {"points": {"owners": total, "programs": -total}}
    empty = await seal_of(session, day=date(2026, 11, 21), previous=sealed.digest)
    assert (empty.transfers, empty.totals) == (0, {})
