import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.people import consents, tokens
from app.people.erasure import erase
from app.people.errors import (
    AlreadyMerged,
    LaterMergeFirst,
    MergeAlreadyUndone,
    MergeNotFound,
    MergeWithSelf,
    PersonErased,
    PersonNotFound,
)
from app.people.merging import merge, unmerge
from app.people.models import Merge, Person
from app.people.offices import roles_of
from app.people.persons import declare, person_of
from app.people.queries import list_identities, resolve_alias
from tests.people.factories import (
    APP,
    DAY,
    MINI,
    NOW,
    TODAY,
    make_identity,
    make_office,
    make_person,
    make_town,
)


async def join(session: AsyncSession, kept: Person, merged: Person) -> Merge:
    return await merge(
        session,
        kept_id=kept.id,
        merged_id=merged.id,
        reason="窗口核实",
        ordered_by_id=None,
        now=NOW,
    )


async def openids(session: AsyncSession, person: Person) -> list[str]:
    return [identity.openid for identity in await list_identities(session, person.id)]


async def test_identities_go_over_and_come_back_exactly(session: AsyncSession) -> None:
    kept, merged = await make_person(session, "a"), await make_person(session, "b")
    made = await join(session, kept, merged)
    assert await openids(session, kept) == ["a", "b"]
    assert await resolve_alias(session, merged.id) == kept.id
    # An identity that came afterwards was never the other's.
    late = await make_identity(session, "c")
    late.person_id = kept.id
    await session.flush()
    await unmerge(session, merge_id=made.id, by_id=kept.id, now=NOW + DAY)
    assert await openids(session, kept) == ["a", "c"]
    assert await openids(session, merged) == ["b"]
    assert await resolve_alias(session, merged.id) == merged.id
    assert (made.undone_at, made.undone_by_id) == (NOW + DAY, kept.id)


async def test_refused_merges(session: AsyncSession) -> None:
    one, two, three = [await make_person(session, openid) for openid in "abc"]
    with pytest.raises(MergeWithSelf):
        await join(session, one, one)
    await join(session, one, two)
    for kept, merged in ((one, two), (two, one), (three, two), (two, three)):
        with pytest.raises(AlreadyMerged):
            await join(session, kept, merged)
    await erase(session, person_id=three.id, now=NOW)
    for kept, merged in ((one, three), (three, one)):
        with pytest.raises(PersonErased):
            await join(session, kept, merged)
    with pytest.raises(PersonNotFound):
        await merge(session, kept_id=one.id, merged_id=4711, reason="", ordered_by_id=None, now=NOW)


async def test_an_undoing_happens_once(session: AsyncSession) -> None:
    kept, merged = await make_person(session, "a"), await make_person(session, "b")
    made = await join(session, kept, merged)
    await unmerge(session, merge_id=made.id, by_id=kept.id, now=NOW)
    with pytest.raises(MergeAlreadyUndone):
        await unmerge(session, merge_id=made.id, by_id=kept.id, now=NOW)
    with pytest.raises(MergeNotFound):
        await unmerge(session, merge_id=4711, by_id=kept.id, now=NOW)
    assert (await join(session, kept, merged)).id != made.id


async def test_a_chain_is_followed_and_undone_from_its_end(session: AsyncSession) -> None:
    one, two, three = [await make_person(session, openid) for openid in "abc"]
    first = await join(session, two, one)
    second = await join(session, three, two)
    assert [await resolve_alias(session, who.id) for who in (one, two, three)] == [three.id] * 3
    assert await openids(session, three) == ["a", "b", "c"]
    with pytest.raises(LaterMergeFirst):
        await unmerge(session, merge_id=first.id, by_id=three.id, now=NOW)
    await unmerge(session, merge_id=second.id, by_id=three.id, now=NOW)
    assert await openids(session, two) == ["a", "b"]
    await unmerge(session, merge_id=first.id, by_id=three.id, now=NOW)
    assert [await openids(session, who) for who in (one, two, three)] == [["a"], ["b"], ["c"]]


async def test_nothing_is_undone_after_an_erasure(session: AsyncSession) -> None:
    kept, merged = await make_person(session, "a"), await make_person(session, "b")
    made = await join(session, kept, merged)
    await erase(session, person_id=kept.id, now=NOW)
    with pytest.raises(PersonErased):
        await unmerge(session, merge_id=made.id, by_id=kept.id, now=NOW)


async def test_declarations_fill_gaps_only_and_are_given_back(session: AsyncSession) -> None:
    await make_town(session)
    kept, merged = await make_person(session, "a"), await make_person(session, "b")
    await declare(session, person_id=kept.id, name="张三", now=NOW)
    await declare(
        session, person_id=merged.id, name="李四", org_code="T-1", unit_code="T-S", now=NOW
    )
    made = await join(session, kept, merged)
    assert made.taken == ["org_id", "unit_id"]
    assert (kept.name, kept.org_id, kept.unit_id) == ("张三", merged.org_id, merged.unit_id)
    assert kept.org_stated_at is not None
    # Said since the merge, so it stays.
    await declare(session, person_id=kept.id, unit_code="T-D", now=NOW)
    await unmerge(session, merge_id=made.id, by_id=kept.id, now=NOW)
    await session.refresh(kept)
    assert [kept.name, kept.org_id, kept.org_stated_at] == ["张三", None, None]
    assert kept.unit_id not in (None, merged.unit_id)
    assert merged.name == "李四"


async def test_a_child_found_by_a_merge_leaves_the_rankings(session: AsyncSession) -> None:
    kept = await make_person(session, "a")
    merged = await make_person(session, "b", birth_year=2016)
    await declare(session, person_id=kept.id, rank_visible=True, now=NOW)
    await join(session, kept, merged)
    assert kept.birth_year == 2016
    assert not kept.rank_visible
    assert await consents.current(session, person_id=kept.id, purpose="ranking") is None


async def test_offices_and_tokens_are_read_through_the_alias(session: AsyncSession) -> None:
    await make_town(session)
    kept, merged = await make_person(session, "a"), await make_person(session, "b")
    await make_office(session, merged, "tutor", "T-1")
    token, _ = await tokens.issue(session, person_id=merged.id, now=NOW)
    made = await join(session, kept, merged)
    assert [view.role for view in await roles_of(session, person_id=kept.id, day=TODAY)] == [
        "tutor"
    ]
    assert await tokens.authenticate(session, token=token, now=NOW) == kept.id
    await unmerge(session, merge_id=made.id, by_id=kept.id, now=NOW)
    assert await roles_of(session, person_id=kept.id, day=TODAY) == []
    assert await tokens.authenticate(session, token=token, now=NOW) == merged.id


async def test_what_a_person_separated_no_unionid_joins_again(session: AsyncSession) -> None:
    await person_of(session, appid=APP, openid="o", now=NOW)
    await person_of(session, appid=MINI, openid="m", unionid="u", now=NOW + DAY)
    joined = await person_of(session, appid=APP, openid="o", unionid="u", now=NOW)
    assert joined.merged is not None
    await unmerge(session, merge_id=joined.merged.id, by_id=joined.person.id, now=NOW)
    for appid, openid in ((APP, "o"), (MINI, "m")):
        for unionid in (None, "u"):
            again = await person_of(session, appid=appid, openid=openid, unionid=unionid, now=NOW)
            assert again.merged is None
    # Not even through a change of the unionid back and forth.
    for unionid in ("v", "u"):
        again = await person_of(session, appid=APP, openid="o", unionid=unionid, now=NOW)
        assert again.merged is None
