"""Learning groups: registered, changed, ended. Their addresses are secrets and never shown."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from app.api.deps import Cursor, Now, SessionDep
from app.api.errors import status_of
from app.api.pages import office_forms as forms
from app.api.pages.doors import StaffPerson
from app.api.pages.forgery import Form
from app.api.pages.office_view import (
    go_on,
    names,
    overseen,
    query,
    require,
    show,
)
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import local_day
from app.core.errors import Conflict, Invalid
from app.flows import learning_groups
from app.people import policy, roster
from app.people import queries as people
from app.people.policy import Actor
from app.people.rules import ROLES
from app.push import groups
from app.push.channels import ADDRESSES, CHANNEL_TITLES, masked
from app.push.groups import OPEN_FROM, OPEN_UNTIL
from app.push.models import Group

router = page_router("/desk/groups")
GroupId = Annotated[int, Path(ge=1, lt=2**63)]
HOURS = ("send_at", "deadline", "open_from", "open_until")
FIELD_OF = {
    "GroupNameUnsuitable": "name",
    "GroupExists": "name",
    "GroupAddressUnsuitable": "address",
    "GroupHoursUnsuitable": "send_at",
    "OwnerUnsuitable": "owner_id",
}
"""Where a refusal is shown."""


@dataclass(frozen=True)
class Row:
    group: Group
    place: str
    owner: str
    channel: str
    address: str
    may_change: bool


@router.get("")
async def list_groups(
    request: Request,
    actor: StaffPerson,
    session: SessionDep,
    *,
    ended: bool = False,
    cursor: Cursor = None,
) -> Response:
    found = await groups.list_groups(
        session, org_ids=overseen(actor), ended=ended, cursor=cursor, limit=50
    )
    asked: dict[str, object] = {"ended": "true" if ended else None}
    return show(
        request,
        "groups.html",
        rows=[await _row(session, actor, one) for one in found.items],
        ended=ended,
        may_add=bool(policy.orgs_where(actor, policy.can_tutor)),
        next_page=query("/desk/groups", **asked, cursor=found.next) if found.next else None,
        first_page=query("/desk/groups", **asked) if cursor else None,
    )


@router.get("/new")
async def new_group(
    request: Request, actor: StaffPerson, session: SessionDep, now: Now
) -> Response:
    usual = {"channel": "relay", "send_at": "07:30", "deadline": "12:00"}
    usual |= {"open_from": f"{OPEN_FROM:%H:%M}", "open_until": f"{OPEN_UNTIL:%H:%M}"}
    return await _form(request, session, actor, None, usual, now=now)


@router.post("")
@once
async def register(
    request: Request, actor: StaffPerson, form: Form, session: SessionDep, now: Now
) -> Response:
    try:
        organisation = await people.org_by_code(session, forms.text(form, "org_code"))
        await require(session, actor, policy.can_tutor, organisation.id)
        facts = {**_facts(form, None), "org_id": organisation.id}
        await learning_groups.register(session, facts=facts, by_id=actor.person_id, now=now)
    except (Invalid, Conflict) as error:
        return await _form(request, session, actor, None, _typed(form), error=error, now=now)
    return go_on(request, "/desk/groups", "saved")


@router.get("/{group_id}")
async def show_group(
    request: Request, group_id: GroupId, actor: StaffPerson, session: SessionDep, now: Now
) -> Response:
    group = await _mine(session, actor, group_id)
    values = {name: f"{getattr(group, name):%H:%M}" for name in HOURS}
    values |= {"name": group.name, "channel": group.channel, "owner_id": str(group.owner_id)}
    return await _form(request, session, actor, group, values, now=now)


@router.post("/{group_id}")
@once
async def change(
    request: Request,
    group_id: GroupId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    group = await _mine(session, actor, group_id)
    try:
        facts = _facts(form, group)
        await learning_groups.change(
            session, group_id=group_id, facts=facts, by_id=actor.person_id, now=now
        )
    except (Invalid, Conflict) as error:
        return await _form(request, session, actor, group, _typed(form), error=error, now=now)
    return go_on(request, f"/desk/groups/{group_id}", "saved")


@router.post("/{group_id}/end")
@once
async def end(
    request: Request,
    group_id: GroupId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    """Nothing goes there any more; what went there stays on record."""
    await _mine(session, actor, group_id)
    reason = forms.text(form, "reason")
    await learning_groups.end(
        session, group_id=group_id, reason=reason, by_id=actor.person_id, now=now
    )
    return go_on(request, "/desk/groups", "ended")


async def _mine(session: AsyncSession, actor: Actor, group_id: int) -> Group:
    group = await groups.get_group(session, group_id=group_id)
    await require(session, actor, policy.can_tutor, group.org_id)
    return group


def _facts(form: FormData, group: Group | None) -> dict[str, Any]:
    """What the domain takes. An address left empty stays, unless the channel becomes another."""
    channel = forms.one_of(form, "channel", tuple(CHANNEL_TITLES))
    facts: dict[str, Any] = {
        "name": forms.text(form, "name"),
        "channel": channel,
        "owner_id": forms.whole(form, "owner_id"),
        **{name: forms.an_hour(form, name) for name in HOURS},
    }
    address = forms.text(form, "address") or None
    if ADDRESSES[channel] is None:
        address = None
    if group is None or address is not None or channel != group.channel:
        return {**facts, "address": address}
    # The same channel once more would forget that the platform lets nobody speak first there.
    return {name: value for name, value in facts.items() if name != "channel"}


def _typed(form: FormData) -> dict[str, str]:
    """What comes back into the form: all but the address."""
    wanted = ("name", "org_code", "channel", "owner_id", *HOURS)
    return {name: str(form.get(name, "")) for name in wanted}


async def _form(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    group: Group | None,
    values: Mapping[str, str],
    *,
    error: Invalid | Conflict | None = None,
    now: datetime,
) -> Response:
    tutored = policy.orgs_where(actor, policy.can_tutor)
    if group is None and not tutored:
        await require(session, actor, policy.can_tutor, actor.offices[0].org_id)
    places = await people.tree_below(session, tutored)
    errors = {}
    if error is not None:
        field = str(error.facts.get("field") or FIELD_OF.get(error.code, "name"))
        errors[field] = error.detail
    return show(
        request,
        "group.html",
        status=200 if error is None else status_of(error),
        group=group,
        row=None if group is None else await _row(session, actor, group),
        values={
            name: values.get(name, "")
            for name in ("name", "org_code", "channel", "owner_id", *HOURS)
        },
        errors=errors,
        orgs=[(one.code, one.name) for one in places if one.kind != "family"],
        owners=await _owners(session, tutored, group, now),
        channels=[(code, title, "") for code, title in CHANNEL_TITLES.items()],
    )


async def _owners(
    session: AsyncSession, org_ids: list[int], group: Group | None, now: datetime
) -> list[tuple[str, str]]:
    """Officers who may answer for a group here, for a select; whoever does now is among them."""
    held = await roster.list_offices(
        session, org_ids=org_ids, above=True, day=local_day(now), limit=300
    )
    found = {
        one.person_id: f"{one.name}（{one.org_name}{ROLES[one.role]}）" for one in reversed(held)
    }
    if group is not None and group.owner_id not in found:
        said = await names(session, [group.owner_id])
        found[group.owner_id] = said[group.owner_id]
    return [
        (str(person_id), text) for person_id, text in sorted(found.items(), key=lambda one: one[1])
    ]


async def _row(session: AsyncSession, actor: Actor, group: Group) -> Row:
    place = await people.get_organisation(session, group.org_id)
    said = await names(session, [group.owner_id])
    return Row(
        group=group,
        place=place.name,
        owner=said[group.owner_id],
        channel=CHANNEL_TITLES[group.channel],
        address=masked(group.address) or "",
        may_change=group.ended_at is None and policy.can_tutor(actor, place.lineage),
    )
