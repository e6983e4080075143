"""A push from WeChat, from the inbox to its answer: at its first arrival and at a replay."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from procrastinate.exceptions import ConnectorException
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.logging import get_logger, pseudonym
from app.core.metrics import CALLBACK_FAILURES, CALLBACKS
from app.core.settings import WeChat
from app.flows import callback
from app.people import staff_acts
from app.wechat import inbox, messages
from app.wechat.envelope import Malformed
from app.wechat.models import Inbound
from app.wechat.replies import render

log = get_logger()


async def arrive(
    session: AsyncSession,
    *,
    accounts: WeChat,
    message: messages.Message,
    fields: Mapping[str, Any],
    now: datetime,
) -> str | None:
    """The reply's XML, or None for `success`; a repeat gets the stored one.

    An error of ours leaves the row marked `failed` for a replay. A database that is gone is not an
    error of ours: it raises, the caller answers 503, and WeChat sends the message again.
    """
    receipt = await inbox.receive(session, message=message, fields=fields, now=now)
    kind = type(message).__name__
    if not receipt.first:
        CALLBACKS.labels(kind, "repeat").inc()
        return receipt.inbound.reply
    return await _settle(session, accounts, receipt.inbound, message, now)


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
        await inbox.fail(session, row, error=error.code, now=now)
    else:
        await _settle(session, accounts, row, message, now)
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
    row: Inbound,
    message: messages.Message,
    now: datetime,
) -> str | None:
    kind = type(message).__name__
    try:
        async with session.begin_nested():
            reply = await callback.answer(
                session,
                message=message,
                is_official_account=message.appid == accounts.oa.appid,
                now=now,
            )
            xml = None
            if reply is not None:
                xml = render(reply, to=message.openid, sender=message.account_id, now=now)
            await inbox.settle(session, row, reply_xml=xml, now=now)
    except (OperationalError, InterfaceError, ConnectorException):
        raise  # The database is away, for us or for the queue.
    except Exception as error:
        log.exception("callback.failed", kind=kind, who=pseudonym(message.openid))
        CALLBACKS.labels(kind, "failed").inc()
        CALLBACK_FAILURES.inc()
        await inbox.fail(session, row, error=f"{type(error).__name__}", now=now)
        return None
    CALLBACKS.labels(kind, "answered").inc()
    return xml
