"""Standings over any span of days, for administrators, beside another span where one is asked for.

By platform and audience, sorted by any column, of all members or of those who chose to appear. What
counts is what counts on the boards (`queries.py`). A closed day takes no more transfers, so a span
that is over stays what it was; where its board was frozen, so are the members.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any, Literal

from sqlalchemy import RowMapping, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import BEGINNING, Period, period_of
from app.people.rules import mask_name
from app.ranking.models import FrozenRanking
from app.ranking.span_statements import SORTS, statement_of

Of = Literal["people", "towns", "villages", "units", "schools"]
Sort = Literal["amount", "per_member", "members", "learners", "before", "change", "place"]
KINDS: Mapping[Of, Sequence[str]] = {
    "people": (),
    "towns": ("town",),
    "villages": ("village", "community"),
    "units": ("department", "unit"),
    "schools": ("school",),
}
FREEZABLE: tuple[Period, ...] = ("day", "week", "month", "year")
ROWS_MAX = 10_000
"""The most that one page, sheet or print shows: four times the residents of the town's schools."""


@dataclass(frozen=True)
class Span:
    """The days [since, until)."""

    since: date
    until: date

    @property
    def last(self) -> date:
        return self.until - timedelta(days=1)


@dataclass(frozen=True)
class Branch:
    """An organisation and all below it; who has declared nothing belongs to the roots."""

    org_id: int
    is_root: bool


@dataclass(frozen=True)
class Question:
    """Whose credit is asked for; `platform` and `audience` None are all of them."""

    of: Of
    unit: str
    span: Span
    branch: Branch
    beside: Span | None = None
    platform: str | None = None
    audience: str | None = None
    everyone: bool = False
    """People: those who did not choose to appear, too, unmasked, and those with nothing."""


@dataclass(frozen=True)
class Row:
    """One subject; amounts in the unit's smallest part, `before` in the span beside.

    `rank` is by the total, or by the mean where that is the order; equals share one (1, 1, 3).
    `learners` are members who earned something; `per_member` is rounded half up.
    """

    rank: int
    subject_id: int
    code: str | None
    name: str
    place: str | None
    amount: int
    per_member: int
    members: int
    learners: int
    before: int

    @property
    def change(self) -> int:
        return self.amount - self.before


@dataclass(frozen=True)
class Sums:
    """Over all rows of all pages. `whole` is what the branch earned, shown in a row or not."""

    rows: int = 0
    amount: int = 0
    members: int = 0
    learners: int = 0
    before: int = 0
    whole: int = 0
    whole_before: int = 0


@dataclass(frozen=True)
class Standings:
    rows: list[Row] = field(default_factory=list)
    sums: Sums = Sums()
    digest: str | None = None
    """Of the frozen board, where the span is one."""


async def get_standings(
    session: AsyncSession,
    *,
    question: Question,
    sort: Sort = "amount",
    descending: bool = True,
    offset: int = 0,
    limit: int = 50,
) -> Standings:
    """One page, and the sums of all; among equals the older id stands first."""
    frozen = await _frozen(session, question)
    span, beside = question.span, question.beside or Span(BEGINNING, BEGINNING)
    facts: dict[str, Any] = {
        "unit": question.unit,
        "since": span.since,
        "until": span.until,
        "since_beside": beside.since,
        "until_beside": beside.until,
        "platform": question.platform,
        "audience": question.audience,
        "org": question.branch.org_id,
        "root": question.branch.is_root,
        "everyone": question.everyone,
        "kinds": list(KINDS[question.of]),
        "frozen_id": frozen.id if frozen else None,
        "mean": sort == "per_member",
        "offset": offset,
        "limit": min(limit, ROWS_MAX),
    }
    statement = statement_of(
        question.of,
        filtered=question.platform is not None or question.audience is not None,
        order=f"{SORTS[sort]} {'DESC' if descending else 'ASC'}",
    )
    found = (await session.execute(text(statement), facts)).mappings().all()
    rows = [_row(one, question) for one in found if one["subject_id"] is not None]
    return Standings(rows, _sums(found[0]), frozen.digest if frozen else None)


async def _frozen(session: AsyncSession, question: Question) -> FrozenRanking | None:
    """The frozen board of this very span: villages, or all units with the schools among them."""
    if question.of in {"people", "towns"}:
        return None
    span = question.span
    board = "villages" if question.of == "villages" else "units"
    found: FrozenRanking | None = await session.scalar(
        select(FrozenRanking)
        .filter_by(board=board, unit=question.unit, from_day=span.since, to_day=span.until)
        .limit(1)
    )
    return found


def _row(found: RowMapping, question: Question) -> Row:
    name = found["name"]
    if question.of == "people":
        name = (name or "没有留名的居民") if question.everyone else mask_name(name)
    numbers = ("amount", "per_member", "members", "learners", "before")
    return Row(
        rank=int(found["rank"]),
        subject_id=int(found["subject_id"]),
        code=found["code"],
        name=name,
        place=found["place"],
        **{one: int(found[one]) for one in numbers},
    )


def _sums(found: RowMapping) -> Sums:
    return Sums(
        rows=int(found["all_rows"]),
        amount=int(found["all_amount"]),
        members=int(found["all_members"]),
        learners=int(found["all_learners"]),
        before=int(found["all_before"]),
        whole=int(found["whole"]),
        whole_before=int(found["whole_before"]),
    )


def span_before(span: Span, period: Period | None) -> Span:
    """The period before this one; without a period as many days."""
    if period == "all":
        return Span(BEGINNING, BEGINNING)
    if period is not None:
        return Span(*period_of(period, span.since - timedelta(days=1)))
    return Span(span.since - (span.until - span.since), span.since)


def span_last_year(span: Span) -> Span:
    """The same days a year earlier; the 29th of February becomes the 28th, its morrow stays."""

    def earlier(day: date) -> date:
        try:
            return day.replace(year=day.year - 1)
        except ValueError:
            return day.replace(year=day.year - 1, day=28)

    return replace(span, since=earlier(span.since), until=earlier(span.last) + timedelta(days=1))
