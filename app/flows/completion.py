"""From beats and answers to a completed lesson, its credit, its honours and the good news.

Exactly one caller completes a study (a guarded UPDATE), and that one books everything in the same
transaction: all of it or none of it. What many ask for at once is done for all of them in the same
few statements; one is a list of one (docs/decisions/0020).
"""

from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content.errors import LessonNotFound
from app.core.errors import DomainError
from app.core.group_commit import rounds
from app.core.metrics import BEATS, COMPLETIONS
from app.credit_bank.awards import Awarded, Earner, award_all
from app.credit_bank.ledger import Stamp
from app.credit_bank.rules import Claim
from app.flows.grading import Graded, grade, told
from app.flows.honouring import Progressed, honour_all
from app.flows.lesson_binding import Bound, bind
from app.learning import attempts, beats, studies
from app.learning.attempts import Try, TryAgainLater
from app.learning.beats import Beat
from app.learning.studies import Reached, Standing, Studied
from app.people import queries as people
from app.push import handed_over
from app.recognition.models import Honour


@dataclass(slots=True)
class Reading:
    """A page of this lesson is being read at this instant.

    `via` is the delivery whose link led here.
    """

    person_id: int
    lesson_id: int
    via: int | None
    at: datetime


@dataclass(slots=True)
class Answering(Reading):
    """One attempt at all the questions of this lesson; those left out are wrong."""

    answers: dict[int, list[int]]


@dataclass(slots=True)
class Outcome:
    """What a beat or an attempt led to; `completed` also where an earlier call completed it."""

    study: Standing
    required_seconds: int
    counted_seconds: int = 0
    passed: bool = False
    completed: bool = False
    awards: list[Awarded] = field(default_factory=list)
    honours: list[Honour] = field(default_factory=list)
    results: list[Graded] = field(default_factory=list)


@dataclass(slots=True)
class _Worked:
    """One request, the lesson it is about, and the study it has changed."""

    asked: Reading
    bound: Bound
    study: Standing
    counted_seconds: int = 0
    results: list[Graded] = field(default_factory=list)


Asked = TypeVar("Asked", bound=Reading)
Answer = Outcome | DomainError


async def beat(
    session: AsyncSession, *, person_id: int, lesson_id: int, via: int | None = None, now: datetime
) -> Outcome:
    """What `beat_all` does, for one. Raises LessonNotFound."""
    (outcome,) = await beat_all(session, [Reading(person_id, lesson_id, via, now)])
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


async def beat_all(session: AsyncSession, readings: Sequence[Reading]) -> list[Answer]:
    """Count these beats, and complete what they complete: each one's outcome or refusal."""
    return await _in_rounds(session, readings, _beat)


async def answer(
    session: AsyncSession,
    *,
    person_id: int,
    lesson_id: int,
    answers: dict[int, list[int]],
    via: int | None = None,
    now: datetime,
) -> Outcome:
    """What `answer_all` does, for one.

    Raises LessonNotFound, NoQuestions, UnknownQuestion, BadAnswer, TryAgainLater.
    """
    (outcome,) = await answer_all(session, [Answering(person_id, lesson_id, via, now, answers)])
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


async def answer_all(session: AsyncSession, answerings: Sequence[Answering]) -> list[Answer]:
    """Grade these attempts, and complete what they complete: each one's outcome or refusal.

    Who has completed a lesson practises: graded, but nothing is kept and nothing given away.
    """
    return await _in_rounds(session, answerings, _answer)


def claims_for(study: Studied, *, title: str, required_seconds: int) -> list[Claim]:
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


async def _in_rounds(
    session: AsyncSession,
    asked: Sequence[Asked],
    work: Callable[[AsyncSession, Sequence[Asked]], Coroutine[Any, Any, list[Answer]]],
) -> list[Answer]:
    """What one person asks for twice is done one after the other."""
    answers: dict[int, Answer] = {}
    for places in rounds(range(len(asked)), lambda place: asked[place].person_id):
        found = await work(session, [asked[place] for place in places])
        answers |= zip(places, found, strict=True)
    return [answers[place] for place in range(len(asked))]


