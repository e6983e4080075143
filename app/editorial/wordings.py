"""Two writers in one issue: whether what one of them changed stands in the other's way."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial.models import ManuscriptVersion

EMPTY_ARTICLE = {"title": "", "author": "", "digest": "", "markdown": "", "cover": None}


async def find_body(
    session: AsyncSession, *, manuscript_id: int, digest: str
) -> dict[str, Any] | None:
    """The wording with this digest, the newest if there are several."""
    rows = select(ManuscriptVersion.body).where(
        ManuscriptVersion.manuscript_id == manuscript_id, ManuscriptVersion.digest == digest
    )
    found: dict[str, Any] | None = await session.scalar(
        rows.order_by(ManuscriptVersion.version.desc()).limit(1)
    )
    return found


def is_untouched(seen: Mapping[str, Any] | None, current: Mapping[str, Any], index: int) -> bool:
    """Whether the article at this place is the one that was seen there, whatever else changed."""
    if seen is None:
        return False
    before, now = seen["articles"], current["articles"]
    return index < min(len(before), len(now)) and before[index] == now[index]
