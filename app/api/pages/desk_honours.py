"""Honours by organisation, and the roll to print: by threshold, never by place (the law)."""

from typing import Annotated

from fastapi import Form, Query, Request, Response

from app.api.deps import EmptyIsAbsent, Now, SessionDep
from app.api.pages.desk_asked import day_text
from app.api.pages.desk_scope import scope_of
from app.api.pages.doors import AdminActor, go
from app.api.pages.errors import NoSuchPage
from app.api.pages.frame import render
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import local_day
from app.flows import seeing
from app.people import queries as people
from app.ranking import rolls
from app.ranking.spans import ROWS_MAX
from app.recognition.rules import BADGES, BY_CODE, TITLES

HONOURS = "/desk/honours"
router = page_router(HONOURS)
OrgCode = Annotated[str | None, Query(max_length=64), EmptyIsAbsent]
SeenBy = Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent]


@router.get("")
async def show_honours(
    request: Request, actor: AdminActor, session: SessionDep, org: OrgCode = None
) -> Response:
    scope = await scope_of(session, actor, org)
    branch = scope.branch
    counts = await rolls.count_holders(session, org_id=branch.org_id, is_root=branch.is_root)
    nobody = rolls.Count(0, 0)
    return render(
        request,
        "desk/honours.html",
        scope=scope,
        titles=[(one, counts.get(one.code, nobody)) for one in reversed(TITLES[1:])],
        badges=[(one, counts.get(one.code, nobody)) for one in BADGES],
    )


@router.get("/{code}")
async def show_roll(
    request: Request,
    code: str,
    actor: AdminActor,
    session: SessionDep,
    now: Now,
    org: OrgCode = None,
    seen: SeenBy = None,
) -> Response:
    """On paper: who chose to appear, masked; with a stated reason everybody, by name."""
    if code not in BY_CODE:
        raise NoSuchPage
    scope = await scope_of(session, actor, org)
    branch = scope.branch
    stated = await seeing.find_reason_for_place(
        session, actor=actor, place=scope.org, act_id=seen, now=now
    )
    counts = await rolls.count_holders(session, org_id=branch.org_id, is_root=branch.is_root)
    maker = await people.get_person(session, actor.person_id)
    return render(
        request,
        "desk/roll.html",
        scope=scope,
        honour=BY_CODE[code],
        count=counts.get(code, rolls.Count(0, 0)),
        holders=await rolls.list_holders(
            session,
            org_id=branch.org_id,
            is_root=branch.is_root,
            code=code,
            everyone=stated is not None,
            limit=ROWS_MAX,
        ),
        stated=stated,
        action=f"{HONOURS}/{code}/reasons?org={scope.org.code}",
        back=f"{HONOURS}?org={scope.org.code}",
        made_by=maker.name or "",
        made_on=day_text(local_day(now)),
    )


@router.post("/{code}/reasons")
@once
async def state_reason(
    request: Request,
    code: str,
    actor: AdminActor,
    reason: Annotated[str, Form(max_length=1000)],
    session: SessionDep,
    now: Now,
    org: OrgCode = None,
) -> Response:
    if code not in BY_CODE:
        raise NoSuchPage
    scope = await scope_of(session, actor, org)
    stated = await seeing.state_reason_for_place(
        session, actor=actor, place=scope.org, reason=reason, now=now
    )
    return go(request, f"{HONOURS}/{code}?org={scope.org.code}&seen={stated.id}")
