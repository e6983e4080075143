"""The administrator's first page: how the town learns, what waits; and one sheet of paper."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import EmptyIsAbsent, Now, SessionDep
from app.api.pages import desk_figures as figures
from app.api.pages.desk_asked import day_text
from app.api.pages.desk_scope import Scope, scope_of
from app.api.pages.doors import AdminActor
from app.api.pages.frame import render
from app.api.pages.router import page_router
from app.core.clock import local_day, period_of
from app.credit_bank.models import Unit
from app.flows.desk_overview import ROWS, look
from app.people import queries as people
from app.ranking.overview import SILENT_DAYS, Numbers, get_numbers
from app.ranking.spans import Of, Question, Row, Span, get_standings

router = page_router("/desk")
OrgCode = Annotated[str | None, Query(max_length=64), EmptyIsAbsent]
SHOWN = 5
SILENT_SHOWN = 24
PAPER_ROWS = 24
"""So many villages, in two columns, leave the sheet room for all the rest."""
WEEK = 7


@router.get("")
async def show_overview(
    request: Request, actor: AdminActor, session: SessionDep, now: Now, org: OrgCode = None
) -> Response:
    scope = await scope_of(session, actor, org)
    seen = await look(session, actor=actor, branch=scope.branch, now=now)
    return render(
        request,
        "desk/overview.html",
        **await _learning(session, scope, seen.numbers, now),
        seen=seen,
        shown=SHOWN,
        many=ROWS,
    )


@router.get("/print")
async def print_overview(
    request: Request, actor: AdminActor, session: SessionDep, now: Now, org: OrgCode = None
) -> Response:
    """One A4 page for the wall or the file, without what waits for somebody."""
    scope = await scope_of(session, actor, org)
    numbers = await get_numbers(session, branch=scope.branch, now=now)
    month = Span(*period_of("month", local_day(now)))
    of: Of = "towns" if scope.towns > 1 else "villages"
    found = await get_standings(
        session,
        question=Question(of=of, unit="credit", span=month, branch=scope.branch),
        limit=PAPER_ROWS,
    )
    maker = await people.get_person(session, actor.person_id)
    credit = await session.get_one(Unit, "credit")
    return render(
        request,
        "desk/overview_print.html",
        **await _learning(session, scope, numbers, now),
        of=of,
        halves=_halves(found.rows),
        rows=len(found.rows),
        all_rows=found.sums.rows,
        cells=lambda row: figures.cells(row, credit),
        month=f"{month.since.month}月",
        made_by=maker.name or "",
        made_on=day_text(local_day(now)),
    )


async def _learning(
    session: AsyncSession, scope: Scope, numbers: Numbers, now: datetime
) -> dict[str, Any]:
    """What the screen and the sheet have in common."""
    credit = await session.get_one(Unit, "credit")
    trend = numbers.trend
    silent = sorted(numbers.silent, key=lambda one: -one.members)
    return {
        "scope": scope,
        "numbers": numbers,
        "amount": lambda value: figures.amount(value, credit),
        "labels": [f"{one.day.month}/{one.day.day}" for one in trend],
        "learners": [one.learners for one in trend],
        # Charts take whole numbers: hundredths would read a hundred times too much.
        "whole_credits": [max(one.credit, 0) // 100 for one in trend],
        "week": _week(numbers),
        # Where the most people live who could be asked.
        "silent": silent[:SILENT_SHOWN],
        "silent_days": SILENT_DAYS,
        "now": now,
    }


def _week(numbers: Numbers) -> str:
    """The last seven days beside the seven before, in one sentence."""
    last = sum(one.credit for one in numbers.trend[-WEEK:])
    before = sum(one.credit for one in numbers.trend[-2 * WEEK : -WEEK])
    if last == before == 0:
        return "近 14 天没有人得分"
    return (
        f"近 7 天比再前 7 天{figures.change(last, before)}" if before > 0 else "近 7 天开始有人得分"
    )


def _halves(rows: list[Row]) -> tuple[list[Row], list[Row]]:
    middle = (len(rows) + 1) // 2
    return rows[:middle], rows[middle:]
