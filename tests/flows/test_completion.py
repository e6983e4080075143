"""The story of a lesson: time, answers, credit, honours, a letter; all of it or none of it."""

import asyncio
from datetime import UTC, date, datetime, timedelta

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.content.rules import BadAnswer
from app.core.db import transaction
from app.credit_bank import queries as bank
from app.credit_bank.models import Transfer
from app.flows.auditing import audit
from app.flows.completion import Outcome, answer, beat
from app.flows.grading import NoQuestions, UnknownQuestion
from app.learning.attempts import TryAgainLater
from app.learning.models import Attempt
from app.push.models import Letter
from app.recognition.models import Honour
from tests.factories.content import make_lesson
from tests.factories.learning import answer_all, complete_lesson, read_for
from tests.factories.people import NOW, make_person, make_town

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
AWARDS = [
    # 60 s of 3600 at 1.00: 1.67 hundredths, rounded half up.
    ("lesson.credit", 2),
    ("lesson.points", 2),
    ("questions.first_try", 1),
    ("day.learned", 1),
]


def awarded(outcome: Outcome) -> list[tuple[str, int]]:
    return [(one.rule.code, one.amount) for one in outcome.awards]


async def balances(session: AsyncSession, person_id: int) -> dict[str, int]:
    found = await bank.list_balances(session, person_id=person_id)
    return {one.unit: one.balance for one in found if one.balance}


async def test_time_first_then_answers(session: AsyncSession) -> None:
    person, lesson = await make_person(session), await make_lesson(session)
    read, at = await read_for(session, person.id, lesson.id, seconds=60, since=NOW)
    assert (read.completed, read.passed, read.awards) == (False, False, [])
    assert (read.study.verified_ms, read.required_seconds, read.counted_seconds) == (60_000, 60, 30)
    outcome, graded = await answer_all(session, person.id, lesson.id, now=at)
    assert outcome.completed
    assert awarded(outcome) == AWARDS
    assert [(one.right, one.answer, one.why) for one in graded] == [(True, (1,), "因为乙对。")] * 2
    assert await balances(session, person.id) == {"credit": 2, "points": 4}
    assert (outcome.study.completed_at, outcome.study.completed_on) == (at, date(2026, 11, 23))


async def test_answers_first_then_time(session: AsyncSession) -> None:
    person, lesson = await make_person(session), await make_lesson(session)
    outcome, _ = await answer_all(session, person.id, lesson.id, now=NOW)
    assert (outcome.passed, outcome.completed, outcome.awards) == (True, False, [])
    almost, at = await read_for(session, person.id, lesson.id, seconds=59, since=NOW)
    assert not almost.completed
    outcome = await beat(session, person_id=person.id, lesson_id=lesson.id, now=at + SECOND)
    assert outcome.completed
    assert awarded(outcome) == AWARDS
    again = await beat(session, person_id=person.id, lesson_id=lesson.id, now=at + 15 * SECOND)
    assert (again.completed, again.awards, again.counted_seconds) == (True, [], 0)
    assert await balances(session, person.id) == {"credit": 2, "points": 4}
    assert (await audit(session)).findings == []


async def test_time_beyond_what_is_asked_earns_nothing(session: AsyncSession) -> None:
    person, lesson = await make_person(session), await make_lesson(session, seconds=360)
    _, at = await read_for(session, person.id, lesson.id, seconds=900, since=NOW)
    outcome, _ = await answer_all(session, person.id, lesson.id, now=at)
    assert awarded(outcome)[0] == ("lesson.credit", 10)


async def test_only_the_first_attempt_is_a_first_try(session: AsyncSession) -> None:
    person, lesson = await make_person(session), await make_lesson(session)
    _, at = await read_for(session, person.id, lesson.id, seconds=60, since=NOW)
    failed, graded = await answer_all(session, person.id, lesson.id, right=False, now=at)
    assert (failed.passed, failed.completed) == (False, False)
    assert [(one.right, one.answer, one.why) for one in graded] == [(False, None, None)] * 2
    with pytest.raises(TryAgainLater):
        await answer_all(session, person.id, lesson.id, now=at + 14 * SECOND)
    outcome, _ = await answer_all(session, person.id, lesson.id, now=at + 15 * SECOND)
    assert awarded(outcome) == [one for one in AWARDS if one[0] != "questions.first_try"]
    codes = {honour.code for honour in outcome.honours}
    assert codes == {"badge.first_lesson"}, "no badge for full marks"


async def test_a_question_left_out_is_wrong(session: AsyncSession) -> None:
    person, lesson = await make_person(session), await make_lesson(session)
    keys = await content.get_answer_key(session, version_id=lesson.current_id or 0)
    outcome = await answer(
        session,
        person_id=person.id,
        lesson_id=lesson.id,
        answers={keys[1].question_id: [1]},
        now=NOW,
    )
    assert not outcome.passed
    assert [(one.right, one.answer) for one in outcome.results] == [
        (False, None),
        (True, (1,)),
    ]
    attempt = (await session.scalars(select(Attempt))).one()
    assert (attempt.right, attempt.answers) == (1, {str(keys[1].question_id): [1]})


async def test_nonsense_is_refused_and_is_no_attempt(session: AsyncSession) -> None:
    person, lesson = await make_person(session), await make_lesson(session)
    other = await make_lesson(session)
    (theirs, _) = await content.get_answer_key(session, version_id=other.current_id or 0)
    (mine, _) = await content.get_answer_key(session, version_id=lesson.current_id or 0)
    for answers, error in (
        ({theirs.question_id: [1]}, UnknownQuestion),
        ({mine.question_id: [7]}, BadAnswer),
    ):
        with pytest.raises(error):
            await answer(
                session, person_id=person.id, lesson_id=lesson.id, answers=answers, now=NOW
            )
    assert await session.scalar(select(func.count()).select_from(Attempt)) == 0


