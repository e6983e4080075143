"""What every installation starts with: units, default rules, the six platforms."""

from sqlalchemy.ext.asyncio import AsyncSession

from app.content.platforms import load_platforms
from app.credit_bank.rulebook import DEFAULT_RULES, load_rulebook, read_rulebook


async def found(session: AsyncSession) -> None:
    """Add what is missing; safe to repeat at every migration."""
    await load_rulebook(session, book=read_rulebook(DEFAULT_RULES))
    await load_platforms(session)
