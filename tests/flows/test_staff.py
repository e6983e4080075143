"""What staff set in motion: attendance confirmed, learning recognised, credit reversed."""

from datetime import timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank import prior_learning
from app.credit_bank import queries as bank
from app.credit_bank.ledger import TransferNotFound
from app.credit_bank.prior_learning import ApplicationNotFound, TwoPeopleNeeded
from app.flows import prior_learning as recognition
from app.flows.activities import confirm_attendance
from app.flows.auditing import audit
from app.flows.reversal import MayNotReverse, reverse
from app.learning import activities
from app.learning.activities import ActivityNotFound
from app.people.models import Person
from app.people.offices import actor_of
from app.people.policy import Actor
from tests.factories.bank import pay
from tests.factories.content import make_lesson
from tests.factories.learning import complete_lesson
from tests.factories.people import NOW, Town, make_office, make_person, make_town

HOUR = timedelta(hours=1)


async def earned(session: AsyncSession, person: Person) -> int:
    found = await bank.list_balances(session, person_id=person.id)
    return next(one.earned for one in found if one.unit == "credit")


async def test_a_confirmed_attendance_is_worth_its_length_once(session: AsyncSession) -> None:
    town = await make_town(session)
    tutor, absent = await make_person(session), await make_person(session)
    present = await make_person(session, home=town.group, unit=town.school)
    activity = await activities.announce(
        session,
        title="院坝会",
        platform="微讲堂",
        org_id=town.west.id,
        starts_at=NOW,
        ends_at=NOW + HOUR * 3 / 2,
        made_by_id=tutor.id,
    )
    await activities.sign_in(session, code=activity.code, person_id=present.id, now=NOW)

    async def confirm() -> dict[int, list[int]]:
        booked = await confirm_attendance(
            session,
            activity_id=activity.id,
            person_ids=[present.id, absent.id],
            by_id=tutor.id,
            now=NOW + 2 * HOUR,
        )
        return {person_id: [one.amount for one in awards] for person_id, awards in booked.items()}

    assert await confirm() == {present.id: [150]}
    assert await confirm() == {}
    row = (await session.execute(text("SELECT village_id, unit_id, subject FROM transfer"))).one()
    assert tuple(row) == (town.west.id, town.school.id, f"activity:{activity.id}")
    letters = await session.scalars(text("SELECT person_id FROM letter"))
    assert letters.all() == [present.id], "a title was reached"
    assert (await audit(session)).findings == []
    with pytest.raises(ActivityNotFound):
        await confirm_attendance(
            session, activity_id=10**9, person_ids=[1], by_id=tutor.id, now=NOW
        )


async def test_prior_learning_is_approved_by_a_second_person(session: AsyncSession) -> None:
    town = await make_town(session)
    person, one, other = [await make_person(session, home=town.west) for _ in range(3)]
    application = await prior_learning.apply(
        session,
        person_id=person.id,
        title="电工证",
        institution="技工学校",
        hours_hundredths=250,
        achieved_on=NOW.date(),
        document_name="证书.pdf",
        document_sha256="b" * 64,
        now=NOW,
    )
    above = await recognition.applicants_branch(session, application_id=application.id)
    assert set(above) == {town.town.id, town.west.id}
    await prior_learning.confirm(session, application_id=application.id, by_id=one.id, now=NOW)
    for by in (one, person):
        with pytest.raises(TwoPeopleNeeded):
            await recognition.approve(session, application_id=application.id, by_id=by.id, now=NOW)
    done = await recognition.approve(
        session, application_id=application.id, by_id=other.id, now=NOW
    )
    assert done.state == "approved"
    assert await earned(session, person) == 250
    assert (await audit(session)).findings == []
    for missing in (
        recognition.applicants_branch(session, application_id=10**9),
        recognition.approve(session, application_id=10**9, by_id=one.id, now=NOW),
    ):
        with pytest.raises(ApplicationNotFound):
            await missing


async def admin_of(session: AsyncSession, town: Town, *, role: str = "admin") -> Actor:
    person = await make_person(session, home=town.west)
    await make_office(session, person, role, town.west)
    return await actor_of(session, person_id=person.id, day=NOW.date())


async def test_an_administrator_of_the_branch_reverses(session: AsyncSession) -> None:
    town = await make_town(session)
    admin = await admin_of(session, town)
    person = await make_person(session, home=town.group)
    outcome, _ = await complete_lesson(session, person.id, (await make_lesson(session)).id, now=NOW)
    award = outcome.awards[0].transfer
    assert award is not None
    back = await reverse(session, actor=admin, transfer_id=award.id, reason="重复", now=NOW)
    assert (back.reverses_id, back.ordered_by_id) == (award.id, admin.person_id)
    assert await earned(session, person) == 0
    again = await reverse(session, actor=admin, transfer_id=award.id, reason="重复", now=NOW)
    assert again.id == back.id
    assert (await audit(session)).findings == []


async def test_nobody_else_reverses(session: AsyncSession) -> None:
    town = await make_town(session)
    admin, tutor = await admin_of(session, town), await admin_of(session, town, role="tutor")
    near, far = (
        await make_person(session, home=town.west),
        await make_person(session, home=town.east),
    )
    own = await session.get_one(Person, admin.person_id)
    for actor, person in ((tutor, near), (admin, far), (admin, own), (Actor(near.id), near)):
        award = await pay(session, person, 10, now=NOW)
        with pytest.raises(MayNotReverse):
            await reverse(session, actor=actor, transfer_id=award.id, reason="重复", now=NOW)
        assert await earned(session, person) > 0
    with pytest.raises(TransferNotFound):
        await reverse(session, actor=admin, transfer_id=10**9, reason="重复", now=NOW)


FORGERIES = {
    "an award stands on a completed study": ("UPDATE study SET completed_on = completed_on + 1"),
    "a completed study has the time its lesson asks for": (
        "UPDATE study SET verified_ms = verified_ms - 1"
    ),
    "a study's time is the sum of its days": "UPDATE study_day SET verified_ms = verified_ms + 1",
    "an award for an activity stands on a confirmed attendance": (
        "UPDATE attendance SET confirmed_at = NULL"
    ),
    "recognised prior learning was approved by two people": (
        "UPDATE prior_learning SET state = 'applied', approved_by_id = NULL"
    ),
}


@pytest.mark.parametrize("check", FORGERIES)
async def test_the_audit_finds_a_forged_piece_of_evidence(
    session: AsyncSession, check: str
) -> None:
    await test_a_confirmed_attendance_is_worth_its_length_once(session)
    person, one, other = [await make_person(session) for _ in range(3)]
    await complete_lesson(session, person.id, (await make_lesson(session)).id, now=NOW)
    application = await prior_learning.apply(
        session,
        person_id=person.id,
        title="电工证",
        institution="技工学校",
        hours_hundredths=250,
        achieved_on=NOW.date(),
        document_name="证书.pdf",
        document_sha256="b" * 64,
        now=NOW,
    )
    await prior_learning.confirm(session, application_id=application.id, by_id=one.id, now=NOW)
    await recognition.approve(session, application_id=application.id, by_id=other.id, now=NOW)
    assert (await audit(session)).findings == []
    await session.execute(text(FORGERIES[check]))
    findings = {finding.check for finding in (await audit(session)).findings}
    assert check in findings
