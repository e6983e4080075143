"""Deliveries: what a person does about one, the dead letters, and what reached whom."""

from datetime import date, datetime, timedelta
from typing import Annotated, get_args

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import CurrentPerson, Cursor, EmptyIsAbsent, Limit, Now, SessionDep
from app.api.errors import problems
from app.api.idempotency import once
from app.api.schemas import Body, OrgOut, PageOut
from app.core.clock import local_day
from app.core.errors import Invalid
from app.core.paging import LIMIT_DEFAULT
from app.flows import delivery_acts
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.push import deliveries, groups, reach
from app.push.acts import REASON_MAX
from app.push.reach import DeliveryRow, Reached
from app.push.rules import DeliveryState

router = APIRouter(prefix="/api/v1/deliveries", tags=["pushes"])
reached = APIRouter(prefix="/api/v1/reach", tags=["pushes"])
ERRORS = problems(400, 401, 403, 404, 409, 413, 429)
DeliveryId = Annotated[int, Path(ge=1, lt=2**63, description="The delivery's id")]
SPAN_MAX = timedelta(days=366)
WEEK = timedelta(days=7)


class NoSuchState(Invalid):
    """Facts: `states`, those there are."""

    title = "没有这种状态"


class SpanUnsuitable(Invalid):
    title = "起止日期不对，最多一年"


class DeliveryOut(BaseModel):
    id: int = Field(description="The delivery's id")
    push_id: int = Field(description="The push it is of")
    group_id: int = Field(description="The group it is for")
    group: str = Field(description="The group's name")
    org: OrgOut = Field(description="Whose group it is")
    date: str = Field(description="The day it is of")
    channel: str = Field(description="relay, wecom_robot, wecom_customer_group, qq_bot, console")
    state: str = Field(
        description="planned, claimed, sent, handed_over, unknown, failed or skipped"
    )
    at: datetime = Field(description="Since when it is in this state; planned: when it is due")
    deadline_at: datetime = Field(description="By when a person is to have forwarded it")
    proof: str | None = Field(description="How it is known to be sent")
    detail: str | None = Field(description="Why it is what it is, in Chinese")
    at_risk: bool = Field(
        description="Reminded in vain, or not sent in time: the administrator was told"
    )
    clicks: int = Field(description="Phones that opened its link")
    learned: int = Field(description="Lessons completed by way of its link")


class ActIn(Body):
    reason: str = Field(min_length=1, max_length=REASON_MAX, description="Why, in a few words")


class ReachRow(BaseModel):
    id: int = Field(description="Of the group, or of the organisation")
    name: str = Field(description="Of the group, or of the organisation")
    org: OrgOut = Field(description="Where it is")
    planned: int = Field(description="Deliveries planned for it")
    delivered: int = Field(description="Those known to be sent")
    failed: int = Field(description="Those that failed or were skipped")
    in_doubt: int = Field(description="Those nobody knows of")
    clicked: int = Field(description="Phones that opened a link")
    learned: int = Field(description="Lessons completed by way of a link")


class ReachOut(BaseModel):
    since: str = Field(description="First day")
    until: str = Field(description="Last day")
    groups: list[ReachRow] = Field(description="Per group")
    villages: list[ReachRow] = Field(description="Per organisation that has groups")


def delivery_out(row: DeliveryRow) -> DeliveryOut:
    return DeliveryOut(
        id=row.id,
        push_id=row.manuscript_id,
        group_id=row.group_id,
        group=row.group,
        org=OrgOut(code=row.org_code, name=row.org_name),
        date=row.local_day.isoformat(),
        channel=row.channel,
        state=row.state,
        at=row.at,
        deadline_at=row.deadline_at,
        proof=row.proof,
        detail=row.detail,
        at_risk=row.at_risk,
        clicks=row.clicks,
        learned=row.learned,
    )


