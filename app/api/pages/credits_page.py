"""学分银行: balances, every line and why, how credit is earned, conversions, certificates."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Form as Field
from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep, SettingsDep
from app.api.pages.doors import WebPerson, go
from app.api.pages.frame import render, when
from app.api.pages.purse import purse_of, said, signed
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import local_day
from app.credit_bank import conversion
from app.credit_bank import queries as bank
from app.credit_bank.rules import Rule, rule_for
from app.credit_bank.statements import explain, heading
from app.recognition import service as recognition
from app.recognition.certificates import number_of
from app.recognition.rules import BY_CODE

router = page_router("/credits")
LATEST, PAGE = 5, 20
LOTS_MAX = 100


@router.get("")
async def show_credits(
    request: Request, person: WebPerson, session: SessionDep, settings: SettingsDep
) -> Response:
    latest = await bank.list_lines(
        session, person_id=person.person_id, unit=None, cursor=None, limit=LATEST
    )
    honours = await recognition.list_honours(session, person_id=person.person_id)
    return render(
        request,
        "resident/credits.html",
        purse=await purse_of(session, person_id=person.person_id),
        lines=[row_of(line) for line in latest.items],
        more=latest.next is not None,
        honours=[
            (
                one,
                BY_CODE[one.code].meaning,
                number_of(one.id, one.granted_on, secret=settings.secret_key),
            )
            for one in honours
        ],
    )


@router.get("/statement")
async def show_statement(
    request: Request,
    person: WebPerson,
    session: SessionDep,
    unit: Annotated[str | None, Query(max_length=32), EmptyIsAbsent] = None,
    cursor: Cursor = None,
) -> Response:
    page = await bank.list_lines(
        session, person_id=person.person_id, unit=unit, cursor=cursor, limit=PAGE
    )
    chosen = {"unit": unit} if unit else {}
    return render(
        request,
        "resident/statement.html",
        lines=[row_of(line) for line in page.items],
        units=[(one.code, one.name) for one in await bank.list_units(session)],
        unit=unit or "",
        newer="?" + urlencode(chosen) if cursor else "",
        older="?" + urlencode({**chosen, "cursor": page.next}) if page.next else "",
    )


@router.get("/rules")
async def show_rules(
    request: Request, person: WebPerson, session: SessionDep, now: Now
) -> Response:
    day = local_day(now)
    units = {one.code: one for one in await bank.list_units(session)}
    paid = await bank.awarded_today(session, person_id=person.person_id, day=day)
    ways = []
    for rule in await _in_force(session, now):
        if rule.formula["kind"] == "exchange":
            continue
        unit, today = units[rule.unit], paid.get(rule.code, 0)
        caps = [
            f"{name}最多 {said(cap, unit)}"
            for name, cap in (
                ("每天", rule.daily_cap),
                ("每周", rule.weekly_cap),
                ("每年", rule.yearly_cap),
            )
            # What the rule's own words say already, is not said twice.
            if cap and f"{name}最多 {said(cap, unit)}" not in rule.explanation
        ]
        ways.append((rule, caps, today, said(today, unit), unit))
    return render(request, "resident/rules.html", ways=ways, said=said)


@router.get("/convert")
async def show_conversions(
    request: Request, person: WebPerson, session: SessionDep, now: Now
) -> Response:
    return await _conversions(request, session, person_id=person.person_id, now=now)


@router.post("/convert")
@once
async def convert(
    request: Request,
    person: WebPerson,
    session: SessionDep,
    code: Annotated[str, Field(max_length=64)],
    lots: Annotated[int, Field(ge=1, le=LOTS_MAX)],
    once: Annotated[str, Field(min_length=8, max_length=100)],
    now: Now,
) -> Response:
    """The form's key is the wish's: pressed twice, it converts once."""
    try:
        await conversion.convert(
            session, person_id=person.person_id, code=code, lots=lots, key=once, now=now
        )
    except (conversion.BalanceTooSmall, conversion.ConversionCapReached) as error:
        return await _conversions(
            request, session, person_id=person.person_id, error=error.title, lots=lots, now=now
        )
    return go(request, "/credits")


async def _conversions(
    request: Request,
    session: AsyncSession,
    *,
    person_id: int,
    error: str = "",
    lots: int = 1,
    now: Now,
) -> Response:
    units = {one.code: one for one in await bank.list_units(session)}
    balances = {one.unit: one for one in await bank.list_balances(session, person_id=person_id)}
    offers = []
    for rule in await _in_force(session, now):
        if rule.formula["kind"] == "exchange":
            give, amount = units[rule.formula["from_unit"]], int(rule.formula["from_amount"])
            have = balances[give.code]
            offers.append((rule, said(have.balance, have), max(have.balance, 0) // amount))
    return render(
        request,
        "resident/convert.html",
        status=409 if error else 200,
        offers=offers,
        error=error,
        lots=lots,
        lots_max=LOTS_MAX,
    )


async def _in_force(session: AsyncSession, now: Now) -> list[Rule]:
    versions = await bank.list_rules(session)
    codes = dict.fromkeys(rule.code for rule in versions)
    found = (rule_for(versions, code, local_day(now)) for code in codes)
    return [rule for rule in found if rule is not None]


def row_of(line: bank.Line) -> dict[str, object]:
    """A line of the statement as a table shows it."""
    # The sentence begins with the moment, which has a place of its own.
    why = explain(line).removeprefix(when(line.transfer.made_at)).strip()
    return {
        "what": heading(line),
        "why": why,
        "at": when(line.transfer.made_at),
        "gains": line.amount >= 0,
        "amount": signed(line),
        "after": said(line.balance_after, line.unit),
        "number": line.transfer.id,
    }
