"""A repeated click with one Idempotency-Key: one deed, one answer, byte for byte."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from app.core.db import transaction
from app.core.once import RequestKey, forget_keys
from app.core.settings import get_settings
from tests.api.newsroom import Newsroom, open_newsroom, send_picture
from tests.api.service import Service
from tests.factories.editorial import picture

KEY = {"Idempotency-Key": "click-0001"}


@pytest.fixture(autouse=True)
def our_town(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOUSHAN_TOWN_CODE", "T")
    get_settings.cache_clear()


@pytest.fixture
async def room(service: Service) -> Newsroom:
    return await open_newsroom(service)


def asked(room: Newsroom, **facts: Any) -> dict[str, Any]:
    return {"json": {"org_code": "T", "articles": [room.article(**facts)]}, "headers": KEY}


async def test_ten_clicks_at_once_are_one_issue(room: Newsroom) -> None:
    told = await asyncio.gather(
        *(room.service.call("POST", "/issues", room.tutor, **asked(room)) for _ in range(10))
    )
    assert {one.status_code for one in told} == {201}
    assert {one.headers["content-type"] for one in told} == {"application/json"}
    assert len({one.content for one in told}) == 1
    assert await room.service.count("manuscript") == 1


async def test_the_first_answer_again_though_things_moved_on(room: Newsroom) -> None:
    issue = await room.begin()
    path = f"/issues/{issue['id']}/submit"
    first = await room.service.call("POST", path, room.tutor, headers=KEY)
    await room.review(issue, room.editor)
    again = await room.service.call("POST", path, room.tutor, headers=KEY)
    assert again.content == first.content
    assert again.json()["state"] == "first_review"
    # Without a key the state itself says no.
    assert (await room.service.call("POST", path, room.tutor)).status_code == 409


async def test_another_request_under_the_key_is_refused(room: Newsroom) -> None:
    first = await room.service.call("POST", "/issues", room.tutor, **asked(room))
    for path, parts in (
        ("/issues", asked(room, title="另题")),
        (f"/issues/{first.json()['id']}/submit", {"headers": KEY}),
    ):
        refused = await room.service.call("POST", path, room.tutor, **parts)
        assert (refused.status_code, refused.json()["code"]) == (409, "RequestKeyReused")
    # Somebody else's key is another key.
    other = await room.service.call("POST", "/issues", room.editor, **asked(room))
    assert other.json()["id"] != first.json()["id"]


async def test_an_answer_is_kept_for_two_days(room: Newsroom) -> None:
    """It may name people who are erased meanwhile."""
    await room.service.call("POST", "/issues", room.tutor, **asked(room))
    async with transaction() as session:
        [made_at] = await session.scalars(select(RequestKey.made_at))
        await forget_keys(session, now=made_at + timedelta(hours=47))
        assert len(list(await session.scalars(select(RequestKey.key)))) == 1
        await forget_keys(session, now=made_at + timedelta(hours=49))
        assert list(await session.scalars(select(RequestKey.key))) == []


async def test_what_was_refused_may_be_tried_again_under_the_key(room: Newsroom) -> None:
    issue = await room.begin(cover=None)
    path = f"/issues/{issue['id']}/submit"
    refused = await room.service.call("POST", path, room.tutor, headers=KEY)
    assert refused.status_code == 400
    await room.change(issue, room.tutor)
    again = await room.service.call("POST", path, room.tutor, headers=KEY)
    assert (again.status_code, again.json()["state"]) == (200, "first_review")


async def test_a_form_is_the_same_whatever_its_boundary(room: Newsroom) -> None:
    first = await send_picture(room.service, room.tutor, headers=KEY)
    again = await send_picture(room.service, room.tutor, headers=KEY)
    assert (first.status_code, first.content) == (again.status_code, again.content)
    other = await send_picture(room.service, room.tutor, picture(colour="blue"), headers=KEY)
    assert (other.status_code, other.json()["code"]) == (409, "RequestKeyReused")


async def test_a_key_has_its_form(room: Newsroom) -> None:
    for key in ("short", "x" * 129, "with a space", "键键键键键键键键"):
        headers = {"Idempotency-Key": key.encode()}
        told = await room.service.call("POST", "/issues", room.tutor, headers=headers, json={})
        assert (told.status_code, told.json()["code"]) == (422, "MalformedRequest")
