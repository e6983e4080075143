"""The rights of the person the data is about: a copy of everything, and to be forgotten."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import delete, func, inspect, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.db import Model
from app.people.models import (
    Consent,
    Identity,
    Merge,
    Office,
    Organisation,
    Person,
    Session,
    SignInTicket,
    StaffAct,
)
from app.people.queries import resolve_alias, selves

ENDED_BY_ERASURE = "本人注销"


async def erase(session: AsyncSession, *, person_id: int, now: datetime) -> Person:
    """Forget a person and everybody merged into them; again changes nothing.

    The rows of persons, consents, offices, merges and acts of staff stay, emptied of what tells who
    it was: the ledger, the proof of consent and the record of who decided what keep their ids.
    """
    persons = await lock_selves(session, person_id)
    ids = [person.id for person in persons]
    await session.execute(delete(Identity).where(Identity.person_id.in_(ids)))
    await session.execute(delete(Session).where(Session.person_id.in_(ids)))
    await session.execute(delete(SignInTicket).where(SignInTicket.person_id.in_(ids)))
    await session.execute(
        update(Consent)
        .where(Consent.person_id.in_(ids))
        .values(guardian_note=None, withdrawn_at=func.coalesce(Consent.withdrawn_at, now))
    )
    await _end_offices(session, ids, now)
    await session.execute(
        update(Merge)
        .where(or_(Merge.kept_id.in_(ids), Merge.merged_id.in_(ids)))
        .values(reason=ENDED_BY_ERASURE)
    )
    for person in persons:
        person.name = person.birth_year = None
        person.org_id = person.unit_id = None
        person.org_stated_by_id = person.org_stated_at = None
        person.rank_visible = False
        person.erased_at = person.erased_at or now
    await session.flush()
    return next(person for person in persons if person.merged_into_id is None)


async def export(session: AsyncSession, *, person_id: int) -> dict[str, Any]:
    """Everything these tables hold about a person, ready for JSON; of tokens only the dates."""
    kept_id = await resolve_alias(session, person_id)
    ids = list(await session.scalars(select(selves(kept_id).c.id)))

    async def all_of(table: type[Any], *columns: Any) -> list[dict[str, Any]]:
        rows = select(table).where(or_(*(column.in_(ids) for column in columns)))
        return [_plain(row) for row in await session.scalars(rows.order_by(table.id))]

    persons = await all_of(Person, Person.id)
    offices = await all_of(Office, Office.person_id)
    named = {row[key] for row in persons for key in ("org_id", "unit_id")}
    named |= {row["org_id"] for row in offices}
    return {
        "person_id": kept_id,
        "persons": persons,
        "organisations": await _organisations(session, named - {None}),
        "identities": await all_of(Identity, Identity.person_id),
        "offices": offices,
        "consents": await all_of(Consent, Consent.person_id, Consent.guardian_id),
        "merges": await all_of(Merge, Merge.kept_id, Merge.merged_id),
        "sessions": await all_of(Session, Session.person_id),
        "sign_in_tickets": await all_of(SignInTicket, SignInTicket.person_id),
        "staff_acts": await all_of(StaffAct, StaffAct.person_id),
    }


async def lock_selves(session: AsyncSession, person_id: int) -> Sequence[Person]:
    """Everybody this person is, locked in the order of merges, however a merge hurries ahead."""
    persons: Sequence[Person] = ()
    while True:
        kept_id = await resolve_alias(session, person_id)
        ids = sorted(await session.scalars(select(selves(kept_id).c.id)))
        if ids == [person.id for person in persons]:
            return persons
        rows = select(Person).where(Person.id.in_(ids)).order_by(Person.id)
        rows = rows.with_for_update(key_share=True).execution_options(populate_existing=True)
        persons = (await session.scalars(rows)).all()


async def _end_offices(session: AsyncSession, ids: Sequence[int], now: datetime) -> None:
    today = local_day(now)
    running = or_(Office.until_on.is_(None), Office.until_on > today)
    await session.execute(
        update(Office)
        .where(Office.person_id.in_(ids), running)
        .values(
            until_on=func.greatest(Office.since_on, today),
            ended_at=now,
            ended_reason=ENDED_BY_ERASURE,
        )
    )
    # A title at a village tells who it was.
    await session.execute(update(Office).where(Office.person_id.in_(ids)).values(title=None))


async def _organisations(session: AsyncSession, ids: set[int]) -> list[dict[str, Any]]:
    columns = (Organisation.id, Organisation.code, Organisation.name, Organisation.kind)
    rows = await session.execute(
        select(*columns).where(Organisation.id.in_(ids)).order_by(Organisation.id)
    )
    return [dict(row._mapping) for row in rows]  # noqa: SLF001  SQLAlchemy's documented name


def _plain(row: Model) -> dict[str, Any]:
    names = {attribute.key for attribute in inspect(type(row)).column_attrs} - {"digest"}
    facts = {name: getattr(row, name) for name in sorted(names)}
    return {
        name: value.isoformat() if isinstance(value, date) else value
        for name, value in facts.items()
    }
