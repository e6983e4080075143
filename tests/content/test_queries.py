from dataclasses import asdict
from datetime import date, timedelta

import pytest
from sqlalchemy import literal, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.errors import LessonNotFound
from app.content.models import Lesson
from app.content.queries import (
    find_lesson_by_key,
    get_answer_key,
    get_lesson,
    get_questions,
    list_lessons,
    newest_unlearned_id,
    planned_lesson_id,
    search_titles,
)
from app.content.rules import grade
from app.content.service import plan_day, store, withdraw
from app.core import paging
from app.core.paging import BadCursor
from tests.content.drafts import NOW, make_draft, make_lesson, make_org

DAY = date(2026, 11, 24)


async def make_lessons(session: AsyncSession, count: int) -> list[Lesson]:
    """a-1, a-2, …: each pair published at one moment, the later pairs later."""
    return [
        await make_lesson(session, f"a-{n}", now=NOW + timedelta(hours=n // 2))
        for n in range(count)
    ]


async def test_a_lesson_is_shown_with_its_questions_but_not_the_answers(
    session: AsyncSession,
) -> None:
    lesson = await make_lesson(session, "a-01")
    view = await get_lesson(session, lesson_id=lesson.id)
    draft = make_draft()
    assert (view.id, view.key, view.version, view.version_id) == (
        *(lesson.id, "a-01", 1, lesson.current_id),
    )
    for name in ("title", "kind", "platform", "summary", "html", "media_url", "audience"):
        assert getattr(view, name) == getattr(draft, name)
    assert (view.source, view.published_at) == (draft.source, NOW)
    assert view.required_seconds == draft.required_seconds
    assert [question.text for question in view.questions] == [q.text for q in draft.questions]
    assert view.questions == await get_questions(session, version_id=view.version_id)
    assert "answer" not in str(asdict(view)).replace("question", "")
    assert "没有“安全账户”。" not in str(view.questions)


async def test_the_answer_key_grades(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01")
    view = await get_lesson(session, lesson_id=lesson.id)
    keys = await get_answer_key(session, version_id=view.version_id)
    assert [key.question_id for key in keys] == [question.id for question in view.questions]
    assert [grade(key, chosen) for key, chosen in zip(keys, ([1], [1, 0], [0]), strict=True)] == [
        *(True, True, True),
    ]
    assert keys[0].why == "公检法机关没有“安全账户”。"
    assert await get_answer_key(session, version_id=0) == ()


async def test_a_lesson_without_questions(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01", questions=())
    view = await get_lesson(session, lesson_id=lesson.id)
    assert view.questions == () == await get_questions(session, version_id=view.version_id)


async def test_what_is_not_on_show_is_not_found(session: AsyncSession) -> None:
    hidden = await make_lesson(session, "a-01", publish=False)
    gone = await make_lesson(session, "a-02")
    await withdraw(session, lesson_id=gone.id, reason="错", now=NOW)
    for lesson_id in (0, 2**62, hidden.id, gone.id):
        with pytest.raises(LessonNotFound):
            await get_lesson(session, lesson_id=lesson_id)
    for key in ("nothing", "a-01", "a-02"):
        assert await find_lesson_by_key(session, key=key) is None
    assert (await list_lessons(session)).items == []
    assert await newest_unlearned_id(session, learned=[]) is None


async def test_who_began_a_version_may_read_it_to_its_end(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01", title="一")
    begun = (await get_lesson(session, lesson_id=lesson.id)).version_id
    await store(session, draft=make_draft(key="a-01", title="二"), now=NOW)
    assert (await get_lesson(session, lesson_id=lesson.id)).title == "二"
    await withdraw(session, lesson_id=lesson.id, reason="错", now=NOW)
    old = await get_lesson(session, lesson_id=lesson.id, version_id=begun)
    assert (old.title, old.version) == ("一", 1)
    other = await make_lesson(session, "a-02")
    for lesson_id, version_id in ((other.id, begun), (lesson.id, 0)):
        with pytest.raises(LessonNotFound):
            await get_lesson(session, lesson_id=lesson_id, version_id=version_id)


async def test_a_key_finds_its_lesson(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01")
    found = await find_lesson_by_key(session, key="a-01")
    assert found is not None
    assert (found.id, found.version_id) == (lesson.id, lesson.current_id)


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_show_every_lesson_once_newest_first(session: AsyncSession, limit: int) -> None:
    lessons = await make_lessons(session, 7)
    seen: list[int] = []
    cursor = None
    while True:
        page = await list_lessons(session, cursor=cursor, limit=limit)
        seen += [item.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
        assert len(page.items) == limit
    assert seen == [lesson.id for lesson in reversed(lessons)]


async def test_a_new_lesson_does_not_shift_the_next_page(session: AsyncSession) -> None:
    lessons = await make_lessons(session, 4)
    page = await list_lessons(session, limit=2)
    await make_lesson(session, "new-01", now=NOW + timedelta(days=1))
    after = await list_lessons(session, cursor=page.next, limit=2)
    assert [item.id for item in after.items] == [lessons[1].id, lessons[0].id]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "!!!",
        paging.encode(1, 2),
        paging.encode("gestern", 1),
        paging.encode("2026-11-23", 1),
        paging.encode("2026-11-23T00:00:00", 1),
        paging.encode("2026-11-23T00:00:00+00:00", "1"),
    ],
)
async def test_a_cursor_of_nobody_is_refused(session: AsyncSession, cursor: str) -> None:
    with pytest.raises(BadCursor):
        await list_lessons(session, cursor=cursor)


async def test_any_instant_makes_a_cursor(session: AsyncSession) -> None:
    await make_lesson(session, "a-01")
    for at, count in (("0001-01-01T00:00:00+14:00", 0), ("9999-12-31T23:59:59-12:00", 1)):
        page = await list_lessons(session, cursor=paging.encode(at, 2**62))
        assert len(page.items) == count


async def keys(session: AsyncSession, **filters: str) -> set[str]:
    return {item.key for item in (await list_lessons(session, **filters)).items}  # type: ignore[arg-type]


async def test_lists_are_filtered(session: AsyncSession) -> None:
    await make_lesson(session, "text-01")
    await make_lesson(session, "video-01", kind="video", media_url="https://a.cn/1.mp4")
    await make_lesson(session, "cadre-01", platform="干部夜校")
    assert await keys(session, kind="video") == {"video-01"}
    assert await keys(session, platform="微讲堂") == {"text-01", "video-01"}
    assert await keys(session, platform="微讲堂", kind="article") == {"text-01"}
    assert await keys(session, platform="没有") == set()


async def test_a_search_finds_every_word_anywhere(session: AsyncSession) -> None:
    await make_lesson(
        session, "a-01", title="防范电信诈骗", summary="老人接电话", plain="WeChat 转账"
    )
    await make_lesson(session, "a-02", title="100%_安全", summary="路\\上", plain="红灯停")
    assert await keys(session, q="") == {"a-01", "a-02"}
    assert await keys(session, q=" \x00\t　") == {"a-01", "a-02"}
    assert await keys(session, q="诈骗") == {"a-01"}
    assert await keys(session, q="诈骗　电话\x00wechat") == {"a-01"}
    assert await keys(session, q="诈骗 红灯") == set()
    for literally in ("100%", "%_", "_安全", "路\\上", "红灯"):
        assert await keys(session, q=literally) == {"a-02"}
    for nothing in ("%红", "红_停", "电%话", "\\", "' OR 1=1 --"):
        assert await keys(session, q=nothing) <= {"a-02"}
    assert await keys(session, q="红_停") == set()
    # Only five words count.
    assert await keys(session, q="路 上 红 灯 停 没有") == {"a-02"}


async def test_the_chat_gets_titles(session: AsyncSession) -> None:
    lessons = [await make_lesson(session, f"a-{n}", title=f"防骗第{n}课") for n in range(5)]
    found = await search_titles(session, q="防骗 课")
    assert [each.id for each in found] == [lesson.id for lesson in reversed(lessons[2:])]
    assert [each.key for each in await search_titles(session, q="第1", limit=1)] == ["a-1"]
    assert await search_titles(session, q="双槐镇综治办") == []
    assert await search_titles(session, q=" \x00") == []


async def test_the_nearest_organisation_chooses_the_lesson_of_the_day(
    session: AsyncSession,
) -> None:
    everyone, town, village = await make_lessons(session, 3)
    town_id, village_id = await make_org(session, "t"), await make_org(session, "v")
    near_first = [village_id, town_id]

    async def planned(*org_ids: int) -> int | None:
        return await planned_lesson_id(session, day=DAY, org_ids=org_ids)

    assert await planned(*near_first) is None
    await plan_day(session, local_day=DAY, org_id=None, lesson_id=everyone.id)
    assert await planned(*near_first) == await planned() == everyone.id
    await plan_day(session, local_day=DAY, org_id=town_id, lesson_id=town.id)
    assert await planned(*near_first) == town.id
    await plan_day(session, local_day=DAY, org_id=village_id, lesson_id=village.id)
    assert await planned(*near_first) == village.id
    assert await planned(town_id) == await planned(town_id, village_id) == town.id
    assert await planned() == everyone.id
    assert await planned_lesson_id(session, day=DAY + timedelta(1), org_ids=near_first) is None
    await withdraw(session, lesson_id=village.id, reason="错", now=NOW)
    assert await planned(*near_first) == town.id


async def test_the_newest_lesson_not_yet_learned(session: AsyncSession) -> None:
    first, second, third = await make_lessons(session, 3)
    everything = list(range(third.id - 70_000, third.id + 1))
    for learned, expected in (
        ([], third),
        ([0], third),
        ([third.id], second),
        ([third.id, second.id], first),
        (everything, third),
    ):
        assert await newest_unlearned_id(session, learned=learned) == expected.id
    assert await newest_unlearned_id(session, learned=select(literal(third.id))) == second.id
    await withdraw(session, lesson_id=third.id, reason="错", now=NOW)
    assert await newest_unlearned_id(session, learned=[]) == second.id
