"""Who holds which office below mine; granting and ending them; and where a resident lives."""

from datetime import date
from typing import Annotated, get_args

from fastapi import Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import EmptyIsAbsent, Now, SessionDep
from app.api.pages import office_forms as forms
from app.api.pages.doors import AdminActor
from app.api.pages.forgery import Form
from app.api.pages.office_view import administered, go_on, require, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import local_day
from app.people import offices, persons, policy, roster
from app.people import queries as people
from app.people.errors import OfficeNotFound
from app.people.models import Office
from app.people.policy import Actor
from app.people.rules import ROLES, UNIT_KINDS, Role, clean_reason

router = page_router("/desk/roster")
OfficeId = Annotated[int, Path(ge=1, lt=2**63)]
PersonNumber = Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent]
Name = Annotated[str | None, Query(max_length=20), EmptyIsAbsent]
SHOWN_MAX = 500


@router.get("")
async def list_offices(
    request: Request,
    actor: AdminActor,
    session: SessionDep,
    now: Now,
    *,
    role: Annotated[Role | None, Query(), EmptyIsAbsent] = None,
    ended: bool = False,
) -> Response:
    mine = administered(actor)
    rows = await roster.list_offices(
        session, org_ids=mine, role=role, ended=ended, day=local_day(now), limit=SHOWN_MAX
    )
    return show(
        request,
        "roster.html",
        rows=rows,
        roles=ROLES,
        role=role or "",
        ended=ended,
        people_count=len({one.person_id for one in rows}),
        sessions=await roster.count_sessions(session, org_ids=mine, now=now),
        me_id=actor.person_id,
    )


@router.get("/grant")
async def choose_person(
    request: Request,
    actor: AdminActor,
    session: SessionDep,
    name: Name = None,
    person: PersonNumber = None,
) -> Response:
    """Look somebody up by the whole name, or by the number; then say which office."""
    mine = administered(actor)
    found, chosen = [], None
    if name is not None:
        found = await roster.find_by_name(session, name=name.strip(), org_ids=mine)
    if person is not None:
        chosen = await _candidate(session, actor, person)
    places = await people.tree_below(session, mine)
    return show(
        request,
        "grant.html",
        name=name or "",
        found=found,
        chosen=chosen,
        looked=name is not None,
        orgs=[(one.code, "　" * (len(one.lineage) - 1) + one.name) for one in places],
        roles=list(ROLES.items()),
        homes=[(one.code, one.name) for one in places if one.kind not in UNIT_KINDS],
    )


@router.post("/grant")
@once
async def grant(
    request: Request, actor: AdminActor, form: Form, session: SessionDep, now: Now
) -> Response:
    """Never to oneself. The same once more is the same office."""
    person_id = forms.whole(form, "person")
    role = forms.one_of(form, "role", get_args(Role))
    organisation = await people.org_by_code(session, forms.text(form, "org_code"))
    await require(session, actor, policy.can_grant, organisation.id)
    await _candidate(session, actor, person_id)
    until_on: date | None = forms.a_day_or_none(forms.text(form, "until_on"), "until_on")
    await offices.grant(
        session,
        person_id=person_id,
        role=role,
        org_code=organisation.code,
        title=forms.text(form, "title", most=30) or None,
        granted_by_id=actor.person_id,
        since_on=local_day(now),
        until_on=until_on,
        now=now,
    )
    return go_on(request, "/desk/roster", "granted")


@router.post("/offices/{office_id}/end")
@once
async def end(
    request: Request,
    office_id: OfficeId,
    actor: AdminActor,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    """From today on, and never one's own."""
    office = await session.get(Office, office_id)
    if office is None:
        raise OfficeNotFound(office_id=office_id)
    await require(session, actor, policy.can_grant, office.org_id)
    await offices.end(
        session,
        office_id=office_id,
        on=local_day(now),
        reason=clean_reason(forms.text(form, "reason")),
        ended_by_id=actor.person_id,
        now=now,
    )
    return go_on(request, "/desk/roster", "ended")


@router.post("/residents/village")
@once
async def correct_village(
    request: Request, actor: AdminActor, form: Form, session: SessionDep, now: Now
) -> Response:
    """Where a resident really lives, with a reason; earned credit keeps its old place."""
    person_id = forms.whole(form, "person")
    person = await people.get_person(session, person_id)
    target = await people.org_by_code(session, forms.text(form, "org_code"))
    old = () if person.org_id is None else await people.lineage_of(session, person.org_id)
    if not policy.can_correct_village(actor, old, target.lineage):
        raise NotYourBranch
    await persons.correct_village(
        session,
        person_id=person_id,
        org_code=target.code,
        reason=forms.text(form, "reason"),
        by_id=actor.person_id,
        now=now,
    )
    return go_on(request, "/desk/roster", "corrected")


async def _candidate(session: AsyncSession, actor: Actor, person_id: int) -> roster.Candidate:
    """Somebody of the administrator's branch. Raises PersonNotFound, NotYourBranch."""
    person_id = await people.resolve_alias(session, person_id)
    lineage = await people.lineage_of_person(session, person_id)
    if not policy.can_administer(actor, lineage):
        raise NotYourBranch
    person = await people.get_person(session, person_id)
    place = await people.shown_org(session, person)
    return roster.Candidate(person_id, person.name, place.name if place else None)
