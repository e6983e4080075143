"""One accept, one message; a refusal takes all of them back."""

import asyncio
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.people.models import Identity
from app.push import letters, permits
from app.push.models import Permit
from tests.factories.people import MINI, NOW, make_identity, make_person

SECOND = timedelta(seconds=1)


async def make_asker(session: AsyncSession) -> Identity:
    return await make_identity(session, await make_person(session), appid=MINI)


async def give(session: AsyncSession, identity: Identity, key: str, seconds: int = 0) -> bool:
    return await permits.give(
        session,
        key=f"{identity.id}:{key}",
        identity_id=identity.id,
        template_id="T",
        now=NOW + seconds * SECOND,
    )


async def make_letter(session: AsyncSession, identity: Identity, key: str = "one") -> int:
    letter = await letters.write(
        session, key=key, person_id=identity.person_id, kind="lesson", text="", now=NOW
    )
    assert letter is not None
    return letter.id


async def take(session: AsyncSession, identity: Identity, letter_id: int) -> Permit | None:
    return await permits.take(
        session, identity_ids=[identity.id], template_id="T", letter_id=letter_id, now=NOW
    )


async def left(session: AsyncSession, identity: Identity) -> dict[str, int]:
    return await permits.count(session, person_id=identity.person_id, appid=MINI)


async def test_accepts_add_up_and_each_event_counts_once(session: AsyncSession) -> None:
    one = await make_asker(session)
    assert [await give(session, one, key) for key in "aab"] == [True, False, True]
    assert await left(session, one) == {"T": 2}
    letter_id = await make_letter(session, one)
    assert await take(session, one, letter_id) is not None
    assert await left(session, one) == {"T": 1}
    await permits.give_back(session, letter_id=letter_id)
    assert await left(session, one) == {"T": 2}


async def test_only_what_was_accepted_before_the_refusal_is_withdrawn(
    session: AsyncSession,
) -> None:
    """Events come in any order: each is worth what it was when it happened."""
    one = await make_asker(session)
    await give(session, one, "early")
    await give(session, one, "later", 2)
    gone = await permits.withdraw_all(
        session, identity_id=one.id, template_id="T", now=NOW + SECOND
    )
    assert gone == 1
    assert await left(session, one) == {"T": 1}


async def test_what_the_platform_does_not_know_is_lost(session: AsyncSession) -> None:
    one = await make_asker(session)
    for key in "abc":
        await give(session, one, key)
    letter_id = await make_letter(session, one)
    await take(session, one, letter_id)
    await permits.lose(session, letter_id=letter_id, now=NOW)
    assert await left(session, one) == {}
    assert await take(session, one, letter_id) is None


async def test_permits_go_with_the_person(session: AsyncSession) -> None:
    one, other = await make_asker(session), await make_asker(session)
    for asker in (one, other):
        await give(session, asker, "a")
    (told,) = await permits.export(session, person_id=one.person_id)
    assert told["template_id"] == "T"
    await permits.forget(session, person_id=one.person_id)
    assert await permits.export(session, person_id=one.person_id) == []
    assert await left(session, other) == {"T": 1}


@pytest.mark.usefixtures("database")
async def test_of_many_workers_one_takes_the_only_permit() -> None:
    async with transaction() as session:
        one = await make_asker(session)
        await give(session, one, "a")
        ids = [await make_letter(session, one, f"letter-{number}") for number in range(12)]

    async def work(letter_id: int) -> bool:
        async with transaction() as session:
            return await take(session, one, letter_id) is not None

    assert sum(await asyncio.gather(*map(work, ids))) == 1
    async with transaction() as session:
        assert (await session.scalars(select(Permit.letter_id))).one() in ids
