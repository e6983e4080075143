"""The boards: people (by their own choice), villages, units."""

from datetime import date, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from app.api.deps import Cursor, EmptyIsAbsent, Limit, Now, PersonId, SessionDep
from app.api.errors import problems
from app.api.schemas import AmountOut, OrgOut, amount_out
from app.core.clock import BEGINNING, END, Period, local_day
from app.core.errors import NotFound
from app.core.paging import LIMIT_DEFAULT
from app.credit_bank import queries as bank
from app.credit_bank.models import Unit
from app.people import queries as people
from app.ranking.queries import Board, By, Standing, get_ranking

router = APIRouter(prefix="/api/v1/rankings", tags=["rankings"])


class NoSuchUnit(NotFound):
    title = "没有这个计量单位"


class RankRow(BaseModel):
    rank: int = Field(description="Equal amounts share a rank: 1, 1, 3")
    name: str = Field(description="A village's or unit's name; a person's, masked but for oneself")
    org: OrgOut | None = Field(description="The organisation, or the person's")
    amount: AmountOut = Field(description="What was earned in the period")
    members: int = Field(description="Members of the village or unit (1 for a person)")
    per_member: AmountOut = Field(description="Amount per member, rounded half up")
    is_me: bool = Field(description="Oneself, or one's own village or unit")


class RankingOut(BaseModel):
    period: str = Field(description="day, week, month, year or all")
    from_: date = Field(alias="from", description="First day")
    to: date = Field(description="The day after the last")
    as_of: datetime = Field(description="Now, or when the closed period was frozen")
    digest: str | None = Field(description="SHA-256 of the frozen board; null while it is open")
    items: list[RankRow] = Field(description="One page")
    me: RankRow | None = Field(description="My own row, listed or not")
    next: str | None = Field(description="Cursor of the next page; null on the last")


def row_out(row: Standing, unit: Unit) -> RankRow:
    org = OrgOut(code=row.org_code, name=row.org_name) if row.org_code and row.org_name else None
    return RankRow(
        rank=row.rank,
        name=row.name,
        org=org,
        amount=amount_out(row.amount, unit),
        members=row.members,
        per_member=amount_out(row.per_member, unit),
        is_me=row.is_me,
    )


@router.get("/{board}", summary="A ranking", responses=problems(400, 401, 404, 429))
async def get_board(
    board: Annotated[Board, Path(description="people, villages or units")],
    person_id: PersonId,
    session: SessionDep,
    now: Now,
    unit: Annotated[str, Query(max_length=32, description="credit or points")] = "credit",
    period: Annotated[Period, Query(description="The span that contains `date`")] = "month",
    date: Annotated[
        date | None,
        Query(ge=BEGINNING, lt=END, description="A day of the period; absent: today"),
    ] = None,
    org: Annotated[
        str | None,
        Query(max_length=64, description="Keep to this branch of the tree"),
        EmptyIsAbsent,
    ] = None,
    by: Annotated[By, Query(description="Order groups by their total or per member")] = "total",
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> RankingOut:
    """Rules' awards less reversals. Who did not choose to appear is in nobody's list."""
    units = {one.code: one for one in await bank.list_units(session)}
    if unit not in units:
        raise NoSuchUnit(unit=unit)
    at = await people.stamp(session, person_id)
    mine = at.village_id if board == "villages" else at.unit_id
    ranking = await get_ranking(
        session,
        board=board,
        unit=unit,
        period=period,
        day=date or local_day(now),
        org_id=(await people.org_by_code(session, org)).id if org else None,
        person_id=person_id,
        my_org_ids=[mine] if mine else [],
        by=by,
        cursor=cursor,
        limit=limit,
        now=now,
    )
    return RankingOut(
        **{"from": ranking.from_day},
        period=ranking.period,
        to=ranking.to_day,
        as_of=ranking.as_of,
        digest=ranking.digest,
        items=[row_out(row, units[unit]) for row in ranking.items],
        me=row_out(ranking.me, units[unit]) if ranking.me else None,
        next=ranking.next,
    )