async def test_a_lesson_without_questions_needs_only_time(session: AsyncSession) -> None:
    person, lesson = await make_person(session), await make_lesson(session, questions=0)
    outcome, _ = await read_for(session, person.id, lesson.id, seconds=60, since=NOW)
    assert outcome.completed
    assert awarded(outcome) == [one for one in AWARDS if one[0] != "questions.first_try"]


async def test_no_answers_to_no_questions_are_refused(session: AsyncSession) -> None:
    """Else an empty answer would be a first try that is all right."""
    person, lesson = await make_person(session), await make_lesson(session, questions=0)
    with pytest.raises(NoQuestions):
        await answer(session, person_id=person.id, lesson_id=lesson.id, answers={}, now=NOW)
    outcome, _ = await read_for(session, person.id, lesson.id, seconds=60, since=NOW)
    assert {honour.code for honour in outcome.honours} == {"badge.first_lesson"}


async def test_the_daily_cap_of_points_is_reached_and_says_so(session: AsyncSession) -> None:
    person, at = await make_person(session), NOW
    outcomes = []
    for _ in range(5):
        lesson = await make_lesson(session)
        outcome, at = await complete_lesson(session, person.id, lesson.id, now=at + HOUR)
        outcomes.append(outcome)
    points = [dict(awarded(outcome))["lesson.points"] for outcome in outcomes]
    first_try = [dict(awarded(outcome))["questions.first_try"] for outcome in outcomes]
    assert points == [2, 2, 2, 0, 0]
    assert first_try == [1, 1, 1, 0, 0]
    assert ["day.learned" in dict(awarded(outcome)) for outcome in outcomes] == [
        True, False, False, False, False,
    ]  # fmt: skip
    capped = outcomes[3].awards[1]
    assert (capped.transfer, capped.grant.bound_by, capped.grant.cap) == (None, "day", 6)
    assert await balances(session, person.id) == {"credit": 10, "points": 10}
    # The next civil day has room again.
    tomorrow = datetime(2026, 11, 24, 0, 0, tzinfo=UTC)
    lesson = await make_lesson(session)
    outcome, _ = await complete_lesson(session, person.id, lesson.id, now=tomorrow)
    assert awarded(outcome) == AWARDS
    assert (await audit(session)).findings == []


async def test_a_completion_after_midnight_is_of_the_new_day(session: AsyncSession) -> None:
    person, lesson = await make_person(session), await make_lesson(session)
    before_midnight = datetime(2026, 11, 23, 15, 59, 30, tzinfo=UTC)
    outcome, _ = await complete_lesson(session, person.id, lesson.id, now=before_midnight)
    assert outcome.study.completed_on == date(2026, 11, 24)
    days = await session.scalars(select(Transfer.local_day).distinct())
    assert days.all() == [date(2026, 11, 24)]
    assert (await audit(session)).findings == []


async def test_honours_are_granted_once_with_one_letter(session: AsyncSession) -> None:
    person = await make_person(session)
    lesson = await make_lesson(session, seconds=360)
    outcome, at = await complete_lesson(session, person.id, lesson.id, now=NOW)
    assert [honour.code for honour in outcome.honours] == [
        "title.2",
        "badge.first_lesson",
        "badge.first_full_marks",
    ]
    (letter,) = (await session.scalars(select(Letter))).all()
    assert (letter.person_id, letter.kind, letter.state) == (person.id, "honour", "waiting")
    assert all(word in letter.text for word in ("识善", "开卷有益", "首次满分"))
    second = await make_lesson(session)
    outcome, _ = await complete_lesson(session, person.id, second.id, now=at + HOUR)
    assert outcome.honours == []
    assert await session.scalar(select(func.count()).select_from(Letter)) == 1
    assert await session.scalar(select(func.count()).select_from(Honour)) == 3


async def test_seven_days_in_a_row_earn_a_badge(session: AsyncSession) -> None:
    person = await make_person(session)
    granted = []
    for day in range(7):
        lesson = await make_lesson(session)
        at = NOW + timedelta(days=day)
        outcome, _ = await complete_lesson(session, person.id, lesson.id, now=at)
        granted.append([one.code for one in outcome.honours if "streak" in one.code])
    assert granted == [[]] * 6 + [["badge.streak_7"]]


async def test_credit_carries_the_village_and_the_unit_of_the_moment(
    session: AsyncSession,
) -> None:
    town = await make_town(session)
    person = await make_person(session, home=town.group, unit=town.school)
    lesson = await make_lesson(session)
    await complete_lesson(session, person.id, lesson.id, now=NOW)
    stamps = await session.execute(select(Transfer.village_id, Transfer.unit_id).distinct())
    assert [tuple(stamp) for stamp in stamps] == [(town.west.id, town.school.id)]


@pytest.mark.usefixtures("database")
async def test_many_last_beats_at_once_book_once() -> None:
    async with transaction() as session:
        person, lesson = await make_person(session), await make_lesson(session, seconds=30)
        await answer_all(session, person.id, lesson.id, now=NOW)
        await read_for(session, person.id, lesson.id, seconds=20, since=NOW)

    async def last_beat(milliseconds: int) -> Outcome:
        at = NOW + 31 * SECOND + timedelta(milliseconds=milliseconds)
        async with transaction() as session:
            return await beat(session, person_id=person.id, lesson_id=lesson.id, now=at)

    outcomes = await asyncio.gather(*(last_beat(index) for index in range(20)))
    assert all(outcome.completed for outcome in outcomes)
    assert sum(bool(outcome.awards) for outcome in outcomes) == 1
    async with transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Transfer)) == 4
        assert (await audit(session)).findings == []
