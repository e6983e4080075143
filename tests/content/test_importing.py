import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.content.importing import ImportReport, NoLessonFiles, import_lessons
from app.content.models import Lesson, LessonVersion, Question
from app.content.queries import list_lessons
from app.content.service import withdraw
from app.core import db
from tests.content.drafts import NOW, write_lesson

LATER = NOW + timedelta(days=1)


async def lesson_of(session: AsyncSession, key: str) -> Lesson:
    return (await session.scalars(select(Lesson).where(Lesson.key == key))).one()


async def count(session: AsyncSession, model: type[Lesson | LessonVersion | Question]) -> int:
    return await session.scalar(select(func.count()).select_from(model)) or 0


async def test_a_second_import_changes_nothing(session: AsyncSession, tmp_path: Path) -> None:
    write_lesson(tmp_path, "b-01")
    write_lesson(tmp_path, "a-01")
    (tmp_path / "README.md").write_text("# 说明", "utf-8")
    (tmp_path / "notes.txt").write_text("x", "utf-8")
    first = await import_lessons(session, directory=tmp_path, publish=True, now=NOW)
    assert first == ImportReport(created=["a-01", "b-01"], published=["a-01", "b-01"])
    second = await import_lessons(session, directory=tmp_path, publish=True, now=LATER)
    assert second == ImportReport(unchanged=["a-01", "b-01"])
    assert await count(session, LessonVersion) == 2
    # Published in one import at one moment, still in a total order.
    assert [item.key for item in (await list_lessons(session)).items] == ["b-01", "a-01"]


async def test_publishing_may_come_later(session: AsyncSession, tmp_path: Path) -> None:
    write_lesson(tmp_path, "a-01")
    drafted = await import_lessons(session, directory=tmp_path, publish=False, now=NOW)
    assert drafted == ImportReport(created=["a-01"])
    assert (await list_lessons(session)).items == []
    published = await import_lessons(session, directory=tmp_path, publish=True, now=LATER)
    assert published == ImportReport(unchanged=["a-01"], published=["a-01"])
    assert (await lesson_of(session, "a-01")).published_at == LATER


@pytest.mark.parametrize("publish", [True, False])
async def test_a_changed_file_is_a_new_version_on_show(
    session: AsyncSession, tmp_path: Path, publish: bool
) -> None:
    write_lesson(tmp_path, "a-01")
    await import_lessons(session, directory=tmp_path, publish=True, now=NOW)
    write_lesson(tmp_path, "a-01", body="改过的正文")
    report = await import_lessons(session, directory=tmp_path, publish=publish, now=LATER)
    assert report == ImportReport(updated=["a-01"])
    (shown,) = (await list_lessons(session)).items
    assert (shown.version, shown.summary, shown.published_at) == (2, "改过的正文", NOW)


async def test_a_withdrawn_lesson_is_not_brought_back(
    session: AsyncSession, tmp_path: Path
) -> None:
    write_lesson(tmp_path, "a-01")
    await import_lessons(session, directory=tmp_path, publish=True, now=NOW)
    lesson = await lesson_of(session, "a-01")
    await withdraw(session, lesson_id=lesson.id, reason="电话有误", now=NOW)
    unchanged = await import_lessons(session, directory=tmp_path, publish=True, now=LATER)
    assert unchanged == ImportReport(unchanged=["a-01"], withdrawn=["a-01"])
    write_lesson(tmp_path, "a-01", body="改过的正文")
    updated = await import_lessons(session, directory=tmp_path, publish=True, now=LATER)
    assert updated == ImportReport(updated=["a-01"], withdrawn=["a-01"])
    assert (await list_lessons(session)).items == []


async def test_a_faulty_file_does_not_stop_the_others(
    session: AsyncSession, tmp_path: Path
) -> None:
    write_lesson(tmp_path, "a-01")
    write_lesson(tmp_path, "b-01", body="")
    write_lesson(tmp_path, "c-01")
    report = await import_lessons(session, directory=tmp_path, publish=True, now=NOW)
    assert report.created == report.published == ["a-01", "c-01"]
    assert [(error.file, error.line) for error in report.errors] == [("b-01.md", 21)]


async def test_files_that_share_a_key_name_each_other(
    session: AsyncSession, tmp_path: Path
) -> None:
    write_lesson(tmp_path, "a-01")
    write_lesson(tmp_path, "b-01", name="one")
    write_lesson(tmp_path, "b-01", name="two", body="别的正文")
    report = await import_lessons(session, directory=tmp_path, publish=True, now=NOW)
    assert report.created == ["a-01"]
    assert [str(error) for error in report.errors] == [
        "one.md:2：key “b-01” 与 two.md 重复",
        "two.md:2：key “b-01” 与 one.md 重复",
    ]
    assert await count(session, Lesson) == 1


async def test_a_file_the_database_refuses_leaves_no_trace(
    session: AsyncSession, tmp_path: Path
) -> None:
    write_lesson(tmp_path, "a-01", body="坏的")
    write_lesson(tmp_path, "b-01")
    await session.execute(text("ALTER TABLE lesson_version ADD CHECK (plain <> '坏的')"))
    report = await import_lessons(session, directory=tmp_path, publish=True, now=NOW)
    assert report.created == ["b-01"]
    assert [error.file for error in report.errors] == ["a-01.md"]
    assert await session.scalar(select(Lesson.id).where(Lesson.key == "a-01")) is None


async def test_a_directory_without_lessons_is_refused(
    session: AsyncSession, tmp_path: Path
) -> None:
    for directory in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(NoLessonFiles):
            await import_lessons(session, directory=directory, publish=True, now=NOW)


async def test_two_imports_at_once_make_each_lesson_once(
    database: AsyncEngine, tmp_path: Path
) -> None:
    assert database is not None
    for n in range(5):
        write_lesson(tmp_path, f"a-{n}")

    async def run() -> ImportReport:
        async with db.transaction() as session:
            return await import_lessons(session, directory=tmp_path, publish=True, now=NOW)

    reports = await asyncio.gather(*(run() for _ in range(4)))
    assert sorted(len(report.created) for report in reports) == [0, 0, 0, 5]
    assert sorted(len(report.unchanged) for report in reports) == [0, 5, 5, 5]
    async with db.read_transaction() as session:
        assert await count(session, LessonVersion) == 5
        assert await count(session, Question) == 15
