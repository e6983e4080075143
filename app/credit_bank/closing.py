"""The daily close (日结): totals of a local day, and a digest chained to the day before."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import Conflict
from app.core.paging import Page, decode, encode
from app.credit_bank.models import DayClose, Transfer

GENESIS = "0" * 64
DAY_LOCK = 0x53_48_4F_55  # "SHOU": the advisory lock's class; its object is the day's number.
CHAIN = 0  # The object that stands for the whole chain; days begin at 1.
PART = 20_000
"""So many ids are read at once: some megabytes of lines."""


class DayNotOver(Conflict):
    title = "当天还没有结束，不能日结"


class BooksDoNotBalance(Conflict):
    title = "试算不平，不能日结"


@dataclass(frozen=True)
class Sealed:
    """What a day adds up to: how many transfers, the trial balance per unit, and the digest.

    In the trial balance the net change of owners' and of programs' accounts sums to zero.
    """

    transfers: int
    totals: dict[str, dict[str, int]]
    digest: str


FIRST = text(
    # Only the index over both columns gives this order: no plan reads the days before this one.
    """
    SELECT local_day, id FROM transfer WHERE (local_day, id) > (:day, :after)
    ORDER BY local_day, id LIMIT 1
    """
)

LINES = text(
    # Every column in a fixed order, as JSON; instants as microseconds since 1970 (a double holds
    # them exactly until 2106, and costs a quarter of what a numeric does). Many lines a row, since
    # a row each would cost more than its digest.
    r"""
    SELECT count(*), string_agg(json_build_array(
        id, key, unit, debit_id, credit_id, amount, kind, rule_id, rule_code, subject, evidence,
        facts, village_id, unit_id, reverses_id, reason, ordered_by_id, debit_after, credit_after,
        local_day, (date_part('epoch', made_at) * 1000000)::bigint
    )::text || E'\n', '' ORDER BY id)
    FROM transfer WHERE local_day = :day AND id BETWEEN :first AND :last
    """
)

TRIAL_BALANCE = text(
    """
    SELECT side.unit,
        coalesce(sum(side.change) FILTER (WHERE owned), 0)::bigint AS owners,
        coalesce(sum(side.change) FILTER (WHERE NOT owned), 0)::bigint AS programs
    FROM (
        SELECT d.unit AS d_unit, d.program IS NULL AS d_owned,
            c.unit AS c_unit, c.program IS NULL AS c_owned, sum(amount) AS amount
        FROM transfer JOIN account d ON d.id = debit_id JOIN account c ON c.id = credit_id
        WHERE local_day = :day GROUP BY 1, 2, 3, 4
    ) AS moved, LATERAL (VALUES (d_unit, d_owned, -amount), (c_unit, c_owned, amount))
        AS side (unit, owned, change)
    GROUP BY side.unit ORDER BY side.unit
    """
)


async def seal_of(session: AsyncSession, *, day: date, previous: str) -> Sealed:
    """Add the day up and hash it. The digest covers every column of every transfer."""
    count, (digest,) = await digest_day(session, day=day, ends=[previous])
    totals = {
        unit: {"owners": owners, "programs": programs}
        for unit, owners, programs in await session.execute(TRIAL_BALANCE, {"day": day})
    }
    return Sealed(transfers=count, totals=totals, digest=digest)


async def digest_day(
    session: AsyncSession, *, day: date, ends: Sequence[str]
) -> tuple[int, list[str]]:
    """How many transfers the day has, and its digest chained to each of these ends."""
    running = [hashlib.sha256(f"{end}\n{day.isoformat()}\n".encode()) for end in ends]
    count, after = 0, -(2**63)
    while True:
        found = (await session.execute(FIRST, {"day": day, "after": after})).first()
        if found is None or found.local_day != day:
            return count, [one.hexdigest() for one in running]
        after = found.id + PART - 1
        span = {"day": day, "first": found.id, "last": after}
        lines, joined = (await session.execute(LINES, span)).one()
        count += lines
        for one in running:
            one.update(joined.encode())


async def list_closes(session: AsyncSession, *, cursor: str | None, limit: int) -> Page[DayClose]:
    """The newest day first."""
    rows = select(DayClose).order_by(DayClose.local_day.desc()).limit(limit + 1)
    if cursor is not None:
        before = date.fromordinal(min(max(int(decode(cursor, int)[0]), 1), date.max.toordinal()))
        rows = rows.where(DayClose.local_day < before)
    found = list(await session.scalars(rows))
    last = found[limit - 1].local_day.toordinal() if len(found) > limit else None
    return Page(found[:limit], None if last is None else encode(last))


async def close_days(
    session: AsyncSession, *, until: date | None = None, now: datetime
) -> list[DayClose]:
    """Close every open day up to `until` (default: yesterday), oldest first; idempotent.

    Days without transfers are closed, too, so that the chain has no gap. One process closes at a
    time. The exclusive lock on a day waits for transfers into it that are still under way; the
    trigger refuses later ones. Raises DayNotOver, BooksDoNotBalance.
    """
    today = local_day(now)
    last = until or today - timedelta(days=1)
    if last >= today:
        raise DayNotOver(day=last.isoformat())
    await _hold(session, CHAIN)
    newest = await session.scalar(select(DayClose).order_by(DayClose.local_day.desc()).limit(1))
    if newest is None:
        first_booked = await session.scalar(select(func.min(Transfer.local_day)))
        day = min(first_booked or last, last)
        previous = GENESIS
    else:
        day, previous = newest.local_day + timedelta(days=1), newest.digest
    closes = []
    while day <= last:
        closes.append(await _close(session, day=day, previous=previous, now=now))
        previous, day = closes[-1].digest, day + timedelta(days=1)
    return closes


async def _close(session: AsyncSession, *, day: date, previous: str, now: datetime) -> DayClose:
    await _hold(session, day.toordinal())
    sealed = await seal_of(session, day=day, previous=previous)
    if any(sum(sides.values()) != 0 for sides in sealed.totals.values()):
        raise BooksDoNotBalance(day=day.isoformat(), totals=sealed.totals)
    close = DayClose(
        local_day=day,
        transfers=sealed.transfers,
        totals=sealed.totals,
        previous_digest=previous,
        digest=sealed.digest,
        closed_at=now,
    )
    session.add(close)
    await session.flush()
    return close


async def _hold(session: AsyncSession, number: int) -> None:
    lock = text("SELECT pg_advisory_xact_lock(:class, :number)")
    await session.execute(lock, {"class": DAY_LOCK, "number": number})
