"""Reading lessons, one SQL statement each. The right answers leave only by answer keys."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, LiteralString

from sqlalchemy import (
    ARRAY,
    BigInteger,
    ColumnElement,
    DateTime,
    ScalarSelect,
    Select,
    and_,
    any_,
    cast,
    func,
    literal,
    or_,
    select,
    tuple_,
)
from sqlalchemy.dialects.postgresql import JSONB, aggregate_order_by
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import InstrumentedAttribute

from app.content.errors import LessonNotFound
from app.content.models import Lesson, LessonPlan, LessonVersion, Question
from app.content.rules import AnswerKey, Kind, QuestionKind, like_pattern, search_words
from app.core import paging
from app.core.paging import BadCursor, Page
from app.core.rows import as_ids
from app.core.statements import rows_of


@dataclass(frozen=True)
class LessonSummary:
    """A lesson as lists show it; `version` is the number people see, `version_id` the row."""

    id: int
    key: str
    version: int
    version_id: int
    title: str
    kind: Kind
    platform: str
    summary: str
    required_seconds: int
    published_at: datetime


@dataclass(frozen=True)
class QuestionView:
    """A question as a learner sees it before answering."""

    id: int
    kind: QuestionKind
    text: str
    options: tuple[str, ...]


@dataclass(frozen=True)
class LessonView(LessonSummary):
    html: str
    media_url: str | None
    audience: tuple[str, ...]
    source: str
    questions: tuple[QuestionView, ...]


SUMMARY = (
    Lesson.id,
    Lesson.key,
    LessonVersion.number,
    LessonVersion.id,
    LessonVersion.title,
    LessonVersion.kind,
    LessonVersion.platform,
    LessonVersion.summary,
    LessonVersion.required_seconds,
    Lesson.published_at,
)
"""The columns of a LessonSummary, in its order."""

ON_SHOW = and_(Lesson.published_at.is_not(None), Lesson.withdrawn_at.is_(None))
NEWEST_FIRST = (Lesson.published_at.desc(), Lesson.id.desc())
"""Lessons of one import share their published_at; the id makes the order total."""


async def get_lesson(
    session: AsyncSession, *, lesson_id: int, version_id: int | None = None
) -> LessonView:
    """A lesson on show; with `version_id` that version, even if the lesson was withdrawn since.

    Raises LessonNotFound.
    """
    if version_id is None:
        version = LessonVersion.id == Lesson.current_id
        shown = ON_SHOW
    else:
        version = and_(LessonVersion.id == version_id, LessonVersion.lesson_id == Lesson.id)
        shown = Lesson.published_at.is_not(None)
    statement: Select[*tuple[Any, ...]] = (
        select(
            *SUMMARY,
            LessonVersion.html,
            LessonVersion.media_url,
            LessonVersion.audience,
            LessonVersion.source,
            _questions_of_version(),
        )
        .join(LessonVersion, version)
        .where(Lesson.id == lesson_id, shown)
    )
    row = (await session.execute(statement)).one_or_none()
    if row is None:
        raise LessonNotFound(lesson_id=lesson_id)
    html, media_url, audience, source, questions = row[len(SUMMARY) :]
    return LessonView(
        **vars(_summary(row[: len(SUMMARY)])),
        html=html,
        media_url=media_url,
        audience=tuple(audience),
        source=source,
        questions=tuple(_question(question) for question in questions),
    )


async def find_lesson_by_key(session: AsyncSession, *, key: str) -> LessonSummary | None:
    """The lesson on show that has this key."""
    row = (await session.execute(_summaries().where(Lesson.key == key))).one_or_none()
    return None if row is None else _summary(row)


async def list_lessons(
    session: AsyncSession,
    *,
    platform: str | None = None,
    kind: str | None = None,
    q: str = "",
    cursor: str | None = None,
    limit: int = paging.LIMIT_DEFAULT,
) -> Page[LessonSummary]:
    """Lessons on show, newest first, that have every word of `q` in title, summary or text."""
    assert 0 < limit <= paging.LIMIT_MAX, limit
    statement = _summaries()
    if platform is not None:
        statement = statement.where(LessonVersion.platform == platform)
    if kind is not None:
        statement = statement.where(LessonVersion.kind == kind)
    for word in search_words(q):
        statement = statement.where(
            or_(
                _contains(LessonVersion.title, word),
                _contains(LessonVersion.summary, word),
                _contains(LessonVersion.plain, word),
            )
        )
    if cursor is not None:
        after = tuple_(*_decode(cursor))
        statement = statement.where(tuple_(Lesson.published_at, Lesson.id) < after)
    rows = (await session.execute(statement.order_by(*NEWEST_FIRST).limit(limit + 1))).all()
    items = [_summary(row) for row in rows[:limit]]
    return Page(items=items, next=_encode(items[-1]) if len(rows) > limit else None)


async def is_on_show(session: AsyncSession, *, lesson_id: int) -> bool:
    found = await session.scalar(select(Lesson.id).where(Lesson.id == lesson_id, ON_SHOW))
    return found is not None


async def search_titles(session: AsyncSession, *, q: str, limit: int = 3) -> list[LessonSummary]:
    """The newest lessons whose title has every word of `q`; none for an empty `q`."""
    words = search_words(q)
    if not words:
        return []
    statement = _summaries().where(*(_contains(LessonVersion.title, word) for word in words))
    rows = await session.execute(statement.order_by(*NEWEST_FIRST).limit(limit))
    return [_summary(row) for row in rows]


async def planned_lesson_id(
    session: AsyncSession, *, day: date, org_ids: Sequence[int]
) -> int | None:
    """The lesson chosen for a day by the first of these organisations, else for everyone.

    A choice that was withdrawn since counts as none, and the next one is taken.
    """
    orgs = cast(list(org_ids), ARRAY(BigInteger))
    statement = (
        select(LessonPlan.lesson_id)
        .join(Lesson, Lesson.id == LessonPlan.lesson_id)
        .where(
            LessonPlan.local_day == day,
            or_(LessonPlan.org_id.is_(None), LessonPlan.org_id == any_(orgs)),
            ON_SHOW,
        )
        .order_by(func.array_position(orgs, LessonPlan.org_id).nulls_last())
        .limit(1)
    )
    found: int | None = await session.scalar(statement)
    return found


async def newest_unlearned_id(
    session: AsyncSession, *, learned: Sequence[int] | Select[int]
) -> int | None:
    """The newest lesson that is not among the learned ones; if all are, the newest of all."""
    known = (
        Lesson.id.in_(learned)
        if isinstance(learned, Select)
        # One array, not one parameter for each: a diligent person has learned thousands.
        else Lesson.id == any_(cast(list(learned), ARRAY(BigInteger)))
    )
    statement = select(Lesson.id).where(ON_SHOW).order_by(known, *NEWEST_FIRST).limit(1)
    found: int | None = await session.scalar(statement)
    return found


async def get_questions(session: AsyncSession, *, version_id: int) -> tuple[QuestionView, ...]:
    """The questions of a version, in order, without their answers."""
    statement = (
        select(Question.id, Question.kind, Question.text, Question.options)
        .where(Question.version_id == version_id)
        .order_by(Question.position)
    )
    rows = await session.execute(statement)
    return tuple(_question(row) for row in rows)


async def get_answer_key(session: AsyncSession, *, version_id: int) -> tuple[AnswerKey, ...]:
    """What grading the questions of a version needs, in their order."""
    return (await get_answer_keys(session, version_ids=[version_id]))[version_id]


ANSWER_KEYS: LiteralString = """
    SELECT version_id, id, kind, options, answer, why FROM question
    WHERE version_id = ANY(%(version_ids)s::bigint[]) ORDER BY version_id, position
    """


async def get_answer_keys(
    session: AsyncSession, *, version_ids: Collection[int]
) -> dict[int, tuple[AnswerKey, ...]]:
    """The same of several versions."""
    rows = await rows_of(session, ANSWER_KEYS, {"version_ids": as_ids(version_ids)})
    found: dict[int, tuple[AnswerKey, ...]] = dict.fromkeys(version_ids, ())
    for version_id, question_id, kind, options, answer, why in rows:
        key = AnswerKey(question_id, kind, tuple(options), tuple(answer), why)
        found[version_id] += (key,)
    return found


def _summaries() -> Select[*tuple[Any, ...]]:
    return (
        select(*SUMMARY).join(LessonVersion, LessonVersion.id == Lesson.current_id).where(ON_SHOW)
    )


def _summary(row: Sequence[Any]) -> LessonSummary:
    return LessonSummary(*row)


def _question(row: Sequence[Any]) -> QuestionView:
    question_id, kind, text, options = row
    return QuestionView(question_id, kind, text, tuple(options))


def _questions_of_version() -> ScalarSelect[Any]:
    """The questions of the statement's own version, as rows for `_question`, in order."""
    columns = (Question.id, Question.kind, Question.text, Question.options)
    one = aggregate_order_by(func.jsonb_build_array(*columns), Question.position)
    return (
        select(func.coalesce(func.jsonb_agg(one), cast([], JSONB)))
        .where(Question.version_id == LessonVersion.id)
        .correlate(LessonVersion)
        .scalar_subquery()
    )


def _contains(column: InstrumentedAttribute[str], word: str) -> ColumnElement[bool]:
    return column.ilike(like_pattern(word), escape="\\")


def _encode(last: LessonSummary) -> str:
    return paging.encode(last.published_at.astimezone(UTC).isoformat(), last.id)


def _decode(cursor: str) -> tuple[ColumnElement[datetime], ColumnElement[int]]:
    at, lesson_id = paging.decode(cursor, str, int)
    try:
        instant = datetime.fromisoformat(str(at))
    except ValueError as error:
        raise BadCursor from error
    if instant.tzinfo is None:
        raise BadCursor
    return literal(instant, DateTime(timezone=True)), literal(int(lesson_id), BigInteger)
