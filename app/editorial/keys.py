"""A manuscript's natural key: one weekly issue a slot, one push an organisation and day."""

from sqlalchemy import func, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial.errors import ManuscriptExists
from app.editorial.models import Manuscript

FREED = ":withdrawn:"


async def release(session: AsyncSession, *, key: str) -> None:
    """What was withdrawn stands in nobody's way: its key is free for another manuscript.

    After that it cannot come back by a change, for its day belongs to the other one.
    """
    rows = update(Manuscript).where(Manuscript.key == key, Manuscript.state == "withdrawn")
    await session.execute(rows.values(key=func.concat(Manuscript.key, FREED, Manuscript.id)))


def is_freed(key: str) -> bool:
    """Whether a withdrawn manuscript's key went to another one."""
    return FREED in key


async def take(session: AsyncSession, manuscript: Manuscript, *, key: str) -> None:
    """Give a manuscript another key. Raises ManuscriptExists if it is taken."""
    try:
        async with session.begin_nested():
            manuscript.key = key
            await session.flush()
    except IntegrityError as error:
        raise ManuscriptExists(key=key) from error
