"""The three boards: people, villages, units.

What counts is what rules awarded, less reversals, by the civil day of the booking; merges and
conversions count nothing. Equal amounts share a rank and the next rank is left out (1, 1, 3); among
equals the older id stands first, so that pages are stable. People appear only by their own choice,
and their rank is among those who chose so; one's own row is always known. Villages and units are
all listed, those with nothing, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from psycopg.types.numeric import Int8
from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Period, period_of
from app.core.paging import decode, encode
from app.people.rules import mask_name
from app.ranking.board_statements import FIRST_PAGE, FURTHER_PAGE, groups
from app.ranking.folding import board_of
from app.ranking.live_statements import (
    FROZEN_GROUPS,
    FROZEN_PEOPLE,
    LIVE,
    ME,
    NEAR,
    PAGE,
    ranked,
)
from app.ranking.models import FrozenRanking

Board = Literal["people", "villages", "units"]
By = Literal["total", "per_member"]
RESIDENTIAL = ("village", "community")
UNIT_KINDS = ("school", "department", "unit")
SIDES = {"villages": "village", "units": "unit"}
PARTS = ("page", "me", "near")
Parts = Mapping[str, Sequence[Mapping[str, Any]]]
"""Rows of the page, of the asker alone, and of the asker among the neighbours."""


@dataclass(frozen=True)
class Standing:
    """One row of a board; amounts in the unit's smallest part, `per_member` rounded half up."""

    rank: int
    subject_id: int
    name: str
    org_code: str | None
    org_name: str | None
    amount: int
    members: int
    per_member: int
    is_me: bool


@dataclass(frozen=True)
class Ranking:
    """A page of a board. `to_day` is the day after the last; `digest` is set once it is frozen."""

    board: Board
    period: Period
    from_day: date
    to_day: date
    as_of: datetime
    digest: str | None
    items: list[Standing]
    me: Standing | None
    near: list[Standing]
    next: str | None


async def get_ranking(
    session: AsyncSession,
    *,
    board: Board,
    unit: str,
    period: Period,
    day: date,
    org_id: int | None,
    person_id: int | None,
    my_org_ids: list[int],
    by: By = "total",
    cursor: str | None,
    limit: int,
    around: int = 0,
    now: datetime,
) -> Ranking:
    """One page of a board for the period containing `day`, and the asker's own row.

    `org_id` keeps to one branch of the tree. `around`: how many neighbours on either side `near`
    shows, 0 for none of it. A closed period is read from its frozen rows.
    """
    from_day, to_day = period_of(period, day)
    frozen = await session.scalar(
        select(FrozenRanking).filter_by(board=board, unit=unit, period=period, from_day=from_day)
    )
    after, after_id = decode(cursor, int, int) if cursor else (None, None)
    facts: dict[str, Any] = {
        "unit": unit, "from_day": from_day, "to_day": to_day, "org": org_id, "me": _wide(person_id),
        "mine": my_org_ids, "by": by, "after": after, "after_id": after_id, "limit": limit + 1,
        "kinds": list(RESIDENTIAL if board == "villages" else UNIT_KINDS), "scope": _wide(org_id),
        "frozen_id": frozen.id if frozen else None, "around": around,
    }  # fmt: skip
    ready, facts["board"] = await board_of(session, unit=unit, period=period, from_day=from_day)
    rows = await _read(session, board, facts, is_ready=ready, is_frozen=frozen is not None)
    page = rows["page"]
    more = page[limit - 1] if len(page) > limit else None
    mine = [_standing(row, board) for row in rows["me"]]
    return Ranking(
        board=board,
        period=period,
        from_day=from_day,
        to_day=to_day,
        as_of=frozen.frozen_at if frozen else now,
        digest=frozen.digest if frozen else None,
        items=[_standing(row, board) for row in page[:limit]],
        me=mine[0] if mine else None,
        near=[_standing(row, board) for row in rows["near"]],
        next=encode(int(more["measure"]), int(more["subject_id"])) if more else None,
    )


def _wide(number: int | None) -> Int8:
    """The same type for small and large.

    Psycopg tells the server the smallest type that holds a number; for each mixture of types the
    same words are another statement, whose planning takes longer than its running.
    """
    return Int8(number or 0)


async def _read_people(session: AsyncSession, facts: dict[str, Any]) -> Parts:
    """By the read model, in one statement."""
    statement = FIRST_PAGE if facts["after"] is None else FURTHER_PAGE
    found = (await session.execute(text(statement), facts)).mappings().all()
    parts = {part: [row for row in found if row["part"] == part] for part in PARTS}
    return {part: list(_with_ranks(rows)) for part, rows in parts.items()}


def _with_ranks(rows: Sequence[RowMapping]) -> Iterator[dict[str, Any]]:
    """Neighbours on a board: of the first it is known how many have more, and as much."""
    rank, passed = 0, 0
    for index, row in enumerate(rows):
        is_tied_with_first = row["measure"] == rows[0]["measure"]
        if index == 0:
            rank = row["above"] + 1
        elif row["measure"] != rows[index - 1]["measure"]:
            rank = row["above"] + row["equal"] + passed + 1
        if row["listed"] and not is_tied_with_first:
            passed += 1
        yield {**row, "rank": rank}


async def _read(
    session: AsyncSession, board: Board, facts: dict[str, Any], *, is_ready: bool, is_frozen: bool
) -> Parts:
    """Of villages and units, thousands, all are read; of people only while nothing is built."""
    of_people = board == "people"
    if of_people and is_ready:
        return await _read_people(session, facts)
    if is_frozen:
        earned = FROZEN_PEOPLE if of_people else FROZEN_GROUPS
    else:
        earned = groups(SIDES[board]) if is_ready else LIVE[board]
    with_rows = ranked(earned, of_people=of_people)

    async def read(part: str) -> Sequence[Mapping[str, Any]]:
        found = await session.execute(text(with_rows + part), facts)
        return [dict(row) for row in found.mappings()]

    page, mine = await read(PAGE), await read(ME)
    return {"page": page, "me": mine, "near": await read(NEAR) if facts["around"] and mine else ()}


def _standing(found: Mapping[str, Any], board: Board) -> Standing:
    name = found["name"]
    if board == "people":
        name = (name or "我") if found["is_me"] else mask_name(name)
    members, amount = int(found["members"]), int(found["amount"])
    return Standing(
        rank=int(found["rank"]),
        subject_id=int(found["subject_id"]),
        name=name,
        org_code=found["org_code"],
        org_name=found["org_name"],
        amount=amount,
        members=members,
        per_member=(2 * amount + members) // (2 * members) if members else 0,
        is_me=bool(found["is_me"]),
    )
