"""One letter from claim to record. The call itself is between the two, outside any transaction.

Its routes are tried in their order. A closed one costs nothing; a refusal is definite, so the next
route may be tried; a call without an answer ends it, since nobody knows whether it arrived.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.core.jobs import PATIENT, USUAL, Job, defer, defer_many
from app.core.metrics import LETTERS
from app.people.queries import resolve_alias, selves
from app.push import permits, routes
from app.push.models import Letter
from app.push.rules import Route

CLAIM_LOST = timedelta(minutes=5)
"""A claim older than this, by the machine's clock, is of a process that died before its record."""
JOB_LOST = timedelta(minutes=30)
"""By then the queue has tried six times; by the machine's clock."""
TOO_LATE = timedelta(hours=24)
"""Nobody wants to read it then."""
BATCH = 200
OF_THE_DAY = ("lesson",)
"""Kinds that mean nothing on the day after."""
REMINDERS = ("lesson", "activity")
"""Kinds that a whole town may get at once: whatever else is to be done comes first."""


@dataclass(frozen=True)
class Draft:
    """A letter to be left: see `Letter`."""

    key: str
    person_id: int
    kind: str
    text: str
    routes: Sequence[Route]
    page: str | None
    values: Mapping[str, str] | None


@dataclass(frozen=True)
class Claimed:
    """A letter to be sent now, by `route`; for a notice, the identity that allowed it."""

    letter: Letter
    route: Route
    identity_id: int | None = None


async def write(
    session: AsyncSession,
    *,
    key: str,
    person_id: int,
    kind: str,
    text: str,
    routes: Sequence[Route] = ("custom",),
    page: str | None = None,
    values: Mapping[str, str] | None = None,
    now: datetime,
) -> Letter | None:
    """Leave a letter and its job; None if one with this key was left before."""
    draft = Draft(key, person_id, kind, text, tuple(routes), page, values)
    if not await write_many(session, [draft], now=now):
        return None
    return (await session.scalars(select(Letter).where(Letter.key == key))).one()


async def write_many(session: AsyncSession, drafts: Sequence[Draft], *, now: datetime) -> int:
    """Leave many letters in two statements; returns how many keys were new."""
    if not drafts:
        return 0
    rows = [
        {**vars(draft), "routes": list(draft.routes), "state": "waiting", "made_at": now}
        for draft in drafts
    ]
    # The rows beside the statement, or it would be compiled anew for each number of them.
    row = insert(Letter).on_conflict_do_nothing().returning(Letter.id, Letter.kind)
    made = await session.execute(row, rows)
    left = sorted((letter_id, kind) for letter_id, kind in made)
    for priority in (USUAL, PATIENT):
        await defer_many(
            session,
            Job.DELIVER_LETTER,
            [{"letter_id": one} for one, kind in left if _priority(kind) == priority],
            priority=priority,
        )
    return len(left)


def _priority(kind: str) -> int:
    return PATIENT if kind in REMINDERS else USUAL


