"""Reading deliveries: a push's, the dead letters, and what reached whom."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Date, Select, func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.core.paging import Page, decode, encode
from app.people.models import Organisation
from app.push.models import Delivery, DeliveryAct, Group


@dataclass(frozen=True)
class DeliveryRow:
    """A delivery with the group it is for; `at` is when it came into its state, or is due."""

    id: int
    manuscript_id: int
    group_id: int
    group: str
    org_code: str
    org_name: str
    local_day: date
    channel: str
    state: str
    at: datetime
    deadline_at: datetime
    proof: str | None
    detail: str | None
    at_risk: bool
    clicks: int
    learned: int


@dataclass(frozen=True)
class Reached:
    """Sums over a span of days, of one group or of one organisation's groups."""

    id: int
    name: str
    org_code: str
    org_name: str
    planned: int
    delivered: int
    failed: int
    in_doubt: int
    clicked: int
    learned: int


def _rows() -> Select[*tuple[Any, ...]]:
    """The columns of a DeliveryRow, in the order of its fields."""
    came = func.coalesce(Delivery.settled_at, Delivery.claimed_at, Delivery.due_at)
    return (
        select(
            Delivery.id,
            Delivery.manuscript_id,
            Delivery.group_id,
            Group.name,
            Organisation.code,
            Organisation.name,
            Delivery.local_day,
            Delivery.channel,
            Delivery.state,
            came,
            Delivery.deadline_at,
            Delivery.proof,
            Delivery.detail,
            Delivery.escalated_at.is_not(None) & Delivery.state.in_(("handed_over", "planned")),
            Delivery.clicks,
            Delivery.learned,
        )
        .join(Group, Group.id == Delivery.group_id)
        .join(Organisation, Organisation.id == Group.org_id)
    )


async def get_row(session: AsyncSession, *, delivery_id: int) -> DeliveryRow:
    found = await session.execute(_rows().where(Delivery.id == delivery_id))
    return DeliveryRow(*found.one())


async def acts_of(session: AsyncSession, *, delivery_id: int) -> Sequence[DeliveryAct]:
    """What people ordered about a delivery, the oldest first."""
    rows = select(DeliveryAct).where(DeliveryAct.delivery_id == delivery_id)
    return (await session.scalars(rows.order_by(DeliveryAct.id))).all()


async def count_of_day(
    session: AsyncSession, *, org_ids: Sequence[int], day: date
) -> dict[str, int]:
    """State → how many of the day's deliveries below these organisations are in it."""
    rows = (
        select(Delivery.state, func.count())
        .join(Group, Group.id == Delivery.group_id)
        .join(Organisation, Organisation.id == Group.org_id)
        .where(Organisation.lineage.overlap(list(org_ids)), Delivery.local_day == day)
        .group_by(Delivery.state)
    )
    return {str(state): count for state, count in await session.execute(rows)}


async def list_of_push(
    session: AsyncSession, *, manuscript_id: int, org_ids: Sequence[int]
) -> list[DeliveryRow]:
    """Those below these organisations, by organisation and group."""
    below = Organisation.lineage.overlap(list(org_ids))
    rows = _rows().where(Delivery.manuscript_id == manuscript_id, below)
    found = await session.execute(rows.order_by(Organisation.code, Group.name, Delivery.id))
    return [DeliveryRow(*row) for row in found]


async def count_states(session: AsyncSession, *, manuscript_id: int) -> dict[str, int]:
    """State → how many of a push's deliveries are in it."""
    rows = (
        select(Delivery.state, func.count())
        .where(Delivery.manuscript_id == manuscript_id)
        .group_by(Delivery.state)
    )
    return {str(state): count for state, count in await session.execute(rows)}


async def list_deliveries(
    session: AsyncSession,
    *,
    org_ids: Sequence[int],
    states: Collection[str],
    day: date | None,
    cursor: str | None,
    limit: int,
) -> Page[DeliveryRow]:
    """Those below these organisations, the newest first."""
    rows = _rows().where(Organisation.lineage.overlap(list(org_ids)), Delivery.state.in_(states))
    if day is not None:
        rows = rows.where(Delivery.local_day == day)
    if cursor is not None:
        (before,) = decode(cursor, int)
        rows = rows.where(Delivery.id < before)
    found = (await session.execute(rows.order_by(Delivery.id.desc()).limit(limit + 1))).all()
    items = [DeliveryRow(*row) for row in found[:limit]]
    return Page(items=items, next=encode(items[-1].id) if len(found) > limit else None)


async def reach_of_groups(
    session: AsyncSession, *, org_id: int, since: date, until: date
) -> list[Reached]:
    """Per group of this organisation and below it, over the days [since, until)."""
    return await _reach(session, (Group.id, Group.name), org_id=org_id, since=since, until=until)


async def reach_of_orgs(
    session: AsyncSession, *, org_id: int, since: date, until: date
) -> list[Reached]:
    """The same, added up per organisation that has the groups."""
    own = (Organisation.id, Organisation.name)
    return await _reach(session, own, org_id=org_id, since=since, until=until)


@dataclass(frozen=True)
class WeekReached:
    """One ISO week of one group."""

    monday: date
    planned: int
    delivered: int
    clicked: int
    learned: int


async def weeks_of_group(session: AsyncSession, *, group_id: int, since: date) -> list[WeekReached]:
    """The weeks from this Monday on that had a delivery, the earliest first."""
    monday = func.date_trunc("week", Delivery.local_day).cast(Date)
    rows = (
        select(
            monday,
            func.count(),
            func.count().filter(Delivery.state == "sent"),
            func.sum(Delivery.clicks),
            func.sum(Delivery.learned),
        )
        .where(Delivery.group_id == group_id, Delivery.local_day >= since)
        .group_by(monday)
        .order_by(monday)
    )
    return [WeekReached(*row) for row in await session.execute(rows)]


async def _reach(
    session: AsyncSession,
    of: tuple[InstrumentedAttribute[int], InstrumentedAttribute[str]],
    *,
    org_id: int,
    since: date,
    until: date,
) -> list[Reached]:
    keys: tuple[Any, ...] = (*of, Organisation.code, Organisation.name)

    def count_of(*states: str) -> ColumnElement[int]:
        return func.count().filter(Delivery.state.in_(states))

    rows: Select[*tuple[Any, ...]] = (
        select(
            *keys,
            func.count(),
            count_of("sent"),
            count_of("failed", "skipped"),
            count_of("unknown"),
            func.sum(Delivery.clicks),
            func.sum(Delivery.learned),
        )
        .join(Group, Group.id == Delivery.group_id)
        .join(Organisation, Organisation.id == Group.org_id)
        .where(
            Organisation.lineage.contains([org_id]),
            since <= Delivery.local_day,
            Delivery.local_day < until,
        )
        .group_by(*keys)
        .order_by(Organisation.code, of[1], of[0])
    )
    return [Reached(*row) for row in await session.execute(rows)]
