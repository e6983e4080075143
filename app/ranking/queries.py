"""The three boards: people, villages, units. One statement each.

What counts is what rules awarded, less reversals, by the civil day of the booking; merges and
conversions count nothing. Equal amounts share a rank and the next rank is left out (1, 1, 3); among
equals the older id stands first, so that pages are stable. People appear only by their own choice,
and their rank is among those who chose so; one's own row is always known. Villages and units are
all listed, those with nothing, too.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import Period, period_of
from app.core.paging import decode, encode
from app.people.rules import mask_name
from app.ranking.models import FrozenRanking

Board = Literal["people", "villages", "units"]
By = Literal["total", "per_member"]
RESIDENTIAL = ("village", "community")
UNIT_KINDS = ("school", "department", "unit")


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


ALIAS = """
    -- Who ended up as whom: merged accounts count for the person that was kept.
    walk AS (
        SELECT id, merged_into_id AS kept FROM person WHERE merged_into_id IS NOT NULL
        UNION ALL
        SELECT walk.id, person.merged_into_id FROM walk JOIN person ON person.id = walk.kept
        WHERE person.merged_into_id IS NOT NULL),
    alias AS (
        SELECT walk.id, walk.kept FROM walk JOIN person ON person.id = walk.kept
        WHERE person.merged_into_id IS NULL)"""

MOVED = """
    moved AS (
        SELECT t.village_id, t.unit_id, account.person_id,
            CASE WHEN t.reverses_id IS NULL THEN t.amount ELSE -t.amount END AS amount
        FROM transfer t JOIN account
            ON account.id = CASE WHEN t.reverses_id IS NULL THEN t.credit_id ELSE t.debit_id END
        WHERE t.rule_id IS NOT NULL AND t.unit = :unit
            AND t.local_day >= :from_day AND t.local_day < :to_day)"""


def _groups(stamp: str, membership: str) -> str:
    """Organisations by what was stamped with them; members are those who belong today."""
    return f"""{MOVED},
    belonging AS (
        SELECT o.id, count(person.id) AS members FROM organisation o
        LEFT JOIN organisation home ON home.lineage @> ARRAY[o.id]
        LEFT JOIN person ON person.{membership} = home.id
            AND person.merged_into_id IS NULL AND person.erased_at IS NULL
        WHERE o.kind = ANY(:kinds) GROUP BY o.id),
    earned AS (
        SELECT belonging.id AS subject_id, coalesce(sum(moved.amount), 0)::bigint AS amount,
            belonging.members
        FROM belonging LEFT JOIN moved ON moved.{stamp} = belonging.id
        GROUP BY belonging.id, belonging.members)"""


LIVE = {
    "people": f"""{ALIAS}, {MOVED},
    earned AS (
        SELECT coalesce(alias.kept, moved.person_id) AS subject_id,
            sum(moved.amount)::bigint AS amount, 1::bigint AS members
        FROM moved LEFT JOIN alias ON alias.id = moved.person_id GROUP BY 1)""",
    "villages": _groups("village_id", "org_id"),
    "units": _groups("unit_id", "unit_id"),
}

FROZEN_ROWS = """
    frozen AS (
        SELECT subject_id, amount, members FROM frozen_row WHERE ranking_id = :frozen_id)"""

# Accounts merged since are one person here, too: what each had won is neither lost nor doubled.
FROZEN_PEOPLE = f"""{ALIAS}, {FROZEN_ROWS},
    earned AS (
        SELECT coalesce(alias.kept, frozen.subject_id) AS subject_id,
            sum(frozen.amount)::bigint AS amount, 1::bigint AS members
        FROM frozen LEFT JOIN alias ON alias.id = frozen.subject_id GROUP BY 1)"""

FROZEN_GROUPS = f"{FROZEN_ROWS}, earned AS (SELECT * FROM frozen)"

PEOPLE_ROWS = """
    standing AS (
        SELECT earned.*, person.name, home.code AS org_code, home.name AS org_name,
            earned.amount AS measure, person.rank_visible AS listed,
            person.id = :me AS is_me
        FROM earned JOIN person ON person.id = earned.subject_id
        LEFT JOIN organisation home ON home.id = coalesce(person.org_id, person.unit_id)
        WHERE person.erased_at IS NULL AND person.merged_into_id IS NULL
            AND (person.rank_visible OR person.id = :me) AND (earned.amount > 0)
            AND (cast(:org AS bigint) IS NULL OR EXISTS (
                SELECT FROM organisation own WHERE own.id IN (person.org_id, person.unit_id)
                    AND own.lineage @> ARRAY[cast(:org AS bigint)])))"""

GROUP_ROWS = """
    standing AS (
        SELECT earned.*, o.name, o.code AS org_code, o.name AS org_name,
            CASE WHEN :by = 'total' THEN earned.amount
                -- Half up, as `_standing` rounds.
                ELSE coalesce(
                    floor((2 * earned.amount + members)::numeric / nullif(2 * members, 0)), 0
                )::bigint
            END AS measure, true AS listed,
            o.id = ANY(cast(:mine AS bigint[])) AS is_me
        FROM earned JOIN organisation o ON o.id = earned.subject_id
        WHERE cast(:org AS bigint) IS NULL OR o.lineage @> ARRAY[cast(:org AS bigint)])"""

RANKED = """
    ranked AS (
        SELECT listed_ones.* FROM (
            SELECT standing.*, rank() OVER (ORDER BY measure DESC) AS rank
            FROM standing WHERE listed) listed_ones
        UNION ALL
        SELECT standing.*, (SELECT count(*) + 1 FROM standing above
            WHERE above.listed AND above.measure > standing.measure) AS rank
        FROM standing WHERE is_me AND NOT listed)"""

PAGE = """
    SELECT subject_id, amount, members, name, org_code, org_name, measure, is_me, rank, listed
    FROM ranked
    WHERE (listed AND (cast(:after AS bigint) IS NULL
        OR (-measure, subject_id) > (-cast(:after AS bigint), cast(:after_id AS bigint))))
    ORDER BY measure DESC, subject_id LIMIT :limit"""

# Around one's own place: only who chose to appear, and oneself.
NEAR = """,
    placed AS (
        SELECT ranked.*, row_number() OVER (ORDER BY measure DESC, is_me, subject_id) AS place
        FROM ranked)
    SELECT subject_id, amount, members, name, org_code, org_name, measure, is_me, rank, listed
    FROM placed
    WHERE abs(place - (SELECT place FROM placed WHERE is_me ORDER BY place LIMIT 1)) <= :around
    ORDER BY place"""

ME = """
    SELECT subject_id, amount, members, name, org_code, org_name, measure, is_me, rank, listed
    FROM ranked WHERE is_me ORDER BY rank, subject_id LIMIT 1"""


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
        "unit": unit, "from_day": from_day, "to_day": to_day, "org": org_id, "me": person_id or 0,
        "mine": my_org_ids, "by": by, "after": after, "after_id": after_id, "limit": limit + 1,
        "kinds": list(RESIDENTIAL if board == "villages" else UNIT_KINDS),
        "frozen_id": frozen.id if frozen else None, "around": around,
    }  # fmt: skip
    with_rows = _ranked(board, is_frozen=frozen is not None)
    page = (await session.execute(text(with_rows + PAGE), facts)).mappings().all()
    mine = (await session.execute(text(with_rows + ME), facts)).mappings().first()
    asked = with_rows + NEAR if around and mine else ""
    near = (await session.execute(text(asked), facts)).mappings() if asked else ()
    more = page[limit - 1] if len(page) > limit else None
    return Ranking(
        board=board,
        period=period,
        from_day=from_day,
        to_day=to_day,
        as_of=frozen.frozen_at if frozen else now,
        digest=frozen.digest if frozen else None,
        items=[_standing(row, board) for row in page[:limit]],
        me=_standing(mine, board) if mine else None,
        near=[_standing(row, board) for row in near],
        next=encode(int(more["measure"]), int(more["subject_id"])) if more else None,
    )


def _ranked(board: Board, *, is_frozen: bool) -> str:
    of_people = board == "people"
    kept = FROZEN_PEOPLE if of_people else FROZEN_GROUPS
    source = kept if is_frozen else LIVE[board]
    return f"WITH RECURSIVE {source}, {PEOPLE_ROWS if of_people else GROUP_ROWS}, {RANKED}"


def _standing(found: RowMapping, board: Board) -> Standing:
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
