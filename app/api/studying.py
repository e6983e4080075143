"""Beats and answers: what thousands of phones send while they learn."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, Field

from app.api.credits import AwardOut, awards_out
from app.api.deps import CurrentLearner, Learner, get_learner
from app.api.errors import problems
from app.api.lanes import plain_body
from app.api.lessons import LessonId, Via, delivery_of
from app.api.schemas import Body
from app.api.together import Signed
from app.flows.completion import Answering, Reading

router = APIRouter(prefix="/api/v1/lessons", tags=["lessons"])

OptionIndex = Annotated[int, Field(ge=0, lt=100)]


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


@router.post(
    "/{lesson_id}/beats", summary="I am reading this now", responses=problems(401, 404, 409, 429)
)
async def post_beat(lesson_id: LessonId, learner: CurrentLearner, via: Via = None) -> BeatOut:
    """Send one every 15 seconds while the page is visible. Only the server's clock counts."""
    return await _beat(lesson_id, learner, via=via)


async def beat_straight(request: Request) -> Response:
    """The same for a plain request: see LANES."""
    learner = await get_learner(request)
    told = await _beat(int(request.path_params["lesson_id"]), learner, via=None)
    return Response(told.model_dump_json(), media_type="application/json")


async def _beat(lesson_id: int, learner: Learner, *, via: str | None) -> BeatOut:
    here, at = delivery_of(via, learner.settings), learner.token.at

    def reading(person_id: int) -> Reading:
        return Reading(person_id, lesson_id, here, at)

    done = await learner.together.beats.ask(Signed(learner.token, reading))
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
    learner: CurrentLearner,
    via: Via = None,
) -> AnswersOut:
    """Graded here. After a failed attempt the next one must wait, longer each time."""
    return await _answer(lesson_id, learner, body, via=via)


async def answers_straight(request: Request) -> Response | None:
    """The same for a plain request: see LANES.

    The body comes first, as with FastAPI; and to ask who sends it counts the request, which the
    route would do again.
    """
    if (body := await plain_body(request, AnswersIn)) is None:
        return None
    learner = await get_learner(request)
    told = await _answer(int(request.path_params["lesson_id"]), learner, body, via=None)
    return Response(told.model_dump_json(), media_type="application/json")


async def _answer(
    lesson_id: int, learner: Learner, body: AnswersIn, *, via: str | None
) -> AnswersOut:
    here, at = delivery_of(via, learner.settings), learner.token.at

    def answering(person_id: int) -> Answering:
        return Answering(person_id, lesson_id, here, at, body.answers)

    done = await learner.together.answers.ask(Signed(learner.token, answering))
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
