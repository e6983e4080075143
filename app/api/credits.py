"""My credit: balances, titles, statement, conversion."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query
from pydantic import BaseModel, Field

from app.api.deps import Cursor, EmptyIsAbsent, Limit, Now, PersonId, SessionDep
from app.api.errors import problems
from app.api.schemas import AmountOut, Body, PageOut, amount_out
from app.core.clock import local_day
from app.core.paging import LIMIT_DEFAULT
from app.credit_bank import conversion
from app.credit_bank import queries as bank
from app.credit_bank.awards import Awarded
from app.credit_bank.models import Unit
from app.credit_bank.rules import rule_for
from app.credit_bank.statements import explain, why_capped
from app.recognition import service as recognition
from app.recognition.rules import BY_CODE, Honourable, title_of

router = APIRouter(prefix="/api/v1/me", tags=["credits"])


class AwardOut(BaseModel):
    amount: AmountOut = Field(description="What was booked; 0 where a cap left nothing")
    text: str = Field(description="Why, in Chinese")


class TitleOut(BaseModel):
    name: str = Field(description="e.g. 识善")
    meaning: str = Field(description="What it stands for")
    threshold: AmountOut = Field(description="Credit it takes")


class RuleToday(BaseModel):
    rule: str = Field(description="The rule's code")
    name: str = Field(description="Its name")
    amount: AmountOut = Field(description="What it has awarded me today")
    cap: AmountOut | None = Field(description="The most it awards a day; null: no daily cap")


class HonourOut(BaseModel):
    code: str = Field(description="title.2, badge.streak_7, …")
    kind: str = Field(description="title or badge")
    name: str = Field(description="In Chinese")
    meaning: str = Field(description="What it was for")
    granted_at: datetime = Field(description="When")


class CreditsOut(BaseModel):
    balances: list[AmountOut] = Field(description="One per unit")
    title: TitleOut = Field(description="The title my credit carries")
    next_title: TitleOut | None = Field(description="The next one; null at the top")
    today: list[RuleToday] = Field(description="Per rule what it gave today, and its cap")
    honours: list[HonourOut] = Field(description="Titles and badges granted, newest first")


class LineOut(BaseModel):
    at: datetime = Field(description="When it was booked")
    amount: AmountOut = Field(description="Signed: what came in or went out")
    balance_after: AmountOut = Field(description="The balance after it")
    text: str = Field(description="What, when, by which rule, why this amount: in Chinese")
    rule: str | None = Field(description="The rule's code")
    subject: str = Field(description="What it was for, e.g. lesson:12")
    transfer_id: int = Field(description="The transfer's number")
    reverses: int | None = Field(description="The transfer that this one reverses")


class ConversionIn(Body):
    code: str = Field(max_length=64, description="The conversion's code")
    lots: int = Field(ge=1, le=1000, description="How many times the rate's amounts")


def awards_out(units: Mapping[str, Unit], awards: list[Awarded]) -> list[AwardOut]:
    out = []
    for awarded in awards:
        unit, text = units[awarded.rule.unit], awarded.rule.name
        if awarded.grant.bound_by is not None and awarded.grant.cap is not None:
            text += "。" + why_capped(
                awarded.rule,
                worth=awarded.grant.worth,
                cap=awarded.grant.cap,
                period=awarded.grant.bound_by,
                decimals=unit.decimals,
                unit_name=unit.name,
            )
        out.append(AwardOut(amount=amount_out(awarded.amount, unit), text=text))
    return out


@router.get("/credits", summary="My balances and titles", responses=problems(401, 429))
async def get_credits(person_id: PersonId, session: SessionDep, now: Now) -> CreditsOut:
    units = {unit.code: unit for unit in await bank.list_units(session)}
    balances = await bank.list_balances(session, person_id=person_id)
    earned = next(balance.earned for balance in balances if balance.unit == "credit")
    day = local_day(now)
    paid = await bank.awarded_today(session, person_id=person_id, day=day)
    versions = await bank.list_rules(session)
    rules = [rule_for(versions, code, day) for code in sorted({rule.code for rule in versions})]
    title, after = title_of(earned)

    def title_out(one: Honourable) -> TitleOut:
        threshold = amount_out(one.threshold, units["credit"])
        return TitleOut(name=one.name, meaning=one.meaning, threshold=threshold)

    return CreditsOut(
        balances=[amount_out(balance.balance, units[balance.unit]) for balance in balances],
        title=title_out(title),
        next_title=title_out(after) if after else None,
        today=[
            RuleToday(
                rule=rule.code,
                name=rule.name,
                amount=amount_out(paid.get(rule.code, 0), units[rule.unit]),
                cap=amount_out(rule.daily_cap, units[rule.unit]) if rule.daily_cap else None,
            )
            for rule in rules
            if rule is not None and rule.formula["kind"] != "exchange"
        ],
        honours=[
            HonourOut(
                code=honour.code,
                kind=honour.kind,
                name=honour.name,
                meaning=BY_CODE[honour.code].meaning,
                granted_at=honour.granted_at,
            )
            for honour in await recognition.list_honours(session, person_id=person_id)
        ],
    )


def line_out(line: bank.Line) -> LineOut:
    return LineOut(
        at=line.transfer.made_at,
        amount=amount_out(line.amount, line.unit),
        balance_after=amount_out(line.balance_after, line.unit),
        text=explain(line),
        rule=line.transfer.rule_code,
        subject=line.transfer.subject,
        transfer_id=line.transfer.id,
        reverses=line.transfer.reverses_id,
    )


@router.get("/statement", summary="My statement, newest first", responses=problems(400, 401, 429))
async def get_statement(
    person_id: PersonId,
    session: SessionDep,
    unit: Annotated[
        str | None,
        Query(max_length=32, description="Only this unit"),
        EmptyIsAbsent,
    ] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOut[LineOut]:
    page = await bank.list_lines(
        session, person_id=person_id, unit=unit, cursor=cursor, limit=limit
    )
    return PageOut(items=[line_out(line) for line in page.items], next=page.next)


@router.post(
    "/conversions",
    summary="Convert credit (转换)",
    responses=problems(400, 401, 404, 409, 413, 429),
)
async def convert(
    body: ConversionIn,
    person_id: PersonId,
    session: SessionDep,
    now: Now,
    idempotency_key: Annotated[
        str, Header(min_length=8, max_length=100, description="The client's own, one per wish")
    ],
) -> list[AmountOut]:
    """Gives one unit for another at the rate in force; answers with what was given and taken."""
    gave, took = await conversion.convert(
        session,
        person_id=person_id,
        code=body.code,
        lots=body.lots,
        key=idempotency_key,
        now=now,
    )
    units = {unit.code: unit for unit in await bank.list_units(session)}
    return [amount_out(-gave.amount, units[gave.unit]), amount_out(took.amount, units[took.unit])]
