import re

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import offices, staff_acts
from tests.people.factories import NOW, TODAY, make_office, make_person, make_town

CHINESE = re.compile(r"[一-鿿]")


async def test_an_act_is_noted_with_its_request(session: AsyncSession) -> None:
    person = await make_person(session)
    with structlog.contextvars.bound_contextvars(request_id="r-1"):
        noted = await staff_acts.note(
            session,
            person_id=person.id,
            act="export.make",
            subject="organisation:1",
            facts={"rows": 3},
            now=NOW,
        )
    assert (noted.request_id, noted.facts, noted.made_at) == ("r-1", {"rows": 3}, NOW)


async def test_an_act_without_a_name_is_a_mistake_of_ours(session: AsyncSession) -> None:
    with pytest.raises(AssertionError):
        await staff_acts.note(session, person_id=None, act="mischief", subject="x:1", now=NOW)


@pytest.mark.parametrize(
    "statement",
    ["UPDATE staff_act SET act = 'x'", "DELETE FROM staff_act", "TRUNCATE staff_act"],
)
async def test_nobody_edits_the_log(session: AsyncSession, statement: str) -> None:
    await staff_acts.note(session, person_id=None, act="export.make", subject="x:1", now=NOW)
    with pytest.raises(IntegrityError, match="append-only"):
        await session.execute(text(statement))


async def test_offices_are_noted_once(session: AsyncSession) -> None:
    await make_town(session)
    boss, tutor = await make_person(session, "o-boss"), await make_person(session)
    for _ in range(2):
        office = await offices.grant(
            session,
            person_id=tutor.id,
            role="tutor",
            org_code="T-1",
            granted_by_id=boss.id,
            since_on=TODAY,
            now=NOW,
        )
    for _ in range(2):
        await offices.end(
            session,
            office_id=office.id,
            on=TODAY,
            reason="届满",
            ended_by_id=boss.id,
            now=NOW,
        )
    found = await staff_acts.list_acts(session, subject=f"person:{tutor.id}")
    assert [(one.person_id, one.act) for one in found.items] == [
        (boss.id, "office.end"),
        (boss.id, "office.grant"),
    ]


async def test_an_administrator_sees_the_acts_of_the_own_area(session: AsyncSession) -> None:
    await make_town(session)
    here, there = await make_person(session, "o-here"), await make_person(session, "o-there")
    office = await make_office(session, here, "tutor", "T-1")
    await make_office(session, there, "tutor", "T-2")
    for person in (here, there):
        await staff_acts.note(
            session, person_id=person.id, act="sign_in", subject="session:1", now=NOW
        )
    seen = await staff_acts.list_acts(session, below_org_ids=[office.org_id], act="sign_in")
    assert [one.person_id for one in seen.items] == [here.id]


def test_every_act_has_a_chinese_name() -> None:
    assert all(CHINESE.search(name) for name in staff_acts.ACTS.values())
    assert len(set(staff_acts.ACTS.values())) == len(staff_acts.ACTS)
