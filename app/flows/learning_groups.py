"""Learning groups as staff keep them: each change with its entry in the audit log."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.people import staff_acts
from app.push import groups
from app.push.models import Group


async def register(
    session: AsyncSession, *, facts: Mapping[str, Any], by_id: int, now: datetime
) -> Group:
    """Raises GroupExists, and whatever is unsuitable."""
    group = await groups.register(session, **facts, now=now)
    await _note(session, group, "register", by_id=by_id, now=now)
    return group


async def change(
    session: AsyncSession, *, group_id: int, facts: Mapping[str, Any], by_id: int, now: datetime
) -> Group:
    group = await groups.change(session, group_id=group_id, facts=facts, now=now)
    await _note(session, group, "change", by_id=by_id, now=now)
    return group


async def end(
    session: AsyncSession, *, group_id: int, reason: str, by_id: int, now: datetime
) -> Group:
    group = await groups.end(session, group_id=group_id, reason=reason, now=now)
    await _note(session, group, "end", by_id=by_id, now=now)
    return group


async def _note(
    session: AsyncSession, group: Group, what: str, *, by_id: int, now: datetime
) -> None:
    """Never its address: that is a secret."""
    await staff_acts.note(
        session,
        person_id=by_id,
        act="group.change",
        subject=f"group:{group.id}",
        facts={"what": what, "org_id": group.org_id, "channel": group.channel},
        now=now,
    )
