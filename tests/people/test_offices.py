from datetime import date, timedelta

import pytest
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.errors import (
    OfficeAlreadyEnded,
    OfficeAlreadyHeld,
    OfficeClaimed,
    OfficeNotFound,
    OrganisationNotFound,
    PersonNotFound,
    RoleUnknown,
    TermUnsuitable,
)
from app.people.models import Office
from app.people.offices import actor_of, end, grant, roles_of
from app.people.policy import can_administer, can_tutor
from app.people.queries import lineage_of, org_by_code
from tests.people.factories import NOW, TODAY, make_office, make_person, make_town

DAY = timedelta(days=1)


async def held(session: AsyncSession, person_id: int, day: date) -> list[str]:
    return [view.role for view in await roles_of(session, person_id=person_id, day=day)]


async def test_an_office_runs_from_its_first_day_to_before_its_end(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    await make_office(session, person, "tutor", "T-1", until_on=TODAY + 2 * DAY)
    days = [TODAY + n * DAY for n in (-1, 0, 1, 2)]
    assert [await held(session, person.id, day) for day in days] == [[], ["tutor"], ["tutor"], []]


async def test_a_view_tells_where_and_as_what(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    office = await make_office(session, person, "admin", "T", title="组长")
    (view,) = await roles_of(session, person_id=person.id, day=TODAY)
    assert (view.office_id, view.role, view.org_code, view.org_name, view.title) == (
        office.id,
        "admin",
        "T",
        "双槐镇",
        "组长",
    )


async def test_one_person_holds_several_offices(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    await make_office(session, person, "admin", "T-S", title="副组长")
    await make_office(session, person, "volunteer", "T", title="团长")
    await make_office(session, person, "tutor", "T-1")
    assert await held(session, person.id, TODAY) == ["admin", "volunteer", "tutor"]
    actor = await actor_of(session, person_id=person.id, day=TODAY)
    lineages = {
        code: await lineage_of(session, (await org_by_code(session, code)).id)
        for code in ("T", "T-1", "T-1-F", "T-2", "T-S")
    }
    assert [code for code, path in lineages.items() if can_tutor(actor, path)] == [
        "T-1",
        "T-1-F",
        "T-S",
    ]
    assert [code for code, path in lineages.items() if can_administer(actor, path)] == ["T-S"]


async def test_the_same_grant_again_is_the_same_office(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    first = await make_office(session, person, "tutor", "T-1")
    assert (await make_office(session, person, "tutor", "T-1")).id == first.id
    with pytest.raises(OfficeAlreadyHeld):
        await make_office(session, person, "tutor", "T-1", title="支部书记")
    with pytest.raises(OfficeAlreadyHeld):
        await make_office(session, person, "tutor", "T-1", until_on=TODAY + DAY)
    await end(session, office_id=first.id, on=TODAY, reason="换届", now=NOW)
    assert (await make_office(session, person, "tutor", "T-1")).id != first.id


async def test_the_database_itself_refuses_a_second_open_office(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    first = await make_office(session, person, "tutor", "T-1")
    facts = {"person_id": person.id, "role": "tutor", "org_id": first.org_id, "since_on": TODAY}
    session.add(Office(**facts, granted_at=NOW))
    with pytest.raises(IntegrityError, match="office_open_key"):
        await session.flush()


async def test_refused_grants(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)

    async def attempt(person_id: int, role: str, org_code: str, by_id: int | None = None) -> None:
        await grant(
            session,
            person_id=person_id,
            role=role,
            org_code=org_code,
            granted_by_id=by_id,
            since_on=TODAY,
            now=NOW,
        )

    with pytest.raises(RoleUnknown):
        await attempt(person.id, "emperor", "T")
    with pytest.raises(OrganisationNotFound):
        await attempt(person.id, "tutor", "nowhere")
    with pytest.raises(PersonNotFound):
        await attempt(4711, "tutor", "T")
    with pytest.raises(OfficeClaimed):
        await attempt(person.id, "admin", "T", person.id)
    with pytest.raises(TermUnsuitable):
        await make_office(session, person, "tutor", "T", until_on=TODAY)
    assert await held(session, person.id, TODAY) == []


async def test_an_end_is_final(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    office = await make_office(session, person, "editor", "T")
    await end(session, office_id=office.id, on=TODAY + DAY, reason="调离", now=NOW)
    assert await held(session, person.id, TODAY) == ["editor"]
    assert await held(session, person.id, TODAY + DAY) == []
    again = await end(session, office_id=office.id, on=TODAY + DAY, reason="调离", now=NOW)
    assert again.id == office.id
    with pytest.raises(OfficeAlreadyEnded):
        await end(session, office_id=office.id, on=TODAY + 2 * DAY, reason="调离", now=NOW)
    with pytest.raises(OfficeNotFound):
        await end(session, office_id=4711, on=TODAY, reason="调离", now=NOW)


async def test_a_term_may_be_cut_short_or_never_begin(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    office = await make_office(session, person, "lecturer", "T", until_on=TODAY + 30 * DAY)
    await end(session, office_id=office.id, on=TODAY - DAY, reason="误授", now=NOW)
    assert office.until_on == office.since_on == TODAY
    assert await held(session, person.id, TODAY) == []
