"""Organisations and persons as rows, for tests of the packages above `people`. Names are made up.

The town of these tests: a town with two villages (one has a group) and a school.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count

from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import Identity, Office, Organisation, Person

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
OA = "wx00000000000000a1"
MINI = "wx00000000000000b2"
NUMBERS = count(1)


@dataclass(frozen=True)
class Town:
    town: Organisation
    west: Organisation
    east: Organisation
    group: Organisation
    """A group of villagers of `west`."""
    school: Organisation


async def make_org(
    session: AsyncSession, code: str, kind: str = "village", *, parent: Organisation | None = None
) -> Organisation:
    """An organisation whose name is its code, under `parent`."""
    organisation = Organisation(
        code=code,
        name=code,
        kind=kind,
        parent_id=parent.id if parent else None,
        parent_code=parent.code if parent else None,
        lineage=[],
    )
    session.add(organisation)
    await session.flush()
    organisation.lineage = [*(parent.lineage if parent else []), organisation.id]
    await session.flush()
    return organisation


async def make_town(session: AsyncSession) -> Town:
    town = await make_org(session, "town", "town")
    west = await make_org(session, "west", parent=town)
    return Town(
        town=town,
        west=west,
        east=await make_org(session, "east", "community", parent=town),
        group=await make_org(session, "west-1", "group", parent=west),
        school=await make_org(session, "school", "school", parent=town),
    )


async def make_person(
    session: AsyncSession,
    name: str | None = None,
    *,
    home: Organisation | None = None,
    unit: Organisation | None = None,
    visible: bool = False,
    openid: str | None = None,
    now: datetime = NOW,
) -> Person:
    """A person; with `openid` also a follower of the official account who wrote just now."""
    person = Person(
        name=name,
        org_id=home.id if home else None,
        unit_id=unit.id if unit else None,
        rank_visible=visible,
        created_at=now,
    )
    session.add(person)
    await session.flush()
    if openid is not None:
        await make_identity(session, person, openid, subscribed=True, last_seen_at=now)
    return person


async def make_identity(
    session: AsyncSession,
    person: Person,
    openid: str | None = None,
    *,
    appid: str = OA,
    unionid: str | None = None,
    subscribed: bool = False,
    last_seen_at: datetime | None = None,
) -> Identity:
    identity = Identity(
        person_id=person.id,
        appid=appid,
        openid=openid or f"o-{next(NUMBERS)}",
        unionid=unionid,
        subscribed=subscribed,
        subscribed_at=last_seen_at if subscribed else None,
        last_seen_at=last_seen_at,
        created_at=NOW,
    )
    session.add(identity)
    await session.flush()
    return identity


async def make_office(
    session: AsyncSession, person: Person, role: str, organisation: Organisation
) -> Office:
    office = Office(
        person_id=person.id,
        role=role,
        org_id=organisation.id,
        since_on=NOW.date(),
        granted_at=NOW,
    )
    session.add(office)
    await session.flush()
    return office
