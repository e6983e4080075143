"""What every command of the desk does to its manuscript: lock it, look at it, leave a step."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial.errors import ManuscriptNotFound, NotInThisState, RemarksNeeded
from app.editorial.models import Manuscript, ManuscriptStep, ManuscriptVersion
from app.editorial.rules import REMARKS_MIN


async def lock(session: AsyncSession, *, manuscript_id: int) -> Manuscript:
    """The manuscript as it is now, locked to the end of the transaction."""
    # FOR NO KEY UPDATE: the inserts below take KEY SHARE on this row for their foreign keys.
    row = select(Manuscript).where(Manuscript.id == manuscript_id).with_for_update(key_share=True)
    manuscript = await session.scalar(row.execution_options(populate_existing=True))
    if manuscript is None:
        raise ManuscriptNotFound(manuscript_id=manuscript_id)
    return manuscript


def require(manuscript: Manuscript, states: Sequence[str]) -> None:
    if manuscript.state not in states:
        raise NotInThisState(state=manuscript.state)


def reason_in(remarks: str) -> str:
    if len(remarks.strip()) < REMARKS_MIN:
        raise RemarksNeeded
    return remarks.strip()


async def keep_version(
    session: AsyncSession,
    manuscript: Manuscript,
    body: Mapping[str, Any],
    by_id: int | None,
    now: datetime,
) -> None:
    version = ManuscriptVersion(
        manuscript_id=manuscript.id,
        version=manuscript.version,
        digest=manuscript.digest,
        body=dict(body),
        made_by_id=by_id,
        made_at=now,
    )
    session.add(version)
    await session.flush()


async def leave_step(
    session: AsyncSession,
    manuscript: Manuscript,
    step: str,
    *,
    to: str,
    by_id: int | None,
    decision: str | None = None,
    remarks: str = "",
    now: datetime,
) -> None:
    made = ManuscriptStep(
        manuscript_id=manuscript.id,
        version=manuscript.version,
        digest=manuscript.digest,
        round=manuscript.round,
        step=step,
        decision=decision,
        from_state=manuscript.state,
        to_state=to,
        person_id=by_id,
        remarks=remarks.strip(),
        made_at=now,
    )
    session.add(made)
    manuscript.state, manuscript.changed_at = to, now
    await session.flush()
