"""Sessions of the web pages: rows that their owner sees and ends.

Residents stay signed in for 30 days after the last use, as with a token. Who holds an office is
signed out 12 hours after signing in, however busy: of the machine's time, in which people sit at
computers. Whoever is given an office later falls under the same rule at once.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day, machine_span
from app.people import offices, staff_acts, tokens
from app.people.devices import device_label, kept_user_agent
from app.people.errors import SessionNotFound, TokenExpired
from app.people.models import Session
from app.people.policy import Actor
from app.people.queries import resolve_alias, selves

STAFF_LIFE = timedelta(hours=12)
TOUCH_AFTER = timedelta(hours=1)
"""Reading writes at most this often."""


@dataclass(frozen=True)
class Opened:
    """What a sign-in gives the browser; `token` is the cookie's value."""

    token: str
    session_id: int
    actor: Actor


@dataclass(frozen=True)
class Visit:
    """Who looks at a page, by which session."""

    session_id: int
    actor: Actor


@dataclass(frozen=True)
class Device:
    """A signed-in device as its owner sees it."""

    session_id: int
    label: str
    signed_in_at: datetime
    last_used_at: datetime
    is_this: bool


async def sign_in(
    session: AsyncSession,
    *,
    person_id: int,
    way: str,
    user_agent: str | None,
    replaces: str | None = None,
    now: datetime,
) -> Opened:
    """A new session with a secret of its own; the browser's old one (`replaces`) ends.

    The secret is never the client's choice, so nobody can fix it in advance.
    """
    person_id = await resolve_alias(session, person_id)
    actor = await offices.actor_of(session, person_id=person_id, day=local_day(now))
    token, row = await tokens.add(
        session,
        person_id=person_id,
        kind="web",
        expires_at=now + (machine_span(STAFF_LIFE) if actor.offices else tokens.LIFETIME),
        user_agent=kept_user_agent(user_agent),
        now=now,
    )
    if replaces is not None:
        await tokens.revoke(session, token=replaces, now=now)
    if actor.offices:
        await staff_acts.note(
            session,
            person_id=person_id,
            act="sign_in",
            subject=f"session:{row.id}",
            facts={"way": way, "device": device_label(user_agent)},
            now=now,
        )
    return Opened(token, row.id, actor)


async def visit(session: AsyncSession, *, token: str, now: datetime) -> Visit:
    """Who holds this cookie. Raises TokenUnknown, TokenExpired, TokenRevoked."""
    row, person_id = await tokens.find(session, token=token, kind="web", now=now)
    actor = await offices.actor_of(session, person_id=person_id, day=local_day(now))
    if actor.offices and row.created_at + machine_span(STAFF_LIFE) <= now:
        raise TokenExpired
    if row.last_used_at <= now - TOUCH_AFTER:
        # Who signed in as staff stays under that rule, even if the office has ended since.
        rolls = row.expires_at == row.last_used_at + tokens.LIFETIME
        expires_at = now + tokens.LIFETIME if rolls else row.expires_at
        await session.execute(
            update(Session)
            .where(Session.id == row.id, Session.last_used_at == row.last_used_at)
            .values(last_used_at=now, expires_at=expires_at)
        )
    return Visit(session_id=row.id, actor=actor)


async def was_given(session: AsyncSession, *, token: str, kind: Literal["api", "web"]) -> bool:
    """Whether this cookie or token is one of ours, ended or not: nobody can make one up."""
    ours = select(Session.id).where(Session.digest == tokens.digest_of(token), Session.kind == kind)
    return await session.scalar(ours) is not None


async def sign_out(session: AsyncSession, *, visit: Visit, token: str, now: datetime) -> None:
    await tokens.revoke(session, token=token, now=now)
    if visit.actor.offices:
        await staff_acts.note(
            session,
            person_id=visit.actor.person_id,
            act="sign_out",
            subject=f"session:{visit.session_id}",
            now=now,
        )


async def list_devices(session: AsyncSession, *, visit: Visit, now: datetime) -> list[Device]:
    """Where this person is signed in, the mini-program included, the last used first."""
    rows = select(Session).where(
        Session.person_id.in_(select(selves(visit.actor.person_id).c.id)),
        Session.revoked_at.is_(None),
        Session.expires_at > now,
    )
    return [
        Device(
            session_id=row.id,
            label=device_label(row.user_agent) if row.kind == "web" else "微信小程序",
            signed_in_at=row.created_at,
            last_used_at=row.last_used_at,
            is_this=row.id == visit.session_id,
        )
        for row in await session.scalars(rows.order_by(Session.last_used_at.desc(), Session.id))
        if not _is_overdue(row, visit.actor, now)
    ]


async def end_device(
    session: AsyncSession, *, visit: Visit, session_id: int, now: datetime
) -> None:
    """Sign one of one's own devices out. Raises SessionNotFound, also for somebody else's."""
    own = Session.person_id.in_(select(selves(visit.actor.person_id).c.id))
    ended = await session.scalar(
        update(Session)
        .where(Session.id == session_id, own, Session.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(Session.id)
    )
    if ended is None:
        raise SessionNotFound(session_id=session_id)
    await _note_ended(session, visit, [ended], now)


async def end_others(session: AsyncSession, *, visit: Visit, now: datetime) -> int:
    """Sign every other device out; how many that were."""
    ended = await session.scalars(
        update(Session)
        .where(
            Session.person_id.in_(select(selves(visit.actor.person_id).c.id)),
            Session.id != visit.session_id,
            Session.revoked_at.is_(None),
            Session.expires_at > now,
        )
        .values(revoked_at=now)
        .returning(Session.id)
    )
    ids = sorted(ended)
    if ids:
        await _note_ended(session, visit, ids, now)
    return len(ids)


async def _note_ended(session: AsyncSession, visit: Visit, ids: list[int], now: datetime) -> None:
    if visit.actor.offices:
        await staff_acts.note(
            session,
            person_id=visit.actor.person_id,
            act="sessions.revoke",
            subject=f"person:{visit.actor.person_id}",
            facts={"sessions": ids},
            now=now,
        )


def _is_overdue(row: Session, actor: Actor, now: datetime) -> bool:
    staff = bool(actor.offices) and row.kind == "web"
    return staff and row.created_at + machine_span(STAFF_LIFE) <= now
