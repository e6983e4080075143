"""Who holds which role where, and when: granted by somebody else, never claimed."""

from datetime import date, datetime

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.people import staff_acts
from app.people.errors import (
    OfficeAlreadyEnded,
    OfficeAlreadyHeld,
    OfficeClaimed,
    OfficeNotFound,
    OfficeOwn,
    RoleUnknown,
    TermUnsuitable,
)
from app.people.models import Office, Organisation
from app.people.policy import Actor, OfficeView
from app.people.queries import lock_kept, org_by_code, resolve_alias, resolve_aliases, selves
from app.people.rules import ROLES


async def grant(
    session: AsyncSession,
    *,
    person_id: int,
    role: str,
    org_code: str,
    title: str | None = None,
    granted_by_id: int | None,
    since_on: date,
    until_on: date | None = None,
    now: datetime,
) -> Office:
    """Give a role on the days [since_on, until_on). The same again is the same office.

    Another term of the same role at the same organisation that overlaps: OfficeAlreadyHeld.
    `granted_by_id` None is the operator's command line.
    """
    if role not in ROLES:
        raise RoleUnknown(role=role)
    if until_on is not None and until_on <= since_on:
        raise TermUnsuitable
    # The lock lets nobody grant the same between our look and our insert.
    person = await lock_kept(session, person_id)
    if person.id == granted_by_id:
        raise OfficeClaimed
    organisation = await org_by_code(session, org_code)
    held = await _overlapping(
        session, person.id, role, organisation.id, since_on=since_on, until_on=until_on
    )
    if held is not None:
        if (held.title, held.until_on) == (title, until_on):
            return held
        raise OfficeAlreadyHeld(office_id=held.id)
    office = Office(
        person_id=person.id,
        role=role,
        org_id=organisation.id,
        title=title,
        since_on=since_on,
        until_on=until_on,
        granted_by_id=granted_by_id,
        granted_at=now,
    )
    session.add(office)
    await session.flush()
    await _note(session, "office.grant", office, by_id=granted_by_id, now=now)
    return office


async def _note(
    session: AsyncSession, act: str, office: Office, *, by_id: int | None, now: datetime
) -> None:
    until_on = None if office.until_on is None else office.until_on.isoformat()
    await staff_acts.note(
        session,
        person_id=by_id,
        act=act,
        subject=f"person:{office.person_id}",
        facts={
            "office_id": office.id,
            "role": office.role,
            "org_id": office.org_id,
            "until_on": until_on,
        },
        now=now,
    )


async def _overlapping(
    session: AsyncSession,
    person_id: int,
    role: str,
    org_id: int,
    *,
    since_on: date,
    until_on: date | None,
) -> Office | None:
    """A term of this role at this organisation that shares a day with [since_on, until_on)."""
    terms = select(Office).where(
        Office.person_id.in_(select(selves(person_id).c.id)),
        Office.role == role,
        Office.org_id == org_id,
        or_(Office.until_on.is_(None), Office.until_on > since_on),
    )
    if until_on is not None:
        terms = terms.where(Office.since_on < until_on)
    return (await session.scalars(terms.order_by(Office.id).limit(1))).first()


async def end(
    session: AsyncSession,
    *,
    office_id: int,
    on: date,
    reason: str,
    ended_by_id: int | None = None,
    now: datetime,
) -> Office:
    """End an office: `on` is the first day without it. A term that never began becomes empty.

    Never one's own (OfficeOwn): somebody else knows of it then, and takes over.
    """
    row = select(Office).where(Office.id == office_id).with_for_update()
    office = await session.scalar(row.execution_options(populate_existing=True))
    if office is None:
        raise OfficeNotFound(office_id=office_id)
    if ended_by_id is not None and ended_by_id == await resolve_alias(session, office.person_id):
        raise OfficeOwn
    last = max(on, office.since_on)
    if office.until_on is not None and office.until_on <= last:
        if office.until_on == last and office.ended_reason == reason:
            return office
        raise OfficeAlreadyEnded(office_id=office_id, until_on=office.until_on.isoformat())
    office.until_on, office.ended_reason = last, reason
    office.ended_by_id, office.ended_at = ended_by_id, now
    await session.flush()
    await _note(session, "office.end", office, by_id=ended_by_id, now=now)
    return office


async def roles_of(session: AsyncSession, *, person_id: int, day: date) -> list[OfficeView]:
    """The offices held on a day, those of persons merged into this one included."""
    rows = await session.execute(
        select(Office, Organisation.code, Organisation.name)
        .join(Organisation, Organisation.id == Office.org_id)
        .where(
            Office.person_id.in_(select(selves(person_id).c.id)),
            Office.since_on <= day,
            or_(Office.until_on.is_(None), Office.until_on > day),
        )
        .order_by(Office.id)
    )
    return [
        OfficeView(
            office_id=office.id,
            role=office.role,
            org_id=office.org_id,
            org_code=code,
            org_name=name,
            title=office.title,
            since_on=office.since_on,
            until_on=office.until_on,
        )
        for office, code, name in rows
    ]


async def actor_of(session: AsyncSession, *, person_id: int, day: date) -> Actor:
    """What the policies ask for, of a person as `tokens.authenticate` names it."""
    offices = await roles_of(session, person_id=person_id, day=day)
    return Actor(person_id=person_id, offices=tuple(offices))


async def holders_of(session: AsyncSession, *, role: str, org_id: int, day: date) -> list[int]:
    """Who holds this role over this organisation on a day: the nearest organisation first.

    Each person once, and as the one they were merged into.
    """
    place = aliased(Organisation)
    rows = await session.execute(
        select(Office.person_id, func.array_position(place.lineage, Office.org_id))
        .join(place, Office.org_id == func.any(place.lineage))
        .where(
            place.id == org_id,
            Office.role == role,
            Office.since_on <= day,
            or_(Office.until_on.is_(None), Office.until_on > day),
        )
        .order_by(func.array_position(place.lineage, Office.org_id).desc(), Office.id)
    )
    found = [person_id for person_id, _ in rows]
    kept = await resolve_aliases(session, found)
    return list(dict.fromkeys(kept[person_id] for person_id in found))