async def _beat(session: AsyncSession, readings: Sequence[Reading]) -> list[Answer]:
    bound = await bind(session, [(one.person_id, one.lesson_id) for one in readings])
    known = [one for one in readings if (one.person_id, one.lesson_id) in bound]
    courses = [bound[one.person_id, one.lesson_id] for one in known]
    counted = await beats.count_beats(
        session,
        [
            Beat(one.person_id, of.course, one.at, of.study)
            for one, of in zip(known, courses, strict=True)
        ],
    )
    worked = []
    for one, of, (study, added) in zip(known, courses, counted, strict=True):
        BEATS.labels("yes" if added else "no").inc()
        worked.append(_Worked(one, of, study, counted_seconds=added // 1000))
    outcomes = await _finish(session, worked)
    return [
        outcomes.get(one.person_id) or LessonNotFound(lesson_id=one.lesson_id) for one in readings
    ]


async def _answer(session: AsyncSession, answerings: Sequence[Answering]) -> list[Answer]:
    bound = await bind(session, [(one.person_id, one.lesson_id) for one in answerings])
    version_ids = {of.course.version_id for of in bound.values()}
    keys = await content.get_answer_keys(session, version_ids=version_ids)
    answers: dict[int, Answer] = {}
    tries: list[tuple[Answering, Bound, dict[int, bool]]] = []
    for one in answerings:
        of = bound.get((one.person_id, one.lesson_id))
        try:
            if of is None:
                raise LessonNotFound(lesson_id=one.lesson_id)
            tries.append((one, of, grade(one.answers, keys[of.course.version_id])))
        except DomainError as refusal:
            answers[one.person_id] = refusal
    recorded = await attempts.record_tries(
        session,
        [
            Try(
                person_id=one.person_id,
                course=of.course,
                answers={str(question): chosen for question, chosen in one.answers.items()},
                right=sum(right.values()),
                total=len(right),
                at=one.at,
            )
            for one, of, right in tries
        ],
    )
    worked = []
    for (one, of, right), found in zip(tries, recorded, strict=True):
        if isinstance(found, TryAgainLater):
            answers[one.person_id] = found
        else:
            shown = told(keys[of.course.version_id], right)
            worked.append(_Worked(one, of, found[0], results=shown))
    answers |= await _finish(session, worked)
    return [answers[one.person_id] for one in answerings]


async def _finish(session: AsyncSession, worked: Sequence[_Worked]) -> dict[int, Outcome]:
    """Complete what is complete now, and book what it earns; by person, each there once."""
    outcomes = {
        one.asked.person_id: Outcome(
            study=one.study,
            required_seconds=one.bound.course.required_seconds,
            counted_seconds=one.counted_seconds,
            passed=one.study.passed_at is not None,
            completed=one.study.completed_at is not None,
            results=one.results,
        )
        for one in worked
    }
    completed = await _complete(session, worked)
    if not completed:
        return outcomes
    COMPLETIONS.inc(len(completed))
    earned = await _award(session, completed)
    honours = await honour_all(
        session,
        [
            Progressed(one.asked.person_id, f"study:{one.study.id}", one.asked.at)
            for one in completed
        ],
    )
    via = Counter(
        (one.asked.via, one.asked.lesson_id) for one in completed if one.asked.via is not None
    )
    for (delivery_id, lesson_id), learned in sorted(via.items()):
        # Last, because a whole group's phones meet at this one row.
        await handed_over.count_learned(
            session, delivery_id=delivery_id, lesson_id=lesson_id, learned=learned
        )
    for one, awards in zip(completed, earned, strict=True):
        person_id = one.asked.person_id
        outcomes[person_id] = replace(
            outcomes[person_id], completed=True, awards=awards, honours=honours[person_id]
        )
    return outcomes


async def _complete(session: AsyncSession, worked: Sequence[_Worked]) -> list[_Worked]:
    reached = [
        Reached(one.study, one.bound.course, one.asked.at)
        for one in worked
        if one.study.completed_at is None
        and one.study.verified_ms >= one.bound.course.required_seconds * 1000
        and (one.study.passed_at is not None or not one.bound.course.has_questions)
    ]
    done = {one.study.id for one in await studies.complete(session, reached)} if reached else set()
    return [one for one in worked if one.study.id in done]


async def _award(session: AsyncSession, completed: Sequence[_Worked]) -> list[list[Awarded]]:
    at = await people.stamps(session, {one.asked.person_id for one in completed})
    return await award_all(
        session,
        [
            Earner(
                person_id=one.asked.person_id,
                claims=claims_for(
                    one.study,
                    title=one.bound.title,
                    required_seconds=one.bound.course.required_seconds,
                ),
                stamp=Stamp(at[one.asked.person_id].village_id, at[one.asked.person_id].unit_id),
                at=one.asked.at,
            )
            for one in completed
        ],
    )
