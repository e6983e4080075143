"""What is asked of WeChat about a manuscript, and what is kept of its answer."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial import desk
from app.editorial.models import Manuscript
from app.flows import word_check
from tests.factories.people import MINI, NOW, OA, Town, make_identity, make_person, make_town

BODY = {
    "articles": [
        {"title": "秋收", "author": "", "digest": "  ", "markdown": "字" * 5001, "cover": 7},
        {"title": "冬修", "markdown": "水利"},
    ]
}


async def write(session: AsyncSession, town: Town, author_id: int | None) -> Manuscript:
    return await desk.write(
        session, kind="issue", key="issue:1", org_id=town.town.id, author_id=author_id,
        body=BODY, flags=[{"where": "articles.0.title", "word": "秋", "why": "词表"}], now=NOW,
    )  # fmt: skip


async def claim(session: AsyncSession, manuscript: Manuscript) -> word_check.Reading | None:
    return await word_check.claim(
        session, manuscript_id=manuscript.id, version=manuscript.version, appid=MINI
    )


async def record(session: AsyncSession, manuscript: Manuscript, version: int, why: str) -> Any:
    flags = [{"where": "text", "word": "", "why": why}]
    await word_check.record(session, manuscript_id=manuscript.id, version=version, flags=flags)
    return [flag["why"] for flag in manuscript.flags]


def test_every_text_is_read_in_pieces_that_one_call_holds() -> None:
    pieces = list(word_check.pieces_of(BODY))
    assert [(where, len(text)) for where, text in pieces] == [
        ("articles.0.title", 2),
        ("articles.0.markdown", 2500),
        ("articles.0.markdown", 2500),
        ("articles.0.markdown", 1),
        ("articles.1.title", 2),
        ("articles.1.markdown", 2),
    ]


@given(st.text(max_size=9000))
def test_nothing_is_left_unread(text: str) -> None:
    pieces = [piece for _, piece in word_check.pieces_of({"date": "2026-11-24", "text": text})]
    assert "".join(pieces) == (text if text.strip() else "")


@pytest.mark.parametrize(
    ("suggest", "label", "why"),
    [
        ("pass", 100, None),
        ("risky", 10001, "微信内容安全：疑似违规（广告）"),
        ("review", None, "微信内容安全：建议人工复核（其他）"),
    ],
)
def test_only_what_the_platform_points_at_is_a_flag(
    suggest: str, label: int | None, why: str | None
) -> None:
    flag = word_check.flag_of("text", suggest=suggest, label=label)
    assert (flag and flag["why"]) == why


async def test_the_authors_own_openid_is_asked_with(session: AsyncSession) -> None:
    town = await make_town(session)
    author = await make_person(session)
    await make_identity(session, author, "o-author", appid=OA)
    manuscript = await write(session, town, author.id)
    reading = await claim(session, manuscript)
    assert reading is not None
    assert reading.openid is None
    await make_identity(session, author, "m-author", appid=MINI)
    reading = await claim(session, manuscript)
    assert reading is not None
    assert reading.openid == "m-author"


async def test_the_services_own_draft_is_nobodys_words(session: AsyncSession) -> None:
    manuscript = await write(session, await make_town(session), None)
    assert await claim(session, manuscript) is None


async def test_flags_are_added_once_and_never_to_another_version(session: AsyncSession) -> None:
    town = await make_town(session)
    manuscript = await write(session, town, (await make_person(session)).id)
    for _ in range(2):
        assert await record(session, manuscript, 1, "疑似违规") == ["词表", "疑似违规"]
    assert await record(session, manuscript, 2, "别的") == ["词表", "疑似违规"]
    assert manuscript.state == "draft", "nothing blocks"
