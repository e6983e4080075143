"""Learning groups: registered by staff, owned by an officer of the place, ended with a reason.

An address is a secret or names a platform's group: it leaves this package only to be called.
"""

from collections.abc import Mapping
from datetime import date, datetime, time
from typing import Any

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import Conflict, Invalid, NotFound
from app.core.paging import LIMIT_DEFAULT, Page, decode, encode
from app.people import offices
from app.people import queries as people
from app.people.models import Organisation
from app.people.rules import is_plain
from app.push.channels import is_address
from app.push.models import Group

OPEN_FROM, OPEN_UNTIL = time(7, 30), time(21, 0)
"""Quiet outside these (field notes E9: no rule forbids the night, courtesy does)."""
NAME_MAX, REASON_MAX = 40, 200
HOURS = ("send_at", "deadline", "open_from", "open_until")


class GroupNotFound(NotFound):
    title = "没有这个学习群"


class GroupExists(Conflict):
    title = "已经有一个同名或同地址的学习群"


class GroupAlreadyEnded(Conflict):
    title = "这个学习群已经停用"


class GroupNameUnsuitable(Invalid):
    title = f"群名应为 1–{NAME_MAX} 个字，不含换行和特殊符号"


class GroupAddressUnsuitable(Invalid):
    """The address itself is never repeated."""

    title = "群的地址与推送方式不符"


class GroupHoursUnsuitable(Invalid):
    title = "推送时间应在群的开放时段内，且早于截止时间"


class OwnerUnsuitable(Invalid):
    title = "群的负责人须在该村（社区）或上级担任职务"


class EndReasonMissing(Invalid):
    title = "请写明停用的原因"


async def register(
    session: AsyncSession,
    *,
    name: str,
    org_id: int,
    channel: str,
    address: str | None,
    owner_id: int,
    send_at: time,
    deadline: time,
    open_from: time = OPEN_FROM,
    open_until: time = OPEN_UNTIL,
    now: datetime,
) -> Group:
    """A new group; the same again is the first. Another one of the name or address: GroupExists."""
    facts: dict[str, Any] = {
        "name": " ".join(name.split()),
        "org_id": org_id,
        "owner_id": owner_id,
        "channel": channel,
        "address": address,
        "send_at": send_at,
        "deadline": deadline,
        "open_from": open_from,
        "open_until": open_until,
    }
    await _check(session, facts, now=now)
    row = insert(Group).values(**facts, made_at=now).on_conflict_do_nothing().returning(Group)
    made: Group | None = await session.scalar(row)
    if made is not None:
        return made
    first = await session.scalar(
        select(Group).where(
            Group.org_id == org_id, Group.name == facts["name"], Group.ended_at.is_(None)
        )
    )
    if first is None or any(getattr(first, field) != value for field, value in facts.items()):
        raise GroupExists
    return first


async def change(
    session: AsyncSession, *, group_id: int, facts: Mapping[str, Any], now: datetime
) -> Group:
    """Other facts for a living group; what is planned already follows with the next planning.

    A new address or channel, or the same once more, gives the platform another chance.
    """
    group = await lock(session, group_id=group_id)
    if group.ended_at is not None:
        raise GroupAlreadyEnded(group_id=group_id)
    fields = ("name", "org_id", "owner_id", "channel", "address")
    whole = {field: getattr(group, field) for field in (*fields, *HOURS)} | dict(facts)
    whole["name"] = " ".join(whole["name"].split())
    await _check(session, whole, now=now)
    if {"channel", "address"} & set(facts):
        group.relayed_since = None
    for field, value in whole.items():
        setattr(group, field, value)
    try:
        async with session.begin_nested():
            await session.flush()
    except IntegrityError as error:
        raise GroupExists from error
    return group


async def end(session: AsyncSession, *, group_id: int, reason: str, now: datetime) -> Group:
    """Nothing goes there any more. The same reason again is the first ending."""
    reason = " ".join(reason.split())
    if not 0 < len(reason) <= REASON_MAX:
        raise EndReasonMissing
    group = await lock(session, group_id=group_id)
    if group.ended_at is None:
        group.ended_at, group.ended_reason = now, reason
        await session.flush()
    elif group.ended_reason != reason:
        raise GroupAlreadyEnded(group_id=group_id)
    return group


async def get_group(session: AsyncSession, *, group_id: int) -> Group:
    group = await session.get(Group, group_id)
    if group is None:
        raise GroupNotFound(group_id=group_id)
    return group


async def lock(session: AsyncSession, *, group_id: int) -> Group:
    row = select(Group).where(Group.id == group_id).with_for_update(key_share=True)
    group = await session.scalar(row.execution_options(populate_existing=True))
    if group is None:
        raise GroupNotFound(group_id=group_id)
    return group


async def relay_from_now(session: AsyncSession, *, group_id: int, now: datetime) -> None:
    """The platform lets nobody speak first there: from today on a person forwards."""
    group = await lock(session, group_id=group_id)
    group.relayed_since = group.relayed_since or now
    await session.flush()


async def answers_for(session: AsyncSession, *, owner_id: int, org_id: int, day: date) -> bool:
    """Whether this person holds an office there, or above, on a day."""
    lineage = await people.lineage_of(session, org_id)
    person_id = await people.resolve_alias(session, owner_id)
    held = await offices.roles_of(session, person_id=person_id, day=day)
    return any(office.org_id in lineage for office in held)


async def list_groups(
    session: AsyncSession,
    *,
    org_ids: list[int],
    ended: bool = False,
    cursor: str | None = None,
    limit: int = LIMIT_DEFAULT,
) -> Page[Group]:
    """Groups of these organisations and of all below them."""
    rows = (
        select(Group)
        .join(Organisation, Organisation.id == Group.org_id)
        .where(Organisation.lineage.overlap(org_ids))
    )
    if not ended:
        rows = rows.where(Group.ended_at.is_(None))
    if cursor is not None:
        (after,) = decode(cursor, int)
        rows = rows.where(Group.id > after)
    found = (await session.scalars(rows.order_by(Group.id).limit(limit + 1))).all()
    items = list(found[:limit])
    return Page(items=items, next=encode(items[-1].id) if len(found) > limit else None)


async def _check(session: AsyncSession, facts: Mapping[str, Any], *, now: datetime) -> None:
    if not (0 < len(facts["name"]) <= NAME_MAX and is_plain(facts["name"])):
        raise GroupNameUnsuitable
    if not is_address(facts["channel"], facts["address"]):
        raise GroupAddressUnsuitable(channel=facts["channel"])
    if any(facts[hour].tzinfo is not None for hour in HOURS):
        raise GroupHoursUnsuitable("时间一律是本镇的钟点，不带时区")
    if not (facts["open_from"] <= facts["send_at"] < facts["deadline"]) or not (
        facts["send_at"] < facts["open_until"]
    ):
        raise GroupHoursUnsuitable(
            open_from=f"{facts['open_from']:%H:%M}", open_until=f"{facts['open_until']:%H:%M}"
        )
    if not await answers_for(
        session, owner_id=facts["owner_id"], org_id=facts["org_id"], day=local_day(now)
    ):
        raise OwnerUnsuitable
