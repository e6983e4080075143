"""排行: villages, units, and people who chose to appear; oneself and one's neighbours."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from markupsafe import Markup

from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep
from app.api.pages.doors import WebPerson
from app.api.pages.frame import render
from app.api.pages.purse import number_text
from app.api.pages.router import page_router
from app.core.clock import BEGINNING, END, Period, local_day, period_of
from app.credit_bank import queries as bank
from app.credit_bank.models import Unit
from app.people import queries as people
from app.ranking.queries import Board, By, Standing, get_ranking

router = page_router("/ranking")
BOARDS = {"villages": "村社", "units": "单位", "people": "个人"}
PERIODS = {"week": "本周", "month": "本月", "year": "本年", "all": "全部"}
MONTHS_SHOWN = 12
ROWS, NEIGHBOURS = 20, 2
ME = "我"
"""What the ranking calls who asks and gave no name."""


@router.get("")
async def show_ranking(
    request: Request,
    person: WebPerson,
    session: SessionDep,
    now: Now,
    board: Board = "villages",
    period: Period = "month",
    day: Annotated[date | None, Query(alias="date", ge=BEGINNING, lt=END), EmptyIsAbsent] = None,
    by: By = "per_member",
    cursor: Cursor = None,
) -> Response:
    """Without a choice: villages, this month, per member, so that small villages count alike."""
    me = await people.get_person(session, person.person_id)
    at = await people.stamp(session, person.person_id)
    mine = at.village_id if board == "villages" else at.unit_id
    found = await get_ranking(
        session,
        board=board,
        unit="credit",
        period=period,
        day=day or local_day(now),
        # A town's own board: thirty towns may share the service.
        org_id=await people.find_town(session, me),
        person_id=person.person_id,
        my_org_ids=[mine] if mine else [],
        by=by,
        cursor=cursor,
        limit=ROWS,
        around=NEIGHBOURS,
        now=now,
    )
    credit = next(one for one in await bank.list_units(session) if one.code == "credit")
    around = [] if any(one.is_me for one in found.items) else found.near
    return render(
        request,
        "resident/ranking.html",
        board=board,
        period=period,
        by=by,
        **addresses(board, period, by, day, cursor, found.next),
        months=months_before(local_day(now)),
        month=found.from_day.isoformat() if period == "month" else "",
        from_day=found.from_day,
        last_day=min(found.to_day - timedelta(days=1), local_day(now)),
        frozen=found.digest is not None,
        rows=[row_of(one, credit, board, by) for one in found.items],
        near=[row_of(one, credit, board, by) for one in around],
        visible=me.rank_visible,
        placed=mine is not None,
    )


def addresses(
    board: Board, period: Period, by: By, day: date | None, cursor: str | None, further: str | None
) -> dict[str, Any]:
    """Where every choice of the page leads; `this_period` is empty for one of the past."""
    now = {"board": board, "by": by, "period": period}
    chosen: dict[str, str] = {**now, **({"date": day.isoformat()} if day else {})}
    return {
        "boards": [(_query({**chosen, "board": code}), name) for code, name in BOARDS.items()],
        "periods": [(_query({**now, "period": code}), name) for code, name in PERIODS.items()],
        "other_by": _query({**chosen, "by": "total" if by == "per_member" else "per_member"}),
        "here": _query(chosen),
        "this_period": _query(dict(now)) if day is None else "",
        "first": _query(chosen) if cursor else "",
        "further": _query({**chosen, "cursor": further}) if further else "",
    }


def row_of(one: Standing, unit: Unit, board: Board, by: By) -> dict[str, object]:
    amount = one.per_member if by == "per_member" and board != "people" else one.amount
    name = Markup("{}").format(one.name)
    if board == "people":
        # The place stands below the name: a phone has no room for a column of it.
        mine = "（我）" if one.is_me and one.name != ME else ""
        name = Markup("{}{}<small>{}</small>").format(one.name, mine, one.org_name or "")
    return {
        # Nobody is shown to be the last of those who have nothing yet.
        "rank": one.rank if one.amount > 0 else "—",
        "name": name,
        "amount": number_text(amount, unit.decimals),
        "mine": one.is_me,
    }


def months_before(today: date) -> list[tuple[str, str]]:
    """The last twelve months, this one first: (its first day, its name)."""
    months = []
    first, _ = period_of("month", today)
    for _ in range(MONTHS_SHOWN):
        months.append((first.isoformat(), f"{first.year}年{first.month}月"))
        first, _ = period_of("month", first - timedelta(days=1))
    return months


def _query(chosen: Mapping[str, str]) -> str:
    return f"/ranking?{urlencode(chosen)}"
