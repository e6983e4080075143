"""Granting honours, exactly once each; what a merged account holds counts for the kept one."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.people.queries import selves
from app.recognition.models import Honour
from app.recognition.rules import Record, deserved


async def grant(
    session: AsyncSession, *, person_id: int, record: Record, evidence: str, now: datetime
) -> list[Honour]:
    """Grant what the record deserves and is not there yet; returns what this call granted."""
    granted = []
    held = {honour.code for honour in await list_honours(session, person_id=person_id)}
    for honour in deserved(record):
        if honour.code in held:
            continue
        row = insert(Honour).values(
            person_id=person_id,
            code=honour.code,
            kind=honour.kind,
            name=honour.name,
            evidence=evidence,
            granted_at=now,
            granted_on=local_day(now),
        )
        made: Honour | None = await session.scalar(row.on_conflict_do_nothing().returning(Honour))
        if made is not None:
            granted.append(made)
    return granted


async def list_honours(session: AsyncSession, *, person_id: int) -> list[Honour]:
    """What this person holds, newest first; what two accounts both hold, since the earlier day."""
    whose = select(selves(person_id).c.id)
    asked = select(Honour).where(Honour.person_id.in_(whose)).order_by(Honour.granted_at.desc())
    newest_first = list(await session.scalars(asked.order_by(Honour.id.desc())))
    earliest = {honour.code: honour.id for honour in newest_first}
    return [honour for honour in newest_first if earliest[honour.code] == honour.id]
