"""The inbox: every push once, with its answer.

A repeat hears the same answer, and a failure can be replayed. WeChat sends a push again if it heard
no answer within 5 s, three times in all; messages are told apart by MsgId, events by sender and
time (developers.weixin.qq.com …/Passive_user_reply_message.html). Our key is finer: messages.py.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import NotFound
from app.wechat.kinds import Message
from app.wechat.models import Inbound

ERROR_LENGTH_MAX = 2000
OPENID_LENGTH_MAX = 64


class NothingToReplay(NotFound):
    title = "没有可以重新处理的消息"


@dataclass(frozen=True)
class Receipt:
    """`first`: this call is the one to answer the push.

    Otherwise `inbound.reply` is the answer, or None if there is none, or none yet.
    """

    inbound: Inbound
    first: bool


async def receive(
    session: AsyncSession, *, message: Message, fields: Mapping[str, Any], now: datetime
) -> Receipt:
    """Book a push in; a repeat gets the row of the first."""
    row = insert(Inbound).values(
        appid=message.appid,
        key=message.key,
        openid=message.openid,
        kind=type(message).__name__,
        fields=dict(fields),
        state="received",
        attempts=0,
        received_at=now,
    )
    made = await session.scalar(
        row.on_conflict_do_nothing(index_elements=["appid", "key"]).returning(Inbound)
    )
    if made is not None:
        return Receipt(made, first=True)
    same = (Inbound.appid == message.appid) & (Inbound.key == message.key)
    # The insert waited for the other transaction, so its row is visible to this statement.
    stored = await session.scalars(
        select(Inbound).where(same).execution_options(populate_existing=True)
    )
    return Receipt(stored.one(), first=False)


async def settle(
    session: AsyncSession, inbound: Inbound, *, reply_xml: str | None, now: datetime
) -> None:
    """The push is dealt with; None means that it was answered with `success`."""
    await _close(session, inbound, state="answered", reply=reply_xml, error=None, settled_at=now)


async def fail(session: AsyncSession, inbound: Inbound, *, error: str, now: datetime) -> None:
    """Our code failed on a genuine push. `error` holds no personal data: it is shown to operators.

    Call it in a transaction of its own: the one that failed is rolled back.
    """
    # PostgreSQL's text has neither NUL nor lone surrogates, and an error must not fail to be kept.
    shown = error.replace("\x00", "").encode("utf-8", "replace").decode()[:ERROR_LENGTH_MAX]
    await _close(session, inbound, state="failed", error=shown, settled_at=now)


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


async def _close(session: AsyncSession, inbound: Inbound, **facts: Any) -> None:
    # A statement, not attributes: the object may come from an earlier transaction, or be erased.
    row = update(Inbound).where(Inbound.id == inbound.id)
    await session.execute(row.values(attempts=Inbound.attempts + 1, **facts))


async def _delete(session: AsyncSession, which: Any) -> int:
    gone = delete(Inbound).where(which).returning(Inbound.id)
    done = await session.scalars(gone.execution_options(synchronize_session=False))
    return len(done.all())
