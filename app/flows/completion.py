"""From beats and answers to a completed lesson, its credit, its honours and the good news.

Exactly one caller completes a study (a guarded UPDATE), and that one books everything in the same
transaction: all of it or none of it.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content import rules as grading
from app.core.clock import local_day
from app.core.errors import Invalid
from app.core.metrics import BEATS, COMPLETIONS
from app.credit_bank import queries as bank
from app.credit_bank.awards import Awarded, award
from app.credit_bank.ledger import Stamp
from app.credit_bank.rules import Claim
from app.flows import notices
from app.flows.lessons import OpenLesson, open_lesson
from app.learning import queries as evidence
from app.learning import rules as learning_rules
from app.learning import service as learning
from app.learning.models import Study
from app.people import queries as people
from app.push import handed_over, notice_values
from app.recognition import rules as honours
from app.recognition import service as recognition
from app.recognition.models import Honour


class NoQuestions(Invalid):
    title = "这一课没有题目，学够时间就完成"


class UnknownQuestion(Invalid):
    title = "这道题不属于这一课"


@dataclass(frozen=True)
class Outcome:
    """What a beat or an attempt led to; `completed` also where an earlier call completed it."""

    study: Study
    required_seconds: int
    counted_seconds: int = 0
    passed: bool = False
    completed: bool = False
    awards: list[Awarded] = field(default_factory=list)
    honours: list[Honour] = field(default_factory=list)


@dataclass(frozen=True)
class Graded:
    """One question's result; the right answer and why only where it was given."""

    question_id: int
    right: bool
    answer: tuple[int, ...] | None
    why: str | None


async def beat(
    session: AsyncSession, *, person_id: int, lesson_id: int, via: int | None = None, now: datetime
) -> Outcome:
    """A page of this lesson is being read right now; `via` is the delivery whose link led here."""
    opened = await open_lesson(session, person_id=person_id, lesson_id=lesson_id)
    study, added = await learning.beat(session, person_id=person_id, course=opened.course, now=now)
    BEATS.labels("yes" if added else "no").inc()
    return await _finish(session, opened, study, counted=added // 1000, via=via, now=now)


async def answer(
    session: AsyncSession,
    *,
    person_id: int,
    lesson_id: int,
    answers: dict[int, list[int]],
    via: int | None = None,
    now: datetime,
) -> tuple[Outcome, list[Graded]]:
    """Grade one attempt at all the questions; those left out are wrong.

    Who has completed the lesson practises: graded, but nothing is kept and nothing given away.
    Raises NoQuestions, UnknownQuestion, BadAnswer, TryAgainLater.
    """
    opened = await open_lesson(session, person_id=person_id, lesson_id=lesson_id)
    if not opened.lesson.questions:
        raise NoQuestions(lesson_id=lesson_id)
    keys = await content.get_answer_key(session, version_id=opened.lesson.version_id)
    unknown = set(answers) - {key.question_id for key in keys}
    if unknown:
        raise UnknownQuestion(question_ids=sorted(unknown))
    right = {
        key.question_id: key.question_id in answers and grading.grade(key, answers[key.question_id])
        for key in keys
    }
    study, _ = await learning.record_attempt(
        session,
        person_id=person_id,
        course=opened.course,
        answers={str(question): chosen for question, chosen in answers.items()},
        right=sum(right.values()),
        total=len(keys),
        now=now,
    )
    results = [
        Graded(
            question_id=key.question_id,
            right=right[key.question_id],
            answer=key.answer if right[key.question_id] else None,
            why=key.why if right[key.question_id] else None,
        )
        for key in keys
    ]
    outcome = await _finish(session, opened, study, via=via, now=now)
    return outcome, results


def claims_for(study: Study, *, title: str, required_seconds: int) -> list[Claim]:
    """What a completed study may be rewarded for: the same list when booked and when replayed.

    Time counts up to what the lesson requires, so that an open page earns nothing beyond it.
    """
    assert study.completed_on is not None, study.id
    subject, proof = f"lesson:{study.lesson_id}", f"study:{study.id}"
    seconds = min(study.verified_ms // 1000, required_seconds)
    claims = [
        Claim("lesson.credit", subject, proof, title, seconds=seconds),
        Claim("lesson.points", subject, proof, title),
        Claim("day.learned", f"day:{study.completed_on}", proof, title),
    ]
    if study.attempts == 1 and study.passed_at is not None:
        claims.insert(2, Claim("questions.first_try", subject, proof, title))
    return claims


async def _finish(
    session: AsyncSession,
    opened: OpenLesson,
    study: Study,
    *,
    counted: int = 0,
    via: int | None,
    now: datetime,
) -> Outcome:
    course, person_id = opened.course, study.person_id
    outcome = Outcome(
        study=study,
        required_seconds=course.required_seconds,
        counted_seconds=counted,
        passed=study.passed_at is not None,
        completed=study.completed_at is not None,
    )
    if outcome.completed or not await learning.complete(
        session, study=study, course=course, now=now
    ):
        return outcome
    COMPLETIONS.inc()
    at = await people.stamp(session, person_id)
    claims = claims_for(study, title=opened.lesson.title, required_seconds=course.required_seconds)
    awards = await award(
        session,
        person_id=person_id,
        claims=claims,
        stamp=Stamp(village_id=at.village_id, unit_id=at.unit_id),
        now=now,
    )
    granted = await honour(session, person_id=person_id, proof=f"study:{study.id}", now=now)
    if via is not None:
        # Last, because a whole group's phones meet at this one row.
        await handed_over.count_learned(session, delivery_id=via, lesson_id=opened.lesson.id)
    return Outcome(
        study=study,
        required_seconds=course.required_seconds,
        counted_seconds=counted,
        passed=outcome.passed,
        completed=True,
        awards=awards,
        honours=granted,
    )


async def honour(
    session: AsyncSession, *, person_id: int, proof: str, now: datetime
) -> list[Honour]:
    """Grant what this person's record deserves by now, and leave a congratulation for it."""
    today = local_day(now)
    since = today - timedelta(days=honours.STREAK_MAX)
    days = await evidence.learned_days(session, person_id=person_id, since=since)
    balances = await bank.list_balances(session, person_id=person_id)
    record = honours.Record(
        earned=next(b.earned for b in balances if b.unit == "credit"),
        completed=await evidence.count_completed(session, person_id=person_id),
        full_marks=await evidence.has_full_marks(session, person_id=person_id),
        streak=learning_rules.streak(days, today),
    )
    granted = await recognition.grant(
        session, person_id=person_id, record=record, evidence=proof, now=now
    )
    if granted:
        await notices.tell(
            session,
            key=f"honour:{granted[0].id}",
            person_id=person_id,
            kind="honour",
            text=honours.congratulation([one.code for one in granted]),
            values=notice_values.describe(
                what=granted[0].name, when=now, note=notices.NOTES["honour"]
            ),
            now=now,
        )
    return granted
