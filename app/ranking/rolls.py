"""Who holds which honour, by organisation: a roll goes by threshold and by place, never by rank."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.rules import mask_name

HOLDERS = """
    WITH RECURSIVE walk AS (
        -- Who ended up as whom: merged accounts count for the person that was kept.
        SELECT id, id AS kept_id, merged_into_id AS next_id FROM person
        WHERE id IN (SELECT person_id FROM honour)
        UNION ALL
        SELECT walk.id, person.id, person.merged_into_id
        FROM walk JOIN person ON person.id = walk.next_id),
    held AS (
        SELECT DISTINCT ON (kept.id, honour.code) kept.id AS person_id, kept.name,
            kept.rank_visible, kept.org_id, kept.unit_id, honour.code, honour.name AS honour,
            honour.granted_on, honour.id AS honour_id
        FROM honour JOIN walk ON walk.id = honour.person_id AND walk.next_id IS NULL
        JOIN person kept ON kept.id = walk.kept_id
        WHERE kept.erased_at IS NULL AND (:root AND kept.org_id IS NULL AND kept.unit_id IS NULL
            OR EXISTS (SELECT FROM organisation own WHERE own.id IN (kept.org_id, kept.unit_id)
                AND own.lineage @> ARRAY[cast(:org AS bigint)]))
        ORDER BY kept.id, honour.code, honour.granted_on)"""

COUNTS = f"""{HOLDERS}
    SELECT code, count(*) AS holders, count(*) FILTER (WHERE rank_visible) AS shown
    FROM held GROUP BY code"""

ROLL = f"""{HOLDERS}
    SELECT held.person_id, held.name, held.granted_on, home.name AS place
    FROM held LEFT JOIN organisation home ON home.id = coalesce(held.org_id, held.unit_id)
    WHERE held.code = :code AND (:everyone OR held.rank_visible)
    ORDER BY home.code NULLS LAST, held.granted_on, held.person_id LIMIT :limit"""

ISSUED = f"""{HOLDERS}
    SELECT held.honour_id, held.honour, held.granted_on, held.name, home.name AS place,
        count(*) OVER () AS everything
    FROM held LEFT JOIN organisation home ON home.id = coalesce(held.org_id, held.unit_id)
    WHERE :everyone OR held.rank_visible
    ORDER BY held.granted_on DESC, held.honour_id DESC OFFSET :offset LIMIT :limit"""


@dataclass(frozen=True)
class Count:
    holders: int
    shown: int
    """Those who chose to appear."""


@dataclass(frozen=True)
class Holder:
    person_id: int
    name: str
    place: str | None
    granted_on: date


@dataclass(frozen=True)
class Issued:
    """An honour that somebody of the organisation holds: what a certificate is printed from."""

    honour_id: int
    honour: str
    granted_on: date
    name: str
    place: str | None


async def count_holders(
    session: AsyncSession, *, org_id: int, is_root: bool
) -> Mapping[str, Count]:
    """Code → how many hold it, in the organisation and below; a merged person counts once."""
    rows = await session.execute(text(COUNTS), {"org": org_id, "root": is_root})
    return {code: Count(holders, shown) for code, holders, shown in rows}


async def list_holders(
    session: AsyncSession, *, org_id: int, is_root: bool, code: str, everyone: bool, limit: int
) -> list[Holder]:
    """By place, then by day. Masked, and only who chose to appear, unless `everyone`."""
    rows = await session.execute(
        text(ROLL),
        {"org": org_id, "root": is_root, "code": code, "everyone": everyone, "limit": limit},
    )
    return [
        Holder(person_id, _called(name, everyone=everyone), place, granted_on)
        for person_id, name, granted_on, place in rows
    ]


async def list_issued(
    session: AsyncSession, *, org_id: int, is_root: bool, everyone: bool, offset: int, limit: int
) -> tuple[list[Issued], int]:
    """One page, the newest first, and how many there are. Masked as on a roll."""
    facts = {
        "org": org_id,
        "root": is_root,
        "everyone": everyone,
        "offset": offset,
        "limit": limit,
    }
    found = (await session.execute(text(ISSUED), facts)).all()
    rows = [
        Issued(
            one.honour_id,
            one.honour,
            one.granted_on,
            _called(one.name, everyone=everyone),
            one.place,
        )
        for one in found
    ]
    return rows, found[0].everything if found else 0


def _called(name: str | None, *, everyone: bool) -> str:
    return (name or "没有留名的居民") if everyone else mask_name(name)
