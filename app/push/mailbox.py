"""What somebody was told: their letters as they read them again."""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.paging import Page, decode, encode
from app.people.queries import selves
from app.push.models import Letter


async def list_letters(
    session: AsyncSession, *, person_id: int, cursor: str | None, limit: int
) -> Page[Letter]:
    """Newest first, a merged account's included; also those that WeChat could not deliver."""
    whose = select(selves(person_id).c.id)
    asked = select(Letter).where(Letter.person_id.in_(whose), Letter.text != "")
    if cursor is not None:
        asked = asked.where(Letter.id < decode(cursor, int)[0])
    rows = list(await session.scalars(asked.order_by(Letter.id.desc()).limit(limit + 1)))
    more = encode(rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=rows[:limit], next=more)
