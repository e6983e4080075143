"""Two accounts turn out to be one person's at the very moment when that person says something."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.flows.erasure import erase
from app.people import consents
from app.people.merging import merge
from app.people.models import Consent, Identity, Person
from app.people.persons import declare
from app.wechat.models import Inbound
from tests.people.factories import APP, MINI, NOW, make_town
from tests.people.test_races import alone, contact, count

pytestmark = pytest.mark.usefixtures("database")

T = TypeVar("T")


async def until_somebody_waits() -> None:
    """Until a statement of another connection waits for a row that somebody holds."""
    waiting = text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
    while True:
        async with transaction() as session:
            if await session.scalar(waiting):
                return
        await asyncio.sleep(0.01)


async def during_a_merge(work: Callable[[int], Callable[[AsyncSession], Awaitable[T]]]) -> int:
    """Somebody who is signed in does this while their account is joined to another; whose it is."""
    kept_id = (await alone(contact(APP, "o"))).person.id
    signed_in = (await alone(contact(MINI, "m"))).person.id
    async with transaction() as session:
        await merge(
            session,
            kept_id=kept_id,
            merged_id=signed_in,
            reason="unionid",
            ordered_by_id=None,
            now=NOW,
        )
        doing = asyncio.create_task(alone(work(signed_in)))
        await until_somebody_waits()
    await doing
    return kept_id


async def test_what_is_said_during_a_merge_is_said_of_the_person_who_is_kept() -> None:
    await alone(make_town)

    def say(person_id: int) -> Callable[[AsyncSession], Awaitable[Person]]:
        return lambda session: declare(
            session,
            person_id=person_id,
            name="槐花婆婆",
            org_code="T-1",
            rank_visible=True,
            now=NOW,
        )

    kept_id = await during_a_merge(say)
    async with transaction() as session:
        kept = await session.get_one(Person, kept_id)
        assert (kept.name, kept.rank_visible) == ("槐花婆婆", True)
        assert kept.org_id is not None
        assert list(await session.scalars(select(Consent.person_id))) == [kept_id]


async def test_a_consent_taken_back_during_a_merge_is_that_of_the_person_who_is_kept() -> None:
    def hide(person_id: int) -> Callable[[AsyncSession], Awaitable[None]]:
        async def work(session: AsyncSession) -> None:
            await consents.withdraw(session, person_id=person_id, purpose="ranking", now=NOW)

        return work

    kept = (await alone(contact(APP, "o"))).person.id
    await alone(lambda session: declare(session, person_id=kept, rank_visible=True, now=NOW))
    assert await during_a_merge(hide) == kept
    async with transaction() as session:
        assert not (await session.get_one(Person, kept)).rank_visible


async def test_who_is_forgotten_during_a_merge_is_forgotten_with_the_account_that_is_kept() -> None:
    async def heard(session: AsyncSession) -> None:
        session.add(
            Inbound(
                appid=APP, key="k", openid="o", kind="Text", fields={}, state="received",
                attempts=0, received_at=NOW,
            )
        )  # fmt: skip

    def forget(person_id: int) -> Callable[[AsyncSession], Awaitable[None]]:
        return lambda session: erase(session, person_id=person_id, now=NOW)

    await alone(heard)
    kept_id = await during_a_merge(forget)
    async with transaction() as session:
        assert (await session.get_one(Person, kept_id)).erased_at == NOW
    assert (await count(Identity), await count(Inbound)) == (0, 0)
