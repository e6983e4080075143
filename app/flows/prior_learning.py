"""认定 across packages: whose branch the applicant is of, and the credit with the right stamp."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank import prior_learning
from app.credit_bank.ledger import Stamp
from app.credit_bank.models import PriorLearning
from app.flows.honouring import honour
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor

WAITING_MAX = 500
"""More open applications than any town will leave waiting at once."""


async def applicants_branch(session: AsyncSession, *, application_id: int) -> tuple[int, ...]:
    """The organisations above the applicant. Raises ApplicationNotFound."""
    application = await session.get(PriorLearning, application_id)
    if application is None:
        raise prior_learning.ApplicationNotFound(application_id=application_id)
    return await people.lineage_of_person(session, application.person_id)


async def list_open_for(session: AsyncSession, *, actor: Actor, limit: int) -> list[PriorLearning]:
    """What waits for somebody of this tutor's or administrator's branch, newest first."""
    return await list_for(session, actor=actor, states=("applied", "confirmed"), limit=limit)


async def list_for(
    session: AsyncSession, *, actor: Actor, states: tuple[str, ...], limit: int
) -> list[PriorLearning]:
    """The applications in these states of this tutor's or administrator's branch, newest first."""
    found = await prior_learning.list_applications(
        session, person_ids=None, states=states, limit=WAITING_MAX
    )
    mine = [
        row
        for row in found
        if row.person_id != actor.person_id
        and policy.can_tutor(actor, await people.lineage_of_person(session, row.person_id))
    ]
    return mine[:limit]


async def approve(
    session: AsyncSession, *, application_id: int, by_id: int, now: datetime
) -> PriorLearning:
    """Book the credit and grant what it deserves. Raises NotAtThisStep, TwoPeopleNeeded."""
    application = await session.get(PriorLearning, application_id)
    if application is None:
        raise prior_learning.ApplicationNotFound(application_id=application_id)
    person_id = await people.resolve_alias(session, application.person_id)
    at = await people.stamp(session, person_id)
    approved, _ = await prior_learning.approve(
        session,
        application_id=application_id,
        by_id=by_id,
        stamp=Stamp(village_id=at.village_id, unit_id=at.unit_id),
        now=now,
    )
    await honour(
        session,
        person_id=person_id,
        proof=f"prior_learning:{approved.id}",
        now=now,
    )
    return approved
