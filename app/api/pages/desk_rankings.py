"""Credit rankings for administrators: any board, any span, two spans side by side, on paper too."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Query, Request, Response
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Now, SessionDep
from app.api.pages import desk_figures as figures
from app.api.pages.desk_asked import (
    ALL,
    BESIDE_NAMES,
    OF_NAMES,
    PAGE_ROWS,
    SPAN_NAMES,
    Asked,
    day_text,
    span_text,
)
from app.api.pages.desk_scope import Scope, scope_of
from app.api.pages.doors import AdminActor
from app.api.pages.frame import render
from app.api.pages.router import page_router
from app.content.models import LessonVersion, Platform
from app.core.clock import local_day
from app.credit_bank.models import Unit
from app.people.policy import Actor
from app.ranking.spans import ROWS_MAX, Of, Question, Row, Standings, get_standings, span_before

router = page_router("/desk/rankings")
AskedHere = Annotated[Asked, Query()]
SORTABLE = ("members", "learners", "amount", "per_member", "before", "change")
PLACES = "/desk/rankings/places"
RESIDENTS = "/desk/rankings/residents"


@dataclass(frozen=True)
class Board:
    """What was asked and what was found, for the page, the print and the files."""

    asked: Asked
    scope: Scope
    question: Question
    unit: Unit
    found: Standings
    as_of: datetime

    @property
    def title(self) -> str:
        said = span_text(self.question.span)
        return f"{self.scope.org.name}{said}{OF_NAMES[self.asked.of]}{self.unit.name}排行"

    @property
    def notes(self) -> list[str]:
        """Under the title: what is counted, and what is left out."""
        asked, beside = self.asked, self.question.beside
        kept = [one for one in (asked.platform, asked.audience) if one]
        lines = [
            "统计口径：按规则得到的"
            + self.unit.name
            + "，减去冲正"
            + (f"；只计{'、'.join(kept)}" if kept else "")
            + (f"；对比期 {span_text(beside)}" if beside else "")
            + ("；同分并列" if asked.of != "people" else "；只列愿意公开的居民，姓名打码")
        ]
        rest = figures.left_out(self.found.sums, asked, self.unit)
        return [*lines, rest] if rest else lines


async def board_of(
    session: AsyncSession, actor: Actor, asked: Asked, *, whole: bool, now: datetime
) -> Board:
    """`whole`: all rows up to ROWS_MAX, not one page of them."""
    scope = await scope_of(session, actor, asked.org)
    question = asked.question(scope.branch, local_day(now))
    found = await get_standings(
        session,
        question=question,
        sort=asked.sort,
        descending=asked.order == "desc",
        offset=0 if whole else (asked.page - 1) * PAGE_ROWS,
        limit=ROWS_MAX if whole else PAGE_ROWS,
    )
    unit = await session.get_one(Unit, asked.unit)
    return Board(asked, scope, question, unit, found, now)


@router.get("")
async def show_rankings(
    request: Request, actor: AdminActor, asked: AskedHere, session: SessionDep, now: Now
) -> Response:
    board = await board_of(session, actor, asked, whole=False, now=now)
    top = board.found.rows
    if asked.page > 1 or asked.sort not in {"amount", "per_member"} or asked.order == "asc":
        # The chart shows the first ones whatever the table shows.
        top = (await get_standings(session, question=board.question, limit=PAGE_ROWS)).rows
    return render(
        request,
        "desk/rankings.html",
        board=board,
        asked=asked,
        tabs=[(asked.query(of=of, page=1), name) for of, name in _boards(board.scope, asked)],
        choices=await _choices(session, board),
        columns=[*figures.columns(asked, towns=board.scope.towns), ("go", "", "tools")],
        rows=[(row, figures.cells(row, board.unit), _way(row, asked)) for row in board.found.rows],
        foot=figures.total_cells(board.found.sums, board.unit),
        sorts=_sorts(asked),
        bars=figures.bars(top, board.unit, mean=asked.sort == "per_member"),
        pairs=figures.pairs(top, board.unit),
        pages=_pages(board),
        today=local_day(now),
        custom=board.question.beside or span_before(board.question.span, None),
        said=span_text(board.question.span),
        beside=span_text(board.question.beside) if board.question.beside else "",
    )


@router.get("/print")
async def print_rankings(
    request: Request, actor: AdminActor, asked: AskedHere, session: SessionDep, now: Now
) -> Response:
    board = await board_of(session, actor, asked, whole=True, now=now)
    return render(
        request,
        "desk/rankings_print.html",
        board=board,
        columns=figures.columns(asked, towns=board.scope.towns),
        rows=[figures.cells(row, board.unit) for row in board.found.rows],
        foot=figures.total_cells(board.found.sums, board.unit),
        made_on=day_text(local_day(now)),
    )


def _boards(scope: Scope, asked: Asked) -> list[tuple[Of, str]]:
    """Towns are ranked where there are several, in a county."""
    shown = scope.towns > 1 or asked.of == "towns"
    return [(of, name) for of, name in OF_NAMES.items() if of != "towns" or shown]


def _way(row: Row, asked: Asked) -> str:
    """Where a row leads, with what was asked."""
    if asked.of == "people":
        return f"{RESIDENTS}/{row.subject_id}"
    if asked.of == "towns":
        return f"/desk/rankings{asked.query(of='villages', page=1, org=row.code)}"
    return f"{PLACES}/{row.code}{asked.query(of='people', page=1, org=None, sort='amount')}"


def _sorts(asked: Asked) -> dict[str, tuple[str, str]]:
    """Column → the address that orders by it, and how it is ordered now."""
    found = {}
    for key in SORTABLE:
        if key in {"members", "learners", "per_member"} and asked.of == "people":
            continue
        mine = asked.sort == key
        turn = "asc" if mine and asked.order == "desc" else "desc"
        now = {"desc": "descending", "asc": "ascending"}[asked.order] if mine else ""
        found[key] = (asked.query(sort=key, order=turn, page=1), now)
    return found


def _pages(board: Board) -> tuple[str | None, str | None, str]:
    """The page before, the page after, and where one is."""
    asked, total = board.asked, board.found.sums.rows
    first, last = (asked.page - 1) * PAGE_ROWS + 1, (asked.page - 1) * PAGE_ROWS
    last += len(board.found.rows)
    said = f"第 {first}–{last} 个，共 {total:,} 个" if last >= first else f"共 {total:,} 个"
    return (
        asked.query(page=asked.page - 1) or "?" if asked.page > 1 else None,
        asked.query(page=asked.page + 1) if last < total and board.found.rows else None,
        said,
    )


@dataclass(frozen=True)
class Choices:
    """The options of the form's selects."""

    of: list[tuple[str, str]]
    unit: list[tuple[str, str]]
    span: list[tuple[str, str]]
    platform: list[tuple[str, str]]
    audience: list[tuple[str, str]]
    org: list[tuple[str, str]]
    beside: list[tuple[str, str]]


async def _choices(session: AsyncSession, board: Board) -> Choices:
    platforms = await session.scalars(select(Platform.name).order_by(Platform.position))
    said = func.unnest(LessonVersion.audience).label("one")
    audiences = await session.scalars(select(said).distinct().order_by("one"))
    units = await session.execute(
        select(Unit.code, Unit.name)
        .where(Unit.code.in_(("credit", "points")))
        .order_by(Unit.position)
    )
    return Choices(
        of=list(OF_NAMES.items()),
        unit=[(code, name) for code, name in units],
        span=list(SPAN_NAMES.items()),
        platform=[(ALL, "全部平台"), *((one, one) for one in platforms)],
        audience=[(ALL, "全部对象"), *((one, one) for one in audiences)],
        org=board.scope.options,
        beside=list(BESIDE_NAMES.items()),
    )
