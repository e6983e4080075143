import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.wechat import inbox, messages
from app.wechat.models import Inbound
from tests.wechat.pushes import NOW, OA, event

FIELDS = {**event("CLICK"), "EventKey": "credits"}


async def receive(session: AsyncSession, **change: Any) -> inbox.Receipt:
    fields = {**FIELDS, **change}
    message = messages.parse(OA.appid, fields)
    return await inbox.receive(session, message=message, fields=fields, now=NOW)


async def count(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Inbound)) or 0


async def test_a_push_is_booked_once(session: AsyncSession) -> None:
    first = await receive(session)
    assert first.first
    assert (first.inbound.state, first.inbound.kind) == ("received", "Click")
    assert first.inbound.fields == FIELDS
    again = await receive(session)
    assert (again.first, again.inbound.id) == (False, first.inbound.id)
    assert (await receive(session, EventKey="help")).first


async def test_a_repeat_hears_the_stored_answer(session: AsyncSession) -> None:
    receipt = await receive(session)
    await inbox.settle(session, receipt.inbound, reply_xml="<xml>答</xml>", now=NOW)
    session.expunge_all()
    stored = (await receive(session)).inbound
    assert (stored.state, stored.reply, stored.attempts) == ("answered", "<xml>答</xml>", 1)
    assert stored.settled_at == NOW


async def test_a_failure_can_be_replayed(session: AsyncSession) -> None:
    inbound = (await receive(session)).inbound
    await inbox.fail(session, inbound, error="KeyError\x00 \ud800 " + "x" * 5000, now=NOW)
    session.expunge_all()
    [failed] = await inbox.list_failed(session)
    assert failed.id == inbound.id
    assert failed.error is not None
    assert failed.error.startswith("KeyError ? x")
    found = await inbox.get_failed_for_replay(session, inbound.id)
    assert messages.parse(found.appid, found.fields).key == found.key
    await inbox.settle(session, found, reply_xml=None, now=NOW)
    assert (found.state, found.attempts, found.error) == ("answered", 2, None)
    assert await inbox.list_failed(session) == []
    for gone in (inbound.id, inbound.id + 1):
        with pytest.raises(inbox.NothingToReplay):
            await inbox.get_failed_for_replay(session, gone)


async def test_what_a_dead_process_left_is_listed(session: AsyncSession) -> None:
    inbound = (await receive(session)).inbound
    assert await inbox.list_abandoned(session, before=NOW) == []
    later = NOW + timedelta(minutes=1)
    assert await inbox.list_abandoned(session, before=later) == [inbound]
    assert (await inbox.get_failed_for_replay(session, inbound.id)).id == inbound.id


async def test_erasure(session: AsyncSession) -> None:
    revoked = {**event("user_authorization_revoke"), "FromUserName": "platform"}
    fields = {**revoked, "OpenID": "o-resident-1"}
    message = messages.parse(OA.appid, fields)
    asking = (await inbox.receive(session, message=message, fields=fields, now=NOW)).inbound
    await receive(session)
    kept = (await receive(session, FromUserName="o-resident-2")).inbound
    assert await inbox.forget(session, appid="wxother", openid="o-resident-1") == 0
    assert await inbox.forget(session, appid=OA.appid, openid="o-resident-1") == 2
    await inbox.settle(session, asking, reply_xml=None, now=NOW)
    assert list(await session.scalars(select(Inbound.id))) == [kept.id]


async def test_purge(session: AsyncSession) -> None:
    await receive(session)
    assert await inbox.purge(session, before=NOW) == 0
    assert await inbox.purge(session, before=NOW + timedelta(seconds=1)) == 1
    assert await count(session) == 0


@pytest.mark.usefixtures("database")
async def test_three_deliveries_at_once_are_one() -> None:
    async def deliver() -> bool:
        async with transaction() as session:
            receipt = await receive(session)
            await asyncio.sleep(0.05)
            return receipt.first

    found = await asyncio.gather(*(deliver() for _ in range(8)))
    assert sorted(found) == [False] * 7 + [True]
    async with transaction() as session:
        assert await count(session) == 1


@pytest.mark.usefixtures("database")
async def test_two_operators_do_not_replay_the_same_push() -> None:
    async with transaction() as session:
        inbound = (await receive(session)).inbound
        await inbox.fail(session, inbound, error="x", now=NOW)
    async with transaction() as one, transaction() as other:
        await inbox.get_failed_for_replay(one, inbound.id)
        with pytest.raises(inbox.NothingToReplay):
            await inbox.get_failed_for_replay(other, inbound.id)
