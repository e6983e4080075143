"""What an administrator asks of the rankings: one address for the page, the print and the files."""

from datetime import date, timedelta
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlencode

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from app.api.pages.frame import long_day
from app.core.clock import BEGINNING, END, Period, period_of
from app.ranking.spans import Branch, Of, Question, Sort, Span, span_before, span_last_year

SpanName = Literal["day", "week", "month", "year", "all", "span"]
Beside = Literal["none", "previous", "last_year", "custom"]
OF_NAMES: dict[Of, str] = {
    "towns": "乡镇（街道）",
    "villages": "村（社区）",
    "units": "单位",
    "schools": "学校",
    "people": "个人",
}
SPAN_NAMES: dict[SpanName, str] = {
    "day": "某一天",
    "week": "某一周",
    "month": "某个月",
    "year": "某一年",
    "all": "全部时间",
    "span": "从某天到某天",
}
BESIDE_NAMES: dict[Beside, str] = {
    "none": "不比较",
    "previous": "和上一期比",
    "last_year": "和去年同期比",
    "custom": "和自选时间比",
}
PAGE_ROWS = 50
ALL = "all"
"""A choice of everything: an empty one would be none to a browser that checks the form."""


def _absent(given: object) -> object:
    return None if isinstance(given, str) and given.strip() in {"", ALL} else given


Day = Annotated[date | None, Field(ge=BEGINNING, lt=END), BeforeValidator(_absent)]
Words = Annotated[str | None, Field(max_length=64), BeforeValidator(_absent)]


class Asked(BaseModel):
    """The query of the address. An empty field is an absent one; dates the wrong way round turn."""

    model_config = ConfigDict(extra="ignore")

    of: Of = "villages"
    unit: Literal["credit", "points"] = "credit"
    span: SpanName = "month"
    day: Day = None
    since: Day = None
    until: Day = None
    platform: Words = None
    audience: Words = None
    org: Words = None
    beside: Beside = "none"
    since2: Day = None
    until2: Day = None
    sort: Sort = "amount"
    order: Literal["desc", "asc"] = "desc"
    page: Annotated[int, Field(ge=1, le=100_000)] = 1

    @model_validator(mode="after")
    def forget_what_is_not_asked(self) -> Self:
        """The form sends its hidden dates, too."""
        if self.span in {"span", "all"}:
            self.day = None
        if self.span != "span":
            self.since = self.until = None
        if self.beside != "custom":
            self.since2 = self.until2 = None
        if not self.compares and self.sort in {"before", "change"}:
            self.sort = "amount"
        if self.of == "people" and self.sort in {"per_member", "members", "learners"}:
            self.sort = "amount"
        return self

    @property
    def compares(self) -> bool:
        return self.beside != "none"

    def span_of(self, today: date) -> Span:
        if self.span == "span":
            until = self.until or today
            since = self.since or until.replace(day=1)
            return _closed(since, until)
        return Span(*period_of(self.span, self.day or today))

    def beside_of(self, today: date) -> Span | None:
        span = self.span_of(today)
        period: Period | None = None if self.span == "span" else self.span
        match self.beside:
            case "previous":
                return span_before(span, period)
            case "last_year":
                return span_last_year(span)
            case "custom":
                until = self.until2 or span.since - timedelta(days=1)
                return _closed(self.since2 or until.replace(day=1), until)
        return None

    def question(self, branch: Branch, today: date) -> Question:
        return Question(
            of=self.of,
            unit=self.unit,
            span=self.span_of(today),
            branch=branch,
            beside=self.beside_of(today),
            platform=self.platform,
            audience=self.audience,
        )

    def fields(self, **other: Any) -> list[tuple[str, str]]:
        """Name and value of all that is not as usual, for an address or a form."""
        facts = self.model_copy(update=other)
        return [
            (name, str(value))
            for name, value in facts
            if value != type(self).model_fields[name].default
        ]

    def query(self, **other: Any) -> str:
        """`?of=…`, or nothing."""
        fields = self.fields(**other)
        return f"?{urlencode(fields)}" if fields else ""


def _closed(since: date, until: date) -> Span:
    first, last = sorted((since, until))
    return Span(first, last + timedelta(days=1))


day_text = long_day


def span_text(span: Span) -> str:
    """2026年11月 · 2026年 · 2026年11月23日 · 2026年11月1日至23日 · 开办以来."""
    first, last = span.since, span.last
    ends = (span.since, span.until)
    if ends == (BEGINNING, END):
        said = "开办以来"
    elif ends == period_of("year", first):
        said = f"{first.year}年"
    elif ends == period_of("month", first):
        said = f"{first.year}年{first.month}月"
    elif first == last:
        said = day_text(first)
    elif (first.year, first.month) == (last.year, last.month):
        said = f"{day_text(first)}至{last.day}日"
    elif first.year == last.year:
        said = f"{day_text(first)}至{last.month}月{last.day}日"
    else:
        said = f"{day_text(first)}至{day_text(last)}"
    return said
