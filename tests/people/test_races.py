"""What two people, phones or servers do at the same moment, on real connections."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.core.errors import Conflict
from app.people import consents, tokens
from app.people.erasure import erase
from app.people.errors import AlreadyMerged, MergeAlreadyUndone, OfficeAlreadyHeld, OrgFileError
from app.people.merging import merge, unmerge
from app.people.models import Consent, Identity, Merge, Office, Organisation, Person
from app.people.offices import grant
from app.people.organisations import import_organisations
from app.people.persons import Resolved, declare, person_of
from tests.people.factories import APP, DAY, MINI, NOW, TODAY, TOWN, make_town

pytestmark = pytest.mark.usefixtures("database")

T = TypeVar("T")


async def alone(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async with transaction() as session:
        return await work(session)


async def together(*works: Callable[[AsyncSession], Awaitable[T]]) -> list[T | BaseException]:
    """Each on its own connection, all connected before the first begins."""
    start = asyncio.Barrier(len(works))

    async def one(work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        async with transaction() as session:
            await session.connection()
            await start.wait()
            return await work(session)

    return await asyncio.gather(*(one(work) for work in works), return_exceptions=True)


async def count(table: type[object]) -> int:
    async with transaction() as session:
        return await session.scalar(select(func.count()).select_from(table)) or 0


def contact(
    appid: str, openid: str, unionid: str | None = None
) -> Callable[[AsyncSession], Awaitable[Resolved]]:
    async def work(session: AsyncSession) -> Resolved:
        return await person_of(session, appid=appid, openid=openid, unionid=unionid, now=NOW)

    return work


@pytest.mark.parametrize("unionid", [None, "u"])
async def test_twenty_first_contacts_make_one_person(unionid: str | None) -> None:
    results = await together(*[contact(APP, "o", unionid)] * 20)
    found = [result for result in results if isinstance(result, Resolved)]
    assert len(found) == 20, results
    assert len({one.person.id for one in found}) == 1
    assert sum(one.is_new for one in found) == 1
    assert (await count(Person), await count(Identity)) == (1, 1)


async def test_two_apps_first_contacts_with_one_unionid_make_one_person() -> None:
    results = await together(*[contact(APP, "o", "u"), contact(MINI, "m", "u")] * 10)
    found = [result for result in results if isinstance(result, Resolved)]
    assert len(found) == 20, results
    assert len({one.person.id for one in found}) == 1
    assert sum(one.is_new for one in found) == 1
    assert (await count(Person), await count(Identity), await count(Merge)) == (1, 2, 0)


async def test_a_unionid_that_comes_to_both_at_once_merges_once() -> None:
    for appid, openid in ((APP, "o"), (MINI, "m")):
        await alone(contact(appid, openid))
    results = await together(*[contact(APP, "o", "u"), contact(MINI, "m", "u")] * 10)
    found = [result for result in results if isinstance(result, Resolved)]
    assert len(found) == 20, results
    assert sum(one.merged is not None for one in found) == 1
    final = [await alone(contact(appid, openid)) for appid, openid in ((APP, "o"), (MINI, "m"))]
    assert len({one.person.id for one in final}) == 1
    assert (await count(Person), await count(Merge)) == (2, 1)


async def test_a_pair_is_merged_once_in_either_direction_and_undone_once() -> None:
    one = (await alone(contact(APP, "o"))).person.id
    two = (await alone(contact(MINI, "m"))).person.id

    def join(kept_id: int, merged_id: int) -> Callable[[AsyncSession], Awaitable[Merge]]:
        async def work(session: AsyncSession) -> Merge:
            return await merge(
                session,
                kept_id=kept_id,
                merged_id=merged_id,
                reason="窗口核实",
                ordered_by_id=None,
                now=NOW,
            )

        return work

    results = await together(*[join(one, two), join(two, one)] * 5)
    (made,) = [result for result in results if isinstance(result, Merge)]
    assert sum(isinstance(result, AlreadyMerged) for result in results) == 9, results

    async def undo(session: AsyncSession) -> Merge:
        return await unmerge(session, merge_id=made.id, by_id=one, now=NOW)

    undone = await together(*[undo] * 8)
    assert sum(isinstance(result, Merge) for result in undone) == 1
    assert sum(isinstance(result, MergeAlreadyUndone) for result in undone) == 7, undone
    assert (await alone(contact(APP, "o"))).person.id == one
    assert (await alone(contact(MINI, "m"))).person.id == two


async def test_a_consent_and_an_office_are_made_once() -> None:
    await alone(make_town)
    person_id = (await alone(contact(APP, "o"))).person.id

    async def show(session: AsyncSession) -> Person:
        return await declare(session, person_id=person_id, rank_visible=True, now=NOW)

    assert all(isinstance(result, Person) for result in await together(*[show] * 10))
    assert await count(Consent) == 1

    def give_office(title: str) -> Callable[[AsyncSession], Awaitable[Office]]:
        async def work(session: AsyncSession) -> Office:
            return await grant(
                session,
                person_id=person_id,
                role="tutor",
                org_code="T-1",
                title=title,
                granted_by_id=None,
                since_on=TODAY,
                now=NOW,
            )

        return work

    results = await together(*[give_office("组长"), give_office("成员")] * 5)
    assert sum(isinstance(result, Office) for result in results) == 5, results
    assert sum(isinstance(result, OfficeAlreadyHeld) for result in results) == 5
    assert await count(Office) == 1


async def test_showing_and_hiding_at_once_leave_consent_and_flag_agreeing() -> None:
    person_id = (await alone(contact(APP, "o"))).person.id

    def wish(visible: bool) -> Callable[[AsyncSession], Awaitable[Person]]:
        async def work(session: AsyncSession) -> Person:
            return await declare(session, person_id=person_id, rank_visible=visible, now=NOW)

        return work

    results = await together(*[wish(visible=True), wish(visible=False)] * 10)
    assert all(isinstance(result, Person) for result in results), results
    async with transaction() as session:
        person = await session.get_one(Person, person_id)
        given = await consents.current(session, person_id=person_id, purpose="ranking")
        assert person.rank_visible is (given is not None)


async def test_nothing_is_left_of_whom_a_merge_or_a_login_races_with_the_erasure() -> None:
    one = (await alone(contact(APP, "o", "u"))).person.id
    two = (await alone(contact(MINI, "m"))).person.id

    async def forget(session: AsyncSession) -> Person:
        return await erase(session, person_id=one, now=NOW)

    async def join(session: AsyncSession) -> Merge:
        return await merge(
            session, kept_id=one, merged_id=two, reason="", ordered_by_id=None, now=NOW
        )

    async def sign_in(session: AsyncSession) -> tuple[str, object]:
        return await tokens.issue(session, person_id=one, now=NOW)

    works: list[Callable[[AsyncSession], Awaitable[object]]] = [sign_in, join, forget]
    results = await together(*works, *works, contact("wx-third", "t", "u"))
    assert all(isinstance(r, Conflict) for r in results if isinstance(r, BaseException)), results
    async with transaction() as session:
        erased = select(Person.id).where(Person.erased_at.is_not(None))
        assert one in (await session.scalars(erased)).all()
        left = select(Identity.id).where(Identity.person_id.in_(erased))
        assert (await session.scalars(left)).all() == []
        half = select(Person.id).where(
            Person.merged_into_id.in_(erased), Person.erased_at.is_(None)
        )
        assert (await session.scalars(half)).all() == []


async def test_two_imports_that_would_close_a_cycle_together() -> None:
    await alone(make_town)
    header = "code,name,kind,parent_code\n"

    def load(text: str) -> Callable[[AsyncSession], Awaitable[object]]:
        async def work(session: AsyncSession) -> object:
            return await import_organisations(session, content=text.encode())

        return work

    into_each_other = [
        load(f"{header}T-1,文坪村,village,T-2\n"),
        load(f"{header}T-2,双新社区,community,T-1\n"),
    ]
    results = await together(*into_each_other)
    assert sum(isinstance(result, OrgFileError) for result in results) == 1, results
    same = await together(*[load(TOWN)] * 5)
    assert not any(isinstance(result, BaseException) for result in same), same
    async with transaction() as session:
        rows = (await session.scalars(select(Organisation))).all()
        assert all(row.lineage[-1] == row.id for row in rows)


async def test_a_token_used_by_many_at_once_is_extended_once() -> None:
    person_id = (await alone(contact(APP, "o"))).person.id
    async with transaction() as session:
        token, _ = await tokens.issue(session, person_id=person_id, now=NOW)

    async def use(session: AsyncSession) -> int:
        return await tokens.authenticate(session, token=token, now=NOW + 2 * DAY)

    assert await together(*[use] * 10) == [person_id] * 10
