"""What a person has: the numbers that several pages show, as they are read."""

from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank import queries as bank
from app.credit_bank.models import Unit
from app.credit_bank.rules import Claim, amount_text, rule_for, worth
from app.recognition.rules import Honourable, title_of


@dataclass(frozen=True)
class Amount:
    """A balance for people; `shown` is the number without its unit."""

    unit: str
    name: str
    shown: str
    value: int


@dataclass(frozen=True)
class Purse:
    """`earned` is what titles count; `missing` what the next one still takes, in words."""

    balances: list[Amount]
    earned: int
    earned_text: str
    title: Honourable
    next_title: Honourable | None
    missing: str

    def balance(self, unit: str) -> Amount:
        return next(one for one in self.balances if one.unit == unit)


async def purse_of(session: AsyncSession, *, person_id: int) -> Purse:
    rows = await bank.list_balances(session, person_id=person_id)
    credit = next(row for row in rows if row.unit == "credit")
    title, after = title_of(credit.earned)
    missing = "" if after is None else said(after.threshold - credit.earned, credit)
    return Purse(
        balances=[
            Amount(row.unit, row.name, number_text(row.balance, row.decimals), row.balance)
            for row in rows
        ],
        earned=credit.earned,
        earned_text=number_text(credit.earned, credit.decimals),
        title=title,
        next_title=after,
        missing=missing,
    )


def number_text(amount: int, decimals: int) -> str:
    return amount_text(amount, decimals=decimals, name="").strip().replace("-", "−")


def said(amount: int, unit: Unit | bank.Balance) -> str:
    """1.25 学分."""
    return amount_text(amount, decimals=unit.decimals, name=unit.name)


def signed(line: bank.Line) -> str:
    """+0.05 学分, −1.00 学分."""
    sign = "+" if line.amount >= 0 else "−"
    return sign + said(abs(line.amount), line.unit)


async def promised(session: AsyncSession, *, seconds: int, day: date) -> str:
    """What a lesson of this length is worth before any cap; empty where no rule pays."""
    rule = rule_for(await bank.list_rules(session), "lesson.credit", day)
    if rule is None:
        return ""
    unit = next(one for one in await bank.list_units(session) if one.code == rule.unit)
    return said(worth(rule, Claim(rule.code, "", "", "", seconds=seconds)), unit)
