"""A follower's unionid, which shows that the account's and the mini-program's person are one."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.flows.meeting import meet
from app.people import queries as people
from app.people.models import Identity


async def openid_of(session: AsyncSession, *, identity_id: int, appid: str) -> str | None:
    """The openid to ask about, or None where it is not needed (any more)."""
    identity = await session.get(Identity, identity_id)
    if identity is None or identity.appid != appid or identity.unionid is not None:
        return None
    return identity.openid


async def learn_unionid(
    session: AsyncSession, *, appid: str, openid: str, unionid: str, now: datetime
) -> None:
    """Join what belongs together. Somebody erased in the meantime is not met anew."""
    known = await people.find_person_by_identity(session, appid=appid, openid=openid)
    if known is not None:
        await meet(session, appid=appid, openid=openid, unionid=unionid, now=now)
