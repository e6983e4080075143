"""Reading persons and organisations."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import LiteralString

from sqlalchemy import CTE, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.rows import as_ids
from app.core.statements import rows_of
from app.people.errors import OrganisationNotFound, PersonErased, PersonNotFound
from app.people.models import Identity, Organisation, Person
from app.people.rules import VILLAGE_KINDS


@dataclass(frozen=True)
class Stamp:
    """Where a person belongs at this moment, to be kept on what they earn."""

    village_id: int | None
    unit_id: int | None


async def get_person(session: AsyncSession, person_id: int) -> Person:
    person = await session.get(Person, person_id)
    if person is None:
        raise PersonNotFound(person_id=person_id)
    return person


async def lock_person(session: AsyncSession, person_id: int) -> Person:
    """The living person, locked against other changes. Raises PersonNotFound, PersonErased.

    Not a plain FOR UPDATE: that would stop every insert that points at this person.
    """
    row = select(Person).where(Person.id == person_id).with_for_update(key_share=True)
    person = await session.scalar(row.execution_options(populate_existing=True))
    if person is None:
        raise PersonNotFound(person_id=person_id)
    if person.erased_at is not None:
        raise PersonErased(person_id=person_id)
    return person


async def lock_kept(session: AsyncSession, person_id: int) -> Person:
    """Whom this id stands for now, locked, for what a person says or does.

    A merge may come between signing in and here: what is written to the account that it took in is
    read by nobody. Raises PersonNotFound, PersonErased.
    """
    while True:
        person = await lock_person(session, await resolve_alias(session, person_id))
        if person.merged_into_id is None:
            return person


async def find_person_by_identity(
    session: AsyncSession, *, appid: str, openid: str
) -> Person | None:
    found: Person | None = await session.scalar(
        select(Person)
        .join(Identity, Identity.person_id == Person.id)
        .where(Identity.appid == appid, Identity.openid == openid)
    )
    return found


async def find_identity(session: AsyncSession, *, appid: str, openid: str) -> Identity | None:
    found: Identity | None = await session.scalar(
        select(Identity).where(Identity.appid == appid, Identity.openid == openid)
    )
    return found


async def list_identities(session: AsyncSession, person_id: int) -> Sequence[Identity]:
    rows = select(Identity).where(Identity.person_id == person_id).order_by(Identity.id)
    return (await session.scalars(rows)).all()


def selves(person_id: int) -> CTE:
    """The ids of a person and of everybody merged into them, as a CTE with the column `id`."""
    tree = select(Person.id).where(Person.id == person_id).cte("selves", recursive=True)
    return tree.union_all(select(Person.id).join(tree, Person.merged_into_id == tree.c.id))


async def list_selves(session: AsyncSession, person_id: int) -> list[int]:
    """The ids of a person and of everybody merged into them."""
    return list(await session.scalars(select(selves(person_id).c.id)))


TREE: LiteralString = """
    tree AS (
        SELECT id, id AS kept_id, merged_into_id FROM person
        WHERE id = ANY(%(person_ids)s::bigint[])
        UNION ALL
        SELECT person.id, kept_id, person.merged_into_id
        FROM person JOIN tree ON person.merged_into_id = tree.id)
    """
"""Of each of these persons (`as_ids`) everybody who is that person by now; after WITH RECURSIVE."""
PATH: LiteralString = """
    path AS (
        SELECT id AS asked, id, merged_into_id FROM person
        WHERE id = ANY(%(person_ids)s::bigint[])
        UNION ALL
        SELECT asked, person.id, person.merged_into_id
        FROM person JOIN path ON person.id = path.merged_into_id)
    """
"""Of each of these persons whom they were merged into; the last one was merged into nobody."""
SELVES_OF: LiteralString = f"WITH RECURSIVE {TREE} SELECT id, kept_id FROM tree"  # noqa: S608  constants
PATHS: LiteralString = (
    f"WITH RECURSIVE {PATH} SELECT asked, id FROM path WHERE merged_into_id IS NULL"  # noqa: S608  the same
)
"""Words, since putting a recursive statement together takes longer than running it."""


async def list_selves_of(session: AsyncSession, person_ids: Collection[int]) -> dict[int, int]:
    """Everybody who is one of these persons by now, themselves included: who of them it is."""
    return dict(await rows_of(session, SELVES_OF, {"person_ids": as_ids(person_ids)}))


async def resolve_alias(session: AsyncSession, person_id: int) -> int:
    """The person this id stands for now: itself, or whom it was merged into, to the end."""
    path = (
        select(Person.id, Person.merged_into_id)
        .where(Person.id == person_id)
        .cte("path", recursive=True)
    )
    path = path.union_all(
        select(Person.id, Person.merged_into_id).join(path, Person.id == path.c.merged_into_id)
    )
    found = await session.scalar(select(path.c.id).where(path.c.merged_into_id.is_(None)))
    if found is None:
        raise PersonNotFound(person_id=person_id)
    return int(found)


async def resolve_aliases(session: AsyncSession, person_ids: Collection[int]) -> dict[int, int]:
    """Of each of these ids the person it stands for now, in one statement."""
    return dict(await rows_of(session, PATHS, {"person_ids": as_ids(person_ids)}))


async def names_of(session: AsyncSession, person_ids: Collection[int]) -> dict[int, str | None]:
    """Of each of these ids the name of the person it stands for now, if there is one."""
    kept = await resolve_aliases(session, person_ids)
    rows = await session.execute(select(Person.id, Person.name).where(Person.id.in_(kept.values())))
    names = dict(rows.all())
    return {asked: names.get(person_id) for asked, person_id in kept.items()}


async def get_organisation(session: AsyncSession, org_id: int) -> Organisation:
    organisation = await session.get(Organisation, org_id)
    if organisation is None:
        raise OrganisationNotFound(org_id=org_id)
    return organisation


async def org_by_code(session: AsyncSession, code: str) -> Organisation:
    """Raises OrganisationNotFound."""
    organisation = await session.scalar(select(Organisation).where(Organisation.code == code))
    if organisation is None:
        raise OrganisationNotFound(org_code=code)
    return organisation


async def lineage_of(session: AsyncSession, org_id: int) -> tuple[int, ...]:
    lineage = await session.scalar(select(Organisation.lineage).where(Organisation.id == org_id))
    if lineage is None:
        raise OrganisationNotFound(org_id=org_id)
    return tuple(lineage)


async def lineage_of_person(session: AsyncSession, person_id: int) -> tuple[int, ...]:
    """The organisations above a person by home or by unit, in no order: for `policy`.

    Who has declared nothing is of no village, but not of nobody: the roots of the tree answer.
    """
    above = (
        select(func.unnest(Organisation.lineage))
        .join(Person, Organisation.id.in_((Person.org_id, Person.unit_id)))
        .where(Person.id == person_id)
        .distinct()
    )
    found = tuple(await session.scalars(above))
    if found:
        return found
    return tuple(
        await session.scalars(select(Organisation.id).where(Organisation.parent_id.is_(None)))
    )


async def list_organisations(session: AsyncSession, *, kind: str | None) -> Sequence[Organisation]:
    """Every organisation, or those of one kind, by code."""
    rows = select(Organisation).order_by(Organisation.code)
    if kind is not None:
        rows = rows.where(Organisation.kind == kind)
    return (await session.scalars(rows)).all()


async def villages_below(session: AsyncSession, org_id: int) -> Sequence[Organisation]:
    """The villages and communities of this organisation, itself included, by code."""
    rows = (
        select(Organisation)
        .where(Organisation.lineage.contains([org_id]), Organisation.kind.in_(VILLAGE_KINDS))
        .order_by(Organisation.code)
    )
    return (await session.scalars(rows)).all()


async def root_ids(session: AsyncSession) -> list[int]:
    """The organisations that stand at the top of their trees."""
    rows = select(Organisation.id).where(Organisation.parent_id.is_(None))
    return list(await session.scalars(rows.order_by(Organisation.id)))


async def tree_below(session: AsyncSession, org_ids: Collection[int]) -> Sequence[Organisation]:
    """These organisations and everything below them, by their place in the tree."""
    above = aliased(Organisation)
    codes = (
        select(func.array_agg(aggregate_order_by(above.code, func.cardinality(above.lineage))))
        .where(above.id == func.any(Organisation.lineage))
        .correlate(Organisation)
        .scalar_subquery()
    )
    rows = select(Organisation).where(Organisation.lineage.overlap(list(org_ids)))
    return (await session.scalars(rows.order_by(codes, Organisation.id))).all()


async def ids_below(session: AsyncSession, org_ids: Collection[int]) -> list[int]:
    """The ids of these organisations and of everything below them."""
    rows = select(Organisation.id).where(Organisation.lineage.overlap(list(org_ids)))
    return list(await session.scalars(rows))


async def shown_org(session: AsyncSession, person: Person) -> Organisation | None:
    """The organisation a person is introduced with: the home, or else the unit."""
    org_id = person.org_id or person.unit_id
    return None if org_id is None else await session.get(Organisation, org_id)


async def unit_of(session: AsyncSession, person: Person) -> Organisation | None:
    return None if person.unit_id is None else await session.get(Organisation, person.unit_id)


async def residential_org(session: AsyncSession, person: Person) -> int | None:
    """The village or community a person lives in: of the home itself or the nearest above it."""
    return (await stamp(session, person.id)).village_id


async def stamp(session: AsyncSession, person_id: int) -> Stamp:
    """Where this person belongs now. Raises PersonNotFound."""
    return (await stamps(session, [person_id]))[person_id]


STAMPS: LiteralString = """
    SELECT person.id, (
        SELECT village.id FROM organisation AS home
        JOIN organisation AS village ON village.id = ANY(home.lineage)
        WHERE home.id = person.org_id AND village.kind = ANY(%(kinds)s)
        ORDER BY cardinality(village.lineage) DESC LIMIT 1
    ), person.unit_id
    FROM person WHERE person.id = ANY(%(person_ids)s::bigint[])
    """


async def stamps(session: AsyncSession, person_ids: Collection[int]) -> dict[int, Stamp]:
    """The same of all of these. Raises PersonNotFound."""
    asked = {"person_ids": as_ids(person_ids), "kinds": list(VILLAGE_KINDS)}
    rows = await rows_of(session, STAMPS, asked)
    found = {person_id: Stamp(village_id, unit_id) for person_id, village_id, unit_id in rows}
    for person_id in person_ids:
        if person_id not in found:
            raise PersonNotFound(person_id=person_id)
    return found


async def find_town(session: AsyncSession, person: Person) -> int | None:
    """The town above a person's home, or above the unit; None for who has declared neither."""
    org_id = person.org_id or person.unit_id
    if org_id is None:
        return None
    towns = select(Organisation.id).where(
        Organisation.id.in_(await lineage_of(session, org_id)), Organisation.kind == "town"
    )
    found: int | None = await session.scalar(towns.limit(1))
    return found
