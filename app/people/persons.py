"""Persons and their identities: the first contact, what they say about themselves."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypedDict, Unpack

from sqlalchemy import func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import consents, merging, staff_acts
from app.people.errors import AlreadyMerged, IdentityTaken, OrganisationUnsuitable
from app.people.models import Identity, Merge, Person
from app.people.queries import lock_kept, lock_person, org_by_code
from app.people.rules import UNIT_KINDS, clean_name, clean_reason

BY_UNIONID = "同一微信用户（unionid 相同）"


@dataclass(frozen=True)
class Resolved:
    """Whom an identity stands for; `merged` if this contact showed two persons to be one."""

    person: Person
    identity: Identity
    is_new: bool
    merged: Merge | None


class Declaration(TypedDict, total=False):
    """What is left out stays; None takes the declaration back."""

    name: str | None
    org_code: str | None
    unit_code: str | None
    rank_visible: bool | None


async def person_of(
    session: AsyncSession, *, appid: str, openid: str, unionid: str | None = None, now: datetime
) -> Resolved:
    """The person behind an openid, made at the first contact; joined by unionid when it comes.

    Contacts at the same moment make one person: the unique key decides between equal openids, an
    advisory lock between two apps' openids of one unionid.
    """
    found = await _find(session, appid, openid)
    if found is not None and unionid in (None, found[0].unionid):
        return Resolved(person=found[1], identity=found[0], is_new=False, merged=None)
    if unionid is not None:
        lock = select(func.pg_advisory_xact_lock(func.hashtextextended(f"unionid:{unionid}", 0)))
        await session.execute(lock)
        # Whoever held the lock may have joined this very identity to another person.
        found = await _find(session, appid, openid)
    is_new = False
    if found is None:
        is_new = await _meet(session, appid, openid, unionid, now)
        found = await _find(session, appid, openid)
        assert found is not None, appid
    identity, person = found
    merged = None
    if unionid is not None:
        merged = await _join(session, identity, person, unionid, now)
    if merged is not None:
        await session.refresh(identity)
        person = await lock_person(session, merged.kept_id)
    return Resolved(person=person, identity=identity, is_new=is_new, merged=merged)


async def follow(session: AsyncSession, *, identity_id: int, now: datetime) -> bool:
    """Whether this is news. `now` may be the event's own time: an older event changes nothing."""
    row = update(Identity).where(
        Identity.id == identity_id,
        Identity.subscribed.is_(False),
        or_(Identity.unsubscribed_at.is_(None), Identity.unsubscribed_at <= now),
    )
    made = row.values(subscribed=True, subscribed_at=now).returning(Identity.id)
    return await session.scalar(made) is not None


async def unfollow(session: AsyncSession, *, identity_id: int, now: datetime) -> bool:
    """Whether this is news. From here on WeChat delivers nothing to them."""
    row = update(Identity).where(
        Identity.id == identity_id,
        Identity.subscribed.is_(True),
        or_(Identity.subscribed_at.is_(None), Identity.subscribed_at <= now),
    )
    made = row.values(subscribed=False, unsubscribed_at=now).returning(Identity.id)
    return await session.scalar(made) is not None


async def declare(
    session: AsyncSession, *, person_id: int, now: datetime, **said: Unpack[Declaration]
) -> Person:
    """What persons say about themselves; what they do not mention stays.

    `org_code` names a home (village, community, group …) or a unit (school, department, unit,
    family), and the declaration goes where it belongs; None takes both back, since either may be
    what the person was shown. `rank_visible` gives or withdraws the consent to be ranked.
    """
    person = await lock_kept(session, person_id)
    if "name" in said:
        person.name = None if said["name"] is None else clean_name(said["name"])
    if "org_code" in said:
        await _declare_org(session, person, said["org_code"], now)
    if "unit_code" in said:
        await _declare_unit(session, person, said["unit_code"])
    await session.flush()
    if "rank_visible" in said and bool(said["rank_visible"]) != person.rank_visible:
        if said["rank_visible"]:
            version = consents.PURPOSES["ranking"].version
            await consents.give(
                session, person_id=person.id, purpose="ranking", version=version, now=now
            )
        else:
            await consents.withdraw(session, person_id=person.id, purpose="ranking", now=now)
    return person


