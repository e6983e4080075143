"""Messages of the same moment: what becomes of them is what would if they came one by one."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.flows import chat
from app.people.models import Identity, Person
from app.wechat.models import Inbound
from tests.factories import pushes
from tests.factories.people import NOW, make_identity, make_person

BAD = "坏"
SAYINGS = ("帮助", "学分", "排行", "确认登录", BAD)
WHO = ("o-known", "o-other", "o-stranger", "o-stranger-too")
Pushed = dict[str, Any]


def of(kind: str, who: str) -> st.SearchStrategy[Pushed]:
    """Messages have a number of their own; events of one sender, kind and second are repeats."""
    match kind:
        case "text":
            return st.sampled_from(SAYINGS).map(lambda said: pushes.text(who, said))
        case "joined":
            return st.just(kind).map(lambda _: pushes.text(who, "帮助", UnionId=f"u-{who[:8]}"))
        case "image":
            return st.just(kind).map(lambda _: pushes.fields(who, kind))
        case _:
            return st.sampled_from(("credits", BAD)).map(
                lambda key: pushes.event(who, kind, key=key if kind == "click" else "")
            )


KINDS = ("text", "text", "image", "joined", "click", "subscribe", "unsubscribe")
SOME = st.tuples(st.sampled_from(KINDS), st.sampled_from(WHO)).flatmap(lambda one: of(*one))
BATCHES = st.lists(SOME, min_size=1, max_size=6).flatmap(
    lambda some: st.lists(st.sampled_from(some), max_size=3).map(lambda again: some + again)
)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Our code fails at one word, after it has done something."""
    healthy = chat.reply_to

    async def reply_to(session: AsyncSession, *, said: str, **facts: Any) -> str:
        if said == BAD:
            session.add(Person(created_at=NOW))
            await session.flush()
            raise ZeroDivisionError
        return await healthy(session, said=said, **facts)

    monkeypatch.setattr(chat, "reply_to", reply_to)


async def become(session: AsyncSession, *batches: list[Pushed]) -> dict[str, Any]:
    """What these lead to, one batch after the other, undone afterwards."""
    async with session.begin_nested() as trial:
        replies = [reply for batch in batches for reply in await pushes.arrive(session, *batch)]
        session.expunge_all()
        inbox = await session.scalars(select(Inbound))
        known = await session.scalars(select(Identity))
        persons = await session.scalars(select(Person.id))
        found = {
            "replies": replies,
            "inbox": {row.key: (row.state, row.error, row.reply, row.attempts) for row in inbox},
            "identities": {
                one.openid: (one.unionid, one.last_seen_at, one.subscribed, one.unsubscribed_at)
                for one in known
            },
            "persons": len(persons.all()),
        }
        await trial.rollback()
    session.expunge_all()
    return found


@pytest.mark.usefixtures("broken")
@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(batch=BATCHES)
async def test_together_is_as_one_by_one(session: AsyncSession, batch: list[Pushed]) -> None:
    async with session.begin_nested() as town:
        for openid in WHO[:2]:
            await make_identity(session, await make_person(session), openid)
        together = await become(session, batch)
        assert together == await become(session, *([one] for one in batch))
        failed = [row for row in together["inbox"].values() if row[0] == "failed"]
        assert all(row[1:] == ("ZeroDivisionError", None, 1) for row in failed)
        await town.rollback()


@pytest.mark.usefixtures("broken")
async def test_one_that_fails_leaves_the_others_alone(session: AsyncSession) -> None:
    for openid in WHO[:2]:
        await make_identity(session, await make_person(session), openid)
    said = [pushes.text(WHO[0], "帮助"), pushes.text(WHO[1], BAD), pushes.text(WHO[2], "帮助")]
    replies = await pushes.arrive(session, *said, said[0], said[1])
    assert [reply is None for reply in replies] == [False, True, False, False, True]
    assert replies[3] == replies[0]
    states = await session.execute(select(Inbound.openid, Inbound.state, Inbound.attempts))
    assert sorted(states.all()) == [
        ("o-known", "answered", 1),
        ("o-other", "failed", 1),
        ("o-stranger", "answered", 1),
    ]
