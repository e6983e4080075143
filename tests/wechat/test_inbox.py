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
    (receipt,) = await receive_all(session, fields)
    return receipt


async def receive_all(session: AsyncSession, *pushed: dict[str, Any]) -> list[inbox.Receipt]:
    arrivals = [inbox.Arrival(messages.parse(OA.appid, one), one) for one in pushed]
    return await inbox.receive(session, arrivals=arrivals, replies={}, now=NOW)


async def stored(session: AsyncSession, receipt: inbox.Receipt) -> Inbound:
    return await session.get_one(Inbound, receipt.id, populate_existing=True)


async def count(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Inbound)) or 0


async def test_a_push_is_booked_once(session: AsyncSession) -> None:
    first = await receive(session)
    assert first.first
    row = await stored(session, first)
    assert (row.state, row.kind, row.fields) == ("received", "Click", FIELDS)
    assert await receive(session) == inbox.Receipt(first.id, first=False)
    assert (await receive(session, EventKey="help")).first


async def test_a_repeat_hears_the_stored_answer(session: AsyncSession) -> None:
    receipt = await receive(session)
    await inbox.settle(session, replies={receipt.id: "<xml>答</xml>"}, now=NOW)
    assert await receive(session) == inbox.Receipt(receipt.id, first=False, reply="<xml>答</xml>")
    row = await stored(session, receipt)
    assert (row.state, row.attempts, row.settled_at) == ("answered", 1, NOW)


async def test_repeats_of_the_same_moment_are_booked_once(session: AsyncSession) -> None:
    old = await receive(session)
    await inbox.settle(session, replies={old.id: "<xml>答</xml>"}, now=NOW)
    new, other = {**FIELDS, "EventKey": "help"}, {**FIELDS, "EventKey": "today"}
    found = await receive_all(session, new, FIELDS, other, new, FIELDS)
    assert [receipt.first for receipt in found] == [True, False, True, False, False]
    assert [receipt.id for receipt in found[3:]] == [found[0].id, old.id]
    assert [receipt.reply for receipt in found] == [
        None,
        "<xml>答</xml>",
        None,
        None,
        "<xml>答</xml>",
    ]
    assert await count(session) == 3


async def test_a_failure_can_be_replayed(session: AsyncSession) -> None:
    inbound = await stored(session, await receive(session))
    await inbox.fail(session, inbound.id, error="KeyError\x00 \ud800 " + "x" * 5000, now=NOW)
    session.expunge_all()
    [failed] = await inbox.list_failed(session)
    assert failed.id == inbound.id
    assert failed.error is not None
    assert failed.error.startswith("KeyError ? x")
    found = await inbox.get_failed_for_replay(session, inbound.id)
    assert messages.parse(found.appid, found.fields).key == found.key
    await inbox.settle(session, replies={found.id: None}, now=NOW)
    await session.refresh(found)
    assert (found.state, found.attempts, found.error) == ("answered", 2, None)
    assert await inbox.list_failed(session) == []
    for gone in (inbound.id, inbound.id + 1):
        with pytest.raises(inbox.NothingToReplay):
            await inbox.get_failed_for_replay(session, gone)


async def test_what_a_dead_process_left_is_listed(session: AsyncSession) -> None:
    inbound = await stored(session, await receive(session))
    assert await inbox.list_abandoned(session, before=NOW) == []
    later = NOW + timedelta(minutes=1)
    assert await inbox.list_abandoned(session, before=later) == [inbound]
    assert (await inbox.get_failed_for_replay(session, inbound.id)).id == inbound.id


async def test_erasure(session: AsyncSession) -> None:
    revoked = {**event("user_authorization_revoke"), "FromUserName": "platform"}
    fields = {**revoked, "OpenID": "o-resident-1"}
    (asking,) = await receive_all(session, fields)
    await receive(session)
    kept = await receive(session, FromUserName="o-resident-2")
    assert await inbox.forget(session, appid="wxother", openid="o-resident-1") == 0
    assert await inbox.forget(session, appid=OA.appid, openid="o-resident-1") == 2
    await inbox.settle(session, replies={asking.id: None}, now=NOW)
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
        inbound = await stored(session, await receive(session))
        await inbox.fail(session, inbound.id, error="x", now=NOW)
    async with transaction() as one, transaction() as other:
        await inbox.get_failed_for_replay(one, inbound.id)
        with pytest.raises(inbox.NothingToReplay):
            await inbox.get_failed_for_replay(other, inbound.id)
