"""认定: outside learning recognised as credit, on a document and the word of two people.

`applied → confirmed → approved`, or `refused` at either step. The one who confirms and the one who
approves are different people, and neither is the applicant (CHECKs in the table say so, too). A
paper stands behind one application, whoever filed it; refused, it may be filed again.
"""

from datetime import date, datetime

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import Conflict, Forbidden, Invalid, NotFound
from app.credit_bank.awards import Awarded, award
from app.credit_bank.ledger import Stamp
from app.credit_bank.models import PriorLearning
from app.credit_bank.rules import Claim
from app.people import staff_acts
from app.people.queries import resolve_alias

SHA256_HEX = 64
BOOKED_TITLE = "校外学习成果"
HOURS_MAX = 400
"""Hours one application may state: above that it is several results, each with its document."""


class ApplicationNotFound(NotFound):
    title = "没有这份认定申请"


class DocumentAlreadyUsed(Conflict):
    title = "这份证明材料已经申请过认定"


class NotAtThisStep(Conflict):
    title = "这份申请不在这一步"


class TwoPeopleNeeded(Forbidden):
    title = "认定须由两位不同的人审核，且不能是申请人本人"


class BadApplication(Invalid):
    title = "认定申请填写有误"


async def apply(
    session: AsyncSession,
    *,
    person_id: int,
    title: str,
    institution: str,
    hours_hundredths: int,
    achieved_on: date,
    document_name: str,
    document_sha256: str,
    now: datetime,
) -> PriorLearning:
    """File an application; a document serves once, and one person. Raises DocumentAlreadyUsed."""
    if not 0 < hours_hundredths <= HOURS_MAX * 100:
        raise BadApplication(f"学时要在 0.01 到 {HOURS_MAX} 之间")
    if len(document_sha256) != SHA256_HEX:
        raise BadApplication("证明材料的摘要应为 64 位十六进制数")
    if achieved_on > local_day(now):
        raise BadApplication("取得日期不能在将来")
    row = insert(PriorLearning).values(
        person_id=person_id,
        title=title,
        institution=institution,
        hours_hundredths=hours_hundredths,
        achieved_on=achieved_on,
        document_name=document_name,
        document_sha256=document_sha256.lower(),
        state="applied",
        applied_at=now,
    )
    made: PriorLearning | None = await session.scalar(
        row.on_conflict_do_nothing().returning(PriorLearning)
    )
    if made is None:
        raise DocumentAlreadyUsed
    return made


async def confirm(
    session: AsyncSession, *, application_id: int, by_id: int, now: datetime
) -> PriorLearning:
    """The first person has seen the document. Raises NotAtThisStep, TwoPeopleNeeded."""
    application = await _locked(session, application_id)
    if application.state != "applied":
        raise NotAtThisStep(state=application.state)
    await _must_differ(session, by_id, application.person_id)
    application.state = "confirmed"
    application.confirmed_by_id, application.confirmed_at = by_id, now
    await _note(session, application, "prior_learning.confirm", by_id, now)
    return application


async def approve(
    session: AsyncSession, *, application_id: int, by_id: int, stamp: Stamp, now: datetime
) -> tuple[PriorLearning, list[Awarded]]:
    """The second person agrees, and the credit is booked under the rule's yearly cap."""
    application = await _locked(session, application_id)
    if application.state != "confirmed":
        raise NotAtThisStep(state=application.state)
    assert application.confirmed_by_id is not None, application_id
    await _must_differ(session, by_id, application.person_id, application.confirmed_by_id)
    application.state = "approved"
    application.approved_by_id, application.approved_at = by_id, now
    claim = Claim(
        rule_code="prior_learning.credit",
        # The document is the object, so that it pays once to however many accounts of a person.
        subject=f"document:{application.document_sha256}",
        evidence=f"prior_learning:{application.id}",
        # Not the applicant's words: the books keep what stands here for ever.
        title=BOOKED_TITLE,
        seconds=application.hours_hundredths * 36,
    )
    awards = await award(
        session, person_id=application.person_id, claims=[claim], stamp=stamp, now=now
    )
    await _note(session, application, "prior_learning.decide", by_id, now)
    return application, awards


async def refuse(
    session: AsyncSession, *, application_id: int, by_id: int, remarks: str, now: datetime
) -> PriorLearning:
    """Either reviewer may refuse, saying why. Raises NotAtThisStep, BadApplication."""
    application = await _locked(session, application_id)
    if application.state not in {"applied", "confirmed"}:
        raise NotAtThisStep(state=application.state)
    await _must_differ(session, by_id, application.person_id)
    if not remarks.strip():
        raise BadApplication("不予认定要写明原因")
    application.state, application.remarks = "refused", remarks.strip()
    application.refused_by_id, application.refused_at = by_id, now
    await _note(session, application, "prior_learning.decide", by_id, now)
    return application


async def list_applications(
    session: AsyncSession,
    *,
    person_ids: list[int] | None,
    states: tuple[str, ...] | None,
    limit: int,
) -> list[PriorLearning]:
    """Newest first; `person_ids` None means everybody's, `states` None every state."""
    asked = select(PriorLearning).order_by(PriorLearning.id.desc()).limit(limit)
    if person_ids is not None:
        asked = asked.where(PriorLearning.person_id.in_(person_ids))
    if states is not None:
        asked = asked.where(PriorLearning.state.in_(states))
    return list(await session.scalars(asked))


async def export(session: AsyncSession, *, person_ids: list[int]) -> list[dict[str, object]]:
    """Everything filed by these persons, as JSON-able data."""
    rows = await session.scalars(
        select(PriorLearning).where(PriorLearning.person_id.in_(person_ids))
    )
    return [
        {
            "title": row.title,
            "institution": row.institution,
            "hours_hundredths": row.hours_hundredths,
            "achieved_on": row.achieved_on.isoformat(),
            "document_name": row.document_name,
            "state": row.state,
            "applied_at": row.applied_at.isoformat(),
            "remarks": row.remarks,
        }
        for row in rows
    ]


async def forget(session: AsyncSession, *, person_ids: list[int]) -> None:
    """Erasure: what may say who it was goes; that two people agreed stays, for the audit."""
    await session.execute(
        update(PriorLearning)
        .where(PriorLearning.person_id.in_(person_ids))
        .values(title="", institution="", document_name="", remarks=None)
    )


async def _note(
    session: AsyncSession, application: PriorLearning, act: str, by_id: int, now: datetime
) -> None:
    await staff_acts.note(
        session,
        person_id=by_id,
        act=act,
        subject=f"prior_learning:{application.id}",
        facts={"state": application.state},
        now=now,
    )


async def _locked(session: AsyncSession, application_id: int) -> PriorLearning:
    found = await session.get(
        PriorLearning, application_id, with_for_update=True, populate_existing=True
    )
    if found is None:
        raise ApplicationNotFound(application_id=application_id)
    return found


async def _must_differ(session: AsyncSession, by_id: int, *other_ids: int) -> None:
    """Different people, not only different accounts of one."""
    reviewer = await resolve_alias(session, by_id)
    if reviewer in {await resolve_alias(session, other_id) for other_id in other_ids}:
        raise TwoPeopleNeeded
