"""A tutor confirms who was there, and the credit is booked."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.awards import Awarded, award
from app.credit_bank.ledger import Stamp
from app.credit_bank.rules import Claim
from app.flows.honouring import honour
from app.learning import activities
from app.people import queries as people
from app.people import staff_acts


async def confirm_attendance(
    session: AsyncSession, *, activity_id: int, person_ids: list[int], by_id: int, now: datetime
) -> dict[int, list[Awarded]]:
    """Person id → what was booked, for the sign-ins that this call confirmed."""
    activity = await activities.get_activity(session, activity_id=activity_id)
    booked = {}
    for attendance in await activities.confirm(
        session, activity_id=activity_id, person_ids=person_ids, by_id=by_id, now=now
    ):
        # Who signed in may have been merged since: the credit is the kept person's.
        person_id = await people.resolve_alias(session, attendance.person_id)
        at = await people.stamp(session, person_id)
        claim = Claim(
            rule_code="activity.credit",
            subject=f"activity:{activity.id}",
            evidence=f"attendance:{attendance.id}",
            title=activity.title,
            seconds=activity.minutes * 60,
        )
        booked[person_id] = await award(
            session,
            person_id=person_id,
            claims=[claim],
            stamp=Stamp(village_id=at.village_id, unit_id=at.unit_id),
            now=now,
        )
        await honour(
            session,
            person_id=person_id,
            proof=f"attendance:{attendance.id}",
            now=now,
        )
    if booked:
        await staff_acts.note(
            session,
            person_id=by_id,
            act="activity.confirm",
            subject=f"activity:{activity.id}",
            facts={"confirmed": len(booked)},
            now=now,
        )
    return booked
