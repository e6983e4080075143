"""A letter's way out, and what is not kept."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.flows import letters
from app.flows.founding import found
from app.flows.housekeeping import MESSAGES_KEPT, purge
from app.flows.letters import Envelope, Senders
from app.flows.meeting import merge
from app.people.models import Person
from app.push import letters as waiting
from app.push.models import Letter
from app.wechat.models import Inbound
from tests.factories import pushes
from tests.factories.people import MINI, NOW, OA, make_identity, make_person

HOUR = timedelta(hours=1)
SENDERS = Senders(oa=OA, mini=MINI)


async def write(session: AsyncSession, person: Person) -> int:
    letter = await waiting.write(
        session, key="honour:1", person_id=person.id, kind="honour", text="恭喜", now=NOW
    )
    assert letter is not None
    return letter.id


async def claim(session: AsyncSession, letter_id: int) -> Envelope | None:
    return await letters.claim(session, letter_id=letter_id, senders=SENDERS, now=NOW + HOUR)


async def test_a_letter_goes_to_the_openid_that_wrote_last(session: AsyncSession) -> None:
    person = await make_person(session, openid="o-early")
    await make_identity(session, person, "o-late", subscribed=True, last_seen_at=NOW + HOUR / 2)
    await make_identity(session, person, "o-left", last_seen_at=NOW + HOUR)
    await make_identity(
        session, person, "m-one", appid=MINI, subscribed=True, last_seen_at=NOW + HOUR
    )
    letter_id = await write(session, person)
    envelope = await claim(session, letter_id)
    assert envelope == Envelope(letter_id, "custom", "o-late", "恭喜")
    assert await claim(session, letter_id) is None


@pytest.mark.parametrize("subscribed", [True, False])
async def test_a_letter_to_whom_one_may_not_write_is_skipped(
    session: AsyncSession, subscribed: bool
) -> None:
    person = await make_person(session)
    await make_identity(
        session,
        person,
        subscribed=subscribed,
        last_seen_at=None if subscribed else NOW,
    )
    letter_id = await write(session, person)
    assert await claim(session, letter_id) is None
    assert (await session.get_one(Letter, letter_id)).state == "skipped"


async def test_a_letter_follows_its_person_through_a_merge(session: AsyncSession) -> None:
    merged, kept = await make_person(session, openid="o-one"), await make_person(session)
    letter_id = await write(session, merged)
    await merge(
        session, kept_id=kept.id, merged_id=merged.id, reason="", ordered_by_id=None, now=NOW
    )
    envelope = await claim(session, letter_id)
    assert envelope is not None
    assert envelope.address == "o-one"


async def test_a_letter_that_is_not_there_is_not_sent(session: AsyncSession) -> None:
    assert await claim(session, 10**9) is None


async def test_messages_are_kept_for_their_time(session: AsyncSession) -> None:
    for openid, at in (("o-old", NOW), ("o-new", NOW + HOUR)):
        await pushes.arrive(session, pushes.text(openid, "帮助", at=at), now=at)
    assert timedelta(days=184) <= MESSAGES_KEPT, "six months, by law"
    assert await purge(session, now=NOW + MESSAGES_KEPT) == 0
    assert await purge(session, now=NOW + MESSAGES_KEPT + HOUR / 2) == 1
    assert (await session.scalars(select(Inbound.openid))).all() == ["o-new"]


async def test_past_runs_of_the_schedule_are_not_kept_for_ever(session: AsyncSession) -> None:
    row = "INSERT INTO schedule_run VALUES ('house.retry_stalled', :due, :due)"
    for due in (NOW - MESSAGES_KEPT - HOUR, NOW - HOUR):
        await session.execute(text(row), {"due": due})
    await purge(session, now=NOW)
    assert await session.scalar(text("SELECT count(*) FROM schedule_run")) == 1


async def test_founding_again_changes_nothing(session: AsyncSession) -> None:
    tables = ("unit", "credit_rule", "platform")

    async def counts() -> list[int]:
        return [
            await session.scalar(select(func.count()).select_from(text(name))) or 0
            for name in tables
        ]

    before = await counts()
    await found(session)
    assert await counts() == before
    assert all(before)
