"""Granting honours, exactly once each; what a merged account holds counts for the kept one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import LiteralString

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.rows import as_ids
from app.core.statements import rows_of
from app.people.queries import TREE, selves
from app.recognition.models import Honour
from app.recognition.rules import Record, deserved


@dataclass(frozen=True)
class Deserving:
    """Who has what to show, and what made it grow (`study:345`)."""

    person_id: int
    record: Record
    evidence: str
    at: datetime


HELD: LiteralString = f"""
    WITH RECURSIVE {TREE}
    SELECT kept_id, code FROM tree JOIN honour ON honour.person_id = tree.id
    """  # noqa: S608  constants


async def grant_all(
    session: AsyncSession, deserving: Sequence[Deserving]
) -> dict[int, list[Honour]]:
    """Grant what these records deserve and is not there yet: by person what this call granted.

    No person may be named twice.
    """
    person_ids = as_ids(one.person_id for one in deserving)
    held = set(await rows_of(session, HELD, {"person_ids": person_ids}))
    rows = [
        {
            "person_id": one.person_id,
            "code": honour.code,
            "kind": honour.kind,
            "name": honour.name,
            "evidence": one.evidence,
            "granted_at": one.at,
            "granted_on": local_day(one.at),
        }
        for one in deserving
        for honour in deserved(one.record)
        if (one.person_id, honour.code) not in held
    ]
    granted: dict[int, list[Honour]] = {one.person_id: [] for one in deserving}
    if rows:
        # The rows beside the statement, or it would be compiled anew for each number of them.
        row = insert(Honour).on_conflict_do_nothing().returning(Honour)
        for made in sorted(await session.scalars(row, rows), key=lambda honour: honour.id):
            granted[made.person_id].append(made)
    return granted


async def list_honours(session: AsyncSession, *, person_id: int) -> list[Honour]:
    """What this person holds, newest first; what two accounts both hold, since the earlier day."""
    whose = select(selves(person_id).c.id)
    asked = select(Honour).where(Honour.person_id.in_(whose)).order_by(Honour.granted_at.desc())
    newest_first = list(await session.scalars(asked.order_by(Honour.id.desc())))
    earliest = {honour.code: honour.id for honour in newest_first}
    return [honour for honour in newest_first if earliest[honour.code] == honour.id]
