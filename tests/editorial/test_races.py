"""Fifty clicks at once, on real connections."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from app.core.db import transaction
from app.core.errors import Conflict
from app.editorial import desk, queries
from app.editorial.rules import REVIEWS
from tests.factories.editorial import issue, make_manuscript
from tests.factories.people import NOW, make_person, make_town


async def prepare(state: str) -> tuple[dict[str, Any], list[int]]:
    async with transaction() as session:
        town = (await make_town(session)).town
        author, *reviewers = [(await make_person(session)).id for _ in range(4)]
        made = await make_manuscript(
            session, state, org_id=town.id, author_id=author,
            reviewers=(reviewers[0], reviewers[1], reviewers[2]), now=NOW,
        )  # fmt: skip
        return {"manuscript_id": made.id}, reviewers


async def test_fifty_reviews_by_three_people_are_one_a_step(database: AsyncEngine) -> None:
    del database
    which, reviewers = await prepare("first_review")
    async with transaction() as session:
        digest = (await queries.get(session, which["manuscript_id"])).digest

    async def click(number: int) -> str:
        try:
            async with transaction() as session:
                made = await desk.review(
                    session, **which, by_id=reviewers[number % 3], decision="approve",
                    digest=digest, now=NOW,
                )  # fmt: skip
                return made.state
        except Conflict as refused:
            return refused.code

    outcomes = await asyncio.gather(*(click(number) for number in range(50)))
    reached = sorted(one for one in outcomes if not one[0].isupper())
    assert reached == ["approved", "final_review", "second_review"]
    assert set(outcomes) - set(reached) <= {"ReviewerNotIndependent", "NotInThisState"}
    async with transaction() as session:
        steps = await queries.list_steps(session, manuscript_id=which["manuscript_id"])
    approved = [one for one in steps if one.decision == "approve"]
    assert [one.step for one in approved] == list(REVIEWS)
    assert {one.person_id for one in approved} == set(reviewers)


async def test_two_editors_at_the_same_review_are_one_approval(database: AsyncEngine) -> None:
    del database
    which, reviewers = await prepare("first_review")
    async with transaction() as session:
        digest = (await queries.get(session, which["manuscript_id"])).digest

    async def click(by_id: int) -> str:
        async with transaction() as session:
            made = await desk.review(
                session, **which, by_id=by_id, decision="approve", digest=digest,
                step="first_review", now=NOW,
            )  # fmt: skip
            return made.state

    told = await asyncio.gather(*map(click, reviewers[:2]), return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["NotInThisState", "str"]


@pytest.mark.parametrize(("state", "step"), [("draft", "submit"), ("scheduled", "publish")])
async def test_the_same_click_ten_times_is_one_step(
    database: AsyncEngine, state: str, step: str
) -> None:
    del database
    which, _ = await prepare(state)

    async def click(_: int) -> None:
        async with transaction() as session:
            if state == "draft":
                await desk.submit(session, **which, by_id=None, now=NOW)
            else:
                await desk.begin(session, **which, now=NOW)

    await asyncio.gather(*map(click, range(10)))
    async with transaction() as session:
        steps = await queries.list_steps(session, manuscript_id=which["manuscript_id"])
    assert [one.step for one in steps].count(step) == 1


async def test_publishing_and_changing_at_once_is_one_of_the_two(database: AsyncEngine) -> None:
    del database
    which, _ = await prepare("scheduled")

    async def publish() -> None:
        async with transaction() as session:
            await desk.begin(session, **which, now=NOW)

    async def change() -> None:
        async with transaction() as session:
            await desk.change(
                session, **which, body=issue({"title": "改"}), by_id=None,
                now=NOW + timedelta(minutes=1),
            )  # fmt: skip

    told = await asyncio.gather(publish(), change(), return_exceptions=True)
    assert sorted(type(one).__name__ for one in told) == ["NoneType", "NotInThisState"]


async def test_ten_planners_write_one_manuscript(database: AsyncEngine) -> None:
    del database
    async with transaction() as session:
        org_id = (await make_town(session)).town.id

    async def write(_: int) -> int:
        async with transaction() as session:
            made = await desk.write(
                session, kind="push", key="push:1:2026-11-24", org_id=org_id, author_id=None,
                body={"text": "一"}, now=NOW,
            )  # fmt: skip
            return made.id

    assert len(set(await asyncio.gather(*map(write, range(10))))) == 1
