"""The read model of the boards, so that a rank costs the same among a million as among a thousand.

Triggers leave a note of every booking and of every change of a person, in the transaction of what
it is about. `fold` adds the notes up every few seconds; the boards read what is added up together
with the notes that still lie there (`board_statements.py`), so nobody ever sees an old rank. The
definition of the boards is `queries.LIVE`: while the tables are being built anew, it is asked
itself, and a test asks both.
"""

from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.ranking.fold_statements import (
    ADD_ALL_UP,
    COUNT_ALL,
    KEEP_FROZEN,
    MERGED,
    NEW_BOARDS,
    PAIRS_OF_BOOKINGS,
    PAIRS_OF_PERSONS,
    PLACE_ALL,
    TAKE_BOOKINGS,
    TAKE_CHANGES,
    settle,
)
from app.ranking.models import FrozenRanking

BATCH = 2000
"""Notes folded in one transaction: less than a second of work."""
LOCK = 0x52_41_4E_4B  # "RANK": one folds at a time.
TABLES = "rank_board, rank_score, rank_place, rank_count, rank_group, rank_member"
FILLED = ("rank_score", "rank_place", "rank_count", "rank_group", "rank_booking", "rank_change")

REBUILD_ASKED = """
    SELECT EXISTS (SELECT FROM rank_change WHERE person_id IS NULL AND side IS NULL)"""


async def ask_for_rebuild(session: AsyncSession) -> None:
    """Once this is committed the boards are computed live, and the next fold builds all anew."""
    await session.execute(text("INSERT INTO rank_change (person_id) VALUES (NULL)"))


async def fold(session: AsyncSession, *, limit: int = BATCH) -> int:
    """Add up to `limit` notes of each kind to the tables; returns how many there were.

    0 if there are none, or if another process is about it.
    """
    if not await session.scalar(text("SELECT pg_try_advisory_xact_lock(:lock)"), {"lock": LOCK}):
        return 0
    if await session.scalar(text(REBUILD_ASKED)):
        return await _rebuild(session)
    await session.execute(text(NEW_BOARDS))
    booked = (await session.execute(text(TAKE_BOOKINGS), {"limit": limit})).one()
    if booked.boards:
        pairs = {"boards": booked.boards, "persons": booked.persons}
        await session.execute(text(settle(PAIRS_OF_BOOKINGS)), pairs)
    changed = (await session.execute(text(TAKE_CHANGES), {"limit": limit})).one()
    if changed.persons:
        await session.execute(text(settle(PAIRS_OF_PERSONS)), {"persons": changed.persons})
    return int(booked.taken + changed.taken)


async def fold_all(session: AsyncSession) -> None:
    """Wait for whoever folds, then leave no note that this transaction can see."""
    await session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
    while await fold(session) >= BATCH:
        pass


async def keep_frozen(session: AsyncSession, frozen: FrozenRanking) -> None:
    """A board of people has been frozen, after `fold_all`: from now on its rows are what counts."""
    board_id = await session.scalar(
        text("SELECT id FROM rank_board WHERE unit = :u AND period = :p AND from_day = :d"),
        {"u": frozen.unit, "p": frozen.period, "d": frozen.from_day},
    )
    if board_id is None:
        return
    kept = {"board": board_id, "frozen": frozen.id}
    persons = list(await session.scalars(text(KEEP_FROZEN), kept))
    if persons:
        pairs = {"boards": [board_id] * len(persons), "persons": persons}
        await session.execute(text(settle(PAIRS_OF_BOOKINGS)), pairs)


async def board_of(
    session: AsyncSession, *, unit: str, period: str, from_day: date
) -> tuple[bool, int]:
    """Whether the tables can be read, and this board's id in them (0: nobody has anything yet)."""
    found = await session.execute(
        text(f"""
            SELECT NOT ({REBUILD_ASKED}) AS ready, coalesce((SELECT id FROM rank_board
                WHERE unit = :unit AND period = :period AND from_day = :from_day), 0) AS id"""),
        {"unit": unit, "period": period, "from_day": from_day},
    )
    ready, board_id = found.one()
    return ready, board_id


async def _rebuild(session: AsyncSession) -> int:
    """Nobody reads these tables now but who began before it was asked for."""
    await session.execute(text("SET LOCAL statement_timeout = 0"))
    await session.execute(text(f"TRUNCATE {TABLES}"))
    for statement in (ADD_ALL_UP, PLACE_ALL, COUNT_ALL):
        await session.execute(text(statement))
    merged = list(await session.scalars(text(MERGED)))
    for begin in range(0, len(merged), BATCH):
        some = {"persons": merged[begin : begin + BATCH]}
        await session.execute(text(settle(PAIRS_OF_PERSONS)), some)
    for table in FILLED:
        await session.execute(text(f"ANALYZE {table}"))
    return 1
