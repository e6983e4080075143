"""Many reminders in one job: each at most once, whatever befalls the job or one of them."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from sqlalchemy import select, text

from app.core import clock
from app.core.db import transaction
from app.core.jobs import PATIENT
from app.flows import letters as outgoing
from app.flows import reminders
from app.push import letters, permits, reminding
from app.push.models import Letter
from app.wechat.errors import WeChatUnavailable
from app.worker import notices
from app.worker.resources import Resources
from tests.factories.people import MINI, NOW, make_identity, make_person
from tests.wechat.server import Server, refused

pytestmark = pytest.mark.usefixtures("database", "_at_ten")
OK: dict[str, Any] = {"errcode": 0, "errmsg": "ok"}


class Killed(BaseException):
    """kill -9, as far as Python can imitate it."""


@pytest.fixture
def _at_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "real_now", lambda: NOW)


@pytest.fixture
def wechat() -> Iterator[Server]:
    server = Server([OK])
    Resources.wechat = server.client()
    yield server
    del Resources.wechat


async def write(count: int) -> list[int]:
    """Reminders to so many followers, in one job."""
    async with transaction() as session:
        people = [await make_person(session, openid=f"o-{number}") for number in range(count)]
        drafts = [
            letters.Draft(f"to:{one.id}", one.id, "lesson", "学习", ("custom",), None, None)
            for one in people
        ]
        await letters.write_many(session, drafts, now=NOW)
        await session.execute(text("DELETE FROM procrastinate_jobs"))
        ids = list(await session.scalars(select(Letter.id).order_by(Letter.person_id)))
        await reminding.queue_many(session, letter_ids=sorted(ids))
        return sorted(ids)


async def deliver(ids: list[int]) -> None:
    await notices.deliver_letter(letter_id=ids[0], until_id=ids[-1])


async def states() -> list[str]:
    async with transaction() as session:
        return list(await session.scalars(select(Letter.state).order_by(Letter.id)))


async def jobs() -> list[tuple[dict[str, int], int]]:
    async with transaction() as session:
        found = text("SELECT args, priority FROM procrastinate_jobs ORDER BY id")
        return [(one.args, one.priority) for one in await session.execute(found)]


def addressed(server: Server) -> list[str]:
    return [server.body(index)["touser"] for index in range(len(server.requests))]


async def test_a_killed_job_goes_on_with_those_nobody_had_claimed(
    wechat: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one on its way then is in doubt for ever; before and after it everybody gets one."""
    ids = await write(5)
    whole = notices._call

    async def until_killed(envelope: outgoing.Envelope) -> None:
        await whole(envelope)
        if envelope.letter_id == ids[2]:
            raise Killed

    monkeypatch.setattr(notices, "_call", until_killed)
    with pytest.raises(Killed):
        await deliver(ids)
    assert await states() == ["sent", "sent", "claimed", "waiting", "waiting"]
    monkeypatch.setattr(notices, "_call", whole)
    await deliver(ids)
    later = NOW + 2 * letters.CLAIM_LOST
    async with transaction() as session:
        await letters.settle_lost_claims(session, now=later)
    await deliver(ids)
    assert await states() == ["sent", "sent", "unknown", "sent", "sent"]
    assert addressed(wechat) == [f"o-{number}" for number in range(5)]


async def test_one_that_fails_gets_a_job_of_its_own_and_the_others_their_letters(
    wechat: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await write(4)
    claim = outgoing.claim

    async def broken(*args: Any, letter_id: int, **more: Any) -> Any:
        if letter_id == ids[1]:
            raise ValueError
        return await claim(*args, letter_id=letter_id, **more)

    monkeypatch.setattr(outgoing, "claim", broken)
    await deliver(ids)
    assert await states() == ["sent", "waiting", "sent", "sent"]
    assert (await jobs())[1:] == [({"letter_id": ids[1]}, PATIENT)]
    monkeypatch.setattr(outgoing, "claim", claim)
    await notices.deliver_letter(letter_id=ids[1])
    assert sorted(addressed(wechat)) == [f"o-{number}" for number in range(4)]


async def test_a_refused_and_a_doubtful_letter_stay_what_they_are(wechat: Server) -> None:
    wechat.answers = [OK, refused(45015), httpx.ReadTimeout("no answer"), OK]
    ids = await write(4)
    for _ in range(2):
        await deliver(ids)
    assert await states() == ["sent", "refused", "unknown", "sent"]
    assert len(wechat.requests) == 4


async def test_a_platform_that_goes_away_ends_the_turn(wechat: Server) -> None:
    """At the first letter it is the queue that waits; later the rest gets in line again."""
    ids = await write(3)
    away = httpx.ConnectError("refused")
    wechat.answers = [away]
    with pytest.raises(WeChatUnavailable):
        await deliver(ids)
    assert await states() == ["waiting"] * 3
    assert len(await jobs()) == 1
    wechat.requests.clear()
    wechat.answers = [OK, away]
    await deliver(ids)
    assert await states() == ["sent", "waiting", "waiting"]
    assert (await jobs())[1:] == [({"letter_id": ids[1], "until_id": ids[2]}, PATIENT)]
    assert set(addressed(wechat)) == {"o-0", "o-1"}


async def test_a_long_batch_gets_in_line_again(
    wechat: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = await write(4)
    passing = iter(range(0, 100, notices.TURN_SECONDS // 2 + 1))
    monkeypatch.setattr(clock, "monotonic", lambda: next(passing))
    await deliver(ids)
    assert await states() == ["sent", "waiting", "waiting", "waiting"]
    assert (await jobs())[1:] == [({"letter_id": ids[1], "until_id": ids[3]}, PATIENT)]
    assert addressed(wechat) == ["o-0"]


async def test_everybody_is_planned_once_with_batches_beside_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(reminders, "BATCH", 3)
    monkeypatch.setattr(reminding, "OF_ONE_JOB", 2)
    async with transaction() as session:
        asked = [await make_person(session) for _ in range(20)]
        for person in asked:
            identity = await make_identity(session, person, appid=MINI)
            await permits.give(
                session, key=f"{person.id}", identity_id=identity.id, template_id="T", now=NOW
            )
    for _ in range(2):
        await notices.remind_everybody(appid=MINI, template_id="T", now=NOW)
    async with transaction() as session:
        told = list(await session.scalars(select(Letter.person_id).order_by(Letter.person_id)))
        waiting = list(await session.scalars(select(Letter.id)))
    assert told == [one.id for one in asked]
    spans = [range(args["letter_id"], args["until_id"] + 1) for args, _ in await jobs()]
    assert all(any(one in span for span in spans) for one in waiting)