async def claim(
    session: AsyncSession, *, letter_id: int, ways: routes.Ways, now: datetime
) -> Claimed | None:
    """Take a waiting letter for sending by its first open route; None if it is not to be sent now.

    Where a route is closed, attempting it would only cost the account a refusal. Claims of one
    person queue up, so that two workers cannot both take the fifth message.
    """
    letter = await session.get(Letter, letter_id, with_for_update=True)
    if letter is None or letter.state != "waiting":
        return None
    if letter.kind in OF_THE_DAY and clock.local_day(letter.made_at) != clock.local_day(now):
        _give_up(letter, ["已过当天"])
        return None
    person_id = await resolve_alias(session, letter.person_id)
    queue = func.hashtextextended(f"letters:{person_id}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(queue)))
    closed: list[str] = []
    for route in _routes_left(letter):
        identity_id = None
        match route:
            case "custom":
                why = await routes.why_window_closed(session, person_id, ways.window_opened_at, now)
                if why is None and await routes.minute_is_full(session, person_id, now):
                    await _queue(session, letter, at=now + clock.machine_span(routes.MINUTE))
                    return None
            case "notice":
                why, identity_id = await routes.take_permit(session, letter, ways, now)
            case _:
                why = None if ways.wecom else "没有企业微信身份"
        if why is None:
            letter.state, letter.route, letter.claimed_at = "claimed", route, now
            return Claimed(letter, route, identity_id)
        closed.append(f"{routes.ROUTE_NAMES[route]}：{why}")
    _give_up(letter, closed)
    return None


async def pass_on(
    session: AsyncSession, *, letter_id: int, why: str, consent_gone: bool, now: datetime
) -> None:
    """The platform refused it: it certainly did not arrive, and waits for its next route.

    `consent_gone`: because the person does not allow it (43101); any other refusal leaves the
    permit to be used another time.
    """
    letter = await session.get_one(Letter, letter_id, with_for_update=True, populate_existing=True)
    if letter.state != "claimed" or letter.route is None:
        return
    if consent_gone:
        await permits.lose(session, letter_id=letter_id, now=now)
    else:
        await permits.give_back(session, letter_id=letter_id)
    LETTERS.labels(letter.route, "refused").inc()
    letter.state, letter.claimed_at = "waiting", None
    letter.detail = _join(letter.detail, f"{routes.ROUTE_NAMES[letter.route]}：{why}")


async def record(
    session: AsyncSession, *, letter_id: int, state: str, detail: str | None, now: datetime
) -> None:
    """Write down what became of a claimed letter: sent or unknown."""
    assert state in {"sent", "unknown"}, state
    route = await session.scalar(
        update(Letter)
        .where(Letter.id == letter_id, Letter.state == "claimed")
        .values(
            state=state,
            detail=func.coalesce(detail, Letter.detail),
            sent_at=now if state == "sent" else None,
        )
        .returning(Letter.route)
    )
    if route is not None:
        LETTERS.labels(route, state).inc()


async def put_back(session: AsyncSession, *, letter_id: int) -> None:
    """Nothing was sent, and that is certain: the claimed letter waits again, for the same route."""
    letter = await session.get_one(Letter, letter_id, with_for_update=True, populate_existing=True)
    if letter.state != "claimed" or letter.route is None:
        return
    await permits.give_back(session, letter_id=letter_id)
    before = letter.routes[: letter.routes.index(letter.route)]
    # Only a refusal ends a route: with none so far, a window that has opened since may be used.
    letter.route = before[-1] if before and letter.detail is not None else None
    letter.state, letter.claimed_at = "waiting", None


async def settle_lost_claims(session: AsyncSession, *, now: datetime) -> int:
    """Claims of processes that died are in doubt: a person decides, nobody sends again."""
    lost = now - clock.machine_span(CLAIM_LOST)
    rows = await session.scalars(
        update(Letter)
        .where(Letter.state == "claimed", Letter.claimed_at < lost)
        .values(state="unknown", detail="发送途中进程中断，是否送达未知")
        .returning(Letter.id)
    )
    return len(list(rows))


async def queue_again(session: AsyncSession, *, now: datetime) -> int:
    """Letters whose job gave up, as after a long outage, get another; returns how many.

    One that still has its job gets a second one, which finds nothing to do.
    """
    patient = now - clock.machine_span(JOB_LOST)
    rows = await session.scalars(
        select(Letter)
        .where(Letter.state == "waiting", Letter.made_at < patient)
        .where(Letter.made_at > now - TOO_LATE)
        .order_by(Letter.made_at)
        .limit(BATCH)
    )
    return sum([await _queue(session, letter) for letter in rows])


async def queue_alone(session: AsyncSession, *, letter_id: int) -> None:
    """A job of its own for a letter that could not be sent with others."""
    letter = await session.get(Letter, letter_id)
    if letter is not None and letter.state == "waiting":
        await _queue(session, letter)


async def export(session: AsyncSession, *, person_id: int) -> list[dict[str, Any]]:
    whose = select(selves(person_id).c.id)
    rows = await session.scalars(
        select(Letter).where(Letter.person_id.in_(whose)).order_by(Letter.id)
    )
    return [
        {
            "kind": one.kind,
            "text": one.text,
            "values": one.values,
            "state": one.state,
            "route": one.route,
            "made_at": one.made_at.isoformat(),
            "sent_at": one.sent_at.isoformat() if one.sent_at else None,
        }
        for one in rows
    ]


async def forget(session: AsyncSession, *, person_id: int) -> None:
    """Erasure: the words go, the fact that something was sent stays; what waits is not sent."""
    whose = select(selves(person_id).c.id)
    mine = Letter.person_id.in_(whose)
    await session.execute(
        update(Letter)
        .where(mine)
        .values(text="", values=None, page=None)
        .execution_options(synchronize_session="fetch")
    )
    await session.execute(
        update(Letter)
        .where(mine, Letter.state == "waiting")
        .values(state="skipped", detail="本人已注销")
        .execution_options(synchronize_session="fetch")
    )


def _routes_left(letter: Letter) -> list[Route]:
    """Those after the one that was refused last."""
    begin = 0 if letter.route is None else letter.routes.index(letter.route) + 1
    left: list[Any] = letter.routes[begin:]
    return left


def _give_up(letter: Letter, closed: Sequence[str]) -> None:
    """No route is left: `skipped` if none was tried, `refused` if a platform said no."""
    letter.state = "skipped" if letter.detail is None else "refused"
    letter.detail = _join(letter.detail, *closed)
    LETTERS.labels("none", letter.state).inc()


def _join(*parts: str | None) -> str:
    return "；".join(part for part in parts if part)


async def _queue(session: AsyncSession, letter: Letter, *, at: datetime | None = None) -> bool:
    return await defer(
        session,
        Job.DELIVER_LETTER,
        dedupe=f"letter:{letter.id}",
        at=at,
        priority=_priority(letter.kind),
        letter_id=letter.id,
    )