async def correct_village(
    session: AsyncSession, *, person_id: int, org_code: str, reason: str, by_id: int, now: datetime
) -> Person:
    """A tutor says where a resident really lives; earned credit keeps its old stamp."""
    reason = clean_reason(reason)
    person = await lock_person(session, person_id)
    if person.merged_into_id is not None:
        raise AlreadyMerged(person_id=person_id, into_id=person.merged_into_id)
    organisation = await org_by_code(session, org_code)
    if organisation.kind in UNIT_KINDS:
        raise OrganisationUnsuitable("请选择村（社区）", org_code=org_code)
    if person.org_id != organisation.id:
        was, person.org_id = person.org_id, organisation.id
        person.org_stated_by_id, person.org_stated_at = by_id, now
        await session.flush()
        await staff_acts.note(
            session,
            person_id=by_id,
            act="person.correct_village",
            subject=f"person:{person_id}",
            facts={"from_org_id": was, "to_org_id": organisation.id, "reason": reason},
            now=now,
        )
    return person


async def _declare_org(
    session: AsyncSession, person: Person, code: str | None, now: datetime
) -> None:
    if code is None:
        person.org_id = person.unit_id = None
        person.org_stated_by_id = person.org_stated_at = None
        return
    organisation = await org_by_code(session, code)
    if organisation.kind in UNIT_KINDS:
        person.unit_id = organisation.id
    elif person.org_id != organisation.id:
        person.org_id = organisation.id
        person.org_stated_by_id, person.org_stated_at = None, now


async def _declare_unit(session: AsyncSession, person: Person, code: str | None) -> None:
    if code is None:
        person.unit_id = None
        return
    organisation = await org_by_code(session, code)
    if organisation.kind not in UNIT_KINDS:
        raise OrganisationUnsuitable("请选择学校、部门或单位", org_code=code)
    person.unit_id = organisation.id


async def attach(
    session: AsyncSession, *, person_id: int, appid: str, openid: str, now: datetime
) -> None:
    """Give a person one more name elsewhere: a member's userid of a WeCom company, say.

    Said by an operator who knows; the same again does nothing. Raises IdentityTaken.
    """
    person = await lock_kept(session, person_id)
    row = insert(Identity).values(person_id=person.id, appid=appid, openid=openid, created_at=now)
    await session.execute(row.on_conflict_do_nothing(index_elements=["appid", "openid"]))
    found = await _find(session, appid, openid)
    if found is None or found[1].id != person.id:
        raise IdentityTaken(appid=appid)


async def _find(session: AsyncSession, appid: str, openid: str) -> tuple[Identity, Person] | None:
    both = (
        select(Identity, Person)
        .join(Person, Person.id == Identity.person_id)
        .where(Identity.appid == appid, Identity.openid == openid)
        .execution_options(populate_existing=True)
    )
    row = (await session.execute(both)).one_or_none()
    return None if row is None else (row[0], row[1])


async def _meet(
    session: AsyncSession, appid: str, openid: str, unionid: str | None, now: datetime
) -> bool:
    """Make sure the identity exists; whether a new person was made for it."""
    holder = None if unionid is None else await _holder(session, unionid)
    async with session.begin_nested() as attempt:
        person_id = holder or await session.scalar(
            insert(Person).values(created_at=now).returning(Person.id)
        )
        # Left to `_join` if nobody holds the unionid, so that it looks for others once more.
        facts = {"unionid": unionid if holder else None, "created_at": now}
        row = insert(Identity).values(person_id=person_id, appid=appid, openid=openid, **facts)
        made = await session.scalar(
            row.on_conflict_do_nothing(index_elements=["appid", "openid"]).returning(Identity.id)
        )
        if made is None:
            # Another contact was faster; the person just made goes with the savepoint.
            await attempt.rollback()
    return made is not None and holder is None


async def _holder(session: AsyncSession, unionid: str) -> int | None:
    """Whoever has this unionid, locked so that no erasure comes between."""
    oldest = (
        select(Person.id)
        .join(Identity, Identity.person_id == Person.id)
        .where(Identity.unionid == unionid, Person.erased_at.is_(None))
        .order_by(Person.created_at, Person.id)
        .limit(1)
        .with_for_update(read=True, of=Person)
    )
    holder: int | None = await session.scalar(oldest)
    return holder


async def _join(
    session: AsyncSession, identity: Identity, person: Person, unionid: str, now: datetime
) -> Merge | None:
    """Note the unionid; if another person has it too, the younger becomes the older.

    Not if somebody has undone that very merge before: a human decision outlasts a machine's.
    """
    identity.unionid = unionid
    others = await session.scalars(
        select(Person)
        .join(Identity, Identity.person_id == Person.id)
        .where(Identity.unionid == unionid, Person.id != person.id)
        .order_by(Person.created_at, Person.id)
        .distinct()
    )
    for other in others.all():
        if await merging.is_undone(session, one_id=person.id, other_id=other.id):
            continue
        kept, merged = sorted((person, other), key=lambda one: (one.created_at, one.id))
        return await merging.merge(
            session,
            kept_id=kept.id,
            merged_id=merged.id,
            reason=BY_UNIONID,
            ordered_by_id=None,
            now=now,
        )
    await session.flush()
    return None
