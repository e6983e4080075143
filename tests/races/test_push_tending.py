"""The worker's minute and its evening: in batches, town by town, none in another's way."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.editorial.models import Manuscript
from app.flows import push_drafts
from app.push import overdue
from app.worker import deliveries as worker
from tests.api.service import set_clock
from tests.factories.people import make_office, make_org, make_person
from tests.factories.pushing import TOMORROW, at, make_group
from tests.races.delivery_town import Town, open_town


@pytest.fixture
async def town(
    database_url_of_its_own: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Town]:
    async with open_town(database_url_of_its_own, monkeypatch) as town:
        yield town


async def test_all_batches_are_dealt_with_in_the_same_minute(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overdue, "BATCH", 1)
    stories = [await town.group("relay") for _ in range(3)]
    for story in stories:
        await story.send()
    set_clock(at(12, 1))
    await stories[0].tend()
    assert [(await one.delivery()).reminded_at is not None for one in stories] == [True] * 3


async def test_a_town_whose_draft_fails_leaves_the_others_theirs(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    await town.group("relay")
    async with transaction() as session:
        other = await make_org(session, "T9", "town")
        owner = await make_person(session)
        await make_office(session, owner, "tutor", other)
        await make_group(session, other, owner)
    draft, first = push_drafts.draft, town.org.id

    async def broken(*parts: Any, org_id: int, **facts: Any) -> int | None:
        if org_id == first:
            raise RuntimeError
        return await draft(*parts, org_id=org_id, **facts)

    monkeypatch.setattr(push_drafts, "draft", broken)
    set_clock(at(18, 30))
    with pytest.raises(RuntimeError):
        await worker.draft_tomorrow(due_at=at(18, 30).isoformat())
    async with transaction() as session:
        keys = select(Manuscript.key).where(Manuscript.key.like(f"push:%:{TOMORROW}"))
        assert list(await session.scalars(keys)) == [f"push:{other.id}:{TOMORROW}"]


async def test_a_run_that_comes_after_its_day_is_void(town: Town) -> None:
    await town.group("relay")
    set_clock(at(0, 1, day=TOMORROW.replace(day=TOMORROW.day + 1)))
    await worker.draft_tomorrow(due_at=at(18, 30).isoformat())
    assert await town.service.count("manuscript") == 1
