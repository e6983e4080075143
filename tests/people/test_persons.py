import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.errors import (
    IdentityTaken,
)
from app.people.models import Identity, Person
from app.people.persons import (
    attach,
    follow,
    person_of,
    unfollow,
)
from app.people.queries import (
    find_person_by_identity,
    list_identities,
)
from app.people.senders import touch
from tests.people.factories import APP, DAY, MINI, NOW, make_identity, make_person


async def count(session: AsyncSession, table: type[Person | Identity]) -> int:
    return await session.scalar(select(func.count()).select_from(table)) or 0


async def test_the_first_contact_makes_a_person_and_the_next_finds_it(
    session: AsyncSession,
) -> None:
    first = await person_of(session, appid=APP, openid="o-1", now=NOW)
    again = await person_of(session, appid=APP, openid="o-1", now=NOW + DAY)
    assert (first.is_new, again.is_new) == (True, False)
    assert again.person is first.person
    assert first.person.created_at == NOW
    assert await find_person_by_identity(session, appid=APP, openid="o-1") is first.person
    assert await find_person_by_identity(session, appid=MINI, openid="o-1") is None


async def test_the_same_openid_of_another_account_is_somebody_else(session: AsyncSession) -> None:
    one = await person_of(session, appid=APP, openid="o-1", now=NOW)
    other = await person_of(session, appid=MINI, openid="o-1", now=NOW)
    assert one.person.id != other.person.id


async def test_a_known_unionid_leads_to_its_person_at_once(session: AsyncSession) -> None:
    one = await person_of(session, appid=APP, openid="o-1", unionid="u", now=NOW)
    other = await person_of(session, appid=MINI, openid="m-1", unionid="u", now=NOW)
    assert other.person is one.person
    assert (other.is_new, other.merged) == (False, None)
    assert len(await list_identities(session, one.person.id)) == 2
    assert await count(session, Person) == 1


@pytest.mark.parametrize("late", [APP, MINI])
async def test_a_late_unionid_joins_the_younger_into_the_older(
    session: AsyncSession, late: str
) -> None:
    older = await person_of(session, appid=APP, openid="o", now=NOW)
    younger = await person_of(session, appid=MINI, openid="m", now=NOW + DAY)
    contacts = [(APP, "o"), (MINI, "m")]
    contacts.sort(key=lambda contact: contact[0] == late)
    results = [
        await person_of(session, appid=appid, openid=openid, unionid="u", now=NOW + 2 * DAY)
        for appid, openid in contacts
    ]
    assert results[0].merged is None
    made = results[1].merged
    assert made is not None
    assert (made.kept_id, made.merged_id) == (older.person.id, younger.person.id)
    assert made.ordered_by_id is None
    assert results[1].person.id == results[1].identity.person_id == older.person.id
    assert younger.person.merged_into_id == older.person.id
    again = await person_of(session, appid=MINI, openid="m", unionid="u", now=NOW + 3 * DAY)
    assert (again.person.id, again.merged) == (older.person.id, None)


async def test_a_login_without_unionid_forgets_none(session: AsyncSession) -> None:
    await person_of(session, appid=APP, openid="o", unionid="u", now=NOW)
    later = await person_of(session, appid=APP, openid="o", now=NOW + DAY)
    assert later.identity.unionid == "u"


async def test_following_and_unfollowing(session: AsyncSession) -> None:
    identity = await make_identity(session, "o")
    assert await follow(session, identity_id=identity.id, now=NOW)
    assert not await follow(session, identity_id=identity.id, now=NOW + DAY)
    await session.refresh(identity)
    assert (identity.subscribed, identity.subscribed_at) == (True, NOW)
    # A follow opens a minute, not the 48 hours of a message.
    assert identity.last_seen_at is None
    assert await unfollow(session, identity_id=identity.id, now=NOW + 2 * DAY)
    assert not await unfollow(session, identity_id=identity.id, now=NOW + 3 * DAY)
    await session.refresh(identity)
    assert (identity.subscribed, identity.unsubscribed_at) == (False, NOW + 2 * DAY)


async def test_an_event_that_arrives_late_changes_nothing(session: AsyncSession) -> None:
    identity = await make_identity(session, "o")
    await follow(session, identity_id=identity.id, now=NOW)
    await unfollow(session, identity_id=identity.id, now=NOW + 2 * DAY)
    assert not await follow(session, identity_id=identity.id, now=NOW + DAY)
    await follow(session, identity_id=identity.id, now=NOW + 4 * DAY)
    assert not await unfollow(session, identity_id=identity.id, now=NOW + 3 * DAY)
    await session.refresh(identity)
    assert identity.subscribed


async def test_the_last_act_only_moves_forwards(session: AsyncSession) -> None:
    identity = await make_identity(session, "o")
    assert identity.last_seen_at is None
    for instant in (NOW, NOW + DAY, NOW):
        await touch(session, seen={identity.id: instant})
    await session.refresh(identity)
    assert identity.last_seen_at == NOW + DAY


async def test_a_person_gets_one_more_name_elsewhere_and_nobody_takes_it_over(
    session: AsyncSession,
) -> None:
    one, other = await make_person(session), await make_person(session, "o-other")
    for _ in range(2):
        await attach(session, person_id=one.id, appid="corp", openid="zhang", now=NOW)
    found = await find_person_by_identity(session, appid="corp", openid="zhang")
    assert found is not None
    assert found.id == one.id
    with pytest.raises(IdentityTaken):
        await attach(session, person_id=other.id, appid="corp", openid="zhang", now=NOW)
