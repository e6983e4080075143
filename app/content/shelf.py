"""The shelf as those see it who write: drafts, unpublished changes, and the right answers."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.errors import LessonNotFound
from app.content.lesson_draft import QuestionDraft
from app.content.models import Lesson, LessonVersion, Question
from app.content.queries import ON_SHOW
from app.content.rules import Kind, like_pattern, search_words
from app.core import paging
from app.core.paging import Page

SHELF_STATES = ("draft", "on_show", "changed", "withdrawn")
"""Never published, as published, on show with a newer version waiting, taken off."""


@dataclass(frozen=True)
class ShelfRow:
    id: int
    org_id: int | None
    title: str
    kind: Kind
    platform: str
    version: int
    state: str
    questions: int
    changed_at: datetime
    author_id: int | None


@dataclass(frozen=True)
class ShelfLesson:
    """The newest version of a lesson, on show or not."""

    id: int
    key: str
    org_id: int | None
    state: str
    version: int
    digest: str
    title: str
    kind: Kind
    platform: str
    audience: tuple[str, ...]
    summary: str
    source: str
    html: str
    media_url: str | None
    required_seconds: int
    changed_at: datetime
    author_id: int | None
    questions: tuple[QuestionDraft, ...]


_newest = (
    select(func.max(LessonVersion.number))
    .where(LessonVersion.lesson_id == Lesson.id)
    .correlate(Lesson)
    .scalar_subquery()
)
_state = case(
    (Lesson.published_at.is_(None), "draft"),
    (Lesson.withdrawn_at.is_not(None), "withdrawn"),
    (Lesson.current_id != LessonVersion.id, "changed"),
    else_="on_show",
)


async def list_shelf(
    session: AsyncSession,
    *,
    org_ids: Collection[int],
    common: bool,
    state: str | None = None,
    q: str = "",
    cursor: str | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> Page[ShelfRow]:
    """The newest lessons first: what is on show, and of these organisations everything.

    `common` adds all that belongs to no organisation.
    """
    of_mine: ColumnElement[bool] = Lesson.org_id.in_(org_ids)
    if common:
        of_mine = or_(of_mine, Lesson.org_id.is_(None))
    asked = _rows(select(func.count()).where(Question.version_id == LessonVersion.id))
    asked = asked.where(or_(of_mine, ON_SHOW))
    if state is not None:
        asked = asked.where(_state == state)
    for word in search_words(q):
        pattern = like_pattern(word)
        asked = asked.where(
            or_(
                LessonVersion.title.ilike(pattern, escape="\\"),
                LessonVersion.plain.ilike(pattern, escape="\\"),
            )
        )
    if cursor is not None:
        (before,) = paging.decode(cursor, int)
        asked = asked.where(Lesson.id < before)
    rows = (await session.execute(asked.order_by(Lesson.id.desc()).limit(limit + 1))).all()
    items = [ShelfRow(*row) for row in rows[:limit]]
    return Page(items, paging.encode(items[-1].id) if len(rows) > limit else None)


def _rows(questions: Select[int]) -> Select[*tuple[Any, ...]]:
    return select(
        Lesson.id,
        Lesson.org_id,
        LessonVersion.title,
        LessonVersion.kind,
        LessonVersion.platform,
        LessonVersion.number,
        _state,
        questions.correlate(LessonVersion).scalar_subquery(),
        LessonVersion.made_at,
        LessonVersion.made_by_id,
    ).join(LessonVersion, and_(LessonVersion.lesson_id == Lesson.id, _is_newest()))


def _is_newest() -> ColumnElement[bool]:
    return LessonVersion.number == _newest


async def get_shelf_lesson(session: AsyncSession, *, lesson_id: int) -> ShelfLesson:
    """Raises LessonNotFound."""
    rows = (
        select(Lesson, LessonVersion, _state)
        .join(LessonVersion, and_(LessonVersion.lesson_id == Lesson.id, _is_newest()))
        .where(Lesson.id == lesson_id)
    )
    found = (await session.execute(rows)).one_or_none()
    if found is None:
        raise LessonNotFound(lesson_id=lesson_id)
    lesson, version, state = found
    questions = await session.scalars(
        select(Question).where(Question.version_id == version.id).order_by(Question.position)
    )
    return ShelfLesson(
        id=lesson.id,
        key=lesson.key,
        org_id=lesson.org_id,
        state=state,
        version=version.number,
        digest=version.digest,
        title=version.title,
        kind=version.kind,
        platform=version.platform,
        audience=tuple(version.audience),
        summary=version.summary,
        source=version.source,
        html=version.html,
        media_url=version.media_url,
        required_seconds=version.required_seconds,
        changed_at=version.made_at,
        author_id=version.made_by_id,
        questions=tuple(
            QuestionDraft(one.kind, one.text, tuple(one.options), tuple(one.answer), one.why)  # type: ignore[arg-type]  # a CHECK keeps the kind
            for one in questions
        ),
    )
