"""A day's push: one lesson and a few words, reviewed, then delivered to every group."""

from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deliveries import DeliveryOut, delivery_out
from app.api.deps import CurrentPerson, Cursor, EmptyIsAbsent, Limit, Now, SessionDep
from app.api.errors import problems
from app.api.idempotency import once
from app.api.issue_views import FlagOut, StaffOut, StepOut, staff_out, step_out
from app.api.review_steps import ERRORS, Digest, ManuscriptId, add_steps, manuscript_for
from app.api.schemas import Body, OrgOut, PageOut
from app.core.paging import LIMIT_DEFAULT
from app.editorial import queries
from app.editorial.models import Manuscript
from app.editorial.rules import STATES, State
from app.flows import daily_push, push_drafts
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.push import reach
from app.push.texts import PUSH_TEXT_MAX

router = APIRouter(prefix="/api/v1/pushes", tags=["pushes"])
Day = Annotated[date, Field(description="The day it is for, town time")]
Words = Annotated[
    str,
    Field(
        min_length=1, max_length=PUSH_TEXT_MAX, description="What the groups read above the link"
    ),
]
LessonId = Annotated[
    int, Field(ge=1, lt=2**63, description="The lesson, in its version of this moment")
]


class PushIn(Body):
    date: Day
    org_code: str = Field(max_length=64, description="Whose groups get it; a village's own wins")
    lesson_id: LessonId
    text: Words


class PushChange(Body):
    lesson_id: LessonId
    text: Words
    digest: Digest | None = Field(
        default=None,
        description="`digest` of the content this change was made on: DigestStale (409) if somebody"
        " else changed it since. Absent: whatever it is now",
    )


class PushRow(BaseModel):
    id: int = Field(description="Its id")
    state: str = Field(description="draft, first_review, …, approved, scheduled, …, published")
    date: str = Field(description="The day it is for")
    org: OrgOut = Field(description="Whose groups get it")
    lesson_id: int = Field(description="The lesson")
    lesson_version_id: int = Field(description="The version that is reviewed, and no other is sent")
    text: str = Field(description="What the groups read above the link")
    version: int = Field(description="Number of the content as it is now")
    digest: str = Field(description="SHA-256 of the content as it is now")
    author: StaffOut | None = Field(description="Who wrote it; null: the service itself")
    scheduled_at: datetime | None = Field(description="When its day begins; null: not set")
    withdrawn_at: datetime | None = Field(
        description="When it was withdrawn; once it has begun its state stays as it was"
    )
    outcome: dict[str, Any] | None = Field(description="Deliveries by state, once it is over")


class PushOut(PushRow):
    reviews: list[StepOut] = Field(description="Every review it ever had, the oldest first")
    flags: list[FlagOut] = Field(description="Passages that a reviewer should look at")
    deliveries: list[DeliveryOut] = Field(description="Group by group, in one's area")


@router.post("", summary="Write a day's push", status_code=201, responses=ERRORS)
@once
async def write(body: PushIn, actor: CurrentPerson, session: SessionDep, now: Now) -> PushOut:
    """One for each organisation and day: what the service drafted already is changed instead."""
    organisation = await people.org_by_code(session, body.org_code)
    if not policy.can_write(actor, organisation.lineage):
        raise NotYourBranch
    manuscript = await push_drafts.write(
        session,
        day=body.date,
        org_id=organisation.id,
        lesson_id=body.lesson_id,
        text=body.text,
        author_id=actor.person_id,
        now=now,
    )
    return await push_out(session, manuscript, actor)


@router.get("", summary="The pushes below one's offices", responses=problems(400, 401, 429))
async def list_pushes(
    actor: CurrentPerson,
    session: SessionDep,
    state: Annotated[
        State | None, Query(description=f"One of {', '.join(STATES)}; absent: all"), EmptyIsAbsent
    ] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOut[PushRow]:
    """The newest first."""
    page = await queries.list_manuscripts(
        session,
        kind="push",
        org_ids=await people.ids_below(session, overseen(actor)),
        states=None if state is None else (state,),
        cursor=cursor,
        limit=limit,
    )
    return PageOut(items=[await _row(session, one) for one in page.items], next=page.next)


@router.get(
    "/{manuscript_id}", summary="A push with its deliveries", responses=problems(401, 403, 404, 429)
)
async def get_push(
    manuscript_id: ManuscriptId, actor: CurrentPerson, session: SessionDep
) -> PushOut:
    """For staff of its organisation, for who wrote it, and for whose groups it goes to.

    Deliveries are shown of one's own area.
    """
    manuscript = await queries.get(session, manuscript_id)
    told = await push_out(session, manuscript, actor) if manuscript.kind == "push" else None
    if told is not None and (told.deliveries or manuscript.author_id == actor.person_id):
        return told
    manuscript = await manuscript_for(
        session, kind="push", manuscript_id=manuscript_id, actor=actor, may=policy.can_see_pushing
    )
    return await push_out(session, manuscript, actor)


@router.put("/{manuscript_id}", summary="Change a push: its reviews are void", responses=ERRORS)
@once
async def change(
    manuscript_id: ManuscriptId,
    body: PushChange,
    actor: CurrentPerson,
    session: SessionDep,
    now: Now,
) -> PushOut:
    """Back to draft; the same content changes nothing."""
    await manuscript_for(
        session, kind="push", manuscript_id=manuscript_id, actor=actor, may=policy.can_write
    )
    manuscript = await push_drafts.change(
        session,
        manuscript_id=manuscript_id,
        lesson_id=body.lesson_id,
        text=body.text,
        by_id=actor.person_id,
        based_on=body.digest,
        now=now,
    )
    return await push_out(session, manuscript, actor)


async def push_out(session: AsyncSession, manuscript: Manuscript, actor: Actor) -> PushOut:
    steps = await queries.list_steps(session, manuscript_id=manuscript.id)
    rows = await reach.list_of_push(session, manuscript_id=manuscript.id, org_ids=overseen(actor))
    return PushOut(
        **dict(await _row(session, manuscript)),
        reviews=[await step_out(session, manuscript, one) for one in steps if one.decision],
        flags=[FlagOut.model_validate(one) for one in manuscript.flags],
        deliveries=[delivery_out(row) for row in rows],
    )


def overseen(actor: Actor) -> list[int]:
    """The organisations whose pushing this person may see, with all below them."""
    return policy.orgs_where(actor, policy.can_see_pushing)


async def _row(session: AsyncSession, manuscript: Manuscript) -> PushRow:
    body = await queries.body_of(session, manuscript_id=manuscript.id)
    organisation = await people.get_organisation(session, manuscript.org_id)
    return PushRow(
        **body,
        id=manuscript.id,
        state=manuscript.state,
        org=OrgOut(code=organisation.code, name=organisation.name),
        version=manuscript.version,
        digest=manuscript.digest,
        author=await staff_out(session, manuscript.author_id),
        scheduled_at=manuscript.scheduled_at,
        withdrawn_at=manuscript.withdrawn_at,
        outcome=manuscript.outcome,
    )


add_steps(
    router,
    kind="push",
    show=push_out,
    schedule=daily_push.schedule,
    withdraw=daily_push.withdraw,
)
