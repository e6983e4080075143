"""What came of a lesson for one person, read from what is kept: nothing depends on one answer."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content import rules as grading
from app.credit_bank import queries as bank
from app.flows.grading import Graded
from app.flows.lessons import OpenLesson
from app.learning import queries as learning
from app.recognition import service as recognition
from app.recognition.models import Honour


@dataclass(frozen=True)
class Tried:
    """The last attempt, question by question; `chosen` is what was ticked, by question."""

    results: dict[int, Graded]
    chosen: dict[int, list[int]]
    passed: bool
    retry_at: datetime | None

    @property
    def right(self) -> int:
        return sum(one.right for one in self.results.values())


@dataclass(frozen=True)
class Earned:
    lines: list[bank.Line]
    honours: list[Honour]


async def last_try(session: AsyncSession, *, opened: OpenLesson) -> Tried | None:
    """How the last attempt went; None before the first, and for another version's questions."""
    study = opened.study
    if study is None or study.version_id != opened.lesson.version_id:
        return None
    attempt = await learning.last_attempt(session, study_id=study.id)
    if attempt is None:
        return None
    keys = await content.get_answer_key(session, version_id=study.version_id)
    chosen = {int(question): list(options) for question, options in attempt.answers.items()}
    results = {}
    for key in keys:
        given = chosen.get(key.question_id)
        right = given is not None and grading.grade(key, given)
        results[key.question_id] = Graded(
            question_id=key.question_id,
            right=right,
            answer=key.answer if right else None,
            why=key.why if right else None,
        )
    return Tried(results, chosen, study.passed_at is not None, study.retry_at)


async def earned_by(session: AsyncSession, *, person_id: int, study_id: int) -> Earned:
    """What a completed study brought: booked transfers and honours."""
    proof = f"study:{study_id}"
    lines = await bank.list_earned(session, person_id=person_id, evidence=proof)
    honours = await recognition.list_honours(session, person_id=person_id)
    return Earned(lines, [one for one in honours if one.evidence == proof])
