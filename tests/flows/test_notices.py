"""Whom a role means, and which ways a notice may take."""

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.flows.notices import tell, tell_role
from app.people import offices
from app.people.merging import merge
from app.push.models import Letter
from tests.factories.people import NOW, make_office, make_person, make_town

TODAY = NOW.date()


async def test_holders_of_a_role_come_nearest_first_and_each_once(session: AsyncSession) -> None:
    town = await make_town(session)
    far, near, elsewhere = [await make_person(session) for _ in range(3)]
    await make_office(session, far, "tutor", town.town)
    await make_office(session, near, "tutor", town.west)
    await make_office(session, near, "tutor", town.town)
    await make_office(session, near, "admin", town.west)
    await make_office(session, elsewhere, "tutor", town.east)
    over = await make_office(session, elsewhere, "tutor", town.west)
    over.until_on = TODAY

    async def holders(role: str, org_id: int) -> list[int]:
        return await offices.holders_of(session, role=role, org_id=org_id, day=TODAY)

    await session.flush()
    assert await holders("tutor", town.group.id) == [near.id, far.id]
    assert await holders("tutor", town.town.id) == [far.id, near.id]
    assert await holders("editor", town.west.id) == []
    kept = await make_person(session)
    await merge(session, kept_id=kept.id, merged_id=near.id, reason="", ordered_by_id=None, now=NOW)
    assert await holders("tutor", town.group.id) == [kept.id, far.id]


async def test_a_role_is_told_once_per_person(session: AsyncSession) -> None:
    town = await make_town(session)
    tutor, admin = await make_person(session), await make_person(session)
    await make_office(session, tutor, "tutor", town.west)
    await make_office(session, admin, "tutor", town.town)
    for _ in range(2):
        told = await tell_role(
            session, key="late:1", role="tutor", org_id=town.west.id, text="请转发\n全文", now=NOW
        )
        assert told == [tutor.id, admin.id]
    found = (await session.scalars(select(Letter).order_by(Letter.id))).all()
    assert [one.key for one in found] == [f"late:1:{tutor.id}", f"late:1:{admin.id}"]
    assert found[0].routes == ["custom", "notice", "wecom_app"]
    assert found[0].values is not None
    assert found[0].values["what"] == "请转发"


async def test_what_is_told_once_is_not_told_again(session: AsyncSession) -> None:
    person = await make_person(session)
    first = await tell(session, key="k", person_id=person.id, kind="lesson", text="学习", now=NOW)
    assert first is not None
    assert first.routes == ["notice"], "only where it was asked for"
    later = NOW + timedelta(days=1)
    again = await tell(session, key="k", person_id=person.id, kind="lesson", text="学习", now=later)
    assert again is None
