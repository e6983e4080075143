"""One letter to one person: at most once, within WeChat's window."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.push import letters
from app.push.models import Letter
from app.push.routes import Ways
from tests.factories.people import NOW, make_person

HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


async def write(
    session: AsyncSession, person_id: int, key: str = "honour:1", words: str = "恭喜"
) -> Letter | None:
    return await letters.write(
        session, key=key, person_id=person_id, kind="honour", text=words, now=NOW
    )


async def make_letters(session: AsyncSession, person_id: int, number: int) -> list[int]:
    made = [await write(session, person_id, f"letter-{index}") for index in range(number)]
    return [letter.id for letter in made if letter is not None]


async def claim(
    session: AsyncSession,
    letter_id: int,
    *,
    opened_at: datetime | None = NOW,
    now: datetime = NOW,
) -> Letter | None:
    ways = Ways(window_opened_at=opened_at)
    claimed = await letters.claim(session, letter_id=letter_id, ways=ways, now=now)
    return claimed.letter if claimed else None


async def read(session: AsyncSession, letter_id: int) -> Letter:
    return await session.get_one(Letter, letter_id, populate_existing=True)


async def test_a_letter_is_left_once_per_key_with_one_job(session: AsyncSession) -> None:
    person = await make_person(session)
    letter = await write(session, person.id)
    assert letter is not None
    assert (letter.state, letter.made_at) == ("waiting", NOW)
    assert await write(session, person.id, words="别的话") is None
    found = await read(session, letter.id)
    assert found.text == "恭喜"
    jobs = (await session.execute(text("SELECT task_name, args FROM procrastinate_jobs"))).all()
    assert [tuple(job) for job in jobs] == [("push.deliver", {"letter_id": letter.id})]


@pytest.mark.parametrize(
    ("opened", "taken"),
    [(None, False), (0, True), (-47.99, True), (-48, False), (-100, False)],
)
async def test_a_closed_window_skips_the_letter(
    session: AsyncSession, opened: float | None, taken: bool
) -> None:
    person = await make_person(session)
    (letter_id,) = await make_letters(session, person.id, 1)
    opened_at = None if opened is None else NOW + opened * HOUR
    claimed = await claim(session, letter_id, opened_at=opened_at)
    assert (claimed is not None) is taken
    found = await read(session, letter_id)
    await session.flush()
    assert found.state == ("claimed" if taken else "skipped")
    assert (found.detail is None) is taken


async def test_five_letters_in_a_window_and_five_more_in_the_next(session: AsyncSession) -> None:
    person, other = await make_person(session), await make_person(session)
    ids = await make_letters(session, person.id, 12)
    taken = [
        await claim(session, letter_id, now=NOW + index * MINUTE) is not None
        for index, letter_id in enumerate(ids[:6])
    ]
    assert taken == [True] * 5 + [False]
    assert (await read(session, ids[5])).detail == "客服消息：48 小时内已发满 5 条"
    # Somebody else's letters count for themselves.
    (others,) = [one.id for one in [await write(session, other.id, "other")] if one]
    assert await claim(session, others) is not None
    # A new message of theirs opens a new window.
    later = NOW + HOUR
    taken = [
        await claim(session, letter_id, opened_at=later, now=later + index * MINUTE) is not None
        for index, letter_id in enumerate(ids[6:])
    ]
    assert taken == [True] * 5 + [False]


async def test_a_fourth_letter_in_a_minute_waits_for_the_next(session: AsyncSession) -> None:
    person = await make_person(session)
    ids = await make_letters(session, person.id, 4)
    await session.execute(text("UPDATE procrastinate_jobs SET status = 'succeeded'"))
    taken = [await claim(session, letter_id) is not None for letter_id in ids]
    assert taken == [True] * 3 + [False]
    await session.flush()
    assert (await read(session, ids[3])).state == "waiting"
    waits = await session.execute(
        text("SELECT args, scheduled_at FROM procrastinate_jobs WHERE status = 'todo'")
    )
    assert [tuple(job) for job in waits] == [({"letter_id": ids[3]}, NOW + MINUTE)]
    assert await claim(session, ids[3], now=NOW + MINUTE + timedelta(seconds=1)) is not None


@pytest.mark.parametrize(("outcome", "room"), [("sent", 0), ("unknown", 0), ("refused", 1)])
async def test_what_may_have_arrived_uses_the_window_up(
    session: AsyncSession, outcome: str, room: int
) -> None:
    person = await make_person(session)
    ids = await make_letters(session, person.id, 7)
    for index, letter_id in enumerate(ids[:5]):
        await claim(session, letter_id, now=NOW + index * MINUTE)
    if outcome == "refused":
        await letters.pass_on(
            session, letter_id=ids[0], why="WindowFull", consent_gone=False, now=NOW
        )
    else:
        await letters.record(session, letter_id=ids[0], state=outcome, detail=None, now=NOW)
    later = NOW + 9 * MINUTE
    taken = [await claim(session, letter_id, now=later) is not None for letter_id in ids[5:]]
    assert sum(taken) == room


async def test_a_letter_is_claimed_once(session: AsyncSession) -> None:
    person = await make_person(session)
    (letter_id,) = await make_letters(session, person.id, 1)
    assert await claim(session, letter_id) is not None
    assert await claim(session, letter_id) is None
    assert (await read(session, letter_id)).state == "claimed"
    assert await claim(session, letter_id + 1) is None, "no such letter"


@pytest.mark.parametrize("state", ["sent", "unknown"])
async def test_the_outcome_is_recorded_once(session: AsyncSession, state: str) -> None:
    person = await make_person(session)
    (letter_id,) = await make_letters(session, person.id, 1)
    await claim(session, letter_id)
    later = NOW + HOUR
    await letters.record(session, letter_id=letter_id, state=state, detail="why", now=later)
    await letters.record(session, letter_id=letter_id, state="unknown", detail="x", now=later)
    found = await read(session, letter_id)
    assert (found.state, found.detail) == (state, "why")
    assert found.sent_at == (later if state == "sent" else None)
    assert await claim(session, letter_id) is None, "never sent again"


async def test_what_was_certainly_not_sent_waits_again(session: AsyncSession) -> None:
    person = await make_person(session)
    one, sent = await make_letters(session, person.id, 2)
    for letter_id in (one, sent):
        await claim(session, letter_id)
    await letters.record(session, letter_id=sent, state="sent", detail=None, now=NOW)
    for letter_id in (one, sent):
        await letters.put_back(session, letter_id=letter_id)
    assert [(await read(session, letter_id)).state for letter_id in (one, sent)] == [
        "waiting",
        "sent",
    ]
    assert await claim(session, one) is not None


async def test_a_claim_whose_process_died_is_in_doubt_for_ever(session: AsyncSession) -> None:
    person = await make_person(session)
    lost, fresh, waiting = await make_letters(session, person.id, 3)
    await claim(session, lost, now=NOW - timedelta(minutes=5, seconds=1), opened_at=NOW - HOUR)
    await claim(session, fresh, now=NOW - timedelta(minutes=5), opened_at=NOW - HOUR)
    assert await letters.settle_lost_claims(session, now=NOW) == 1
    states = [(await read(session, letter_id)).state for letter_id in (lost, fresh, waiting)]
    assert states == ["unknown", "claimed", "waiting"]
    assert await claim(session, lost) is None


@pytest.mark.parametrize(("kind", "priority"), [("duty", 0), ("lesson", -10), ("activity", -10)])
async def test_reminders_let_others_go_first(
    session: AsyncSession, kind: str, priority: int
) -> None:
    person = await make_person(session)
    left = await letters.write(
        session, key="a", person_id=person.id, kind=kind, text="今天的课", now=NOW
    )
    assert left is not None
    of_jobs = text("SELECT priority FROM procrastinate_jobs")
    assert list(await session.scalars(of_jobs)) == [priority]
    # Lost and left again, it is no more urgent.
    await session.execute(text("DELETE FROM procrastinate_jobs"))
    assert await letters.queue_again(session, now=NOW + letters.JOB_LOST * 2) == 1
    assert list(await session.scalars(of_jobs)) == [priority]


async def test_a_letter_whose_job_gave_up_is_queued_again(session: AsyncSession) -> None:
    person = await make_person(session)
    lost, sent = await make_letters(session, person.id, 2)
    await claim(session, sent)
    await session.execute(text("UPDATE procrastinate_jobs SET status = 'failed'"))
    assert await letters.queue_again(session, now=NOW + 30 * MINUTE) == 0, "the queue still tries"
    later = NOW + 31 * MINUTE
    assert await letters.queue_again(session, now=later) == 1
    assert await letters.queue_again(session, now=later) == 0, "one job is enough"
    assert await letters.queue_again(session, now=NOW + 25 * HOUR) == 0, "too late"
    jobs = await session.scalars(text("SELECT args FROM procrastinate_jobs WHERE status = 'todo'"))
    assert [job["letter_id"] for job in jobs] == [lost]


async def test_forgetting_takes_the_words_and_leaves_the_fact(session: AsyncSession) -> None:
    person, other = await make_person(session), await make_person(session)
    (mine,) = await make_letters(session, person.id, 1)
    theirs = await write(session, other.id, "other")
    assert theirs is not None
    await letters.forget(session, person_id=person.id)
    assert ((await read(session, mine)).text, (await read(session, theirs.id)).text) == ("", "恭喜")


@pytest.mark.usefixtures("database")
class TestAtTheSameMoment:
    async def start(self, number: int) -> list[int]:
        async with transaction() as session:
            return await make_letters(session, (await make_person(session)).id, number)

    async def claim(self, letter_id: int, *, now: datetime = NOW) -> Letter | None:
        async with transaction() as session:
            return await claim(session, letter_id, now=now)

    async def test_of_many_workers_one_claims(self) -> None:
        (letter_id,) = await self.start(1)
        claimed = await asyncio.gather(*(self.claim(letter_id) for _ in range(12)))
        assert sum(one is not None for one in claimed) == 1

    async def test_of_many_letters_five_are_claimed(self) -> None:
        ids = await self.start(12)
        for minutes in range(0, 4, 2):
            claimed = await asyncio.gather(
                *(self.claim(letter_id, now=NOW + minutes * MINUTE) for letter_id in ids)
            )
        assert sum(one is not None for one in claimed) == 2
        async with transaction() as session:
            states = (await session.scalars(select(Letter.state))).all()
        assert (states.count("claimed"), states.count("skipped")) == (5, 7)
