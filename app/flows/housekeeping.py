"""What need not be kept is not kept."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core import once
from app.core.schedule import forget_runs
from app.learning import activities
from app.wechat import inbox

MESSAGES_KEPT = timedelta(days=190)
"""Logs are kept for at least six months (《网络安全法》), which are at most 184 days."""


async def purge(session: AsyncSession, *, now: datetime) -> int:
    """Delete what is older than its purpose; returns how many messages went."""
    await forget_runs(session, before=now - MESSAGES_KEPT)
    await once.forget_keys(session, now=now)
    await activities.forget_past_sign_ups(session, before=now - MESSAGES_KEPT)
    return await inbox.purge(session, before=now - MESSAGES_KEPT)
