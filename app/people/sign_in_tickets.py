"""Tickets: a link, the way into a mini-program's web view, a code on a computer's screen.

Each signs in once. Their minutes are the machine's: somebody sits there and waits.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Literal

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import machine_span
from app.people.errors import NotConfirmed, ScanTaken, TicketExpired, TicketUnknown, TicketUsed
from app.people.models import SignInTicket
from app.people.queries import lock_kept, resolve_alias, selves
from app.people.tokens import TOKEN_BYTES, digest_of

LINK_LIFE = timedelta(minutes=10)
SCAN_LIFE = timedelta(minutes=5)
SCENE = "login-"
"""Before the code in a parametric code's scene, and in a mini-program code's."""
CODE_BYTES = 8
LINKS = ("link", "web_view")


@dataclass(frozen=True)
class Scan:
    """A code to be scanned: `secret` stays with the browser, `code` goes into the picture."""

    secret: str
    code: str


def scene_of(code: str) -> str:
    """22 characters: a mini-program code holds 32 (WxJava WxMaQrcodeService)."""
    return f"{SCENE}{code}"


def check_number(code: str) -> str:
    """Two digits, shown on the screen and on the phone: a stranger's code has others."""
    return str(sha256(code.encode()).digest()[0] % 90 + 10)


async def make_link(
    session: AsyncSession, *, person_id: int, kind: Literal["link", "web_view"], now: datetime
) -> str:
    """The secret of a ticket for this person."""
    # An erasure deletes the tickets it sees; the lock lets none be made behind its back.
    person = await lock_kept(session, person_id)
    secret = secrets.token_urlsafe(TOKEN_BYTES)
    session.add(
        SignInTicket(
            digest=digest_of(secret),
            kind=kind,
            state="waiting",
            person_id=person.id,
            made_at=now,
            expires_at=now + machine_span(LINK_LIFE),
        )
    )
    await session.flush()
    return secret


async def look(session: AsyncSession, *, secret: str, now: datetime) -> SignInTicket:
    """A link that still works, not used by this. Raises TicketUnknown, -Used, -Expired."""
    rows = select(SignInTicket).where(
        SignInTicket.digest == digest_of(secret), SignInTicket.kind.in_(LINKS)
    )
    return _valid(await session.scalar(rows.execution_options(populate_existing=True)), now)


async def use_link(session: AsyncSession, *, secret: str, now: datetime) -> SignInTicket:
    """Whom the link stands for: exactly one caller is told. Raises as `look` does."""
    used: SignInTicket | None = await session.scalar(
        update(SignInTicket)
        .where(
            SignInTicket.digest == digest_of(secret),
            SignInTicket.kind.in_(LINKS),
            SignInTicket.state == "waiting",
            SignInTicket.expires_at > now,
        )
        .values(state="used", used_at=now)
        .returning(SignInTicket)
    )
    if used is None:
        await look(session, secret=secret, now=now)
        raise TicketUnknown
    return used


async def start_scan(session: AsyncSession, *, now: datetime) -> Scan:
    scan = Scan(secret=secrets.token_urlsafe(TOKEN_BYTES), code=secrets.token_hex(CODE_BYTES))
    session.add(
        SignInTicket(
            digest=digest_of(scan.secret),
            code=scan.code,
            kind="scan",
            state="waiting",
            made_at=now,
            expires_at=now + machine_span(SCAN_LIFE),
        )
    )
    await session.flush()
    return scan


async def look_at_scan(session: AsyncSession, *, secret: str, now: datetime) -> SignInTicket:
    """The ticket of the browser that holds this secret. Raises TicketUnknown, -Used, -Expired."""
    rows = select(SignInTicket).where(
        SignInTicket.digest == digest_of(secret), SignInTicket.kind == "scan"
    )
    return _valid(await session.scalar(rows.execution_options(populate_existing=True)), now)


async def note_scan(session: AsyncSession, *, code: str, person_id: int, now: datetime) -> None:
    """This person's phone looks at the code: nobody else's can confirm it from here on.

    Raises TicketUnknown, TicketUsed, TicketExpired, ScanTaken.
    """
    await _own(session, code, person_id, now)


async def confirm(session: AsyncSession, *, code: str, person_id: int, now: datetime) -> None:
    """This person wants to be signed in on that computer; the same again changes nothing."""
    ticket = await _own(session, code, person_id, now)
    if ticket.state == "waiting":
        ticket.state, ticket.confirmed_at = "confirmed", now
        await session.flush()


async def confirm_last(session: AsyncSession, *, person_id: int, now: datetime) -> bool:
    """Confirm the code this person scanned last; False if none waits."""
    newest = (
        select(SignInTicket.code)
        .where(
            SignInTicket.kind == "scan",
            SignInTicket.state == "waiting",
            SignInTicket.expires_at > now,
            SignInTicket.person_id.in_(select(selves(person_id).c.id)),
        )
        .order_by(SignInTicket.id.desc())
        .limit(1)
    )
    code = await session.scalar(newest)
    if code is None:
        return False
    await confirm(session, code=code, person_id=person_id, now=now)
    return True


async def collect(session: AsyncSession, *, secret: str, now: datetime) -> int:
    """Who confirmed, told once to the browser that holds the secret.

    Raises NotConfirmed, TicketUnknown, TicketUsed, TicketExpired.
    """
    person_id = await session.scalar(
        update(SignInTicket)
        .where(
            SignInTicket.digest == digest_of(secret),
            SignInTicket.kind == "scan",
            SignInTicket.state == "confirmed",
            SignInTicket.expires_at > now,
        )
        .values(state="used", used_at=now)
        .returning(SignInTicket.person_id)
    )
    if person_id is None:
        await look_at_scan(session, secret=secret, now=now)
        raise NotConfirmed
    return int(person_id)


async def purge(session: AsyncSession, *, before: datetime) -> int:
    """Delete what was made before; how many that were."""
    gone = await session.scalars(
        delete(SignInTicket).where(SignInTicket.made_at < before).returning(SignInTicket.id)
    )
    return len(gone.all())


async def _own(session: AsyncSession, code: str, person_id: int, now: datetime) -> SignInTicket:
    """The code's ticket, locked, and this person's from now on."""
    person = await lock_kept(session, person_id)
    row = select(SignInTicket).where(SignInTicket.code == code).with_for_update()
    ticket = _valid(await session.scalar(row.execution_options(populate_existing=True)), now)
    if ticket.person_id is None:
        ticket.person_id = person.id
        await session.flush()
    elif await resolve_alias(session, ticket.person_id) != person.id:
        raise ScanTaken
    return ticket


def _valid(ticket: SignInTicket | None, now: datetime) -> SignInTicket:
    if ticket is None:
        raise TicketUnknown
    if ticket.state == "used":
        raise TicketUsed
    if ticket.expires_at <= now:
        raise TicketExpired
    return ticket
