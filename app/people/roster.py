"""Who holds which office where, as administrators see it; and whom to give one."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import Merge, Office, Organisation, Person, Session
from app.people.rules import Role

CANDIDATES_MAX = 10


@dataclass(frozen=True)
class Held:
    """An office; `person_id` is who holds it now, `name` how to call them."""

    office_id: int
    person_id: int
    name: str
    role: Role
    title: str | None
    org_id: int
    org_name: str
    since_on: date
    until_on: date | None
    ended_reason: str | None


@dataclass(frozen=True)
class Candidate:
    person_id: int
    name: str | None
    place: str | None


def _offices(org_ids: Collection[int], *, above: bool) -> Select[*tuple[Any, ...]]:
    below = Organisation.lineage.overlap(list(org_ids))
    where = below
    if above:
        over = select(func.unnest(Organisation.lineage)).where(Organisation.id.in_(org_ids))
        where = or_(below, Organisation.id.in_(over))
    return (
        select(Office, Organisation.name, Person.name)
        .join(Organisation, Organisation.id == Office.org_id)
        .join(Person, Person.id == Office.person_id)
        .where(where)
        .order_by(func.cardinality(Organisation.lineage), Organisation.code, Office.role, Office.id)
    )


async def list_offices(
    session: AsyncSession,
    *,
    org_ids: Collection[int],
    role: str | None = None,
    ended: bool = False,
    above: bool = False,
    day: date,
    limit: int,
) -> list[Held]:
    """Those held on this day (`ended`: those over by then) at these organisations and below.

    `above` adds the offices of the organisations above them.
    """
    rows = _offices(org_ids, above=above)
    over = Office.until_on.is_not(None) & (Office.until_on <= day)
    rows = rows.where(over if ended else ~func.coalesce(over, False))
    if role is not None:
        rows = rows.where(Office.role == role)
    return [
        Held(
            office_id=office.id,
            person_id=office.person_id,
            name=name or f"{office.person_id} 号人员",
            role=office.role,
            title=office.title,
            org_id=office.org_id,
            org_name=org_name,
            since_on=office.since_on,
            until_on=office.until_on,
            ended_reason=office.ended_reason,
        )
        for office, org_name, name in await session.execute(rows.limit(limit))
    ]


async def count_sessions(session: AsyncSession, *, org_ids: Collection[int], now: datetime) -> int:
    """How many web sessions of staff below these organisations are open: a number, no more."""
    staff = (
        select(Office.person_id)
        .join(Organisation, Organisation.id == Office.org_id)
        .where(Organisation.lineage.overlap(list(org_ids)))
    )
    asked = select(func.count()).where(
        Session.person_id.in_(staff),
        Session.kind == "web",
        Session.revoked_at.is_(None),
        Session.expires_at > now,
    )
    return int(await session.scalar(asked) or 0)


async def find_by_name(
    session: AsyncSession, *, name: str, org_ids: Collection[int]
) -> list[Candidate]:
    """Persons of exactly this name who live or work below these organisations, at most ten."""
    below = select(Organisation.id).where(Organisation.lineage.overlap(list(org_ids)))
    rows = (
        select(Person.id, Person.name, Organisation.name)
        .outerjoin(Organisation, Organisation.id == func.coalesce(Person.org_id, Person.unit_id))
        .where(
            Person.name == name,
            Person.merged_into_id.is_(None),
            or_(Person.org_id.in_(below), Person.unit_id.in_(below)),
        )
        .order_by(Person.id)
        .limit(CANDIDATES_MAX)
    )
    return [Candidate(*row) for row in await session.execute(rows)]


async def list_merges(
    session: AsyncSession, *, org_ids: Collection[int] | None, limit: int
) -> list[Merge]:
    """The newest first, of persons who live or work below these organisations; None: all."""
    rows = select(Merge).order_by(Merge.id.desc()).limit(limit)
    if org_ids is not None:
        below = select(Organisation.id).where(Organisation.lineage.overlap(list(org_ids)))
        rows = rows.join(Person, Person.id == Merge.kept_id).where(
            or_(Person.org_id.in_(below), Person.unit_id.in_(below))
        )
    return list(await session.scalars(rows))


async def count_residents(session: AsyncSession, *, org_ids: Collection[int]) -> dict[int, int]:
    """Organisation → how many persons declared it as their home or their unit."""
    found: dict[int, int] = {}
    columns: tuple[Any, ...] = (Person.org_id, Person.unit_id)
    for column in columns:
        rows = (
            select(column, func.count())
            .where(column.in_(org_ids), Person.merged_into_id.is_(None))
            .group_by(column)
        )
        for org_id, count in await session.execute(rows):
            found[org_id] = found.get(org_id, 0) + count
    return found
