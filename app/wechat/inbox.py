"""The inbox: every push once, with its answer.

A repeat hears the same answer, and a failure can be replayed. WeChat sends a push again if it heard
no answer within 5 s, three times in all; messages are told apart by MsgId, events by sender and
time (developers.weixin.qq.com …/Passive_user_reply_message.html). Our key is finer: messages.py.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, LiteralString

from sqlalchemy import delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.core.rows import as_rows
from app.core.statements import rows_of
from app.wechat.kinds import Message
from app.wechat.models import Inbound

ERROR_LENGTH_MAX = 2000
OPENID_LENGTH_MAX = 64


class NothingToReplay(NotFound):
    title = "没有可以重新处理的消息"


@dataclass(slots=True)
class Arrival:
    """A push, and the fields it was read from."""

    message: Message
    fields: Mapping[str, Any]


@dataclass(slots=True)
class Receipt:
    """`first`: this arrival is the one to be answered; `reply` is what it was booked in with.

    Otherwise `reply` is the answer of the first, or None if there is none, or none yet.
    """

    id: int
    first: bool
    reply: str | None = None


async def receive(
    session: AsyncSession,
    *,
    arrivals: Sequence[Arrival],
    replies: Mapping[int, str | None],
    now: datetime,
) -> list[Receipt]:
    """Book pushes in; a repeat, of an old one or of one beside it, gets the row of the first.

    `replies`: place in `arrivals` → what is answered if it is the first, None for `success`. Those
    without one are still to be settled.
    """
    keys = [(one.message.appid, one.message.key) for one in arrivals]
    given = as_rows(
        {
            "appid": one.message.appid,
            "key": one.message.key,
            "openid": one.message.openid,
            "kind": type(one.message).__name__,
            "fields": one.fields,
            "settled": place in replies,
            "reply": replies.get(place),
        }
        for place, one in enumerate(arrivals)
    )
    rows = await rows_of(session, RECEIVE, {"given": given, "now": now})
    new = {(appid, key): number for number, appid, key in rows}
    old = await _find(session, [key for key in keys if key not in new])
    receipts = []
    for place, key in enumerate(keys):
        # Only the first of equal ones is the one to be answered.
        number = new.pop(key, None)
        receipt = (
            old[key] if number is None else Receipt(number, first=True, reply=replies.get(place))
        )
        old[key] = Receipt(receipt.id, first=False, reply=receipt.reply)
        receipts.append(receipt)
    return receipts


async def settle(
    session: AsyncSession, *, replies: Mapping[int, str | None], now: datetime
) -> None:
    """These pushes are dealt with: id → reply; None means that it was answered with `success`."""
    given = as_rows({"id": number, "reply": reply} for number, reply in replies.items())
    await rows_of(session, SETTLE, {"given": given, "now": now})


async def fail(session: AsyncSession, inbound_id: int, *, error: str, now: datetime) -> None:
    """Our code failed on a genuine push. `error` holds no personal data: it is shown to operators.

    Call it outside of the savepoint that failed.
    """
    # PostgreSQL's text has neither NUL nor lone surrogates, and an error must not fail to be kept.
    shown = error.replace("\x00", "").encode("utf-8", "replace").decode()[:ERROR_LENGTH_MAX]
    row = update(Inbound).where(Inbound.id == inbound_id)
    failed = row.values(attempts=Inbound.attempts + 1, state="failed", error=shown, settled_at=now)
    await session.execute(failed)


async def keep_unreadable(
    session: AsyncSession, *, appid: str, fields: Mapping[str, Any], now: datetime
) -> None:
    """Book in a push whose meaning we do not know, as failed; a repeat is the same row."""
    content = json.dumps(fields, sort_keys=True, ensure_ascii=False)
    row = insert(Inbound).values(
        appid=appid,
        key=f"unreadable:{hashlib.sha256(content.encode()).hexdigest()}",
        openid=str(fields.get("FromUserName", ""))[:OPENID_LENGTH_MAX],
        kind="Unreadable",
        fields=dict(fields),
        state="failed",
        error="Malformed",
        attempts=1,
        received_at=now,
        settled_at=now,
    )
    await session.execute(row.on_conflict_do_nothing(index_elements=["appid", "key"]))


async def list_failed(session: AsyncSession, limit: int = 100) -> list[Inbound]:
    """Pushes that wait for a replay, oldest first."""
    failed = select(Inbound).where(Inbound.state == "failed").order_by(Inbound.id).limit(limit)
    return list(await session.scalars(failed))


async def list_abandoned(
    session: AsyncSession, *, before: datetime, limit: int = 100
) -> list[Inbound]:
    """Pushes received before this instant that nobody settled: the process died meanwhile."""
    waiting = select(Inbound).where(Inbound.state == "received", Inbound.received_at < before)
    return list(await session.scalars(waiting.order_by(Inbound.id).limit(limit)))


async def get_failed_for_replay(session: AsyncSession, inbound_id: int) -> Inbound:
    """A push that is not answered, locked until the transaction ends.

    Raises NothingToReplay if it is answered, gone, or being replayed by somebody else.
    """
    row = select(Inbound).where(Inbound.id == inbound_id, Inbound.state != "answered")
    found = await session.scalar(
        row.with_for_update(skip_locked=True).execution_options(populate_existing=True)
    )
    if found is None:
        raise NothingToReplay(id=inbound_id)
    return found


async def forget(session: AsyncSession, *, appid: str, openid: str) -> int:
    """Erase a person's pushes, and the events about that person which somebody else sent.

    Deleted, not blanked, because the key holds the openid too. The row of the push that asks for
    the erasure may be among them: `settle` then finds nothing, and a repeat erases nothing again.
    """
    theirs = or_(
        Inbound.openid == openid,
        Inbound.fields["OpenID"].astext == openid,
        Inbound.fields["OpenId"].astext == openid,
    )
    return await _delete(session, (Inbound.appid == appid) & theirs)


async def export(
    session: AsyncSession, *, identities: list[tuple[str, str]]
) -> list[dict[str, Any]]:
    """What these identities (appid, openid) sent us and heard from us, as JSON-able data."""
    asked = select(Inbound).where(tuple_(Inbound.appid, Inbound.openid).in_(identities))
    return [
        {"at": row.received_at.isoformat(), "message": row.fields, "reply": row.reply}
        for row in await session.scalars(asked.order_by(Inbound.id))
    ]


async def purge(session: AsyncSession, *, before: datetime) -> int:
    """Delete the pushes received before this instant, the failed ones too; returns how many."""
    return await _delete(session, Inbound.received_at < before)


async def _find(
    session: AsyncSession, keys: list[tuple[str, str]]
) -> dict[tuple[str, str], Receipt]:
    """Pushes booked in before; an insert waited for the others' transactions, so all are there."""
    if not keys:
        return {}
    asked = select(Inbound.appid, Inbound.key, Inbound.id, Inbound.reply)
    rows = await session.execute(asked.where(tuple_(Inbound.appid, Inbound.key).in_(keys)))
    return {(row[0], row[1]): Receipt(row[2], first=False, reply=row[3]) for row in rows}


async def _delete(session: AsyncSession, which: Any) -> int:
    gone = delete(Inbound).where(which).returning(Inbound.id)
    done = await session.scalars(gone.execution_options(synchronize_session=False))
    return len(done.all())


RECEIVE: LiteralString = """
    INSERT INTO wechat_inbox (
        appid, key, openid, kind, fields, reply, received_at, state, attempts, settled_at)
    SELECT appid, key, openid, kind, fields, reply, %(now)s,
        CASE WHEN settled THEN 'answered' ELSE 'received' END,
        settled::int,
        CASE WHEN settled THEN %(now)s END
    FROM json_to_recordset(%(given)s::json) AS given (
        appid text, key text, openid text, kind text, fields jsonb, settled bool, reply text)
    ON CONFLICT (appid, key) DO NOTHING
    RETURNING id, appid, key
    """
SETTLE: LiteralString = """
    UPDATE wechat_inbox SET
        state = 'answered', reply = given.reply, error = NULL, attempts = attempts + 1,
        settled_at = %(now)s
    FROM json_to_recordset(%(given)s::json) AS given (id bigint, reply text)
    WHERE wechat_inbox.id = given.id
    """
