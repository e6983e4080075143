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
AWAY = (OperationalError, InterfaceError, ConnectorException)
"""The database is, for us or for the queue."""
Replies = dict[int, str | None]
"""The inbox's number, or the place in a batch → the reply's XML, None for `success`."""


async def arrive(
    session: AsyncSession, *, accounts: WeChat, arrivals: Sequence[Arrival], now: datetime
) -> list[str | None]:
    """The replies' XML in the order of the arrivals, None for `success`; a repeat gets the stored.

    An error of ours leaves its row marked `failed` for a replay, and the others as they are. A
    database that is gone is not an error of ours: it raises, the caller answers 503, and WeChat
    sends the message again.
    """
    pushes = {place: arrival.message for place, arrival in enumerate(arrivals)}
    senders = await callback.find_senders(session, messages=pushes)
    ahead = await _answer_ahead(session, accounts, pushes, senders, now)
    receipts = await inbox.receive(session, arrivals=arrivals, replies=ahead, now=now)
    left: dict[int, int] = {}
    for place, (receipt, message) in enumerate(zip(receipts, pushes.values(), strict=True)):
        if not receipt.first:
            CALLBACKS.labels(type(message).__name__, "repeat").inc()
        elif place in ahead:
            CALLBACKS.labels(type(message).__name__, "answered").inc()
        else:
            left[receipt.id] = place
    replies = await _settle(
        session,
        accounts,
        {number: pushes[place] for number, place in left.items()},
        {number: senders[place] for number, place in left.items() if place in senders},
        now,
    )
    return [replies.get(receipt.id, receipt.reply) for receipt in receipts]


async def _answer_ahead(
    session: AsyncSession,
    accounts: WeChat,
    pushes: Messages,
    senders: Mapping[int, Sender],
    now: datetime,
) -> Replies:
    """The answers to those who are known and only ask, so that their rows are written once.

    Nothing is lost if one of them turns out to be a repeat. If one fails, all that need the
    database are left to be answered after they are kept, each of them for itself.
    """
    asking = {place: pushes[place] for place in senders if callback.only_asks(pushes[place])}
    same = {place: callback.needs_nothing(message) for place, message in asking.items()}
    texts = {place: text for place, text in same.items() if text is not None}
    if rest := {place: message for place, message in asking.items() if place not in texts}:
        try:
            async with session.begin_nested():
                texts |= await callback.answer_known(
                    session, messages=rest, senders=senders, now=now
                )
        except AWAY:
            raise
        except Exception:  # noqa: BLE001  whoever fails again by itself is logged and kept then
            log.warning("callback.not_together", messages=len(rest))
    return {place: _reply(accounts, pushes[place], text, now) for place, text in texts.items()}


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
        await _settle(session, accounts, {row.id: message}, {}, now)
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
    session: AsyncSession,
    accounts: WeChat,
    pushes: Messages,
    senders: Mapping[int, Sender],
    now: datetime,
) -> Replies:
    """Those who chat and are known are answered together, then the others one by one."""
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
    except AWAY:
        raise
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
