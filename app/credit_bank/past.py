"""What was already paid, for once-rules and caps: to persons and to whoever became them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import LiteralString, NamedTuple

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import period_of
from app.core.rows import as_columns, as_ids, from_columns
from app.core.statements import rows_of
from app.credit_bank.ledger import Booked
from app.credit_bank.rules import Rule, Spent
from app.people.queries import TREE


class Look(NamedTuple):
    """What to look for: a person's award under this key, and what the rule paid around `day`.

    `key` is what stands before and after the person's id, since each of their selves may have it.
    """

    owner_id: int
    key: tuple[str, str]
    rule: Rule
    day: date


class Past(NamedTuple):
    """The award that was first, one that stands before one that was reversed; and the sums."""

    first: Booked | None
    spent: Spent


@dataclass(frozen=True)
class History:
    """`of` is by look; `owners` says of everybody who is one of these persons by now who it is.

    One of these persons who was merged into somebody else is not in it.
    """

    owners: dict[int, int]
    of: list[Past]


NOTHING = Spent()
LOOK = {
    "owner_id": "bigint",
    "before": "text",
    "after": "text",
    "code": "text",
    "unit": "text",
    "day": "date",
    "week": "date",
    "year": "date",
}
LOOK_BACK: LiteralString = f"""
    WITH RECURSIVE {TREE}, asked AS MATERIALIZED (
        SELECT given.*, tree.id AS person_id, before || tree.id || after AS key
        FROM {from_columns("looks", LOOK)}
        JOIN tree ON tree.kept_id = owner_id)
    SELECT
        (SELECT json_agg(json_build_array(id, kept_id)) FROM tree
            WHERE id <> kept_id OR merged_into_id IS NULL),
        (SELECT json_agg(json_build_array(n, id, key, amount, subject, evidence, facts)
                ORDER BY undone, id)
            FROM asked JOIN (
                SELECT *, EXISTS (
                    SELECT FROM transfer AS reversal WHERE reversal.reverses_id = transfer.id
                ) AS undone
                FROM transfer WHERE key = ANY(ARRAY(SELECT key FROM asked))
            ) AS first USING (key)),
        (SELECT json_agg(json_build_array(n, in_day, in_week, in_year))
            FROM asked CROSS JOIN LATERAL (
                SELECT
                    sum(amount) FILTER (WHERE local_day >= asked.day) AS in_day,
                    sum(amount) FILTER (WHERE local_day >= asked.week) AS in_week,
                    sum(amount) FILTER (WHERE local_day >= asked.year) AS in_year,
                    sum(amount) AS found
                FROM account JOIN transfer ON credit_id = account.id
                WHERE account.person_id = asked.person_id AND account.unit = asked.unit
                    AND organisation_id IS NULL AND program IS NULL
                    AND rule_code = asked.code AND reverses_id IS NULL
                    AND local_day >= least(asked.day, asked.week, asked.year)
                    AND NOT EXISTS (
                        SELECT FROM transfer AS reversal WHERE reversal.reverses_id = transfer.id)
            ) AS spent
            WHERE found IS NOT NULL)
    """  # noqa: S608  a constant of ours
"""One statement, as each costs more on its way than in the database. An account is of the rule's
unit, so what an earlier version of the rule paid in another one does not count; sums go back no
further than the rule's caps do, and are missing where it has none."""


async def look_back(session: AsyncSession, looks: Sequence[Look]) -> History:
    """What was already paid, less what was reversed. The caller holds these persons' accounts."""
    given = {
        "person_ids": as_ids({look.owner_id for look in looks}),
        "looks": as_columns(_columns(looks)),
    }
    owners, firsts, sums = (await rows_of(session, LOOK_BACK, given))[0]
    first: dict[int, Booked] = {}
    for number, *booked in firsts or []:
        first.setdefault(number, Booked(*booked))
    spent: dict[int, Spent] = {}
    for number, *paid in sums or []:
        before = spent.get(number, NOTHING)
        day, week, year = (amount or 0 for amount in paid)
        spent[number] = Spent(before.day + day, before.week + week, before.year + year)
    return History(
        owners=dict(owners or []),
        of=[Past(first.get(n), spent.get(n, NOTHING)) for n in range(1, len(looks) + 1)],
    )


def _columns(looks: Sequence[Look]) -> dict[str, list[object]]:
    """Those of LOOK."""
    rules = [look.rule for look in looks]
    starts = {day: _starts(day) for day in {look.day for look in looks}}
    days, weeks, years = zip(*(starts[look.day] for look in looks), strict=True)
    return {
        "owner_id": [look.owner_id for look in looks],
        "before": [look.key[0] for look in looks],
        "after": [look.key[1] for look in looks],
        "code": [rule.code for rule in rules],
        "unit": [rule.unit for rule in rules],
        "day": [one if rule.daily_cap else None for rule, one in zip(rules, days, strict=True)],
        "week": [one if rule.weekly_cap else None for rule, one in zip(rules, weeks, strict=True)],
        "year": [one if rule.yearly_cap else None for rule, one in zip(rules, years, strict=True)],
    }


def _starts(day: date) -> tuple[str, str, str]:
    """The first days of the day, week and year of this one."""
    week, year = period_of("week", day)[0], period_of("year", day)[0]
    return day.isoformat(), week.isoformat(), year.isoformat()
