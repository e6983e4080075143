"""Who forwards for a group today: its owner; or, out of office, whoever else answers there."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.flows import notices
from app.people import offices
from app.push import groups
from app.push.deliveries import Parcel


@dataclass(frozen=True)
class Asked:
    """`person_id` or `role` is a task's; `told` are the persons who get the letters."""

    person_id: int | None
    role: str | None
    told: tuple[int, ...]


async def find(session: AsyncSession, *, owner_id: int, org_id: int, now: datetime) -> Asked:
    """The owner while in office over the group; else the tutors, else the administrators."""
    day = local_day(now)
    if await groups.answers_for(session, owner_id=owner_id, org_id=org_id, day=day):
        return Asked(owner_id, None, (owner_id,))
    for role in ("tutor", "admin"):
        holders = await offices.holders_of(session, role=role, org_id=org_id, day=day)
        if holders:
            return Asked(None, role, tuple(holders))
    return Asked(None, "admin", ())


async def tell_of_change(session: AsyncSession, *, parcel: Parcel, now: datetime) -> None:
    """Once for each group and owner: the administrator names another one."""
    await notices.tell_role(
        session,
        key=f"owner_gone:{parcel.group_id}:{parcel.owner_id}",
        role="admin",
        org_id=parcel.org_id,
        text=f"“{parcel.group_name}”的负责人已不在任，今天的转发交给了其他人。请为该群更换负责人。",
        now=now,
    )
