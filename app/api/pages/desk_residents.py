"""One resident's statement, for an administrator who said why."""

from typing import Annotated, Any

from fastapi import Form, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep
from app.api.pages.desk_rankings import RESIDENTS
from app.api.pages.doors import AdminActor, go, local_path
from app.api.pages.frame import render
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.api.schemas import amount_out
from app.credit_bank import queries as bank
from app.credit_bank.rules import amount_text
from app.credit_bank.statements import explain
from app.flows import seeing
from app.people import queries as people
from app.people.errors import PersonNotFound
from app.people.models import Person, StaffAct
from app.people.rules import mask_name
from app.recognition import service as recognition
from app.recognition.rules import title_of

router = page_router(RESIDENTS)
PersonNo = Annotated[int, Path(ge=1, lt=2**63)]
SeenBy = Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent]
LINES = 30


@router.get("/{person_id}")
async def show_resident(
    request: Request,
    person_id: PersonNo,
    actor: AdminActor,
    session: SessionDep,
    now: Now,
    seen: SeenBy = None,
    account: Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent] = None,
    unit: Annotated[str | None, Query(max_length=32), EmptyIsAbsent] = None,
    cursor: Cursor = None,
) -> Response:
    """`account`: one of those that were merged into this person."""
    look = await seeing.find_look(session, actor=actor, person_id=person_id, act_id=seen, now=now)
    if look is None:
        return await ask_why(request, session, person_id, next_=None)
    selves = await people.list_selves(session, look.person.id)
    shown = account or look.person.id
    if shown not in selves:
        raise PersonNotFound(person_id=shown)
    page = await bank.list_lines(session, person_id=shown, unit=unit, cursor=cursor, limit=LINES)
    return render(
        request,
        "desk/resident.html",
        look=look,
        person=look.person,
        **await _facts(session, look.person),
        lines=[_told(line) for line in page.items],
        unit=unit or "",
        selves=sorted(selves, reverse=True) if len(selves) > 1 else [],
        shown=shown,
        next=page.next,
        first=cursor is None,
        here=f"{RESIDENTS}/{look.person.id}",
        seen=seen,
    )


async def _facts(session: AsyncSession, person: Person) -> dict[str, Any]:
    """What stands above the lines: where somebody belongs, what was earned, which honours."""
    units = {one.code: one for one in await bank.list_units(session)}
    balances = await bank.list_balances(session, person_id=person.id)
    earned = next(one.earned for one in balances if one.unit == "credit")
    return {
        "place": await people.shown_org(session, person),
        "at_work": await people.unit_of(session, person),
        "balances": [
            amount_out(one.balance, units[one.unit]).text for one in balances if one.balance
        ],
        "earned": amount_out(earned, units["credit"]).text,
        "title": title_of(earned)[0],
        "honours": await recognition.list_honours(session, person_id=person.id),
        "units": [("", "全部"), *((one.code, one.name) for one in units.values())],
    }


def _told(line: bank.Line) -> tuple[bank.Line, str, str, str]:
    """The line, its sentence without the instant, what it changed, what was left."""
    said = explain(line).partition(" ")[2].partition(" ")[2]
    return line, said, _signed(line), amount_out(line.balance_after, line.unit).text


def _signed(line: bank.Line) -> str:
    text = amount_text(abs(line.amount), decimals=line.unit.decimals, name=line.unit.name)
    return f"{'+' if line.amount > 0 else '−'}{text}"


async def ask_why(
    request: Request, session: SessionDep, person_id: int, *, next_: str | None
) -> Response:
    person = await people.get_person(session, await people.resolve_alias(session, person_id))
    place = await people.shown_org(session, person)
    return render(
        request,
        "desk/why.html",
        who=mask_name(person.name),
        place=place.name if place else "还没有登记村（社区）",
        action=f"{RESIDENTS}/{person.id}/reasons",
        next=next_ or "",
        look_for=int(seeing.LOOK_FOR.total_seconds()) // 60,
        shortest=seeing.REASON_LENGTH_MIN,
        longest=seeing.REASON_LENGTH_MAX,
    )


@router.post("/{person_id}/reasons")
@once
async def state_reason(
    request: Request,
    person_id: PersonNo,
    actor: AdminActor,
    session: SessionDep,
    now: Now,
    reason: Annotated[str, Form(max_length=1000)] = "",
    by: Annotated[int | None, Form(ge=1, lt=2**63)] = None,
    next_: Annotated[str, Form(alias="next", max_length=200)] = "",
) -> Response:
    """The reason in words, or (`by`) the one that was stated for the whole village just before."""
    if by is not None:
        act = await session.get(StaffAct, by)
        mine = act is not None and (act.person_id, act.act) == (actor.person_id, seeing.ACT)
        reason = str(act.facts["reason"]) if act is not None and mine else ""
    stated = await seeing.state_reason_for_person(
        session, actor=actor, person_id=person_id, reason=reason, now=now
    )
    to = f"{RESIDENTS}/{person_id}"
    if next_.startswith("/desk/rankings/transfers/") and local_path(next_) and "?" not in next_:
        to = next_
    return go(request, f"{to}?seen={stated.id}")
