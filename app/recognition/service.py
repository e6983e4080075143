"""Granting honours, exactly once each."""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.recognition.models import Honour
from app.recognition.rules import Record, deserved


async def grant(
    session: AsyncSession, *, person_id: int, record: Record, evidence: str, now: datetime
) -> list[Honour]:
    """Grant what the record deserves and is not there yet; returns what this call granted."""
    granted = []
    held = set(await session.scalars(select(Honour.code).where(Honour.person_id == person_id)))
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
    """What this person holds, newest first."""
    asked = select(Honour).where(Honour.person_id == person_id)
    return list(await session.scalars(asked.order_by(Honour.granted_at.desc(), Honour.id.desc())))
