"""A push from WeChat, from the inbox to its answer: at its first arrival and at a replay."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.logging import get_logger, pseudonym
from app.core.metrics import CALLBACK_FAILURES, CALLBACKS
from app.core.settings import WeChat
from app.flows import callback
from app.flows.callback import Messages
from app.people import staff_acts
from app.people.senders import Sender
from app.wechat import inbox, messages
from app.wechat.envelope import Malformed
from app.wechat.inbox import Arrival
from app.wechat.models import Inbound
from app.wechat.replies import TextReply, render

log = get_logger()
Replies = dict[int, str | None]
"""The inbox's number → the reply's XML, None for `success`."""


async def arrive(
    session: AsyncSession, *, accounts: WeChat, arrivals: Sequence[Arrival], now: datetime
) -> list[str | None]:
    """The replies' XML in the order of the arrivals, None for `success`; a repeat gets the stored.

    An error of ours leaves its row marked `failed` for a replay, and the others as they are. A
    database that is gone is not an error of ours: it raises, the caller answers 503, and WeChat
    sends the message again.
    """
    receipts = await inbox.receive(session, arrivals=arrivals, now=now)
    new: dict[int, messages.Message] = {}
    for receipt, arrival in zip(receipts, arrivals, strict=True):
        if receipt.first:
            new[receipt.id] = arrival.message
        else:
            CALLBACKS.labels(type(arrival.message).__name__, "repeat").inc()
    replies = await _settle(session, accounts, new, now)
    return [replies.get(receipt.id, receipt.reply) for receipt in receipts]


async def keep_unreadable(
    session: AsyncSession, *, appid: str, fields: Mapping[str, Any], now: datetime
) -> None:
    """A genuine push we cannot read: kept for a replay after the mend, and counted."""
    log.error("callback.unreadable", appid=appid, fields_present=sorted(fields))
    CALLBACKS.labels("Unreadable", "failed").inc()
    CALLBACK_FAILURES.inc()
    await inbox.keep_unreadable(session, appid=appid, fields=fields, now=now)


async def replay(
    session: AsyncSession, *, accounts: WeChat, inbound_id: int, now: datetime
) -> Inbound:
    """Run a failed push again. Its passive reply comes too late to be sent; its effects do not.

    Raises NothingToReplay.
    """
    row = await inbox.get_failed_for_replay(session, inbound_id)
    try:
        message = messages.parse(row.appid, row.fields)
    except Malformed as error:
        await inbox.fail(session, row.id, error=error.code, now=now)
    else:
        await _settle(session, accounts, {row.id: message}, now)
    await session.refresh(row)
    return row


async def replay_by(
    session: AsyncSession, *, accounts: WeChat, inbound_id: int, by_id: int, now: datetime
) -> Inbound:
    """The same by an administrator, kept in the log of what staff did. Raises NothingToReplay."""
    row = await replay(session, accounts=accounts, inbound_id=inbound_id, now=now)
    await staff_acts.note(
        session,
        person_id=by_id,
        act="inbox.replay",
        subject=f"message:{row.id}",
        facts={"kind": row.kind, "state": row.state},
        now=now,
    )
    return row


async def _settle(
    session: AsyncSession, accounts: WeChat, pushes: Messages, now: datetime
) -> Replies:
    """Those who chat and are known are answered together, then the others one by one."""
    senders = await callback.find_senders(session, messages=pushes)
    groups = [{number: pushes[number] for number in senders}] if senders else []
    groups += [{number: one} for number, one in pushes.items() if number not in senders]
    replies: Replies = {}
    for group in groups:
        replies |= await _try(session, accounts, group, senders, now)
    return replies


async def _try(
    session: AsyncSession,
    accounts: WeChat,
    pushes: Messages,
    senders: Mapping[int, Sender],
    now: datetime,
) -> Replies:
    """Answer these; if that fails, each by itself; who fails then waits for a replay."""
    try:
        async with session.begin_nested():
            texts = await callback.answer(session, messages=pushes, senders=senders, now=now)
            replies = {
                number: _reply(accounts, pushes[number], text, now)
                for number, text in texts.items()
            }
            await inbox.settle(session, replies=replies, now=now)
    except (OperationalError, InterfaceError, ConnectorException):
        raise  # The database is away, for us or for the queue.
    except Exception as error:  # noqa: BLE001  logged and kept below
        if len(pushes) > 1:
            replies = {}
            for number, one in pushes.items():
                replies |= await _try(session, accounts, {number: one}, senders, now)
            return replies
        [(number, message)] = pushes.items()
        return await _give_up(session, number, message, error, now)
    for message in pushes.values():
        CALLBACKS.labels(type(message).__name__, "answered").inc()
    return replies


async def _give_up(
    session: AsyncSession, number: int, message: messages.Message, error: Exception, now: datetime
) -> Replies:
    kind = type(message).__name__
    log.error("callback.failed", kind=kind, who=pseudonym(message.openid), exc_info=error)
    CALLBACKS.labels(kind, "failed").inc()
    CALLBACK_FAILURES.inc()
    await inbox.fail(session, number, error=type(error).__name__, now=now)
    return {number: None}


def _reply(
    accounts: WeChat, message: messages.Message, text: str | None, now: datetime
) -> str | None:
    """The answer as XML.

    The mini-program's customer service has no passive replies
    (developers.weixin.qq.com/miniprogram/dev/framework/server-ability/message-push).
    """
    if not text or message.appid != accounts.oa.appid:
        return None
    return render(TextReply(text), to=message.openid, sender=message.account_id, now=now)
