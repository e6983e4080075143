"""The push of tomorrow, written by the service where nobody did, and who hears when it is late."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.errors import LessonNotFound
from app.core.errors import DomainError
from app.editorial import queries as editorial
from app.editorial.errors import ManuscriptExists
from app.flows import push_drafts
from app.flows.push_drafts import PushDateUnsuitable, PushTextUnsuitable
from app.push.models import Letter, Task
from tests.factories.content import make_lesson
from tests.factories.people import NOW, make_office, make_person, make_town
from tests.factories.pushing import TODAY, TOMORROW, at, make_group, make_push

EVENING = at(18, 30)


async def draft_all(session: AsyncSession) -> list[int]:
    """What the job of the evening does, town by town."""
    towns = await push_drafts.list_undrafted(session, day=TOMORROW)
    drafted = [
        await push_drafts.draft(session, org_id=one, day=TOMORROW, now=EVENING) for one in towns
    ]
    return [one for one in drafted if one is not None]


async def tasks_of(session: AsyncSession) -> list[str]:
    rows = select(Task.kind).where(Task.state == "open").order_by(Task.id)
    return list(await session.scalars(rows))


async def test_tomorrows_push_is_drafted_and_on_its_way_to_the_editor(
    session: AsyncSession,
) -> None:
    town = await make_town(session)
    await make_group(session, town.west, await make_person(session))
    editor = await make_person(session)
    await make_office(session, editor, "editor", town.town)
    lesson = await make_lesson(session)
    (drafted,) = await draft_all(session)
    assert await draft_all(session) == []
    manuscript = await editorial.get(session, drafted)
    assert (manuscript.state, manuscript.author_id) == ("first_review", None)
    assert manuscript.key == f"push:{town.town.id}:{TOMORROW}"
    body = await editorial.body_of(session, manuscript_id=drafted)
    assert (body["date"], body["lesson_id"]) == (TOMORROW.isoformat(), lesson.id)
    assert await tasks_of(session) == ["review"]
    assert [one.person_id for one in await session.scalars(select(Letter))] == [editor.id]


async def test_what_somebody_wrote_is_left_alone(session: AsyncSession) -> None:
    town = await make_town(session)
    author = await make_person(session)
    await make_group(session, town.west, author)
    lesson = await make_lesson(session)
    facts: dict[str, Any] = {
        "day": TOMORROW,
        "org_id": town.town.id,
        "lesson_id": lesson.id,
        "text": "今天学这个",
    }
    first = await push_drafts.write(session, **facts, author_id=author.id, now=NOW)
    again = await push_drafts.write(session, **facts, author_id=author.id, now=NOW)
    assert again.id == first.id
    with pytest.raises(ManuscriptExists):
        await push_drafts.write(session, **{**facts, "text": "别的"}, author_id=author.id, now=NOW)
    assert await draft_all(session) == []
    changed = await push_drafts.change(
        session,
        manuscript_id=first.id,
        lesson_id=lesson.id,
        text="换一句话",
        by_id=author.id,
        based_on=first.digest,
        now=NOW,
    )
    assert (changed.version, changed.state) == (2, "draft")


async def test_a_push_makes_sense(session: AsyncSession) -> None:
    town = await make_town(session)
    lesson = await make_lesson(session)
    usual: dict[str, Any] = {
        "day": TOMORROW,
        "org_id": town.town.id,
        "lesson_id": lesson.id,
        "text": "学",
    }
    wrong: tuple[tuple[dict[str, Any], type[DomainError]], ...] = (
        ({"day": TODAY - timedelta(days=1)}, PushDateUnsuitable),
        ({"day": TODAY + timedelta(days=61)}, PushDateUnsuitable),
        ({"text": "  "}, PushTextUnsuitable),
        ({"text": "学" * 301}, PushTextUnsuitable),
        ({"lesson_id": 10**9}, LessonNotFound),
    )
    for other, error in wrong:
        with pytest.raises(error):
            await push_drafts.write(session, **{**usual, **other}, author_id=None, now=NOW)


async def test_towns_without_groups_draft_nothing(session: AsyncSession) -> None:
    town = await make_town(session)
    await make_push(session, town.west, await make_lesson(session), day=TOMORROW)
    assert await draft_all(session) == []


async def test_with_nothing_to_push_the_administrator_is_asked(session: AsyncSession) -> None:
    town = await make_town(session)
    await make_group(session, town.west, await make_person(session))
    assert await draft_all(session) == []
    assert await tasks_of(session) == ["push_not_approved"]
