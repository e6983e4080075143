"""Consents to subscription messages (一次性订阅): one accepted popup row is one message.

Accepts add up and have no end; refusing in the settings forgets them all, as does the platform's
43101 (wechat-platform.md §4.4).
"""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Select, delete, func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import Identity
from app.people.queries import selves
from app.push.models import Permit

UNUSED = (Permit.used_at.is_(None), Permit.withdrawn_at.is_(None))


async def give(
    session: AsyncSession, *, key: str, identity_id: int, template_id: str, now: datetime
) -> bool:
    """Note one acceptance; False if it was noted before. `now` is the event's own time."""
    row = insert(Permit).values(
        key=key, identity_id=identity_id, template_id=template_id, given_at=now
    )
    made = await session.scalar(row.on_conflict_do_nothing().returning(Permit.id))
    return made is not None


async def withdraw_all(
    session: AsyncSession, *, identity_id: int, template_id: str, now: datetime
) -> int:
    """What was accepted up to `now` is not to be used any more; returns how many permits."""
    rows = await session.scalars(
        update(Permit)
        .where(
            Permit.identity_id == identity_id,
            Permit.template_id == template_id,
            Permit.given_at <= now,
            *UNUSED,
        )
        .values(withdrawn_at=now)
        .returning(Permit.id)
    )
    return len(list(rows))


async def take(
    session: AsyncSession,
    *,
    identity_ids: Sequence[int],
    template_id: str,
    letter_id: int,
    now: datetime,
) -> Permit | None:
    """Use the oldest permit for this letter. Another worker's hand on it makes it not ours."""
    oldest = (
        select(Permit)
        .where(Permit.identity_id.in_(identity_ids), Permit.template_id == template_id, *UNUSED)
        .order_by(Permit.given_at, Permit.id)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    permit: Permit | None = await session.scalar(oldest.execution_options(populate_existing=True))
    if permit is not None:
        permit.used_at, permit.letter_id = now, letter_id
        await session.flush()
    return permit


async def give_back(session: AsyncSession, *, letter_id: int) -> None:
    """The letter was certainly not sent: the consent is still there."""
    await session.execute(
        update(Permit)
        .where(Permit.letter_id == letter_id)
        .values(used_at=None, letter_id=None)
        .execution_options(synchronize_session="fetch")
    )


async def lose(session: AsyncSession, *, letter_id: int, now: datetime) -> None:
    """The platform knows of no consent (43101): neither this letter's nor any other is left."""
    used = await session.scalar(select(Permit).where(Permit.letter_id == letter_id))
    if used is not None:
        used.withdrawn_at = now
        await withdraw_all(
            session, identity_id=used.identity_id, template_id=used.template_id, now=now
        )


async def count(session: AsyncSession, *, person_id: int, appid: str) -> dict[str, int]:
    """Template id → how many messages this person still allows."""
    rows = await session.execute(
        select(Permit.template_id, func.count())
        .join(Identity, Identity.id == Permit.identity_id)
        .where(Identity.person_id == person_id, Identity.appid == appid, *UNUSED)
        .group_by(Permit.template_id)
    )
    return dict(rows.all())


async def export(session: AsyncSession, *, person_id: int) -> list[dict[str, str | None]]:
    rows = await session.scalars(
        select(Permit)
        .where(Permit.identity_id.in_(_identities_of(person_id)))
        .order_by(Permit.given_at, Permit.id)
    )
    return [
        {
            "template_id": one.template_id,
            "given_at": one.given_at.isoformat(),
            "used_at": one.used_at.isoformat() if one.used_at else None,
            "withdrawn_at": one.withdrawn_at.isoformat() if one.withdrawn_at else None,
        }
        for one in rows
    ]


async def forget(session: AsyncSession, *, person_id: int) -> None:
    """Erasure: permits go with the identities that gave them."""
    await session.execute(
        delete(Permit)
        .where(Permit.identity_id.in_(_identities_of(person_id)))
        .execution_options(synchronize_session="fetch")
    )


def _identities_of(person_id: int) -> Select[int]:
    whose = select(selves(person_id).c.id)
    return select(Identity.id).where(Identity.person_id.in_(whose))
