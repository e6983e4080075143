"""Reads of the books, one statement each."""

from collections.abc import Collection
from dataclasses import dataclass, fields
from datetime import date
from typing import LiteralString

from sqlalchemy import BigInteger, cast, exists, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.core.paging import Page, decode, encode
from app.core.rows import as_ids
from app.core.statements import rows_of
from app.credit_bank.models import Account, CreditRule, Transfer, Unit
from app.credit_bank.rules import Rule
from app.people.queries import TREE, selves


@dataclass(frozen=True)
class Balance:
    unit: str
    name: str
    decimals: int
    balance: int
    earned: int


@dataclass(frozen=True)
class Line:
    """A transfer as the owner of one account sees it: `amount` is signed."""

    transfer: Transfer
    amount: int
    balance_after: int
    rule: Rule | None
    unit: Unit
    reversed_by_id: int | None


UNITS: LiteralString = "SELECT code, name, decimals, position FROM unit ORDER BY position, code"


async def list_units(session: AsyncSession) -> list[Unit]:
    """In the order that people see. Every batch that gives something away asks for them."""
    return [
        Unit(code=code, name=name, decimals=decimals, position=position)
        for code, name, decimals, position in await rows_of(session, UNITS, {})
    ]


async def list_rules(session: AsyncSession) -> list[Rule]:
    """Every version of every rule."""
    columns = [getattr(CreditRule, one.name) for one in fields(Rule)]
    rows = await session.execute(select(*columns).order_by(CreditRule.code, CreditRule.version))
    return [Rule(*row) for row in rows]


def as_rule(row: CreditRule) -> Rule:
    return Rule(
        id=row.id,
        code=row.code,
        version=row.version,
        unit=row.unit,
        name=row.name,
        explanation=row.explanation,
        formula=row.formula,
        once=row.once,  # type: ignore[arg-type]  # a CHECK keeps it to the four words
        daily_cap=row.daily_cap,
        weekly_cap=row.weekly_cap,
        yearly_cap=row.yearly_cap,
        valid_from=row.valid_from,
    )


async def list_balances(session: AsyncSession, *, person_id: int) -> list[Balance]:
    """Every unit's balance, zero where the person has no account yet.

    `earned` counts what was awarded to those who were merged into this person, too: a merge moves
    the balance and must not cost a title.
    """
    owned = (Account.unit == Unit.code) & (Account.person_id == person_id)
    own = aliased(Account)
    earned = (
        select(func.coalesce(func.sum(own.earned), 0))
        .where(own.unit == Unit.code, own.person_id.in_(select(selves(person_id).c.id)))
        .scalar_subquery()
    )
    rows = await session.execute(
        select(
            Unit.code,
            Unit.name,
            Unit.decimals,
            func.coalesce(Account.balance, 0),
            cast(earned, BigInteger),
        )
        .outerjoin(Account, owned)
        .order_by(Unit.position, Unit.code)
    )
    return [Balance(*row) for row in rows]


EARNED: LiteralString = f"""
    WITH RECURSIVE {TREE}
    SELECT kept_id, sum(account.earned)::bigint FROM tree
    JOIN account ON account.person_id = tree.id AND account.unit = %(unit)s
    GROUP BY kept_id
    """  # noqa: S608  constants


async def earned_by(
    session: AsyncSession, *, person_ids: Collection[int], unit: str
) -> dict[int, int]:
    """What rules have awarded each of these persons, and whoever was merged into them."""
    rows = await rows_of(session, EARNED, {"person_ids": as_ids(person_ids), "unit": unit})
    return dict.fromkeys(person_ids, 0) | dict(rows)


async def list_lines(
    session: AsyncSession, *, person_id: int, unit: str | None, cursor: str | None, limit: int
) -> Page[Line]:
    """A person's statement, newest first; `unit` None means all units."""
    reversal = aliased(Transfer)
    asked = (
        select(Transfer, Account.id, CreditRule, Unit, reversal.id)
        .join(Account, or_(Transfer.credit_id == Account.id, Transfer.debit_id == Account.id))
        .join(Unit, Unit.code == Transfer.unit)
        .outerjoin(CreditRule, CreditRule.id == Transfer.rule_id)
        .outerjoin(reversal, reversal.reverses_id == Transfer.id)
        .where(Account.person_id == person_id)
        .order_by(Transfer.id.desc())
        .limit(limit + 1)
    )
    if unit is not None:
        asked = asked.where(Account.unit == unit)
    if cursor is not None:
        asked = asked.where(Transfer.id < decode(cursor, int)[0])
    lines = []
    for transfer, account_id, rule, unit_row, reversed_by in await session.execute(asked):
        gained = transfer.credit_id == account_id
        after = transfer.credit_after if gained else transfer.debit_after
        lines.append(
            Line(
                transfer=transfer,
                amount=transfer.amount if gained else -transfer.amount,
                balance_after=after or 0,
                rule=as_rule(rule) if rule else None,
                unit=unit_row,
                reversed_by_id=reversed_by,
            )
        )
    more = encode(lines[limit - 1].transfer.id) if len(lines) > limit else None
    return Page(items=lines[:limit], next=more)


async def list_earned(session: AsyncSession, *, person_id: int, evidence: str) -> list[Line]:
    """What one piece of evidence (`study:345`) earned this person, under whichever account."""
    rows = await session.execute(
        select(Transfer, CreditRule, Unit)
        .join(Account, Account.id == Transfer.credit_id)
        .join(Unit, Unit.code == Transfer.unit)
        .join(CreditRule, CreditRule.id == Transfer.rule_id)
        .where(
            Account.person_id.in_(select(selves(person_id).c.id)),
            Transfer.evidence == evidence,
            Transfer.kind == "award",
        )
        .order_by(Transfer.id)
    )
    return [
        Line(
            transfer=transfer,
            amount=transfer.amount,
            balance_after=transfer.credit_after or 0,
            rule=as_rule(rule),
            unit=unit,
            reversed_by_id=None,
        )
        for transfer, rule, unit in rows
    ]


async def awarded_today(session: AsyncSession, *, person_id: int, day: date) -> dict[str, int]:
    """Rule code → what it awarded this person on this day, less what was reversed."""
    reversal = aliased(Transfer)
    rows = await session.execute(
        select(Transfer.rule_code, func.sum(Transfer.amount))
        .join(Account, Account.id == Transfer.credit_id)
        .where(
            Account.person_id.in_(select(selves(person_id).c.id)),
            Transfer.local_day == day,
            Transfer.kind == "award",
            ~exists().where(reversal.reverses_id == Transfer.id),
        )
        .group_by(Transfer.rule_code)
    )
    return {str(code): int(total) for code, total in rows}
