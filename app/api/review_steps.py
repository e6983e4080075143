"""The steps from a draft to its schedule, the same for an issue and for a day's push."""

from collections.abc import Awaitable, Callable
from datetime import UTC
from typing import Annotated, Literal, get_type_hints

from fastapi import APIRouter, Path
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.activities import Instant
from app.api.bank import NotYourBranch
from app.api.deps import CurrentPerson, Now, SessionDep
from app.api.errors import problems
from app.api.idempotency import once
from app.api.schemas import Body
from app.editorial import queries
from app.editorial.errors import (
    ManuscriptNotFound,
    NotInThisState,
    NotYourReview,
    PublishingNotYours,
)
from app.editorial.models import Manuscript
from app.editorial.rules import REVIEWS, Kind
from app.flows import editorial as flow
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor

Show = Callable[[AsyncSession, Manuscript, Actor], Awaitable[BaseModel]]
Move = Callable[..., Awaitable[Manuscript]]
Right = Callable[[Actor, tuple[int, ...]], bool]
ManuscriptId = Annotated[int, Path(ge=1, lt=2**63, description="Its id")]
Digest = Annotated[
    str,
    Field(pattern=r"^[0-9a-f]{64}$", description="`digest` of the content that was looked at"),
]
ERRORS = problems(400, 401, 403, 404, 409, 413, 429)


class ReviewIn(Body):
    decision: Literal["approve", "return"] = Field(
        description="`return` (退回修改) sends it back to its author"
    )
    digest: Digest
    remarks: str = Field(
        default="", max_length=2000, description="What to mend; needed to send it back"
    )
    step: Literal["first_review", "second_review", "final_review"] | None = Field(
        default=None,
        description="The review that is meant: refused once somebody else gave it."
        " Absent: the one that is due",
    )


class ScheduleIn(Body):
    at: Instant | None = Field(
        default=None, description="When, with a time zone; absent: the next free slot"
    )


class WithdrawIn(Body):
    reason: str = Field(min_length=2, max_length=500, description="Why it will not appear")


async def manuscript_for(
    session: AsyncSession, *, kind: Kind, manuscript_id: int, actor: Actor, may: Right
) -> Manuscript:
    """The manuscript, for whom a policy lets near it. Another kind is not found here.

    Raises ManuscriptNotFound, NotYourBranch, PublishingNotYours (of who may only write there).
    """
    manuscript = await queries.get(session, manuscript_id)
    if manuscript.kind != kind:
        raise ManuscriptNotFound(manuscript_id=manuscript_id)
    lineage = await people.lineage_of(session, manuscript.org_id)
    if may(actor, lineage):
        return manuscript
    if may is policy.can_publish and policy.can_write(actor, lineage):
        raise PublishingNotYours
    raise NotYourBranch


async def _right_to_try(session: AsyncSession, manuscript_id: int, actor: Actor) -> Right:
    """Authors see their own: they hear that this review is not theirs, nothing about a village."""
    author_id = (await queries.get(session, manuscript_id)).author_id
    if author_id in {actor.person_id, *await people.list_selves(session, actor.person_id)}:
        return lambda _actor, _lineage: True
    return policy.can_see_pushing


def add_steps(router: APIRouter, *, kind: Kind, show: Show, schedule: Move, withdraw: Move) -> None:
    """POST /{manuscript_id}/submit, /reviews, /schedule and /withdraw, each answered by `show`."""
    _add_submit(router, kind=kind, show=show)
    _add_reviews(router, kind=kind, show=show)
    _add_schedule(router, kind=kind, show=show, schedule=schedule)
    _add_withdraw(router, kind=kind, show=show, withdraw=withdraw)


def _add_submit(router: APIRouter, *, kind: Kind, show: Show) -> None:
    @router.post(
        "/{manuscript_id}/submit", summary="Hand it to the first reviewer",
        responses=ERRORS, response_model=get_type_hints(show)["return"],
    )  # fmt: skip
    @once
    async def submit(
        manuscript_id: ManuscriptId, actor: CurrentPerson, session: SessionDep, now: Now
    ) -> BaseModel:
        """What the platform would refuse is refused here, naming the field and the count."""
        await manuscript_for(
            session, kind=kind, manuscript_id=manuscript_id, actor=actor, may=policy.can_write
        )
        manuscript = await flow.submit(
            session, manuscript_id=manuscript_id, by_id=actor.person_id, now=now
        )
        return await show(session, manuscript, actor)


def _add_reviews(router: APIRouter, *, kind: Kind, show: Show) -> None:
    @router.post(
        "/{manuscript_id}/reviews", summary="Approve, or send back (三审三校)",
        responses=ERRORS, response_model=get_type_hints(show)["return"],
    )  # fmt: skip
    @once
    async def review(
        manuscript_id: ManuscriptId,
        body: ReviewIn,
        actor: CurrentPerson,
        session: SessionDep,
        now: Now,
    ) -> BaseModel:
        """First an editor, then a chief editor, last an administrator; none of them wrote it."""
        may = await _right_to_try(session, manuscript_id, actor)
        manuscript = await manuscript_for(
            session, kind=kind, manuscript_id=manuscript_id, actor=actor, may=may
        )
        due = manuscript.state
        if due not in REVIEWS or body.step not in {None, due}:
            raise NotInThisState(state=due)
        lineage = await people.lineage_of(session, manuscript.org_id)
        if not policy.can_review(actor, REVIEWS[due][0], lineage):
            raise NotYourReview(step=due)
        reviewed = await flow.review(
            session,
            manuscript_id=manuscript_id,
            by_id=actor.person_id,
            decision=body.decision,
            digest=body.digest,
            remarks=body.remarks,
            # The right was looked up for this step: under the lock another one may be due.
            step=due,
            now=now,
        )
        return await show(session, reviewed, actor)


def _add_schedule(router: APIRouter, *, kind: Kind, show: Show, schedule: Move) -> None:
    @router.post(
        "/{manuscript_id}/schedule", summary="Set when it goes out",
        responses=ERRORS, response_model=get_type_hints(show)["return"],
    )  # fmt: skip
    @once
    async def set_schedule(
        manuscript_id: ManuscriptId,
        body: ScheduleIn,
        actor: CurrentPerson,
        session: SessionDep,
        now: Now,
    ) -> BaseModel:
        """Three reviews come first. What failed or is in doubt: POST /issues/{id}/outcome."""
        await manuscript_for(
            session, kind=kind, manuscript_id=manuscript_id, actor=actor, may=policy.can_publish
        )
        at = None if body.at is None else body.at.astimezone(UTC)
        manuscript = await schedule(
            session, manuscript_id=manuscript_id, by_id=actor.person_id, at=at, now=now
        )
        return await show(session, manuscript, actor)


def _add_withdraw(router: APIRouter, *, kind: Kind, show: Show, withdraw: Move) -> None:
    @router.post(
        "/{manuscript_id}/withdraw", summary="Take it back, with a reason",
        responses=ERRORS, response_model=get_type_hints(show)["return"],
    )  # fmt: skip
    @once
    async def take_back(
        manuscript_id: ManuscriptId,
        body: WithdrawIn,
        actor: CurrentPerson,
        session: SessionDep,
        now: Now,
    ) -> BaseModel:
        """What is being published, or was, cannot be taken back here."""
        await manuscript_for(
            session, kind=kind, manuscript_id=manuscript_id, actor=actor, may=policy.can_publish
        )
        manuscript = await withdraw(
            session, manuscript_id=manuscript_id, by_id=actor.person_id, reason=body.reason, now=now
        )
        return await show(session, manuscript, actor)
