"""Bearer tokens: 256 random bits for the client, their SHA-256 for us.

A token lives 30 days after its last use. The extension is written at most once a day, so that
reading does not write.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal, LiteralString, Protocol

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import DomainError
from app.core.statements import rows_of
from app.people.errors import TokenExpired, TokenRevoked, TokenUnknown
from app.people.models import Person, Session
from app.people.queries import lock_person, resolve_alias, resolve_aliases, selves

TOKEN_BYTES = 32
LIFETIME = timedelta(days=30)
EXTEND_AFTER = timedelta(days=1)


class _Held(Protocol):
    """What of a token's row decides whether it is good."""

    @property
    def revoked_at(self) -> datetime | None: ...
    @property
    def expires_at(self) -> datetime: ...


async def issue(session: AsyncSession, *, person_id: int, now: datetime) -> tuple[str, datetime]:
    """A new token and the instant it expires if never used."""
    expires_at = now + LIFETIME
    token, _ = await add(session, person_id=person_id, kind="api", expires_at=expires_at, now=now)
    return token, expires_at


async def add(
    session: AsyncSession,
    *,
    person_id: int,
    kind: Literal["api", "web"],
    expires_at: datetime,
    user_agent: str | None = None,
    now: datetime,
) -> tuple[str, Session]:
    """A new secret and its row."""
    # An erasure deletes the tokens it sees; the lock lets none be issued behind its back.
    await lock_person(session, person_id)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    added = Session(
        person_id=person_id,
        digest=digest_of(token),
        kind=kind,
        user_agent=user_agent,
        created_at=now,
        expires_at=expires_at,
        last_used_at=now,
    )
    session.add(added)
    await session.flush()
    return token, added


async def authenticate(
    session: AsyncSession, *, token: str, extend: bool = True, now: datetime
) -> int:
    """The person who holds this token, through merges. Raises TokenUnknown, -Expired, -Revoked.

    Give `extend=False` in a transaction that may not write.
    """
    held, person_id = await find(session, token=token, kind="api", now=now)
    if extend and held.last_used_at <= now - EXTEND_AFTER:
        await _extend(session, held.id, now)
    return person_id


@dataclass(slots=True)
class _Shown:
    """A token's row, and whose it is."""

    id: int
    person_id: int
    merged_into_id: int | None
    revoked_at: datetime | None
    expires_at: datetime
    last_used_at: datetime


AUTHENTICATE: LiteralString = """
    SELECT digest, person_token.id, person_id, merged_into_id, revoked_at, expires_at, last_used_at
    FROM person_token JOIN person ON person.id = person_id
    WHERE digest = ANY(%(digests)b) AND kind = 'api'
    """
"""Digests go in binary form: as text the driver escapes each of them."""


@dataclass(slots=True)
class Presented:
    """A bearer token that came with a request, at this instant."""

    token: str
    at: datetime


async def authenticate_all(
    session: AsyncSession, presented: Sequence[Presented]
) -> list[int | DomainError]:
    """What `authenticate` does, for many: each one's person, or why there is none."""
    digests = [digest_of(one.token) for one in presented]
    rows = await rows_of(session, AUTHENTICATE, {"digests": digests})
    held = {digest: _Shown(*row) for digest, *row in rows}
    merged = [row.person_id for row in held.values() if row.merged_into_id is not None]
    kept = await resolve_aliases(session, merged) if merged else {}
    found: list[int | DomainError] = []
    used: dict[int, datetime] = {}
    for digest, one in zip(digests, presented, strict=True):
        row = held.get(digest)
        refused = _refusal(row, one.at)
        if row is None or refused is not None:
            found.append(refused or TokenUnknown())
            continue
        found.append(kept.get(row.person_id, row.person_id))
        if row.last_used_at <= one.at - EXTEND_AFTER:
            used[row.id] = one.at
    for session_id, at in sorted(used.items()):
        await _extend(session, session_id, at)
    return found


def _refusal(held: _Held | None, now: datetime) -> DomainError | None:
    if held is None:
        return TokenUnknown()
    if held.revoked_at is not None:
        return TokenRevoked()
    if held.expires_at <= now:
        return TokenExpired()
    return None


async def _extend(session: AsyncSession, session_id: int, now: datetime) -> None:
    used = Session.last_used_at <= now - EXTEND_AFTER
    await session.execute(
        update(Session)
        .where(Session.id == session_id, used)
        .values(last_used_at=now, expires_at=now + LIFETIME)
    )


async def find(
    session: AsyncSession, *, token: str, kind: Literal["api", "web"], now: datetime
) -> tuple[Session, int]:
    """A valid row and its person, through merges. Raises TokenUnknown, -Expired, -Revoked."""
    row = (
        await session.execute(
            select(Session, Person.merged_into_id)
            .join(Person, Person.id == Session.person_id)
            .where(Session.digest == digest_of(token), Session.kind == kind)
        )
    ).one_or_none()
    if row is None:
        raise TokenUnknown
    held, merged_into_id = row
    if (refused := _refusal(held, now)) is not None:
        raise refused
    if merged_into_id is None:
        return held, int(held.person_id)
    return held, await resolve_alias(session, merged_into_id)


async def revoke(session: AsyncSession, *, token: str, now: datetime) -> None:
    """Sign this device out; an unknown token is as good as signed out."""
    await session.execute(
        update(Session)
        .where(Session.digest == digest_of(token))
        .values(revoked_at=func.coalesce(Session.revoked_at, now))
    )


async def revoke_all(session: AsyncSession, *, person_id: int, now: datetime) -> int:
    """Sign a person out everywhere; how many devices that were."""
    revoked = await session.scalars(
        update(Session)
        .where(Session.person_id.in_(select(selves(person_id).c.id)), Session.revoked_at.is_(None))
        .values(revoked_at=now)
        .returning(Session.id)
    )
    return len(revoked.all())


def digest_of(token: str) -> bytes:
    return sha256(token.encode(errors="replace")).digest()
