"""What people say of themselves, what a tutor corrects, and where they stand by it."""

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import consents, staff_acts
from app.people.erasure import erase
from app.people.errors import (
    AlreadyMerged,
    GuardianNeeded,
    NameUnsuitable,
    OrganisationNotFound,
    OrganisationUnsuitable,
    PersonErased,
    PersonNotFound,
    ReasonNotFit,
)
from app.people.merging import merge
from app.people.persons import (
    Declaration,
    correct_village,
    declare,
)
from app.people.queries import (
    Stamp,
    get_person,
    lineage_of_person,
    org_by_code,
    residential_org,
    shown_org,
    stamp,
    unit_of,
)
from tests.people.factories import DAY, NOW, make_person, make_town


async def test_what_is_not_said_stays_and_null_takes_back(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    village = await org_by_code(session, "T-1")
    await declare(session, person_id=person.id, name=" 张三 ", org_code="T-1", now=NOW)
    await declare(session, person_id=person.id, now=NOW)
    assert (person.name, person.org_id) == ("张三", village.id)
    await declare(session, person_id=person.id, name=None, org_code=None, now=NOW)
    assert (person.name, person.org_id, person.org_stated_at) == (None, None, None)


@pytest.mark.parametrize(
    ("said", "org", "unit", "shown"),
    [
        ({"org_code": "T-1"}, "T-1", None, "T-1"),
        ({"org_code": "T-1-G"}, "T-1-G", None, "T-1-G"),
        ({"org_code": "T"}, "T", None, "T"),
        ({"org_code": "T-S"}, None, "T-S", "T-S"),
        ({"org_code": "T-1-F"}, None, "T-1-F", "T-1-F"),
        ({"unit_code": "T-D"}, None, "T-D", "T-D"),
        ({"org_code": "T-1", "unit_code": "T-D"}, "T-1", "T-D", "T-1"),
        ({"org_code": "T-1", "unit_code": None}, "T-1", None, "T-1"),
        ({"org_code": "T-S", "unit_code": "T-D"}, None, "T-D", "T-D"),
    ],
)
async def test_a_declaration_goes_where_it_belongs(
    session: AsyncSession, said: Declaration, org: str | None, unit: str | None, shown: str
) -> None:
    await make_town(session)
    person = await make_person(session)
    await declare(session, person_id=person.id, now=NOW, **said)
    expected = [code and (await org_by_code(session, code)).id for code in (org, unit)]
    assert [person.org_id, person.unit_id] == expected
    organisation = await shown_org(session, person)
    assert organisation is not None
    assert organisation.code == shown
    found = await unit_of(session, person)
    assert (found and found.code) == unit


async def test_null_takes_back_the_unit_too_if_that_is_what_was_shown(
    session: AsyncSession,
) -> None:
    await make_town(session)
    person = await make_person(session)
    await declare(session, person_id=person.id, org_code="T-S", now=NOW)
    await declare(session, person_id=person.id, org_code=None, now=NOW)
    assert await shown_org(session, person) is None
    assert await unit_of(session, person) is None


async def test_refused_declarations(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    with pytest.raises(OrganisationNotFound):
        await declare(session, person_id=person.id, org_code="nowhere", now=NOW)
    with pytest.raises(OrganisationUnsuitable):
        await declare(session, person_id=person.id, unit_code="T-1", now=NOW)
    with pytest.raises(NameUnsuitable):
        await declare(session, person_id=person.id, name="三" * 21, now=NOW)
    with pytest.raises(PersonNotFound):
        await declare(session, person_id=4711, name="张三", now=NOW)
    await erase(session, person_id=person.id, now=NOW)
    with pytest.raises(PersonErased):
        await declare(session, person_id=person.id, name="张三", now=NOW)


async def test_being_ranked_is_a_consent(session: AsyncSession) -> None:
    person = await make_person(session)
    for wish in (True, True, False, None, True):
        await declare(session, person_id=person.id, rank_visible=wish, now=NOW)
        given = await consents.current(session, person_id=person.id, purpose="ranking")
        assert person.rank_visible is bool(wish)
        assert (given is not None) is bool(wish)
    assert len(await consents.list_consents(session, person_id=person.id)) == 2


async def test_a_child_does_not_make_itself_visible(session: AsyncSession) -> None:
    child = await make_person(session, birth_year=2015)
    with pytest.raises(GuardianNeeded):
        await declare(session, person_id=child.id, rank_visible=True, now=NOW)
    assert not child.rank_visible
    await consents.give(
        session, person_id=child.id, purpose="ranking", version=1, guardian_note="村委会", now=NOW
    )
    await declare(session, person_id=child.id, rank_visible=True, now=NOW)
    assert child.rank_visible


async def test_a_tutor_corrects_the_village(session: AsyncSession) -> None:
    await make_town(session)
    person, tutor = await make_person(session), await make_person(session, "o-tutor")
    await declare(session, person_id=person.id, org_code="T-1", now=NOW)
    assert (person.org_stated_by_id, person.org_stated_at) == (None, NOW)
    said: dict[str, Any] = {"reason": "搬到了镇上", "by_id": tutor.id}
    await correct_village(session, person_id=person.id, org_code="T-2", **said, now=NOW + DAY)
    (noted,) = (await staff_acts.list_acts(session, act="person.correct_village")).items
    assert (noted.person_id, noted.facts["to_org_id"]) == (tutor.id, person.org_id)
    with pytest.raises(ReasonNotFit):
        await correct_village(
            session, person_id=person.id, org_code="T", reason="电话13800001111", by_id=1, now=NOW
        )
    assert person.org_id == (await org_by_code(session, "T-2")).id
    assert (person.org_stated_by_id, person.org_stated_at) == (tutor.id, NOW + DAY)
    await declare(session, person_id=person.id, org_code="T-2", now=NOW + 2 * DAY)
    assert person.org_stated_by_id == tutor.id
    with pytest.raises(OrganisationUnsuitable):
        await correct_village(session, person_id=person.id, org_code="T-S", **said, now=NOW)
    await merge(
        session,
        kept_id=tutor.id,
        merged_id=person.id,
        reason="同一人",
        ordered_by_id=None,
        now=NOW,
    )
    with pytest.raises(AlreadyMerged):
        await correct_village(session, person_id=person.id, org_code="T", **said, now=NOW)


@pytest.mark.parametrize(
    ("org_code", "village"),
    [(None, None), ("T", None), ("T-1", "T-1"), ("T-2", "T-2"), ("T-1-G", "T-1")],
)
async def test_a_stamp_says_village_and_unit(
    session: AsyncSession, org_code: str | None, village: str | None
) -> None:
    await make_town(session)
    person = await make_person(session)
    await declare(session, person_id=person.id, org_code=org_code, unit_code="T-S", now=NOW)
    village_id = None if village is None else (await org_by_code(session, village)).id
    unit_id = (await org_by_code(session, "T-S")).id
    assert await stamp(session, person.id) == Stamp(village_id=village_id, unit_id=unit_id)
    assert await residential_org(session, person) == village_id


async def test_a_person_stands_below_home_and_unit(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    # Nobody's neighbour is everybody's: the root of the tree answers for whom nothing is known.
    assert await lineage_of_person(session, person.id) == ((await org_by_code(session, "T")).id,)
    await declare(session, person_id=person.id, org_code="T-1", unit_code="T-S", now=NOW)
    expected = {(await org_by_code(session, code)).id for code in ("T", "T-1", "T-S")}
    found = await lineage_of_person(session, person.id)
    assert set(found) == expected
    assert len(found) == 3


async def test_nobody_has_no_stamp(session: AsyncSession) -> None:
    with pytest.raises(PersonNotFound):
        await stamp(session, 4711)
    with pytest.raises(PersonNotFound):
        await get_person(session, 4711)
