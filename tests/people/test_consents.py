from datetime import timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.consents import (
    PURPOSES,
    current,
    give,
    list_consents,
    record_birth_year,
    withdraw,
)
from app.people.errors import (
    BirthYearUnsuitable,
    ConsentOutdated,
    GuardianNeeded,
    GuardianUnsuitable,
    PurposeUnknown,
)
from app.people.models import Consent, Person
from app.people.persons import declare
from tests.people.factories import NOW, make_person

LATER = NOW + timedelta(days=1)


async def agree(
    session: AsyncSession,
    person: Person,
    purpose: str = "ranking",
    *,
    guardian: Person | None = None,
    note: str | None = None,
) -> Consent:
    return await give(
        session,
        person_id=person.id,
        purpose=purpose,
        version=1,
        guardian_id=None if guardian is None else guardian.id,
        guardian_note=note,
        now=NOW,
    )


@pytest.mark.parametrize("purpose", list(PURPOSES))
async def test_a_consent_is_given_once_and_taken_back(session: AsyncSession, purpose: str) -> None:
    person = await make_person(session)
    given = await agree(session, person, purpose)
    assert (await agree(session, person, purpose)).id == given.id
    assert person.rank_visible is (purpose == "ranking")
    await withdraw(session, person_id=person.id, purpose=purpose, now=LATER)
    await withdraw(session, person_id=person.id, purpose=purpose, now=LATER)
    assert await current(session, person_id=person.id, purpose=purpose) is None
    assert not person.rank_visible
    await session.refresh(given)
    assert given.withdrawn_at == LATER
    assert (await agree(session, person, purpose)).id != given.id
    assert len(await list_consents(session, person_id=person.id)) == 2


async def test_one_purpose_says_nothing_about_another(session: AsyncSession) -> None:
    person = await make_person(session)
    await agree(session, person, "ranking")
    await agree(session, person, "service")
    await withdraw(session, person_id=person.id, purpose="service", now=LATER)
    assert person.rank_visible
    assert await current(session, person_id=person.id, purpose="ranking") is not None


async def test_an_old_version_stays_visible_until_the_new_one_is_given(
    session: AsyncSession,
) -> None:
    person = await make_person(session)
    old = Consent(person_id=person.id, purpose="notices", version=0, given_at=NOW)
    session.add(old)
    await session.flush()
    found = await current(session, person_id=person.id, purpose="notices")
    assert found is old
    given = await agree(session, person, "notices")
    assert await current(session, person_id=person.id, purpose="notices") is given
    await withdraw(session, person_id=person.id, purpose="notices", now=LATER)
    assert await current(session, person_id=person.id, purpose="notices") is None


async def test_what_nobody_can_agree_to(session: AsyncSession) -> None:
    person = await make_person(session)
    with pytest.raises(PurposeUnknown):
        await agree(session, person, "advertising")
    with pytest.raises(PurposeUnknown):
        await withdraw(session, person_id=person.id, purpose="advertising", now=NOW)
    with pytest.raises(ConsentOutdated):
        await give(session, person_id=person.id, purpose="service", version=0, now=NOW)


@pytest.mark.parametrize("purpose", list(PURPOSES))
async def test_for_a_child_the_guardian_agrees(session: AsyncSession, purpose: str) -> None:
    child, parent = await make_person(session, "c", birth_year=2015), await make_person(session)
    with pytest.raises(GuardianNeeded):
        await agree(session, child, purpose)
    given = await agree(session, child, purpose, guardian=parent)
    assert given.guardian_id == parent.id
    assert (await agree(session, child, purpose)).id == given.id
    other = await make_person(session, "d", birth_year=2015)
    given = await agree(session, other, purpose, note="同意书存渭溪中学档案室")
    assert given.guardian_note is not None


async def test_who_is_no_guardian(session: AsyncSession) -> None:
    child = await make_person(session, "c", birth_year=2015)
    sibling = await make_person(session, "d", birth_year=2014)
    for guardian in (child, sibling):
        with pytest.raises(GuardianUnsuitable):
            await agree(session, child, guardian=guardian)
    for note in ("", "  ", "长" * 201, "父亲电话 13800138000"):
        with pytest.raises(GuardianUnsuitable):
            await agree(session, child, note=note)
    with pytest.raises(GuardianUnsuitable):
        await give(
            session, person_id=child.id, purpose="service", version=1, guardian_id=4711, now=NOW
        )
    assert not child.rank_visible


async def test_a_child_enrolled_later_leaves_the_rankings_until_a_guardian_agrees(
    session: AsyncSession,
) -> None:
    child, parent = await make_person(session, "c"), await make_person(session)
    await declare(session, person_id=child.id, rank_visible=True, now=NOW)
    await record_birth_year(session, person_id=child.id, birth_year=2015, now=NOW)
    assert (child.birth_year, child.rank_visible) == (2015, False)
    await agree(session, child, guardian=parent)
    await record_birth_year(session, person_id=child.id, birth_year=2014, now=NOW)
    assert child.rank_visible


async def test_a_childs_own_consent_is_replaced_by_the_guardians(session: AsyncSession) -> None:
    child, parent = await make_person(session, "c"), await make_person(session)
    own = await agree(session, child, "service")
    await record_birth_year(session, person_id=child.id, birth_year=2015, now=NOW)
    with pytest.raises(GuardianNeeded):
        await agree(session, child, "service")
    given = await agree(session, child, "service", guardian=parent)
    assert given.id != own.id
    assert own.withdrawn_at == NOW


@pytest.mark.parametrize("year", [1899, 2027, -1])
async def test_an_impossible_birth_year(session: AsyncSession, year: int) -> None:
    person = await make_person(session)
    with pytest.raises(BirthYearUnsuitable):
        await record_birth_year(session, person_id=person.id, birth_year=year, now=NOW)