@router.get("", summary="Deliveries in a state", responses=problems(400, 401, 429))
async def list_deliveries(
    actor: CurrentPerson,
    session: SessionDep,
    state: Annotated[
        str, Query(max_length=100, description="One or more, separated by commas")
    ] = "unknown,failed",
    day: Annotated[
        date | None, Query(alias="date", description="Of this day; absent: of all"), EmptyIsAbsent
    ] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOut[DeliveryOut]:
    """The newest first. Without a state: what needs a person, in doubt or failed."""
    states = state.split(",")
    if not set(states) <= set(get_args(DeliveryState)):
        raise NoSuchState(states=list(get_args(DeliveryState)))
    below = [one.org_id for one in actor.offices if policy.can_see_pushing(actor, (one.org_id,))]
    page = await reach.list_deliveries(
        session, org_ids=below, states=states, day=day, cursor=cursor, limit=limit
    )
    return PageOut(items=[delivery_out(row) for row in page.items], next=page.next)


@router.post("/{delivery_id}/sent", summary="It is in the group (已转发)", responses=ERRORS)
@once
async def mark_sent(
    delivery_id: DeliveryId, body: ActIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> DeliveryOut:
    """For the group's owner, a tutor of the place, or who publishes there."""
    owner_id, lineage = await _place_of(session, delivery_id)
    is_owner = owner_id in await people.list_selves(session, actor.person_id)
    if not (is_owner or policy.can_see_pushing(actor, lineage)):
        raise NotYourBranch
    await delivery_acts.mark_sent(
        session, delivery_id=delivery_id, by_id=actor.person_id, reason=body.reason, now=now
    )
    return await _out(session, delivery_id)


@router.post("/{delivery_id}/retry", summary="Try it once more, today", responses=ERRORS)
@once
async def retry(
    delivery_id: DeliveryId, body: ActIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> DeliveryOut:
    """Only on its own day. Of one in doubt: whoever orders this answers for a second message."""
    await _publisher_of(session, actor, delivery_id)
    await delivery_acts.retry(
        session, delivery_id=delivery_id, by_id=actor.person_id, reason=body.reason, now=now
    )
    return await _out(session, delivery_id)


@router.post("/{delivery_id}/give-up", summary="Nothing more is tried", responses=ERRORS)
@once
async def give_up(
    delivery_id: DeliveryId, body: ActIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> DeliveryOut:
    await _publisher_of(session, actor, delivery_id)
    await delivery_acts.give_up(
        session, delivery_id=delivery_id, by_id=actor.person_id, reason=body.reason, now=now
    )
    return await _out(session, delivery_id)


@reached.get(
    "", summary="What was delivered, clicked and learned",
    responses=problems(400, 401, 403, 404, 429),
)  # fmt: skip
async def get_reach(
    actor: CurrentPerson,
    session: SessionDep,
    now: Now,
    org: Annotated[str, Query(max_length=64, description="An organisation's code")],
    since: Annotated[
        date | None, Query(alias="from", description="First day; absent: a week ago"), EmptyIsAbsent
    ] = None,
    until: Annotated[
        date | None, Query(alias="to", description="Last day; absent: today"), EmptyIsAbsent
    ] = None,
) -> ReachOut:
    """Counts only: who was in which group is stored nowhere."""
    organisation = await people.org_by_code(session, org)
    if not policy.can_see_pushing(actor, organisation.lineage):
        raise NotYourBranch
    last = until or local_day(now)
    first = since or last - WEEK + timedelta(days=1)
    if not first <= last <= first + SPAN_MAX:
        raise SpanUnsuitable
    end = last + timedelta(days=1)
    per_group = await reach.reach_of_groups(session, org_id=organisation.id, since=first, until=end)
    per_org = await reach.reach_of_orgs(session, org_id=organisation.id, since=first, until=end)
    return ReachOut(
        since=first.isoformat(),
        until=last.isoformat(),
        groups=[_reach_row(one) for one in per_group],
        villages=[_reach_row(one) for one in per_org],
    )


def _reach_row(one: Reached) -> ReachRow:
    return ReachRow(
        **{name: value for name, value in vars(one).items() if not name.startswith("org_")},
        org=OrgOut(code=one.org_code, name=one.org_name),
    )


async def _out(session: AsyncSession, delivery_id: int) -> DeliveryOut:
    return delivery_out(await reach.get_row(session, delivery_id=delivery_id))


async def _place_of(session: AsyncSession, delivery_id: int) -> tuple[int, tuple[int, ...]]:
    """The group's owner, and where the group is."""
    delivery = await deliveries.find(session, delivery_id=delivery_id)
    group = await groups.get_group(session, group_id=delivery.group_id)
    return group.owner_id, await people.lineage_of(session, group.org_id)


async def _publisher_of(session: AsyncSession, actor: Actor, delivery_id: int) -> None:
    _, lineage = await _place_of(session, delivery_id)
    if not policy.can_publish(actor, lineage):
        raise NotYourBranch
