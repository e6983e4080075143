"""A letter's way out: whose openid it goes to, and what became of it."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.people import queries as people
from app.push import letters
from app.push.models import Letter


@dataclass(frozen=True)
class Envelope:
    letter_id: int
    openid: str
    text: str


async def claim(
    session: AsyncSession, *, letter_id: int, appid: str, now: datetime
) -> Envelope | None:
    """Take a letter for sending through this official account; None if it is not to be sent."""
    letter = await session.get(Letter, letter_id)
    if letter is None:
        return None
    person_id = await people.resolve_alias(session, letter.person_id)
    followed = [
        identity
        for identity in await people.list_identities(session, person_id)
        if identity.appid == appid and identity.subscribed
    ]
    newest = max(
        (one for one in followed if one.last_seen_at is not None),
        key=lambda one: one.last_seen_at or now,
        default=None,
    )
    claimed = await letters.claim(
        session,
        letter_id=letter_id,
        window_opened_at=newest.last_seen_at if newest else None,
        now=now,
    )
    if claimed is None or newest is None:
        return None
    return Envelope(letter_id=letter_id, openid=newest.openid, text=claimed.text)
