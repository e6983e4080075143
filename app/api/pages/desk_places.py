"""From a village or unit to its people: those who chose to appear, or all of them for a reason."""

from typing import Annotated

from fastapi import Form, Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import EmptyIsAbsent, Now, SessionDep
from app.api.pages import desk_figures as figures
from app.api.pages.desk_asked import PAGE_ROWS, Asked, span_text
from app.api.pages.desk_rankings import PLACES
from app.api.pages.doors import AdminActor, go
from app.api.pages.frame import render
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import local_day
from app.credit_bank.models import Unit
from app.flows import seeing
from app.people import queries as people
from app.people.models import Organisation
from app.people.rules import KINDS
from app.ranking.overview import get_numbers
from app.ranking.spans import Branch, Of, Question, get_standings

router = page_router(PLACES)
Code = Annotated[str, Path(max_length=64)]
SeenBy = Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent]


@router.get("/{code}")
async def show_place(
    request: Request,
    code: Code,
    actor: AdminActor,
    asked: Annotated[Asked, Query()],
    session: SessionDep,
    now: Now,
    seen: SeenBy = None,
) -> Response:
    """`seen` names the audit entry that opens everybody's names for a while."""
    place = await people.org_by_code(session, code)
    stated = await seeing.find_reason_for_place(
        session, actor=actor, place=place, act_id=seen, now=now
    )
    asked = asked.model_copy(update={"of": "people", "org": None})
    branch = Branch(org_id=place.id, is_root=place.parent_id is None)
    question = asked.question(branch, local_day(now))
    question = Question(**{**vars(question), "everyone": stated is not None})
    found = await get_standings(
        session,
        question=question,
        offset=(asked.page - 1) * PAGE_ROWS,
        limit=PAGE_ROWS,
    )
    unit = await session.get_one(Unit, asked.unit)
    numbers = await get_numbers(session, branch=branch, now=now)
    here = f"{PLACES}/{code}"
    after = {} if stated is None else {"seen": str(stated.id)}
    return render(
        request,
        "desk/place.html",
        place=place,
        kind=KINDS[place.kind],
        stated=stated,
        numbers=numbers,
        labels=[f"{one.day.month}/{one.day.day}" for one in numbers.trend],
        learners=[one.learners for one in numbers.trend],
        amount=lambda value: figures.amount(value, unit),
        unit=unit,
        found=found,
        rows=found.rows,
        whole=await _whole(session, place, question),
        said=span_text(question.span),
        asked=asked,
        here=here,
        back=f"/desk/rankings{asked.query(of=_board_of(place), page=1)}",
        reason_to=f"{here}/reasons{asked.query(of='villages', page=1)}",
        pages=_pages(here, asked, found.sums.rows, len(found.rows), after),
        look_for=int(seeing.LOOK_FOR.total_seconds()) // 60,
    )


@router.post("/{code}/reasons")
@once
async def state_reason(
    request: Request,
    code: Code,
    actor: AdminActor,
    asked: Annotated[Asked, Query()],
    reason: Annotated[str, Form(max_length=1000)],
    session: SessionDep,
    now: Now,
) -> Response:
    place = await people.org_by_code(session, code)
    stated = await seeing.state_reason_for_place(
        session, actor=actor, place=place, reason=reason, now=now
    )
    query = asked.query(of="villages", page=1)
    return go(request, f"{PLACES}/{code}{query or '?'}{'&' if query else ''}seen={stated.id}")


async def _whole(session: AsyncSession, place: Organisation, question: Question) -> int:
    """What the place's board says of it: by what was stamped, whoever lives there today."""
    groups = Question(**{**vars(question), "of": _board_of(place), "everyone": False})
    return (await get_standings(session, question=groups, limit=1)).sums.whole


def _board_of(place: Organisation) -> Of:
    if place.kind == "school":
        return "schools"
    return "units" if place.kind in {"department", "unit"} else "villages"


def _pages(
    here: str, asked: Asked, total: int, shown: int, after: dict[str, str]
) -> tuple[str | None, str | None, str]:
    first = (asked.page - 1) * PAGE_ROWS + 1
    last = first - 1 + shown

    def to(page: int) -> str:
        fields = [*asked.fields(of="villages", page=page), *after.items()]
        return f"{here}?" + "&".join(f"{name}={value}" for name, value in fields)

    said = f"第 {first}–{last} 人，共 {total:,} 人" if shown else f"共 {total:,} 人"
    return (
        to(asked.page - 1) if asked.page > 1 else None,
        to(asked.page + 1) if shown and last < total else None,
        said,
    )
