"""Looking at residents' records: for an administrator's own duty, with a reason that is kept.

The entry of the audit log is itself the key: it opens one place or one person to one administrator
for half an hour.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Forbidden, Invalid
from app.people import policy, staff_acts
from app.people import queries as people
from app.people.models import Organisation, Person, StaffAct
from app.people.policy import Actor
from app.people.rules import holds_number

ACT = "person.see"
LOOK_FOR = timedelta(minutes=30)
REASON_LENGTH_MIN, REASON_LENGTH_MAX = 4, 200


class ReasonUnsuitable(Invalid):
    title = "请写明为什么要看：4 到 200 个字，不写姓名、电话和证件号"


class NotYourResident(Forbidden):
    title = "这位居民不在您的管理范围内"


class NotYourPlace(Forbidden):
    title = "这个村（单位）不在您的管理范围内"


@dataclass(frozen=True)
class Look:
    """A record that may be looked at: whose, and by which entry (None: one's own)."""

    person: Person
    act_id: int | None
    reason: str


async def state_reason_for_place(
    session: AsyncSession, *, actor: Actor, place: Organisation, reason: str, now: datetime
) -> StaffAct:
    """Raises NotYourPlace, ReasonUnsuitable."""
    if not policy.can_administer(actor, place.lineage):
        raise NotYourPlace(org_id=place.id)
    return await _note(session, actor, f"organisation:{place.id}", reason, now)


async def state_reason_for_person(
    session: AsyncSession, *, actor: Actor, person_id: int, reason: str, now: datetime
) -> StaffAct:
    """Raises PersonNotFound, NotYourResident, ReasonUnsuitable."""
    kept_id = await _of_my_area(session, actor, person_id)
    return await _note(session, actor, f"person:{kept_id}", reason, now)


async def find_reason_for_place(
    session: AsyncSession, *, actor: Actor, place: Organisation, act_id: int | None, now: datetime
) -> StaffAct | None:
    """The entry, while it opens this place. Raises NotYourPlace."""
    if not policy.can_administer(actor, place.lineage):
        raise NotYourPlace(org_id=place.id)
    return await _standing(session, actor, f"organisation:{place.id}", act_id, now)


async def find_look(
    session: AsyncSession, *, actor: Actor, person_id: int, act_id: int | None, now: datetime
) -> Look | None:
    """None while a reason has to be stated first. Raises PersonNotFound, NotYourResident."""
    if person_id in await people.list_selves(session, actor.person_id):
        own = await people.get_person(session, actor.person_id)
        return Look(person=own, act_id=None, reason="本人的记录")
    kept_id = await _of_my_area(session, actor, person_id)
    stated = await _standing(session, actor, f"person:{kept_id}", act_id, now)
    if stated is None:
        return None
    person = await people.get_person(session, kept_id)
    return Look(person=person, act_id=stated.id, reason=str(stated.facts["reason"]))


async def _of_my_area(session: AsyncSession, actor: Actor, person_id: int) -> int:
    """Whom this id stands for now."""
    kept_id = await people.resolve_alias(session, person_id)
    if not policy.can_administer(actor, await people.lineage_of_person(session, kept_id)):
        raise NotYourResident(person_id=person_id)
    return kept_id


async def _note(
    session: AsyncSession, actor: Actor, subject: str, reason: str, now: datetime
) -> StaffAct:
    said = " ".join(reason.split())
    if not REASON_LENGTH_MIN <= len(said) <= REASON_LENGTH_MAX or holds_number(said):
        raise ReasonUnsuitable
    return await staff_acts.note(
        session,
        person_id=actor.person_id,
        act=ACT,
        subject=subject,
        facts={"reason": said},
        now=now,
    )


async def _standing(
    session: AsyncSession, actor: Actor, subject: str, act_id: int | None, now: datetime
) -> StaffAct | None:
    act = None if act_id is None else await session.get(StaffAct, act_id)
    if act is None or (act.person_id, act.act, act.subject) != (actor.person_id, ACT, subject):
        return None
    return act if act.made_at <= now < act.made_at + LOOK_FOR else None
