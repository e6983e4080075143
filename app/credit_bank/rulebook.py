"""Rules as dated data: reading a TOML file of them and adding what is new to the books."""

import tomllib
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, Invalid
from app.credit_bank.models import CreditRule, DayClose, Unit
from app.credit_bank.rules import Once, Rule

DEFAULT_RULES = Path(__file__).with_name("default_rules.toml")
Amount = Annotated[int, Field(gt=0, lt=2**53)]
Code = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_.]{1,63}$")]


class BadRulebook(Invalid):
    title = "规则文件有误"


class RuleIsHistory(Conflict):
    title = "已生效的规则不能修改，只能另立新版本"


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class UnitIn(Strict):
    code: Code
    name: str
    decimals: int = Field(ge=0, le=4)


class Fixed(Strict):
    kind: Literal["fixed"]
    amount: Amount


class PerHour(Strict):
    kind: Literal["per_hour"]
    amount: Amount
    minimum: int = Field(default=0, ge=0)


class RuleIn(Strict):
    code: Code
    version: int = Field(gt=0)
    valid_from: date
    unit: Code
    name: str
    explanation: str
    formula: Annotated[Fixed | PerHour, Field(discriminator="kind")]
    once: Once
    daily_cap: Amount | None = None
    weekly_cap: Amount | None = None
    yearly_cap: Amount | None = None


class ConversionIn(Strict):
    code: Code
    version: int = Field(gt=0)
    valid_from: date
    name: str
    explanation: str
    from_unit: Code
    from_amount: Amount
    to_unit: Code
    to_amount: Amount
    yearly_cap: Amount | None = None

    @model_validator(mode="after")
    def two_units(self) -> Self:
        if self.from_unit == self.to_unit:
            raise ValueError("a conversion needs two units")
        return self


class Rulebook(Strict):
    unit: list[UnitIn] = []
    rule: list[RuleIn] = []
    conversion: list[ConversionIn] = []

    @model_validator(mode="after")
    def versions_are_unique(self) -> Self:
        seen = [(row.code, row.version) for row in self.rule]
        seen += [(row.code, row.version) for row in self.conversion]
        if len(seen) != len(set(seen)):
            raise ValueError("a code and version stands twice")
        if {row.code for row in self.rule} & {row.code for row in self.conversion}:
            raise ValueError("a code is both a rule and a conversion")
        return self


@dataclass(frozen=True)
class Loaded:
    added: int
    unchanged: int


def read_rulebook(path: Path) -> Rulebook:
    """Raises BadRulebook with the file's name and the field."""
    try:
        return Rulebook.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BadRulebook(f"{path}: {where}: {first['msg']}") from error
    except (tomllib.TOMLDecodeError, OSError, UnicodeDecodeError) as error:
        raise BadRulebook(f"{path}: {error}") from error


def versions_of(book: Rulebook) -> list[Rule]:
    """The file's rules as the evaluation wants them, for a replay that books nothing."""
    return [Rule(id=0, **_columns(row)) for row in book.rule]


async def load_rulebook(session: AsyncSession, *, book: Rulebook) -> Loaded:
    """Add what is new. A version that the books have with other content is RuleIsHistory.

    A new version may not begin on a day that is already closed: that day's credit was booked under
    the rule before. Raises BadRulebook for a unit that nobody knows.
    """
    await _load_units(session, book)
    known = {(row.code, row.version): row for row in await session.scalars(select(CreditRule))}
    closed = await session.scalar(select(func.max(DayClose.local_day)))
    added = unchanged = 0
    entries: list[RuleIn | ConversionIn] = [*book.rule, *book.conversion]
    for rule in entries:
        columns = _columns(rule)
        old = known.get((rule.code, rule.version))
        if old is not None:
            if any(getattr(old, name) != value for name, value in columns.items()):
                raise RuleIsHistory(
                    f"{rule.code} 第 {rule.version} 版已在账上，内容不同", rule=rule.code
                )
            unchanged += 1
            continue
        if closed is not None and rule.valid_from <= closed:
            raise RuleIsHistory(
                f"{rule.code} 第 {rule.version} 版的生效日 {rule.valid_from} 已经日结",
                rule=rule.code,
            )
        session.add(CreditRule(**columns))
        added += 1
    await session.flush()
    return Loaded(added=added, unchanged=unchanged)


async def _load_units(session: AsyncSession, book: Rulebook) -> None:
    """A unit's decimals are history, too: amounts are stored in its smallest part."""
    known = {unit.code: unit for unit in await session.scalars(select(Unit))}
    for unit in book.unit:
        old = known.get(unit.code)
        if old is None:
            known[unit.code] = Unit(**unit.model_dump(), position=len(known))
            session.add(known[unit.code])
        elif (old.name, old.decimals) != (unit.name, unit.decimals):
            raise RuleIsHistory(f"单位 {unit.code} 已在账上，内容不同", unit=unit.code)
    named = {row.unit for row in book.rule}
    named |= {unit for row in book.conversion for unit in (row.from_unit, row.to_unit)}
    if unknown := sorted(named - known.keys()):
        raise BadRulebook(f"没有这个单位：{', '.join(unknown)}")
    await session.flush()


def _columns(row: RuleIn | ConversionIn) -> dict[str, Any]:
    if isinstance(row, RuleIn):
        return {**row.model_dump(exclude={"formula"}), "formula": row.formula.model_dump()}
    exchange = {"kind": "exchange"} | row.model_dump(
        include={"from_unit", "from_amount", "to_amount"}
    )
    return {
        **row.model_dump(exclude={"from_unit", "from_amount", "to_unit", "to_amount"}),
        "unit": row.to_unit,
        "formula": exchange,
        "once": "each",
        "daily_cap": None,
        "weekly_cap": None,
    }
