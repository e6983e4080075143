"""From the inbox to the answer: repeats, our own errors, and the replay after the fix."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.core.settings import WeChat
from app.flows import chat, inbound
from app.flows.watch import look
from app.people.models import Identity, Person
from app.wechat import inbox
from app.wechat.inbox import NothingToReplay
from app.wechat.models import Inbound
from tests.factories import pushes
from tests.factories.people import MINI, NOW, OA, make_identity, make_person

ACCOUNTS = WeChat()
LATER = NOW + timedelta(hours=1)


async def arrive(session: AsyncSession, pushed: dict[str, str], *, appid: str = OA) -> str | None:
    (reply,) = await pushes.arrive(session, pushed, appid=appid)
    return reply


async def rows(session: AsyncSession) -> list[Inbound]:
    asked = select(Inbound).order_by(Inbound.id).execution_options(populate_existing=True)
    return list(await session.scalars(asked))


async def test_a_message_is_kept_with_its_answer(session: AsyncSession) -> None:
    reply = await arrive(session, pushes.text("o-one", "帮助"))
    assert reply is not None
    assert "<ToUserName><![CDATA[o-one]]></ToUserName>" in reply
    assert "<FromUserName><![CDATA[gh_0000000000a1]]></FromUserName>" in reply
    (row,) = await rows(session)
    assert (row.state, row.reply, row.attempts, row.settled_at) == ("answered", reply, 1, NOW)


async def test_who_is_known_and_only_asks_is_kept_with_the_answer(
    session: AsyncSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Written once: half of what a message costs the database is its row."""
    await make_identity(session, await make_person(session), "o-one")
    monkeypatch.delattr(inbox, "settle")
    said = [pushes.text("o-one", word) for word in ("帮助", "学分")]
    said.append(pushes.fields("o-one", "image"))
    replies = [await arrive(session, one) for one in said]
    assert None not in replies
    kept = [(row.state, row.reply, row.attempts, row.settled_at) for row in await rows(session)]
    assert kept == [("answered", reply, 1, NOW) for reply in replies]


async def test_the_newest_message_tells_when_somebody_was_here(session: AsyncSession) -> None:
    identity = await make_identity(session, await make_person(session), "o-one")
    for at in (NOW, NOW - timedelta(minutes=1)):
        await arrive(session, pushes.text("o-one", "帮助", at=at))
    await arrive(session, pushes.event("o-one", "click", key="help", at=LATER))
    await session.refresh(identity)
    assert identity.last_seen_at == NOW


async def test_a_repeat_gets_the_stored_reply_and_does_nothing(session: AsyncSession) -> None:
    pushed = pushes.text("o-one", "帮助")
    first = await arrive(session, pushed)
    (row,) = await rows(session)
    row.reply = "<xml>the first answer</xml>"
    await session.flush()
    assert await arrive(session, pushed) == "<xml>the first answer</xml>"
    assert first != "<xml>the first answer</xml>"
    assert [one.attempts for one in await rows(session)] == [1]


async def test_the_same_words_again_are_another_message(session: AsyncSession) -> None:
    await arrive(session, pushes.text("o-one", "帮助"))
    await arrive(session, pushes.text("o-one", "帮助"))
    await arrive(session, pushes.text("o-two", "帮助"))
    assert len(await rows(session)) == 3


async def test_the_mini_program_hears_success(session: AsyncSession) -> None:
    assert await arrive(session, pushes.text("m-one", "帮助"), appid=MINI) is None
    assert [(row.state, row.reply) for row in await rows(session)] == [("answered", None)]


Reply = Callable[..., Awaitable[str]]


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> Callable[[BaseException | None], None]:
    """Make our own code fail with this, or be mended."""
    mended: Reply = chat.reply_to

    def break_it(error: BaseException | None) -> None:
        async def reply_to(session: AsyncSession, **facts: object) -> str:
            if error is not None:
                raise error
            return await mended(session, **facts)

        monkeypatch.setattr(chat, "reply_to", reply_to)

    return break_it


async def test_an_error_of_ours_is_kept_and_replayed(
    session: AsyncSession, broken: Callable[[BaseException | None], None]
) -> None:
    broken(ZeroDivisionError("o-one is personal"))
    pushed = pushes.text("o-one", "学分")
    assert await arrive(session, pushed) is None
    (row,) = await rows(session)
    assert (row.state, row.error, row.attempts) == ("failed", "ZeroDivisionError", 1)
    # What the failed try had done is undone: even the person was not made.
    assert await session.scalar(select(func.count()).select_from(Person)) == 0
    assert (await look(session, now=NOW)).inbox_failed == 1

    again = await inbound.replay(session, accounts=ACCOUNTS, inbound_id=row.id, now=NOW)
    assert (again.state, again.attempts) == ("failed", 2)
    broken(None)
    done = await inbound.replay(session, accounts=ACCOUNTS, inbound_id=row.id, now=LATER)
    assert (done.state, done.error, done.attempts, done.settled_at) == ("answered", None, 3, LATER)
    identity = (await session.scalars(select(Identity))).one()
    assert (identity.openid, identity.last_seen_at) == ("o-one", NOW)
    assert (await look(session, now=NOW)).inbox_failed == 0
    with pytest.raises(NothingToReplay):
        await inbound.replay(session, accounts=ACCOUNTS, inbound_id=row.id, now=LATER)
    # WeChat's third try, if it still comes, hears what the replay answered.
    assert await arrive(session, pushed) == done.reply


async def test_a_database_that_is_gone_is_no_error_of_ours(
    session: AsyncSession, broken: Callable[[BaseException | None], None]
) -> None:
    await make_identity(session, await make_person(session), "o-known")
    broken(OperationalError("SELECT", {}, Exception("gone")))
    for who in ("o-one", "o-known"):
        with pytest.raises(OperationalError):
            await arrive(session, pushes.text(who, "学分"))


@pytest.mark.usefixtures("database")
async def test_three_deliveries_at_once_are_answered_once() -> None:
    pushed = pushes.event("o-one", "subscribe")

    async def deliver() -> str | None:
        async with transaction() as session:
            return await arrive(session, pushed)

    replies = await asyncio.gather(*(deliver() for _ in range(6)))
    assert len(set(replies)) == 1
    assert replies[0] is not None
    async with transaction() as session:
        assert [row.attempts for row in await rows(session)] == [1]
        assert (await look(session, now=NOW)).jobs_waiting == 1


async def test_a_push_that_asks_for_erasure_leaves_no_row(session: AsyncSession) -> None:
    await arrive(session, pushes.text("o-one", "帮助"))
    revoked = pushes.event("o-one", "user_authorization_revoke", OpenID="o-one", RevokeInfo="1")
    assert await arrive(session, revoked) is None
    assert await rows(session) == []
    # Its repeat is a new push about nobody, and erases nothing.
    assert await arrive(session, revoked) is None
    assert await session.scalar(select(func.count()).select_from(Identity)) == 0
