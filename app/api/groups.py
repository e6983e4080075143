"""Learning groups: where the daily push goes. An address goes in and never comes out."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import CurrentPerson, Cursor, Limit, Now, SessionDep
from app.api.errors import problems
from app.api.idempotency import once
from app.api.schemas import Body, OrgOut, PageOut, TownTime
from app.core.paging import LIMIT_DEFAULT
from app.flows import learning_groups
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.push import groups
from app.push.channels import CHANNEL_TITLES, masked
from app.push.groups import NAME_MAX, OPEN_FROM, OPEN_UNTIL, REASON_MAX
from app.push.models import Group
from app.push.rules import Channel

router = APIRouter(prefix="/api/v1/groups", tags=["pushes"])
ERRORS = problems(400, 401, 403, 404, 409, 413, 429)
GroupId = Annotated[int, Path(ge=1, lt=2**63, description="The group's id")]
Name = Annotated[str, Field(min_length=1, max_length=NAME_MAX, description="Its name")]
Address = Annotated[
    str | None,
    Field(
        max_length=128,
        description="The robot's key, the chat id or the group's openid; none for relay, console",
    ),
]
OwnerId = Annotated[int, Field(ge=1, lt=2**63, description="Who answers for it, an officer there")]
SendAt = Annotated[TownTime, Field(description="When its push goes out, town time")]
Deadline = Annotated[TownTime, Field(description="By when a person is to have forwarded it")]
OpenFrom = Annotated[TownTime, Field(description="Quiet before this")]
OpenUntil = Annotated[TownTime, Field(description="Quiet from this on")]


class GroupIn(Body):
    name: Name
    org_code: str = Field(max_length=64, description="Whose group it is")
    channel: Channel = Field(description="How messages get there")
    address: Address = None
    owner_id: OwnerId
    send_at: SendAt
    deadline: Deadline
    open_from: OpenFrom = OPEN_FROM
    open_until: OpenUntil = OPEN_UNTIL


class GroupPatch(Body):
    name: str | None = Field(
        default=None, min_length=1, max_length=NAME_MAX, description="Its name"
    )
    channel: Channel | None = Field(default=None, description="How messages get there")
    address: Address = None
    owner_id: int | None = Field(
        default=None, ge=1, lt=2**63, description="Who answers for it, an officer there"
    )
    send_at: TownTime | None = Field(default=None, description="When its push goes out, town time")
    deadline: TownTime | None = Field(
        default=None, description="By when a person is to have forwarded it"
    )
    open_from: TownTime | None = Field(default=None, description="Quiet before this")
    open_until: TownTime | None = Field(default=None, description="Quiet from this on")


class EndIn(Body):
    reason: str = Field(min_length=1, max_length=REASON_MAX, description="Why it ends")


class GroupOut(BaseModel):
    id: int = Field(description="The group's id")
    name: str = Field(description="Its name")
    org: OrgOut = Field(description="Whose group it is")
    channel: str = Field(description="How messages get there")
    channel_text: str = Field(description="The same for people")
    address_end: str | None = Field(description="The last characters of its address, no more")
    owner_id: int = Field(description="Who answers for it")
    send_at: str = Field(description="When its push goes out, HH:MM town time")
    deadline: str = Field(description="By when a person is to have forwarded it")
    open_from: str = Field(description="Quiet before this")
    open_until: str = Field(description="Quiet from this on")
    relayed_since: datetime | None = Field(
        description="Since when a person forwards, because the platform lets nobody speak first"
    )
    ended_at: datetime | None = Field(description="When it ended; null: it lives")
    ended_reason: str | None = Field(description="Why it ended")


@router.post("", summary="Register a group", status_code=201, responses=ERRORS)
@once
async def register(body: GroupIn, actor: CurrentPerson, session: SessionDep, now: Now) -> GroupOut:
    """For tutors and administrators of the place. The same again is the same group."""
    organisation = await people.org_by_code(session, body.org_code)
    if not policy.can_tutor(actor, organisation.lineage):
        raise NotYourBranch
    facts = {**body.model_dump(exclude={"org_code"}), "org_id": organisation.id}
    group = await learning_groups.register(session, facts=facts, by_id=actor.person_id, now=now)
    return await group_out(session, group)


@router.get("", summary="The groups below one's offices", responses=problems(400, 401, 429))
async def list_groups(
    actor: CurrentPerson,
    session: SessionDep,
    *,
    ended: Annotated[bool, Query(description="Also those that have ended")] = False,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOut[GroupOut]:
    page = await groups.list_groups(
        session,
        org_ids=[
            one.org_id for one in actor.offices if policy.can_see_pushing(actor, (one.org_id,))
        ],
        ended=ended,
        cursor=cursor,
        limit=limit,
    )
    return PageOut(items=[await group_out(session, one) for one in page.items], next=page.next)


@router.patch("/{group_id}", summary="Change a group", responses=ERRORS)
@once
async def change(
    group_id: GroupId, body: GroupPatch, actor: CurrentPerson, session: SessionDep, now: Now
) -> GroupOut:
    """Only what is sent changes. A channel or address sent again gives the platform a new try."""
    await _mine(session, actor, group_id)
    facts: dict[str, Any] = {
        name: value
        for name, value in body.model_dump(exclude_unset=True).items()
        # The address alone may be taken away.
        if value is not None or name == "address"
    }
    group = await learning_groups.change(
        session, group_id=group_id, facts=facts, by_id=actor.person_id, now=now
    )
    return await group_out(session, group)


@router.delete("/{group_id}", summary="End a group, with a reason", responses=ERRORS)
@once
async def end(
    group_id: GroupId, body: EndIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> GroupOut:
    """Nothing goes there any more; what went there stays on record."""
    await _mine(session, actor, group_id)
    group = await learning_groups.end(
        session, group_id=group_id, reason=body.reason, by_id=actor.person_id, now=now
    )
    return await group_out(session, group)


async def group_out(session: AsyncSession, group: Group) -> GroupOut:
    organisation = await people.get_organisation(session, group.org_id)
    return GroupOut(
        id=group.id,
        name=group.name,
        org=OrgOut(code=organisation.code, name=organisation.name),
        channel=group.channel,
        channel_text=CHANNEL_TITLES[group.channel],
        address_end=masked(group.address),
        owner_id=group.owner_id,
        send_at=f"{group.send_at:%H:%M}",
        deadline=f"{group.deadline:%H:%M}",
        open_from=f"{group.open_from:%H:%M}",
        open_until=f"{group.open_until:%H:%M}",
        relayed_since=group.relayed_since,
        ended_at=group.ended_at,
        ended_reason=group.ended_reason,
    )


async def _mine(session: AsyncSession, actor: Actor, group_id: int) -> None:
    group = await groups.get_group(session, group_id=group_id)
    if not policy.can_tutor(actor, await people.lineage_of(session, group.org_id)):
        raise NotYourBranch
