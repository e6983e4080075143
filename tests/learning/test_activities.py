"""Signing in to an activity, and the tutor's word that makes it evidence."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.learning import activities
from app.learning.activities import ActivityNotFound, BadActivity, NotOpenForSignIn
from app.learning.models import Activity, Attendance
from tests.factories.people import NOW, make_org, make_person

MINUTE = timedelta(minutes=1)
STARTS, ENDS = NOW, NOW + 90 * MINUTE


async def make_activity(
    session: AsyncSession, *, starts_at: datetime = STARTS, ends_at: datetime = ENDS
) -> Activity:
    tutor = await make_person(session)
    return await activities.announce(
        session,
        title="院坝会",
        platform="微讲堂",
        org_id=(await make_org(session, "V")).id,
        starts_at=starts_at,
        ends_at=ends_at,
        made_by_id=tutor.id,
    )


@pytest.mark.parametrize("minutes", [1, 90, 480])
async def test_an_activity_is_worth_its_length(session: AsyncSession, minutes: int) -> None:
    activity = await make_activity(session, ends_at=STARTS + minutes * MINUTE)
    assert activity.minutes == minutes
    assert activity.code.startswith("act-")
    assert len(activity.code) == 14


@pytest.mark.parametrize("minutes", [-60, 0, 0.99, 481, 24 * 60])
async def test_a_length_that_cannot_be_is_refused(session: AsyncSession, minutes: float) -> None:
    with pytest.raises(BadActivity):
        await make_activity(session, ends_at=STARTS + minutes * MINUTE)


@pytest.mark.parametrize(
    ("at", "open_"), [(-30.01, False), (-30, True), (0, True), (90, True), (90.01, False)]
)
async def test_signing_in_has_its_time(session: AsyncSession, at: float, open_: bool) -> None:
    activity, person = await make_activity(session), await make_person(session)
    now = STARTS + at * MINUTE
    if open_:
        _, first = await activities.sign_in(
            session, code=activity.code, person_id=person.id, now=now
        )
        assert first
    else:
        with pytest.raises(NotOpenForSignIn):
            await activities.sign_in(session, code=activity.code, person_id=person.id, now=now)
        assert await activities.list_attendance(session, activity_id=activity.id) == []


async def test_signing_in_again_is_noticed_and_changes_nothing(session: AsyncSession) -> None:
    activity, person = await make_activity(session), await make_person(session)
    for at, expected in ((0, True), (5, False)):
        found, first = await activities.sign_in(
            session, code=activity.code, person_id=person.id, now=STARTS + at * MINUTE
        )
        assert (found.id, first) == (activity.id, expected)
    (row,) = await activities.list_attendance(session, activity_id=activity.id)
    assert (row.person_id, row.signed_in_at, row.confirmed_at) == (person.id, STARTS, None)


async def test_an_unknown_code_or_number_is_not_found(session: AsyncSession) -> None:
    person = await make_person(session)
    with pytest.raises(ActivityNotFound):
        await activities.sign_in(session, code="act-0000000000", person_id=person.id, now=NOW)
    with pytest.raises(ActivityNotFound):
        await activities.get_activity(session, activity_id=10**12)


async def signed_in(session: AsyncSession, activity: Activity, persons: int) -> list[int]:
    ids = [(await make_person(session)).id for _ in range(persons)]
    for person_id in ids:
        await activities.sign_in(session, code=activity.code, person_id=person_id, now=NOW)
    return ids


async def test_a_sign_in_is_confirmed_once_by_somebody_else(session: AsyncSession) -> None:
    activity = await make_activity(session)
    one_id, other_id, tutor_id = await signed_in(session, activity, 3)
    absent = (await make_person(session)).id

    async def confirm(ids: list[int], by_id: int) -> list[int]:
        rows = await activities.confirm(
            session, activity_id=activity.id, person_ids=ids, by_id=by_id, now=ENDS
        )
        return [row.person_id for row in rows]

    # Who did not sign in, and the tutor's own sign-in, are left out.
    assert await confirm([other_id, one_id, tutor_id, absent], tutor_id) == [one_id, other_id]
    assert await confirm([one_id, other_id], tutor_id) == []
    assert await confirm([tutor_id], one_id) == [tutor_id]
    rows = await activities.list_attendance(session, activity_id=activity.id)
    assert {row.person_id: row.confirmed_by_id for row in rows} == {
        one_id: tutor_id,
        other_id: tutor_id,
        tutor_id: one_id,
    }


async def test_a_sign_in_elsewhere_is_not_confirmed_here(session: AsyncSession) -> None:
    activity = await make_activity(session)
    (person_id,) = await signed_in(session, activity, 1)
    tutor = await make_person(session)
    other = await activities.announce(
        session,
        title="另一场",
        platform="微讲堂",
        org_id=activity.org_id,
        starts_at=STARTS,
        ends_at=ENDS,
        made_by_id=tutor.id,
    )
    confirmed = await activities.confirm(
        session, activity_id=other.id, person_ids=[person_id], by_id=tutor.id, now=ENDS
    )
    assert confirmed == []


@pytest.mark.usefixtures("database")
async def test_two_tutors_at_once_confirm_each_sign_in_once() -> None:
    async with transaction() as session:
        activity = await make_activity(session)
        ids = await signed_in(session, activity, 5)
        tutors = [(await make_person(session)).id for _ in range(6)]

    async def confirm(by_id: int) -> list[Attendance]:
        async with transaction() as session:
            return await activities.confirm(
                session, activity_id=activity.id, person_ids=ids, by_id=by_id, now=ENDS
            )

    confirmed = await asyncio.gather(*(confirm(tutor) for tutor in tutors))
    assert sorted(row.person_id for rows in confirmed for row in rows) == sorted(ids)
