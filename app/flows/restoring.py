"""After a restore: what the lost machine may have sent since the backup is in doubt, not to do.

The backup still holds it as planned. Sent again, groups and residents would get it twice; so it is
treated as claimed by a process that died, which is what happened, and a person decides.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.editorial.models import Manuscript
from app.flows import daily_push
from app.push import letters
from app.push.models import Delivery, Letter

LONG_AGO = timedelta(days=1)
"""Older than any claim that is waited for."""


@dataclass(frozen=True)
class Doubts:
    """Deliveries to groups, letters to persons; issues whose hour came since the backup."""

    deliveries: int
    letters: int
    issues: int


async def doubt_what_was_due(session: AsyncSession, *, now: datetime) -> Doubts:
    """To be called before any worker starts."""
    # What was approved but not yet planned had been planned by now on the lost machine.
    await daily_push.schedule_approved(session, now=now)
    claimed = {"state": "claimed", "claimed_at": now - clock.machine_span(LONG_AGO)}
    due = (Delivery.state == "planned", Delivery.due_at <= now)
    await session.execute(update(Delivery).where(*due).values(claimed))
    await session.execute(update(Letter).where(Letter.state == "waiting").values(claimed))
    issues = select(func.count()).where(
        Manuscript.kind == "issue", Manuscript.state == "scheduled", Manuscript.scheduled_at <= now
    )
    return Doubts(
        deliveries=await daily_push.settle_lost(session, now=now),
        letters=await letters.settle_lost_claims(session, now=now),
        issues=await session.scalar(issues) or 0,
    )
