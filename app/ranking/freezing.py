"""Freezing the boards of closed periods: what was won stays won, whatever is corrected later."""

import hashlib
from datetime import date, datetime, timedelta
from typing import get_args

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Period, period_of
from app.credit_bank.models import DayClose
from app.ranking.folding import fold_all, keep_frozen
from app.ranking.live_statements import LIVE
from app.ranking.models import FrozenRanking, FrozenRow
from app.ranking.queries import RESIDENTIAL, UNIT_KINDS, Board

PERIODS: tuple[Period, ...] = ("day", "week", "month", "year")
UNITS = ("credit", "points")


async def freeze_closed(session: AsyncSession, *, now: datetime) -> list[FrozenRanking]:
    """Freeze every board of every period that the daily close has reached; idempotent.

    Periods are taken from the oldest close on, so that days without a run are made up for.
    """
    first, last = (
        await session.execute(select(func.min(DayClose.local_day), func.max(DayClose.local_day)))
    ).one()
    if last is None:
        return []
    columns = (
        FrozenRanking.board,
        FrozenRanking.unit,
        FrozenRanking.period,
        FrozenRanking.from_day,
    )
    await fold_all(session)
    known = {tuple(row) for row in await session.execute(select(*columns))}
    made = [
        await _freeze(session, wanted, to_day=to_day, now=now)
        for period in PERIODS
        for from_day, to_day in _spans(period, first, last)
        for board in get_args(Board)
        for unit in UNITS
        if (wanted := (board, unit, period, from_day)) not in known
    ]
    return [ranking for ranking in made if ranking is not None]


def _spans(period: Period, first: date, last: date) -> list[tuple[date, date]]:
    """The periods that end within the closed days [first, last]."""
    spans = []
    day = first
    while day <= last:
        from_day, to_day = period_of(period, day)
        if to_day - timedelta(days=1) <= last:
            spans.append((from_day, to_day))
        day = to_day
    return spans


async def _freeze(
    session: AsyncSession, wanted: tuple[Board, str, Period, date], *, to_day: date, now: datetime
) -> FrozenRanking | None:
    board, unit, period, from_day = wanted
    statement = text(
        f"WITH RECURSIVE {LIVE[board]}"
        " SELECT subject_id, amount, members FROM earned ORDER BY subject_id"
    )
    kinds = list(RESIDENTIAL if board == "villages" else UNIT_KINDS)
    facts = {"unit": unit, "from_day": from_day, "to_day": to_day, "kinds": kinds}
    rows = (await session.execute(statement, facts)).mappings().all()
    lines = [f"{row['subject_id']} {row['amount']} {row['members']}" for row in rows]
    head = f"{board} {unit} {period} {from_day} {to_day}"
    made: FrozenRanking | None = await session.scalar(
        insert(FrozenRanking)
        .values(
            board=board,
            unit=unit,
            period=period,
            from_day=from_day,
            to_day=to_day,
            digest=hashlib.sha256("\n".join([head, *lines]).encode()).hexdigest(),
            frozen_at=now,
        )
        .on_conflict_do_nothing()
        .returning(FrozenRanking)
    )
    if made is not None and rows:
        await session.execute(insert(FrozenRow), [{"ranking_id": made.id, **row} for row in rows])
    if made is not None and board == "people":
        await keep_frozen(session, made)
    return made
