"""What staff may do with the books: reversal, and recognition of prior learning (认定)."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from app.api.deps import CurrentPerson, Now, SessionDep
from app.api.errors import problems
from app.api.schemas import Body, PageOut
from app.core.errors import Forbidden
from app.core.paging import LIMIT_DEFAULT, LIMIT_MAX
from app.credit_bank import prior_learning
from app.credit_bank.models import PriorLearning
from app.flows import prior_learning as approving
from app.flows.reversal import reverse
from app.people import policy

router = APIRouter(prefix="/api/v1", tags=["bank"])
TransferId = Annotated[int, Path(ge=1, lt=2**63, description="The transfer's number")]
ApplicationId = Annotated[int, Path(ge=1, lt=2**63, description="The application's number")]


class NotYourBranch(Forbidden):
    title = "您没有这个单位（村）的管理权限"


class ReversalIn(Body):
    reason: str = Field(min_length=2, max_length=200, description="Shown in the statement")


class ReversalOut(BaseModel):
    transfer_id: int = Field(description="The reversing transfer")
    reverses: int = Field(description="The transfer it undoes")
    reason: str = Field(description="Why")


class ApplicationIn(Body):
    title: str = Field(min_length=2, max_length=60, description="What was learned")
    institution: str = Field(min_length=2, max_length=60, description="Where")
    hours_hundredths: int = Field(ge=1, le=40000, description="Hours of 60 min, in hundredths")
    achieved_on: date = Field(description="When it was completed")
    document_name: str = Field(min_length=1, max_length=100, description="The paper's name")
    document_sha256: str = Field(pattern=r"^[0-9a-fA-F]{64}$", description="SHA-256 of its scan")


class RefusalIn(Body):
    remarks: str = Field(min_length=2, max_length=200, description="Why not")


class ApplicationOut(BaseModel):
    id: int = Field(description="The application's number")
    person_id: int = Field(description="Whose")
    title: str = Field(description="What was learned")
    institution: str = Field(description="Where")
    hours_hundredths: int = Field(description="Hours, in hundredths")
    achieved_on: date = Field(description="When it was completed")
    document_name: str = Field(description="The paper's name")
    state: str = Field(description="applied, confirmed, approved or refused")
    applied_at: datetime = Field(description="When it was filed")
    remarks: str | None = Field(description="Why it was refused")


def application_out(row: PriorLearning) -> ApplicationOut:
    return ApplicationOut.model_validate(row, from_attributes=True)


@router.post(
    "/transfers/{transfer_id}/reversal", summary="Reverse a transfer (冲正)",
    responses=problems(400, 401, 403, 404, 409, 413, 429),
)  # fmt: skip
async def reverse_transfer(
    transfer_id: TransferId, body: ReversalIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> ReversalOut:
    """By an administrator of the resident's branch; once, with a reason, never one's own."""
    made = await reverse(session, actor=actor, transfer_id=transfer_id, reason=body.reason, now=now)
    return ReversalOut(
        transfer_id=made.id, reverses=made.reverses_id or 0, reason=made.reason or ""
    )


@router.post(
    "/prior-learning", summary="Apply for recognition (认定)", status_code=201,
    responses=problems(400, 401, 409, 413, 429),
)  # fmt: skip
async def apply(
    body: ApplicationIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> ApplicationOut:
    made = await prior_learning.apply(
        session, person_id=actor.person_id, now=now, **body.model_dump()
    )
    return application_out(made)


@router.get("/prior-learning", summary="Applications", responses=problems(401, 429))
async def list_applications(
    actor: CurrentPerson,
    session: SessionDep,
    scope: Annotated[
        Literal["mine", "branch"],
        Query(description="mine, or those open in the branch I am tutor or administrator of"),
    ] = "mine",
    limit: Annotated[int, Query(ge=1, le=LIMIT_MAX, description="Rows")] = LIMIT_DEFAULT,
) -> PageOut[ApplicationOut]:
    """Newest first. What is decided leaves the branch's list."""
    if scope == "branch":
        rows = await approving.list_open_for(session, actor=actor, limit=limit)
    else:
        rows = await prior_learning.list_applications(
            session, person_ids=[actor.person_id], states=None, limit=limit
        )
    return PageOut(items=[application_out(row) for row in rows], next=None)


@router.post(
    "/prior-learning/{application_id}/confirm", summary="The first person has seen the document",
    responses=problems(401, 403, 404, 409, 429),
)  # fmt: skip
async def confirm(
    application_id: ApplicationId, actor: CurrentPerson, session: SessionDep, now: Now
) -> ApplicationOut:
    """By a tutor (or administrator) of the applicant's branch."""
    lineage = await approving.applicants_branch(session, application_id=application_id)
    if not policy.can_tutor(actor, lineage):
        raise NotYourBranch
    return application_out(
        await prior_learning.confirm(
            session, application_id=application_id, by_id=actor.person_id, now=now
        )
    )


@router.post(
    "/prior-learning/{application_id}/approve", summary="The second person agrees: book it",
    responses=problems(401, 403, 404, 409, 429),
)  # fmt: skip
async def approve(
    application_id: ApplicationId, actor: CurrentPerson, session: SessionDep, now: Now
) -> ApplicationOut:
    """By an administrator of the applicant's branch who did not confirm it."""
    lineage = await approving.applicants_branch(session, application_id=application_id)
    if not policy.can_administer(actor, lineage):
        raise NotYourBranch
    return application_out(
        await approving.approve(
            session, application_id=application_id, by_id=actor.person_id, now=now
        )
    )


@router.post(
    "/prior-learning/{application_id}/refuse", summary="Either person says no",
    responses=problems(400, 401, 403, 404, 409, 413, 429),
)  # fmt: skip
async def refuse(
    application_id: ApplicationId,
    body: RefusalIn,
    actor: CurrentPerson,
    session: SessionDep,
    now: Now,
) -> ApplicationOut:
    lineage = await approving.applicants_branch(session, application_id=application_id)
    if not policy.can_tutor(actor, lineage):
        raise NotYourBranch
    return application_out(
        await prior_learning.refuse(
            session,
            application_id=application_id,
            by_id=actor.person_id,
            remarks=body.remarks,
            now=now,
        )
    )
