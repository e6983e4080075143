"""What there is to do by hand (待办): mine, and that of the offices I hold."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from app.api.deps import CurrentPerson, Cursor, Limit, Now, SessionDep
from app.api.errors import problems
from app.api.idempotency import once
from app.api.schemas import Body, OrgOut, PageOut
from app.core.errors import Forbidden
from app.core.paging import LIMIT_DEFAULT
from app.flows import tasks as flow
from app.people import queries as people
from app.people.policy import Actor
from app.push import policy, tasks
from app.push.models import Task

router = APIRouter(prefix="/api/v1/tasks", tags=["tasks"])
TaskId = Annotated[int, Path(ge=1, lt=2**63, description="The task's id")]
Scope = Annotated[
    Literal["mine", "area"],
    Query(description="`mine`, or everybody's in the area one administers"),
]


class NotYourTask(Forbidden):
    title = "这项待办不由您办理"


class TaskOut(BaseModel):
    id: int = Field(description="The task's id")
    kind: str = Field(description="What it is about: relay, review, publish_by_hand, …")
    title: str = Field(description="In a line")
    text: str = Field(description="All there is to know, ready to be forwarded where it is a text")
    org: OrgOut = Field(description="Whose matter it is")
    role: str | None = Field(description="Whoever holds this office there; null: one person's")
    manuscript_id: int | None = Field(description="The issue or push it is about")
    delivery_id: int | None = Field(description="The delivery it is about")
    due_at: datetime = Field(description="By when")
    made_at: datetime = Field(description="Since when")
    state: str = Field(description="open, done or dropped")
    closed_at: datetime | None = Field(description="When it was closed")
    closed_reason: str | None = Field(description="In the words of whoever closed it")


class DoneIn(Body):
    reason: str | None = Field(
        default=None, min_length=2, max_length=200, description="How it was done, if worth a word"
    )
    url: str | None = Field(
        default=None,
        max_length=1000,
        pattern=r"^https?://",
        description="Where the article published by hand can be read",
    )


class DropIn(Body):
    reason: str = Field(min_length=2, max_length=200, description="Why nobody need do it")


@router.get("", summary="What there is to do, open first", responses=problems(400, 401, 403, 429))
async def list_tasks(
    actor: CurrentPerson,
    session: SessionDep,
    scope: Scope = "mine",
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOut[TaskOut]:
    """The most urgent first; closed ones follow. `area` adds whatever is below an administrator."""
    areas = {one.org_id for one in actor.offices if one.role == "admin"}
    if scope == "area" and not areas:
        raise NotYourTask
    page = await tasks.list_open(
        session,
        person_ids=await people.list_selves(session, actor.person_id),
        org_roles={(one.role, one.org_id) for one in actor.offices},
        org_ids=areas if scope == "area" else (),
        cursor=cursor,
        limit=limit,
    )
    return PageOut(items=[await task_out(session, one) for one in page.items], next=page.next)


@router.post(
    "/{task_id}/done", summary="It is done", responses=problems(400, 401, 403, 404, 409, 413, 429)
)
@once
async def done(
    task_id: TaskId, body: DoneIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> TaskOut:
    """A push handed on is then sent, an issue published by hand then published."""
    task = await tasks.get_task(session, task_id=task_id)
    lineage = await people.lineage_of(session, task.org_id)
    selves = await people.list_selves(session, actor.person_id)
    if not policy.can_finish(actor, task, selves=selves, lineage=lineage):
        raise NotYourTask
    task = await flow.finish(
        session,
        task_id=task_id,
        by_id=actor.person_id,
        reason=body.reason,
        url=body.url,
        now=now,
    )
    return await task_out(session, task)


@router.post(
    "/{task_id}/drop", summary="Nobody need do it",
    responses=problems(400, 401, 403, 404, 409, 413, 429),
)  # fmt: skip
@once
async def drop(
    task_id: TaskId, body: DropIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> TaskOut:
    """For an administrator of the place. What the task was about stays as it is.

    An issue that waits for a decision gets one instead: POST /issues/{id}/outcome.
    """
    task = await _of_my_area(session, actor, task_id)
    task = await flow.drop(
        session, task_id=task.id, by_id=actor.person_id, reason=body.reason, now=now
    )
    return await task_out(session, task)


async def task_out(session: SessionDep, task: Task) -> TaskOut:
    place = await people.get_organisation(session, task.org_id)
    return TaskOut(
        id=task.id,
        kind=task.kind,
        title=task.title,
        text=task.text,
        org=OrgOut(code=place.code, name=place.name),
        role=task.role,
        manuscript_id=task.manuscript_id,
        delivery_id=task.delivery_id,
        due_at=task.due_at,
        made_at=task.made_at,
        state=task.state,
        closed_at=task.closed_at,
        closed_reason=task.closed_reason,
    )


async def _of_my_area(session: SessionDep, actor: Actor, task_id: int) -> Task:
    task = await tasks.get_task(session, task_id=task_id)
    if not policy.can_drop(actor, await people.lineage_of(session, task.org_id)):
        raise NotYourTask
    return task
