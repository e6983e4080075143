"""Lessons: read, beat, answer."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from app.api.credits import AwardOut, awards_out
from app.api.deps import (
    Cursor,
    EmptyIsAbsent,
    Limit,
    Now,
    PersonId,
    PersonIdTogether,
    SessionDep,
    SettingsDep,
    TogetherDep,
)
from app.api.errors import problems
from app.api.schemas import Body, PageOut
from app.content import queries as content
from app.content.errors import LessonNotFound
from app.core.paging import LIMIT_DEFAULT
from app.core.settings import Settings
from app.flows.completion import Answering, Reading
from app.flows.lessons import OpenLesson, open_lesson, todays_lesson
from app.learning import queries as learning
from app.push.links import read_code

router = APIRouter(prefix="/api/v1/lessons", tags=["lessons"])

LessonId = Annotated[int, Path(ge=1, lt=2**63, description="The lesson's id")]
Via = Annotated[
    str | None,
    Query(
        max_length=64,
        description="Code of the group's link that led here: counts for the group, not the person",
    ),
    EmptyIsAbsent,
]
OptionIndex = Annotated[int, Field(ge=0, lt=100)]


class ProgressOut(BaseModel):
    seconds: int = Field(description="Time of mine the server verified")
    completed_at: datetime | None = Field(description="When I completed it; null: not yet")
    passed: bool = Field(description="Whether I have passed its questions")
    retry_at: datetime | None = Field(description="When I may try the questions again")


class LessonRow(BaseModel):
    id: int = Field(description="The lesson's id")
    key: str = Field(description="Its natural key")
    version: int = Field(description="Version of the content, from 1")
    title: str = Field(description="Its title")
    kind: str = Field(description="article, video or audio")
    platform: str = Field(description="One of the six platforms")
    summary: str = Field(description="One sentence")
    required_seconds: int = Field(description="Verified time it takes to complete")
    progress: ProgressOut = Field(description="Mine")


class QuestionOut(BaseModel):
    id: int = Field(description="The question's id, the key in `answers`")
    kind: str = Field(description="single, multiple or judge")
    text: str = Field(description="The question")
    options: list[str] = Field(description="What to choose from; answers are indexes into it")


class LessonOut(LessonRow):
    html: str = Field(description="The content, sanitised on the way in")
    media_url: str | None = Field(description="Of a video or audio lesson")
    audience: list[str] = Field(description="Whom it is for")
    source: str = Field(description="Who answers for it, and what it rests on")
    questions: list[QuestionOut] = Field(description="Check questions; never the right answers")


class BeatOut(BaseModel):
    seconds: int = Field(description="Verified time so far")
    required_seconds: int = Field(description="What the lesson asks for")
    counted: int = Field(description="Seconds this beat added")
    completed: bool = Field(description="Whether the lesson is completed")
    awards: list[AwardOut] = Field(description="What this very beat earned")


class AnswersIn(Body):
    answers: dict[Annotated[int, Field(ge=1, lt=2**63)], list[OptionIndex]] = Field(
        description="Question id → chosen option indexes; left out means wrong", max_length=200
    )


class ResultOut(BaseModel):
    question_id: int = Field(description="Which question")
    right: bool = Field(description="Whether the choice was right")
    answer: list[int] | None = Field(description="The right options; null until it is right")
    why: str | None = Field(description="The explanation; null until it is right")


class AnswersOut(BaseModel):
    passed: bool = Field(description="Every question is right")
    results: list[ResultOut] = Field(description="Question by question")
    completed: bool = Field(description="Whether the lesson is completed")
    awards: list[AwardOut] = Field(description="What this very attempt earned")
    retry_at: datetime | None = Field(description="After a failed attempt: when to try again")


def progress_out(progress: learning.Progress) -> ProgressOut:
    return ProgressOut(
        seconds=progress.seconds,
        completed_at=progress.completed_at,
        passed=progress.passed,
        retry_at=progress.retry_at,
    )


def row_out(lesson: content.LessonSummary, progress: learning.Progress) -> LessonRow:
    return LessonRow(
        id=lesson.id,
        key=lesson.key,
        version=lesson.version,
        title=lesson.title,
        kind=lesson.kind,
        platform=lesson.platform,
        summary=lesson.summary,
        required_seconds=lesson.required_seconds,
        progress=progress_out(progress),
    )


def lesson_out(opened: OpenLesson) -> LessonOut:
    lesson = opened.lesson
    return LessonOut(
        **dict(row_out(lesson, learning.progress_of(opened.study))),
        html=lesson.html,
        media_url=lesson.media_url,
        audience=list(lesson.audience),
        source=lesson.source,
        questions=[
            QuestionOut(id=one.id, kind=one.kind, text=one.text, options=list(one.options))
            for one in lesson.questions
        ],
    )


def delivery_of(via: str | None, settings: Settings) -> int | None:
    """The delivery a link's code stands for; a forged one is as good as none."""
    return None if via is None else read_code(via, secret=settings.secret_key)


