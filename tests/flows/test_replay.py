"""What other rules would have paid."""

from dataclasses import replace
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.models import Transfer
from app.credit_bank.queries import list_rules
from app.flows.replay import Replayed, replay
from tests.factories.content import make_lesson
from tests.factories.learning import answer_all, complete_lesson, read_for
from tests.factories.people import NOW, make_person

SINCE, UNTIL = date(2026, 11, 23), date(2026, 11, 26)
NOTHING = Replayed(awards=0, amount=0, capped_to_zero=0)


async def some_learning(session: AsyncSession) -> None:
    """Two persons on three days, four lessons on the first, so that caps bind."""
    lessons = [await make_lesson(session, seconds=seconds) for seconds in (60, 90, 30, 61)]
    for _ in range(2):
        person, at = await make_person(session), NOW
        for lesson in lessons:
            _, at = await complete_lesson(
                session, person.id, lesson.id, now=at + timedelta(hours=1)
            )
        slow = await make_lesson(session)
        tomorrow = NOW + timedelta(days=1)
        await answer_all(session, person.id, slow.id, right=False, now=tomorrow)
        await answer_all(session, person.id, slow.id, now=tomorrow + timedelta(minutes=1))
        await read_for(session, person.id, slow.id, seconds=90, since=tomorrow)
        await complete_lesson(
            session, person.id, (await make_lesson(session)).id, now=NOW + timedelta(days=2)
        )


async def booked(session: AsyncSession) -> dict[str, tuple[int, int]]:
    rows = await session.execute(
        select(Transfer.rule_code, func.count(), func.sum(Transfer.amount))
        .where(Transfer.kind == "award")
        .group_by(Transfer.rule_code)
    )
    return {str(code): (number, int(amount)) for code, number, amount in rows}


async def test_the_same_rules_would_have_paid_the_same(session: AsyncSession) -> None:
    await some_learning(session)
    found = await replay(session, versions=await list_rules(session), since=SINCE, until=UNTIL)
    paid = {code: (one.awards, one.amount) for code, one in found.items()}
    assert paid == await booked(session)
    # Four lessons on the first day, three of them under the cap of 6 points; for two persons.
    assert found["lesson.points"] == Replayed(awards=10, amount=20, capped_to_zero=2)
    # What is paid once a day is not asked for again: no cap needs to stop it.
    assert found["day.learned"] == Replayed(awards=6, amount=6, capped_to_zero=0)
    assert found["questions.first_try"] == Replayed(awards=8, amount=8, capped_to_zero=2)


async def test_another_rule_pays_another_amount_and_books_nothing(session: AsyncSession) -> None:
    await some_learning(session)
    before = await booked(session)
    versions = [
        replace(rule, formula={"kind": "fixed", "amount": 5}, daily_cap=12)
        for rule in await list_rules(session)
        if rule.code == "lesson.points"
    ]
    found = await replay(session, versions=versions, since=SINCE, until=UNTIL)
    # A day: 5 + 5 + 2, then nothing.
    assert found == {"lesson.points": Replayed(awards=10, amount=44, capped_to_zero=2)}
    assert await booked(session) == before


async def test_only_the_span_is_replayed(session: AsyncSession) -> None:
    await some_learning(session)
    rules = await list_rules(session)
    day = timedelta(days=1)
    for since, until, awards in (
        (SINCE, SINCE, 0),
        (SINCE, SINCE + day, 6),
        (SINCE + day, UNTIL, 4),
        (UNTIL, UNTIL + 9 * day, 0),
    ):
        found = await replay(session, versions=rules, since=since, until=until)
        assert found.get("lesson.points", NOTHING).awards == awards


async def test_a_rule_not_yet_valid_pays_nothing(session: AsyncSession) -> None:
    await some_learning(session)
    versions = [replace(rule, valid_from=date(2026, 11, 24)) for rule in await list_rules(session)]
    found = await replay(session, versions=versions, since=SINCE, until=UNTIL)
    assert found["lesson.points"].awards == 4
