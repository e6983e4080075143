"""The administrator's first page: how the town learns, and what waits."""

from typing import Annotated

from fastapi import Query, Request, Response

from app.api.deps import EmptyIsAbsent, Now, SessionDep
from app.api.pages import desk_figures as figures
from app.api.pages.desk_scope import scope_of
from app.api.pages.doors import AdminActor
from app.api.pages.frame import render
from app.api.pages.router import page_router
from app.core.clock import local_day
from app.credit_bank.models import Unit
from app.flows.desk_overview import ROWS, look
from app.ranking.overview import SILENT_DAYS

router = page_router("/desk")
OrgCode = Annotated[str | None, Query(max_length=64), EmptyIsAbsent]
SHOWN = 5


@router.get("")
async def show_overview(
    request: Request, actor: AdminActor, session: SessionDep, now: Now, org: OrgCode = None
) -> Response:
    scope = await scope_of(session, actor, org)
    seen = await look(session, actor=actor, branch=scope.branch, now=now)
    credit = await session.get_one(Unit, "credit")
    trend = seen.numbers.trend
    return render(
        request,
        "desk/overview.html",
        scope=scope,
        seen=seen,
        numbers=seen.numbers,
        amount=lambda value: figures.amount(value, credit),
        labels=[f"{one.day.month}/{one.day.day}" for one in trend],
        learners=[one.learners for one in trend],
        credits=[one.credit for one in trend],
        # Charts take whole numbers: hundredths would read a hundred times too much.
        whole_credits=[max(one.credit, 0) // 100 for one in trend],
        today=local_day(now),
        now=now,
        silent_days=SILENT_DAYS,
        shown=SHOWN,
        many=ROWS,
    )