@router.get("", summary="Published lessons, newest first", responses=problems(400, 401, 429))
async def list_lessons(
    person_id: PersonId,
    session: SessionDep,
    platform: Annotated[
        str | None,
        Query(max_length=20, description="A platform's name"),
        EmptyIsAbsent,
    ] = None,
    kind: Annotated[
        str | None,
        Query(max_length=20, description="article, video, audio"),
        EmptyIsAbsent,
    ] = None,
    q: Annotated[str, Query(max_length=64, description="Words to search for")] = "",
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOut[LessonRow]:
    page = await content.list_lessons(
        session, platform=platform, kind=kind, q=q, cursor=cursor, limit=limit
    )
    mine = await learning.list_progress(
        session, person_id=person_id, lesson_ids=[lesson.id for lesson in page.items]
    )
    none = learning.progress_of(None)
    rows = [row_out(lesson, mine.get(lesson.id, none)) for lesson in page.items]
    return PageOut(items=rows, next=page.next)


@router.get("/today", summary="The lesson of the day", responses=problems(401, 404, 429))
async def get_today(person_id: PersonId, session: SessionDep, now: Now) -> LessonOut:
    """Planned for the local day by the nearest organisation, else the newest not learned yet."""
    opened = await todays_lesson(session, person_id=person_id, now=now)
    if opened is None:
        raise LessonNotFound("课程正在准备中，请过些天再来")
    return lesson_out(opened)


@router.get("/{lesson_id}", summary="A lesson", responses=problems(401, 404, 429))
async def get_lesson(lesson_id: LessonId, person_id: PersonId, session: SessionDep) -> LessonOut:
    return lesson_out(await open_lesson(session, person_id=person_id, lesson_id=lesson_id))


@router.post(
    "/{lesson_id}/beats", summary="I am reading this now", responses=problems(401, 404, 409, 429)
)
async def post_beat(
    lesson_id: LessonId,
    person_id: PersonIdTogether,
    together: TogetherDep,
    settings: SettingsDep,
    now: Now,
    via: Via = None,
) -> BeatOut:
    """Send one every 15 seconds while the page is visible. Only the server's clock counts."""
    reading = Reading(person_id, lesson_id, delivery_of(via, settings), now)
    done = await together.beats.ask(reading)
    return BeatOut(
        seconds=done.outcome.study.verified_ms // 1000,
        required_seconds=done.outcome.required_seconds,
        counted=done.outcome.counted_seconds,
        completed=done.outcome.completed,
        awards=awards_out(done.units, done.outcome.awards),
    )


@router.post(
    "/{lesson_id}/answers", summary="Answer all the questions",
    responses=problems(400, 401, 404, 409, 413, 429),
)  # fmt: skip
async def post_answers(
    lesson_id: LessonId,
    body: AnswersIn,
    person_id: PersonIdTogether,
    together: TogetherDep,
    settings: SettingsDep,
    now: Now,
    via: Via = None,
) -> AnswersOut:
    """Graded here. After a failed attempt the next one must wait, longer each time."""
    answering = Answering(person_id, lesson_id, delivery_of(via, settings), now, body.answers)
    done = await together.answers.ask(answering)
    outcome = done.outcome
    return AnswersOut(
        passed=outcome.passed,
        results=[
            ResultOut(
                question_id=one.question_id,
                right=one.right,
                answer=list(one.answer) if one.answer is not None else None,
                why=one.why,
            )
            for one in outcome.results
        ],
        completed=outcome.completed,
        awards=awards_out(done.units, outcome.awards),
        retry_at=None if outcome.passed else outcome.study.retry_at,
    )
