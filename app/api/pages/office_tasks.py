"""What there is to do by hand (待办), each with all that it takes to do it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Cursor, Now, SessionDep, SettingsDep
from app.api.pages import office_forms as forms
from app.api.pages.doors import StaffPerson
from app.api.pages.forgery import Form
from app.api.pages.office_view import administered, go_on, query, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.api.tasks import NotYourTask
from app.core.clock import local_day
from app.core.errors import Invalid
from app.core.settings import Settings
from app.editorial import queries as editorial
from app.flows import tasks as flow
from app.people import policy as rights
from app.people import queries as people
from app.people.policy import Actor
from app.push import deliveries, policy, tasks
from app.push.links import Links
from app.push.models import Task

router = page_router("/desk/tasks")
TaskId = Annotated[int, Path(ge=1, lt=2**63)]
Scope = Literal["mine", "area"]
PUBLISHING = {"publish_by_hand", "publish_doubt", "publish_failed"}
DELIVERING = {"delivery_doubt", "delivery_failed", "delivery_overdue"}
IN_DOUBT = {"failed", "unknown"}


class DropNeedsReason(Invalid):
    title = "请写明为什么不用办（2–200 个字）"


@dataclass(frozen=True)
class Row:
    """A task, and which of its forms are shown."""

    task: Task
    place: str
    overdue: bool
    form: Literal["review", "relay", "publish", "deliver", "plain", "none"]
    retry: bool
    delivery_state: str
    on_its_day: bool
    poster: str
    may_drop: bool


@router.get("")
async def list_tasks(
    request: Request,
    actor: StaffPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    scope: Scope = "mine",
    cursor: Cursor = None,
) -> Response:
    areas = administered(actor)
    if scope == "area" and not areas:
        raise NotYourTask
    found = await tasks.list_open(
        session,
        person_ids=await people.list_selves(session, actor.person_id),
        org_roles={(one.role, one.org_id) for one in actor.offices},
        org_ids=areas if scope == "area" else (),
        cursor=cursor,
        limit=20,
    )
    rows = [await _row(session, settings, actor, one, now) for one in found.items]
    return show(
        request,
        "tasks.html",
        open_rows=[one for one in rows if one.task.state == "open"],
        closed_rows=[one for one in rows if one.task.state != "open"],
        scope=scope,
        has_area=bool(areas),
        next_page=query("/desk/tasks", scope=scope, cursor=found.next) if found.next else None,
        first_page=query("/desk/tasks", scope=scope) if cursor else None,
    )


@router.post("/{task_id}/done")
@once
async def done(
    request: Request,
    task_id: TaskId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    task = await tasks.get_task(session, task_id=task_id)
    lineage = await people.lineage_of(session, task.org_id)
    selves = await people.list_selves(session, actor.person_id)
    if not policy.can_finish(actor, task, selves=selves, lineage=lineage):
        raise NotYourTask
    url = forms.text(form, "url", most=1000)
    if url and not url.startswith(("https://", "http://")):
        raise forms.FieldUnsuitable("文章地址应以 https:// 开头", field="url")
    await flow.finish(
        session,
        task_id=task_id,
        by_id=actor.person_id,
        reason=forms.text(form, "reason") or None,
        url=url or None,
        now=now,
    )
    return go_on(request, "/desk/tasks", "done")


@router.post("/{task_id}/drop")
@once
async def drop(
    request: Request,
    task_id: TaskId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    """For an administrator of the place."""
    task = await tasks.get_task(session, task_id=task_id)
    if not policy.can_drop(actor, await people.lineage_of(session, task.org_id)):
        raise NotYourTask
    reason = forms.text(form, "reason")
    if len(reason) < 2:  # noqa: PLR2004  as its title says
        raise DropNeedsReason
    await flow.drop(session, task_id=task_id, by_id=actor.person_id, reason=reason, now=now)
    return go_on(request, "/desk/tasks", "dropped")


async def _row(
    session: AsyncSession, settings: Settings, actor: Actor, task: Task, now: datetime
) -> Row:
    place = await people.get_organisation(session, task.org_id)
    retry, delivery_state, on_its_day, poster = False, "", False, ""
    form: Literal["review", "relay", "publish", "deliver", "plain", "none"] = "plain"
    if task.state != "open":
        form = "none"
    elif task.kind == "review" and task.manuscript_id is not None:
        form = "review"
    elif task.kind in PUBLISHING and task.manuscript_id is not None:
        manuscript = await editorial.get(session, task.manuscript_id)
        retry = manuscript.state in IN_DOUBT
        # Of an issue that was taken away afterwards there is nothing to decide any more.
        decidable = retry or task.kind == "publish_by_hand"
        form = "publish" if decidable and rights.can_publish(actor, place.lineage) else "plain"
    elif task.delivery_id is not None:
        delivery = await deliveries.find(session, delivery_id=task.delivery_id)
        delivery_state, on_its_day = delivery.state, delivery.local_day == local_day(now)
        form = "relay" if task.kind not in DELIVERING else "deliver"
        if form == "relay":
            poster = Links(base_url="", secret=settings.secret_key).poster(delivery.id)
    return Row(
        task=task,
        place=place.name,
        overdue=task.state == "open" and task.due_at < now,
        form=form,
        retry=retry,
        delivery_state=delivery_state,
        on_its_day=on_its_day,
        poster=poster,
        may_drop=task.state == "open" and policy.can_drop(actor, place.lineage),
    )
