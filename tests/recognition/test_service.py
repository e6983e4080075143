"""Granting honours, exactly once each."""

import asyncio
from datetime import date, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.recognition import service
from app.recognition.models import Honour
from app.recognition.rules import Record
from app.recognition.service import Deserving
from tests.factories.people import NOW, make_person

LEARNED = Record(earned=12, completed=1, full_marks=False, streak=1)


async def grant(session: AsyncSession, person_id: int, record: Record = LEARNED) -> list[str]:
    granted = await service.grant_all(session, [Deserving(person_id, record, "study:1", NOW)])
    return [honour.code for honour in granted[person_id]]


async def test_an_honour_is_granted_once_and_never_taken_away(session: AsyncSession) -> None:
    person, other = await make_person(session), await make_person(session)
    assert await grant(session, person.id) == ["title.2", "badge.first_lesson"]
    assert await grant(session, person.id) == []
    more = Record(earned=60, completed=9, full_marks=True, streak=2)
    assert await grant(session, person.id, more) == ["title.3", "badge.first_full_marks"]
    less = Record(earned=-5, completed=0, full_marks=False, streak=0)
    assert await grant(session, person.id, less) == []
    held = await service.list_honours(session, person_id=person.id)
    assert [honour.code for honour in held] == [
        "badge.first_full_marks",
        "title.3",
        "badge.first_lesson",
        "title.2",
    ]
    assert await grant(session, other.id) == ["title.2", "badge.first_lesson"]


async def test_an_honour_names_its_day_and_evidence(session: AsyncSession) -> None:
    person = await make_person(session)
    late = NOW + timedelta(hours=14)  # 16:00 UTC: the next day in town
    granted = await service.grant_all(session, [Deserving(person.id, LEARNED, "study:5", late)])
    (title, _) = granted[person.id]
    assert (title.kind, title.name, title.evidence) == ("title", "识善", "study:5")
    assert (title.granted_at, title.granted_on) == (late, date(2026, 11, 24))


@pytest.mark.usefixtures("database")
async def test_many_at_once_grant_once() -> None:
    async with transaction() as session:
        person_id = (await make_person(session)).id

    async def work() -> list[str]:
        async with transaction() as session:
            return await grant(session, person_id)

    granted = await asyncio.gather(*(work() for _ in range(12)))
    assert sorted(code for codes in granted for code in codes) == ["badge.first_lesson", "title.2"]
    async with transaction() as session:
        held: list[Honour] = await service.list_honours(session, person_id=person_id)
    assert len(held) == 2
