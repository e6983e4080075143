"""A directory of lesson files → lessons and versions. Running it again changes nothing."""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service
from app.content.front_matter import Problem
from app.content.lesson_draft import LessonDraft
from app.content.lesson_file import LessonFileError, read_lesson
from app.content.platforms import load_platforms
from app.core.errors import Invalid


class NoLessonFiles(Invalid):
    title = "这个目录里没有课程文件（*.md）"


@dataclass(frozen=True)
class ImportReport:
    """The keys of what was done, in the order of the files; `published` overlaps the first three.

    `withdrawn` are lessons that were withdrawn and stay so: only service.publish brings one back.
    """

    created: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    published: list[str] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    errors: list[LessonFileError] = field(default_factory=list)


async def import_lessons(
    session: AsyncSession, *, directory: Path, publish: bool, now: datetime
) -> ImportReport:
    """Store every sound file of the directory; a faulty one is reported and leaves no trace."""
    drafts, errors = await asyncio.to_thread(read_directory, directory)
    report = ImportReport(errors=errors)
    await load_platforms(session)
    for draft in drafts:
        try:
            async with session.begin_nested():
                await _import_one(session, draft, report, publish=publish, now=now)
        except (DataError, IntegrityError) as error:
            problem = Problem(1, f"数据库拒绝了这个文件：{error.orig}")
            report.errors.append(LessonFileError(draft.file, [problem]))
    return report


def read_directory(directory: Path) -> tuple[list[LessonDraft], list[LessonFileError]]:
    """The drafts of all sound `*.md` files in order of their names, and the faults of the others.

    Files that share a key are all faulty: none of them is the right one. A README is no lesson.
    """
    paths = sorted(
        path for path in directory.glob("*.md") if path.is_file() and path.stem != "README"
    )
    if not paths:
        raise NoLessonFiles(directory=str(directory))
    drafts: list[LessonDraft] = []
    errors: list[LessonFileError] = []
    for path in paths:
        try:
            drafts.append(read_lesson(path))
        except LessonFileError as error:
            errors.append(error)
    twins = _twins(drafts)
    for draft in drafts:
        if others := [other for other in twins[draft.key] if other != draft.file]:
            sentence = f"key “{draft.key}” 与 {'、'.join(others)} 重复"
            errors.append(LessonFileError(draft.file, [Problem(draft.key_line, sentence)]))
    return [draft for draft in drafts if len(twins[draft.key]) == 1], errors


def _twins(drafts: Iterable[LessonDraft]) -> dict[str, list[str]]:
    files = defaultdict(list)
    for draft in drafts:
        files[draft.key].append(draft.file)
    return files


async def _import_one(
    session: AsyncSession,
    draft: LessonDraft,
    report: ImportReport,
    *,
    publish: bool,
    now: datetime,
) -> None:
    lesson, stored = await service.store(session, draft=draft, now=now)
    published = publish and lesson.published_at is None
    if published:
        await service.publish(session, lesson_id=lesson.id, now=now)
    getattr(report, stored).append(draft.key)
    if published:
        report.published.append(draft.key)
    if lesson.withdrawn_at is not None:
        report.withdrawn.append(draft.key)
