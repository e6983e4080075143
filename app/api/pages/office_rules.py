"""Credit rules in plain words; a new version from a day on, tried on last month before."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Annotated, Any

from fastapi import Path, Request, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from app.api.bank import NotYourBranch
from app.api.deps import Now, SessionDep
from app.api.errors import status_of
from app.api.pages import office_forms as forms
from app.api.pages.doors import AdminActor
from app.api.pages.forgery import Form
from app.api.pages.office_view import go_on, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import local_day
from app.core.errors import Conflict, Invalid
from app.credit_bank.models import Unit
from app.credit_bank.queries import list_units
from app.credit_bank.rulebook import RuleIn
from app.credit_bank.rules import Rule, amount_text, rule_for
from app.flows import rule_changes
from app.flows.replay import Replayed
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor

router = page_router("/desk/rules")
Code = Annotated[str, Path(pattern=r"^[a-z][a-z0-9_.]{1,63}$")]
ONCE = {
    "each": "每次都计",
    "object": "同一课（同一项）只计一次",
    "day": "每天只计一次",
    "ever": "每人只计一次",
}
CAPS = {"daily_cap": "每天最多", "weekly_cap": "每周最多", "yearly_cap": "每年最多"}


@dataclass(frozen=True)
class Told:
    """A version in plain words; `when`: 现在用, 以前的, 还没开始."""

    rule: Rule
    unit: str
    pays: str
    often: str
    caps: tuple[str, ...]
    when: str


@router.get("")
async def list_rules(
    request: Request, actor: AdminActor, session: SessionDep, now: Now
) -> Response:
    units = {unit.code: unit for unit in await list_units(session)}
    found = await rule_changes.versions_by_code(session)
    today = local_day(now)
    rows = []
    for code, versions in found.items():
        current = rule_for(versions, code, today) or versions[-1]
        coming = [_told(one, units, versions, today) for one in versions if one.valid_from > today]
        rows.append(
            (_told(current, units, versions, today), coming, current.formula["kind"] == "exchange")
        )
    return show(request, "rules.html", rows=rows, may_change=await _may(session, actor))


@router.get("/{code}")
async def show_rule(
    request: Request, code: Code, actor: AdminActor, session: SessionDep, now: Now
) -> Response:
    rule = await rule_changes.newest(session, code=code)
    tomorrow = local_day(now) + timedelta(days=1)
    units = {unit.code: unit for unit in await list_units(session)}
    values = _values(rule, units[rule.unit], max(rule.valid_from, tomorrow))
    return await _page(request, session, actor, rule, values, now=now)


@router.post("/{code}/try")
async def try_out(
    request: Request, code: Code, actor: AdminActor, form: Form, session: SessionDep, now: Now
) -> Response:
    """What it would have paid last month. Books nothing, so that a reload does no harm."""
    await _require(session, actor)
    rule = await rule_changes.newest(session, code=code)
    trial = None
    try:
        entry = await _entry(session, rule, form)
        trial = await rule_changes.try_out(session, entry=entry, now=now)
    except (Invalid, Conflict) as error:
        return await _page(request, session, actor, rule, _typed(form), error=error, now=now)
    return await _page(request, session, actor, rule, _typed(form), trial=trial, now=now)


@router.post("/{code}")
@once
async def publish(
    request: Request, code: Code, actor: AdminActor, form: Form, session: SessionDep, now: Now
) -> Response:
    """A new version; whoever saw an older one than there is now is told."""
    await _require(session, actor)
    rule = await rule_changes.newest(session, code=code)
    try:
        entry = await _entry(session, rule, form)
        await rule_changes.publish(session, entry=entry, by_id=actor.person_id, now=now)
    except (Invalid, Conflict) as error:
        rule = await rule_changes.newest(session, code=code)
        return await _page(request, session, actor, rule, _typed(form), error=error, now=now)
    return go_on(request, f"/desk/rules/{code}", "published-rule")


async def _may(session: AsyncSession, actor: Actor) -> bool:
    return policy.can_set_rules(actor, await people.root_ids(session))


async def _require(session: AsyncSession, actor: Actor) -> None:
    if not await _may(session, actor):
        raise NotYourBranch


async def _entry(session: AsyncSession, rule: Rule, form: FormData) -> RuleIn:
    """The version that was typed. What is not in the form stays as it was."""
    units = {unit.code: unit for unit in await list_units(session)}
    decimals = units[rule.unit].decimals
    formula: dict[str, Any] = {"kind": rule.formula["kind"]}
    formula["amount"] = forms.amount(form, "amount", decimals=decimals)
    if not formula["amount"]:
        raise forms.FieldUnsuitable("请填写大于 0 的数", field="amount")
    if formula["kind"] == "per_hour":
        formula["minimum"] = forms.amount(form, "minimum", decimals=decimals) or 0
    caps = {name: forms.amount(form, name, decimals=decimals) or None for name in CAPS}
    name, explanation = forms.text(form, "name"), forms.text(form, "explanation")
    for field, words in (("name", name), ("explanation", explanation)):
        if len(words) < 2:  # noqa: PLR2004  a word
            raise forms.FieldUnsuitable("请填写", field=field)
    try:
        return RuleIn(
            code=rule.code,
            version=forms.whole(form, "based_on") + 1,
            valid_from=forms.a_day(forms.text(form, "valid_from"), "valid_from"),
            unit=rule.unit,
            name=name,
            explanation=explanation,
            formula=formula,  # type: ignore[arg-type]  # read by its kind
            once=forms.one_of(form, "once_per", tuple(ONCE)),  # type: ignore[arg-type]  # one of them
            **caps,
        )
    except ValidationError as error:
        field = str(error.errors()[0]["loc"][-1])
        raise forms.FieldUnsuitable("这一项没有填对", field=field) from error


async def _page(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    rule: Rule,
    values: Mapping[str, str],
    *,
    error: Invalid | Conflict | None = None,
    trial: rule_changes.Trial | None = None,
    now: datetime,
) -> Response:
    units = {unit.code: unit for unit in await list_units(session)}
    versions = (await rule_changes.versions_by_code(session))[rule.code]
    errors = {}
    if error is not None:
        errors[str(error.facts.get("field", "valid_from"))] = error.detail
    today = local_day(now)
    return show(
        request,
        "rule.html",
        status=200 if error is None else status_of(error),
        rule=rule,
        unit=units[rule.unit],
        versions=[_told(one, units, versions, today) for one in reversed(versions)],
        values=values,
        errors=errors,
        once_choices=[(code, text, "") for code, text in ONCE.items()],
        caps=CAPS,
        earliest=(today + timedelta(days=1)).isoformat(),
        may_change=await _may(session, actor),
        trial=trial,
        trial_rows=[] if trial is None else await _compared(session, trial, units),
    )


def _values(rule: Rule, unit: Unit, valid_from: date) -> dict[str, str]:
    def plain(amount: int | None) -> str:
        return (
            "" if amount is None else amount_text(amount, decimals=unit.decimals, name="").strip()
        )

    return {
        "name": rule.name,
        "explanation": rule.explanation,
        "amount": plain(rule.formula["amount"]) if "amount" in rule.formula else "",
        "minimum": plain(rule.formula.get("minimum", 0)),
        "once_per": rule.once,
        **{name: plain(getattr(rule, name)) for name in CAPS},
        "valid_from": valid_from.isoformat(),
    }


def _typed(form: FormData) -> dict[str, str]:
    wanted = ("name", "explanation", "amount", "minimum", "once_per", *CAPS, "valid_from")
    return {name: str(form.get(name, "")) for name in wanted}


def _told(rule: Rule, units: Mapping[str, Unit], versions: list[Rule], today: date) -> Told:
    def said(amount: int, unit_code: str) -> str:
        unit = units[unit_code]
        return amount_text(amount, decimals=unit.decimals, name=unit.name)

    formula = rule.formula
    match formula["kind"]:
        case "per_hour":
            pays = f"每学满 60 分钟得 {said(formula['amount'], rule.unit)}"
            if formula.get("minimum"):
                pays += f"，每次至少 {said(formula['minimum'], rule.unit)}"
        case "exchange":
            given = said(formula["from_amount"], formula["from_unit"])
            pays = f"{given} 换 {said(formula['to_amount'], rule.unit)}"
        case _:
            pays = f"每次得 {said(formula['amount'], rule.unit)}"
    caps = tuple(
        f"{title} {said(getattr(rule, name), rule.unit)}"
        for name, title in CAPS.items()
        if getattr(rule, name) is not None
    )
    current = rule_for(versions, rule.code, today)
    when = "现在用" if current == rule else "还没开始" if rule.valid_from > today else "以前的"
    return Told(rule, units[rule.unit].name, pays, ONCE[rule.once], caps, when)


async def _compared(
    session: AsyncSession, trial: rule_changes.Trial, units: Mapping[str, Unit]
) -> list[dict[str, str]]:
    """Rule by rule: what was paid, what would have been, the difference."""
    found, nothing = await rule_changes.versions_by_code(session), Replayed(0, 0, 0)
    rows = []
    for code in sorted({*trial.now, *trial.then}):
        rule, was, would = (
            found[code][-1],
            trial.now.get(code, nothing),
            trial.then.get(code, nothing),
        )
        unit = units[rule.unit]

        def said(amount: int, unit: Unit = unit) -> str:
            return amount_text(amount, decimals=unit.decimals, name=unit.name)

        more = would.amount - was.amount
        rows.append(
            {
                "name": f"{rule.name}（{unit.name}）",
                "was": said(was.amount),
                "would": said(would.amount),
                "more": f"{'+' if more > 0 else ''}{said(more)}",
                "times": f"{was.awards} → {would.awards}",
                "capped": f"{was.capped_to_zero} → {would.capped_to_zero}",
            }
        )
    return rows
