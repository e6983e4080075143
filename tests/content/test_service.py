from datetime import date, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import rules
from app.content.errors import (
    AlreadyWithdrawn,
    LessonNotFound,
    LessonNotPublished,
    ReasonMissing,
)
from app.content.models import Lesson, LessonPlan, LessonVersion, Platform, Question
from app.content.platforms import PLATFORM_NAMES, load_platforms
from app.content.service import Stored, plan_day, publish, store, withdraw
from tests.content.drafts import NOW, make_draft, make_lesson, make_org

LATER = NOW + timedelta(days=1)
DAY = date(2026, 11, 24)


async def versions_of(session: AsyncSession, lesson: Lesson) -> list[LessonVersion]:
    found = select(LessonVersion).where(LessonVersion.lesson_id == lesson.id)
    return list(await session.scalars(found.order_by(LessonVersion.number)))


async def test_the_six_platforms_stand_in_their_order(session: AsyncSession) -> None:
    await session.execute(text("UPDATE platform SET summary = '', position = 9"))
    await load_platforms(session)
    await load_platforms(session)
    rows = (await session.scalars(select(Platform).order_by(Platform.position))).all()
    assert tuple(row.name for row in rows) == PLATFORM_NAMES
    assert PLATFORM_NAMES == ("干部夜校", "微讲堂", "志愿服务", "远程教育", "开放日", "校园文艺")
    assert [row.position for row in rows] == [1, 2, 3, 4, 5, 6]
    assert all(row.summary and row.full_name for row in rows)


async def test_a_first_draft_makes_a_lesson_that_nobody_sees_yet(session: AsyncSession) -> None:
    draft = make_draft()
    lesson, stored = await store(session, draft=draft, now=NOW)
    assert stored is Stored.CREATED
    assert (lesson.key, lesson.current_id, lesson.published_at) == (draft.key, None, None)
    (version,) = await versions_of(session, lesson)
    assert (version.number, version.digest, version.made_at) == (1, draft.digest, NOW)
    questions = (
        await session.scalars(
            select(Question).where(Question.version_id == version.id).order_by(Question.position)
        )
    ).all()
    assert [question.position for question in questions] == [1, 2, 3]
    assert [question.answer for question in questions] == [[1], [0, 1], [0]]
    assert questions[2].options == ["对", "错"]


async def test_the_digest_can_be_recomputed_from_the_rows(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "digest-01")
    (version,) = await versions_of(session, lesson)
    names = ("title", "kind", "platform", "audience", "summary", "source", "html", "media_url")
    content = {name: getattr(version, name) for name in (*names, "required_seconds")}
    rows = select(Question).where(Question.version_id == version.id).order_by(Question.position)
    content["questions"] = [
        {name: getattr(row, name) for name in ("kind", "text", "options", "answer", "why")}
        for row in await session.scalars(rows)
    ]
    assert rules.digest(content) == version.digest


async def test_the_same_draft_again_changes_nothing(session: AsyncSession) -> None:
    first, _ = await store(session, draft=make_draft(), now=NOW)
    second, stored = await store(session, draft=make_draft(file="other.md"), now=LATER)
    assert (second.id, stored) == (first.id, Stored.UNCHANGED)
    assert len(await versions_of(session, first)) == 1
    assert second.created_at == NOW


