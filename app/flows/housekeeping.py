"""What need not be kept is not kept."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import once
from app.core.schedule import forget_runs
from app.learning import activities
from app.people import sign_in_tickets
from app.wechat import inbox

MESSAGES_KEPT = timedelta(days=190)
"""Logs are kept for at least six months (《网络安全法》), which are at most 184 days."""
TICKETS_KEPT = timedelta(days=30)
"""Minutes would do; a month lets somebody ask who signed in by which link."""


async def purge(session: AsyncSession, *, now: datetime) -> int:
    """Delete what is older than its purpose; returns how many messages went."""
    await forget_runs(session, before=now - MESSAGES_KEPT)
    await sign_in_tickets.purge(session, before=now - TICKETS_KEPT)
    await once.forget_keys(session, now=now)
    await activities.forget_past_sign_ups(session, before=now - MESSAGES_KEPT)
    return await inbox.purge(session, before=now - MESSAGES_KEPT)
