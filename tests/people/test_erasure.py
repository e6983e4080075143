import json

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import consents, tokens
from app.people.erasure import erase, export
from app.people.merging import merge
from app.people.models import Consent, Identity, Merge, Office, Person, Session
from app.people.offices import roles_of
from app.people.persons import declare, person_of
from app.people.queries import list_identities
from tests.people.factories import (
    APP,
    DAY,
    NOW,
    TODAY,
    make_office,
    make_person,
    make_town,
)


async def make_full_life(session: AsyncSession) -> tuple[Person, Person]:
    """A person with everything these tables hold, made of two; returned are (kept, merged)."""
    await make_town(session)
    kept, merged = await make_person(session, "o-kept"), await make_person(session, "o-merged")
    for person, name in ((kept, "张三丰"), (merged, "欧阳修文")):
        await declare(
            session,
            person_id=person.id,
            name=name,
            org_code="T-1",
            unit_code="T-S",
            rank_visible=True,
            now=NOW,
        )
        await make_office(session, person, "tutor", "T-1", title="支部书记")
        await tokens.issue(session, person_id=person.id, now=NOW)
        await consents.give(
            session,
            person_id=person.id,
            purpose="service",
            version=1,
            guardian_note="同意书存村委会",
            now=NOW,
        )
    kept.birth_year = 1960
    await merge(
        session,
        kept_id=kept.id,
        merged_id=merged.id,
        reason="张三丰本人到窗口说明",
        ordered_by_id=None,
        now=NOW,
    )
    return kept, merged


SECRETS = ("张三丰", "欧阳修文", "1960", "o-kept", "o-merged", "支部书记", "村委会")


async def test_everything_held_is_handed_out(session: AsyncSession) -> None:
    kept, merged = await make_full_life(session)
    for person_id in (kept.id, merged.id):
        everything = await export(session, person_id=person_id)
        text = json.dumps(everything, ensure_ascii=False)
        assert all(secret in text for secret in (*SECRETS, "文坪村", "渭溪中学"))
        assert "digest" not in text
        assert {key: len(value) for key, value in everything.items() if key != "person_id"} == {
            "persons": 2,
            "organisations": 2,
            "identities": 2,
            "offices": 2,
            "consents": 4,
            "merges": 1,
            "sessions": 2,
            "sign_in_tickets": 0,
            "staff_acts": 0,
        }


async def test_what_tells_who_it_was_is_gone_and_the_id_stays(session: AsyncSession) -> None:
    kept, merged = await make_full_life(session)
    erased = await erase(session, person_id=merged.id, now=NOW + DAY)
    assert erased.id == kept.id
    for table in (Identity, Session):
        assert (await session.scalars(select(table))).all() == []
    session.expunge_all()
    text = json.dumps(await export(session, person_id=kept.id), ensure_ascii=False)
    assert not any(secret in text for secret in SECRETS)
    for person in await session.scalars(select(Person)):
        assert person.erased_at == NOW + DAY
        assert not person.rank_visible
        assert {person.name, person.org_id, person.unit_id, person.birth_year} == {None}
    for consent in await session.scalars(select(Consent)):
        assert consent.withdrawn_at == NOW + DAY
    for office in await session.scalars(select(Office)):
        assert office.until_on == TODAY + DAY
    assert await roles_of(session, person_id=kept.id, day=TODAY + DAY) == []


async def test_a_second_erasure_changes_nothing(session: AsyncSession) -> None:
    kept, _ = await make_full_life(session)
    await erase(session, person_id=kept.id, now=NOW)
    first = await export(session, person_id=kept.id)
    await erase(session, person_id=kept.id, now=NOW + DAY)
    session.expunge_all()
    assert await export(session, person_id=kept.id) == first


async def test_others_are_left_alone(session: AsyncSession) -> None:
    other = await make_person(session, "o-other")
    await tokens.issue(session, person_id=other.id, now=NOW)
    before = await export(session, person_id=other.id)
    kept, _ = await make_full_life(session)
    await erase(session, person_id=kept.id, now=NOW)
    assert await export(session, person_id=other.id) == before


async def test_who_comes_back_is_somebody_new(session: AsyncSession) -> None:
    kept, _ = await make_full_life(session)
    await erase(session, person_id=kept.id, now=NOW)
    back = await person_of(session, appid=APP, openid="o-kept", now=NOW + DAY)
    assert back.is_new
    assert back.person.id != kept.id
    assert len(await list_identities(session, back.person.id)) == 1


async def test_a_fixed_term_that_ended_keeps_its_end(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    office = await make_office(session, person, "tutor", "T-1", until_on=TODAY + DAY)
    await erase(session, person_id=person.id, now=NOW + 9 * DAY)
    await session.refresh(office)
    assert (office.until_on, office.ended_reason) == (TODAY + DAY, None)


async def test_a_term_that_has_not_begun_becomes_empty(session: AsyncSession) -> None:
    await make_town(session)
    person = await make_person(session)
    office = await make_office(session, person, "tutor", "T-1")
    await erase(session, person_id=person.id, now=NOW - 9 * DAY)
    await session.refresh(office)
    assert office.until_on == office.since_on == TODAY
    assert office.ended_reason == "本人注销"


async def test_the_merge_keeps_its_ids_and_loses_its_words(session: AsyncSession) -> None:
    kept, merged = await make_full_life(session)
    await erase(session, person_id=kept.id, now=NOW)
    made = (await session.scalars(select(Merge))).one()
    await session.refresh(made)
    assert (made.kept_id, made.merged_id, made.reason) == (kept.id, merged.id, "本人注销")
