"""The studio's first page: what I have to do now, and what my groups' pushes reached this week."""

from dataclasses import dataclass
from datetime import datetime

from fastapi import Request, Response
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Now, SessionDep, SettingsDep
from app.api.pages.doors import StudioPerson, go
from app.api.pages.forgery import Form
from app.api.pages.qr_pictures import qr_svg
from app.api.pages.router import page_router
from app.api.pages.studio_scope import Id, account_place, overseen, show, text_in
from app.api.tasks import NotYourTask
from app.core.clock import local_day, period_of
from app.core.settings import Settings
from app.editorial import mine
from app.editorial import queries as editorial
from app.flows import editorial as flow
from app.flows import prior_learning
from app.flows.relay import Relay, find_relay
from app.flows.tasks import finish
from app.people import policy as people_policy
from app.people import queries as people
from app.people.policy import Actor
from app.push import policy, reach, tasks
from app.push.links import Links
from app.push.models import Task
from app.push.reach import Reached

router = page_router("/studio")
TASKS_SHOWN, REASON_MAX = 50, 200
RECOGNISERS = ("tutor", "admin")
REVIEW, RELAY, BY_HAND = "review", "relay", "publish_by_hand"


@dataclass(frozen=True)
class Duty:
    """A task as the page shows it; a relay with what is to be forwarded."""

    task: Task
    place: str
    late: bool
    relay: Relay | None = None
    qr: Markup | None = None


@router.get("")
async def home(
    request: Request, actor: StudioPerson, session: SessionDep, settings: SettingsDep, now: Now
) -> Response:
    duties = await _duties(session, actor, settings, now)
    selves = await people.list_selves(session, actor.person_id)
    returned = [
        (one, flow.title_of(one.manuscript.kind, await _body(session, one.manuscript.id)))
        for one in await mine.list_returned(session, person_ids=selves)
    ]
    today = local_day(now)
    rows = await week_reach(session, actor, now)
    town = await account_place(session, settings)
    recognises = any(office.role in RECOGNISERS for office in actor.offices)
    asked = (
        await prior_learning.list_open_for(session, actor=actor, limit=TASKS_SHOWN)
        if recognises
        else []
    )
    return show(
        request,
        "home.html",
        today=today,
        relays=[one for one in duties if one.relay is not None],
        reviews=[one for one in duties if one.task.kind == REVIEW],
        others=[one for one in duties if one.relay is None and one.task.kind != REVIEW],
        returned=returned,
        review_names=flow.REVIEW_NAMES,
        reached=rows,
        recognises=recognises,
        asked=len(asked),
        writes_issues=town is not None and people_policy.can_write(actor, town.lineage),
        totals=totals_of(rows),
    )


@router.post("/tasks/{task_id}/done")
async def finish_task(
    request: Request, task_id: Id, form: Form, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    """已转发, 已办理; a repeated tap changes nothing."""
    task = await tasks.get_task(session, task_id=task_id)
    lineage = await people.lineage_of(session, task.org_id)
    selves = await people.list_selves(session, actor.person_id)
    if not policy.can_finish(actor, task, selves=selves, lineage=lineage):
        raise NotYourTask
    reason, url = text_in(form, "reason").strip()[:REASON_MAX], text_in(form, "url").strip()
    await finish(
        session,
        task_id=task_id,
        by_id=actor.person_id,
        reason=reason or None,
        url=url if url.startswith(("http://", "https://")) else None,
        now=now,
    )
    return go(request, f"/studio?said={'forwarded' if task.kind == RELAY else 'done'}")


async def week_reach(session: AsyncSession, actor: Actor, now: datetime) -> list[Reached]:
    """This week, group by group, of all places of one's offices."""
    monday, end = period_of("week", local_day(now))
    found: dict[int, Reached] = {}
    for org_id in overseen(actor):
        rows = await reach.reach_of_groups(session, org_id=org_id, since=monday, until=end)
        found |= {one.id: one for one in rows}
    return sorted(found.values(), key=lambda one: (-one.learned, -one.clicked, one.name))


def totals_of(rows: list[Reached]) -> dict[str, int]:
    names = ("planned", "delivered", "clicked", "learned")
    return {name: sum(getattr(one, name) for one in rows) for name in names}


async def _duties(
    session: AsyncSession, actor: Actor, settings: Settings, now: datetime
) -> list[Duty]:
    page = await tasks.list_open(
        session,
        person_ids=await people.list_selves(session, actor.person_id),
        org_roles={(one.role, one.org_id) for one in actor.offices},
        cursor=None,
        limit=TASKS_SHOWN,
    )
    links = Links(base_url=settings.base_url, secret=settings.secret_key)
    return [await _duty(session, task, links, now) for task in page.items if task.state == "open"]


async def _duty(session: AsyncSession, task: Task, links: Links, now: datetime) -> Duty:
    place = await people.get_organisation(session, task.org_id)
    relay = None
    if task.kind == RELAY and task.delivery_id is not None:
        relay = await find_relay(session, delivery_id=task.delivery_id, links=links)
    qr = None if relay is None else qr_svg(relay.link)
    return Duty(task, place.name, late=task.due_at < now, relay=relay, qr=qr)


async def _body(session: AsyncSession, manuscript_id: int) -> dict[str, object]:
    return await editorial.body_of(session, manuscript_id=manuscript_id)