async def test_a_changed_draft_is_the_next_version(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01", title="一")
    for number, title in enumerate(["二", "一"], 2):
        draft = make_draft(key="a-01", title=title)
        _, stored = await store(session, draft=draft, now=LATER)
        assert stored is Stored.UPDATED
        versions = await versions_of(session, lesson)
        assert [version.number for version in versions] == list(range(1, number + 1))
        # On show already: the new version is read from now on, under the old date.
        assert (lesson.current_id, lesson.published_at) == (versions[-1].id, NOW)


async def test_an_unpublished_lesson_stays_so_with_a_new_version(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01", publish=False)
    await store(session, draft=make_draft(key="a-01", title="二"), now=LATER)
    assert (lesson.current_id, lesson.published_at) == (None, None)


async def test_publishing_shows_the_newest_version_once(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01", publish=False)
    await store(session, draft=make_draft(key="a-01", title="二"), now=NOW)
    await publish(session, lesson_id=lesson.id, now=NOW)
    await publish(session, lesson_id=lesson.id, now=LATER)
    assert lesson.published_at == NOW
    assert lesson.current_id == (await versions_of(session, lesson))[1].id


async def test_nothing_can_be_published_from_nothing(session: AsyncSession) -> None:
    with pytest.raises(LessonNotFound):
        await publish(session, lesson_id=0, now=NOW)


async def test_withdrawing_needs_a_reason_and_happens_once(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01")
    for reason in ("", " \n", "长" * 201):
        with pytest.raises(ReasonMissing):
            await withdraw(session, lesson_id=lesson.id, reason=reason, now=NOW)
    await withdraw(session, lesson_id=lesson.id, reason=" 电话  有误 ", now=NOW)
    await withdraw(session, lesson_id=lesson.id, reason="电话 有误", now=LATER)
    assert (lesson.withdrawn_at, lesson.withdrawn_reason) == (NOW, "电话 有误")
    with pytest.raises(AlreadyWithdrawn):
        await withdraw(session, lesson_id=lesson.id, reason="别的", now=LATER)


async def test_only_what_was_published_can_be_withdrawn(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01", publish=False)
    with pytest.raises(LessonNotPublished):
        await withdraw(session, lesson_id=lesson.id, reason="错", now=NOW)
    with pytest.raises(LessonNotFound):
        await withdraw(session, lesson_id=0, reason="错", now=NOW)


async def test_a_withdrawn_lesson_comes_back_by_publishing_only(session: AsyncSession) -> None:
    lesson = await make_lesson(session, "a-01")
    shown = lesson.current_id
    await withdraw(session, lesson_id=lesson.id, reason="错", now=NOW)
    await store(session, draft=make_draft(key="a-01", title="改"), now=LATER)
    assert (lesson.current_id, lesson.withdrawn_at) == (shown, NOW)
    await publish(session, lesson_id=lesson.id, now=LATER)
    assert (lesson.published_at, lesson.withdrawn_at, lesson.withdrawn_reason) == (
        LATER,
        None,
        None,
    )
    assert lesson.current_id == (await versions_of(session, lesson))[1].id


async def test_a_day_has_one_lesson_for_each_organisation(session: AsyncSession) -> None:
    first, second = await make_lesson(session, "a-01"), await make_lesson(session, "a-02")
    village = await make_org(session, "v1")
    for org_id in (None, village):
        for lesson in (first, second, second):
            await plan_day(session, local_day=DAY, org_id=org_id, lesson_id=lesson.id)
    rows = await session.execute(select(LessonPlan.org_id, LessonPlan.lesson_id))
    assert {tuple(row) for row in rows} == {(None, second.id), (village, second.id)}
    assert await session.scalar(select(func.count()).select_from(LessonPlan)) == 2


async def test_only_a_lesson_on_show_is_planned(session: AsyncSession) -> None:
    hidden = await make_lesson(session, "a-01", publish=False)
    gone = await make_lesson(session, "a-02")
    await withdraw(session, lesson_id=gone.id, reason="错", now=NOW)
    for lesson_id in (0, hidden.id, gone.id):
        with pytest.raises(LessonNotFound):
            await plan_day(session, local_day=DAY, org_id=None, lesson_id=lesson_id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lesson_version SET title = 'x'",
        "DELETE FROM lesson_version",
        "UPDATE question SET answer = '{0}'",
        "DELETE FROM question",
        "TRUNCATE question",
        "TRUNCATE lesson_version CASCADE",
    ],
)
async def test_the_database_keeps_versions_as_they_are(
    session: AsyncSession, statement: str
) -> None:
    await make_lesson(session, "a-01")
    with pytest.raises(IntegrityError, match="append-only"):
        await session.execute(text(statement))


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE lesson SET current_id = NULL",
        "UPDATE lesson SET withdrawn_at = now()",
        "UPDATE lesson SET withdrawn_reason = 'x'",
        "UPDATE lesson SET key = 'A'",
        "UPDATE lesson SET published_at = NULL, withdrawn_at = now(), withdrawn_reason = 'x'",
    ],
)
async def test_the_database_knows_what_a_lesson_is(session: AsyncSession, statement: str) -> None:
    await make_lesson(session, "a-01")
    with pytest.raises(IntegrityError):
        await session.execute(text(statement))
