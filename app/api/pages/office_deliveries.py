"""Deliveries by day and state, the dead letters among them, and what reached whom."""

from datetime import date, timedelta
from typing import Annotated, Literal

from fastapi import Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deliveries import SPAN_MAX, SpanUnsuitable
from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep
from app.api.pages import office_forms as forms
from app.api.pages.doors import StaffPerson
from app.api.pages.forgery import Form
from app.api.pages.office_view import go_on, names, overseen, query, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import BEGINNING, END, local_day
from app.flows import delivery_acts
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.push import deliveries, groups, reach
from app.push.channels import CHANNEL_TITLES
from app.push.rules import DELIVERY_STATES, DeliveryState

router = page_router("/desk/deliveries")
DeliveryId = Annotated[int, Path(ge=1, lt=2**63)]
Day = Annotated[date | None, Query(ge=BEGINNING, lt=END), EmptyIsAbsent]
State = Annotated[DeliveryState | None, Query(), EmptyIsAbsent]
DEAD = ("unknown", "failed")
ACTS = {
    "sent": (delivery_acts.mark_sent, "标记送达"),
    "retry": (delivery_acts.retry, "重试"),
    "give_up": (delivery_acts.give_up, "放弃"),
}
WEEK = timedelta(days=7)
DAY = timedelta(days=1)


@router.get("")
async def list_deliveries(
    request: Request,
    actor: StaffPerson,
    session: SessionDep,
    now: Now,
    day: Day = None,
    state: State = None,
    dead: Annotated[Literal["1", ""], Query()] = "",
    cursor: Cursor = None,
) -> Response:
    """A day's, today's if none is asked for; or the dead letters of all days."""
    org_ids = overseen(actor)
    shown_day = None if dead else day or local_day(now)
    states = DEAD if dead else (state,) if state else DELIVERY_STATES
    page = await reach.list_deliveries(
        session, org_ids=org_ids, states=states, day=shown_day, cursor=cursor, limit=50
    )
    counts = {}
    if shown_day is not None:
        counts = await reach.count_of_day(session, org_ids=org_ids, day=shown_day)
    asked: dict[str, object] = {"day": day, "state": state, "dead": dead}
    return show(
        request,
        "deliveries.html",
        rows=page.items,
        counts=counts,
        day=shown_day,
        before=None if shown_day is None else shown_day - DAY,
        after=None if shown_day is None else shown_day + DAY,
        state=state or "",
        dead=bool(dead),
        channels=CHANNEL_TITLES,
        next_page=query("/desk/deliveries", **asked, cursor=page.next) if page.next else None,
        first_page=query("/desk/deliveries", **asked) if cursor else None,
    )


@router.get("/reach")
async def show_reach(
    request: Request,
    actor: StaffPerson,
    session: SessionDep,
    now: Now,
    since: Day = None,
    until: Day = None,
) -> Response:
    """Counts only: who was in which group is stored nowhere."""
    last = until or local_day(now)
    first = since or last - WEEK + DAY
    if not first <= last <= first + SPAN_MAX:
        raise SpanUnsuitable
    villages: dict[int, reach.Reached] = {}
    per_group: dict[int, reach.Reached] = {}
    for org_id in overseen(actor):
        both = (villages, reach.reach_of_orgs), (per_group, reach.reach_of_groups)
        for found, reach_of in both:
            rows = await reach_of(session, org_id=org_id, since=first, until=last + DAY)
            found.update((one.id, one) for one in rows)
    return show(
        request,
        "reach.html",
        since=first,
        until=last,
        villages=list(villages.values()),
        groups=list(per_group.values()),
    )


@router.get("/{delivery_id}")
async def show_delivery(
    request: Request, delivery_id: DeliveryId, actor: StaffPerson, session: SessionDep, now: Now
) -> Response:
    may_act = await _rights(session, actor, delivery_id)
    acts = await reach.acts_of(session, delivery_id=delivery_id)
    said = await names(session, [one.person_id for one in acts])
    row = await reach.get_row(session, delivery_id=delivery_id)
    return show(
        request,
        "delivery.html",
        row=row,
        channel=CHANNEL_TITLES[row.channel],
        acts=[
            (one.made_at, f"{ACTS[one.act][1]} · {said[one.person_id]}", one.reason)
            for one in reversed(acts)
        ],
        may_act=may_act,
        on_its_day=row.local_day == local_day(now),
    )


@router.post("/{delivery_id}")
@once
async def act(
    request: Request,
    delivery_id: DeliveryId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
    back: Annotated[Literal["tasks", ""], Query()] = "",
) -> Response:
    if not await _rights(session, actor, delivery_id):
        raise NotYourBranch
    do, _ = ACTS[forms.one_of(form, "act", tuple(ACTS))]
    reason = forms.text(form, "reason")
    await do(session, delivery_id=delivery_id, by_id=actor.person_id, reason=reason, now=now)
    path = "/desk/tasks" if back == "tasks" else f"/desk/deliveries/{delivery_id}"
    return go_on(request, path, "decided")


async def _rights(session: AsyncSession, actor: Actor, delivery_id: int) -> bool:
    """Whether this person may decide about it. Raises NotYourBranch for who may not see it."""
    delivery = await deliveries.find(session, delivery_id=delivery_id)
    group = await groups.get_group(session, group_id=delivery.group_id)
    lineage = await people.lineage_of(session, group.org_id)
    if not policy.can_see_pushing(actor, lineage):
        raise NotYourBranch
    return policy.can_publish(actor, lineage)
