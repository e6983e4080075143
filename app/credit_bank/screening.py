"""The quick look at the whole books: few passes over all transfers that may only err by doubting.

What is doubted here is then looked at by the exact checks (audit.py), which name the wrong rows.
What nobody doubts is right: a step from each balance to the next, summed, is the running balance;
and so many awards that even the largest of them fit under the least cap do not exceed it.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

ROWS = """
    transfer t
    LEFT JOIN account d ON d.id = t.debit_id LEFT JOIN account c ON c.id = t.credit_id
    LEFT JOIN (
        SELECT id, code, unit, valid_from, formula->>'kind' AS pays,
            (formula->>'amount')::bigint AS amount,
            coalesce((formula->>'minimum')::bigint, 0) AS minimum
        FROM credit_rule OFFSET 0  -- read from the JSON once a rule, not once a transfer
    ) AS rule ON rule.id = t.rule_id
    CROSS JOIN LATERAL (SELECT CASE pays
        WHEN 'fixed' THEN rule.amount
        WHEN 'per_hour' THEN greatest(minimum,
            (2 * coalesce((facts->>'seconds')::bigint, 0) * rule.amount + 3600) / 7200)
        END AS worth) AS said
"""

WRONG_ROWS = {
    "accounts are of the transfer's unit": (
        "d.unit <> t.unit OR c.unit <> t.unit OR t.amount <= 0",
        "format('transfer %s', t.id)",
    ),
    "each kind moves between its own accounts": (
        """NOT coalesce(CASE
            WHEN kind IN ('award', 'reinstatement')
                THEN d.program = 'issuer' AND c.program IS NULL AND rule_id IS NOT NULL
            WHEN kind IN ('merge', 'unmerge')
                THEN d.person_id IS NOT NULL AND c.person_id IS NOT NULL AND rule_id IS NULL
            WHEN kind = 'conversion'
                THEN coalesce(d.program, c.program) = 'conversion' AND rule_id IS NULL
                    AND (d.person_id IS NULL) <> (c.person_id IS NULL)
            WHEN kind = 'reversal' THEN reverses_id IS NOT NULL
        END AND (kind = 'reversal') = (reverses_id IS NOT NULL), false)""",
        "format('transfer %s: %s', t.id, t.kind)",
    ),
    "the day is the instant's": (
        "local_day <> (made_at AT TIME ZONE 'Asia/Shanghai')::date",
        "format('transfer %s', t.id)",
    ),
    "an award names a rule in force": (
        """kind = 'award' AND (rule.id IS NULL OR rule.code <> rule_code
            OR rule.unit <> t.unit OR valid_from > local_day)""",
        "format('transfer %s', t.id)",
    ),
    "an award pays what its rule says": (
        """kind = 'award' AND rule.id IS NOT NULL AND coalesce(
            t.amount <> worth AND (t.amount > worth OR NOT facts ? 'bound_by'), true)""",
        "format('transfer %s: %s for a worth of %s', t.id, t.amount, worth)",
    ),
}
"""For each check: which row is wrong, and what to say of it."""

COUNTED = f"""
    SELECT local_day, rule_code, d.unit AS d_unit, d.program IS NULL AS d_owned,
        c.unit AS c_unit, c.program IS NULL AS c_owned, count(*) AS transfers,
        sum(t.amount)::bigint AS amount, max(t.amount) AS largest,
        bool_or(kind = 'reinstatement') AS reinstated,
        ARRAY[{", ".join(f"bool_or({wrong})" for wrong, _ in WRONG_ROWS.values())}] AS wrong
    FROM {ROWS} GROUP BY 1, 2, 3, 4, 5, 6"""  # noqa: S608  constants of this module

STEPS = """
    WITH side AS (
        SELECT credit_id AS account_id, id, amount AS change, credit_after AS stored,
            CASE WHEN rule_id IS NOT NULL AND reverses_id IS NULL THEN amount ELSE 0 END AS earned
        FROM transfer WHERE credit_id <> ALL (:programs)
        UNION ALL
        SELECT debit_id, id, -amount, debit_after,
            CASE WHEN rule_id IS NOT NULL AND reverses_id IS NOT NULL THEN -amount ELSE 0 END
        FROM transfer WHERE debit_id <> ALL (:programs)
    ), step AS (
        SELECT account_id, change, earned, stored IS DISTINCT FROM
            change + lag(stored, 1, 0::bigint) OVER (PARTITION BY account_id ORDER BY id) AS wrong
        FROM side
    ), moved AS (
        SELECT account_id, sum(change) AS total, sum(earned) AS earned, bool_or(wrong) AS wrong
        FROM step GROUP BY account_id)
    SELECT account.id, account.balance <> coalesce(total, 0)
        OR account.earned <> coalesce(moved.earned, 0) AS unequal, coalesce(wrong, false) AS wrong
    FROM account LEFT JOIN moved ON moved.account_id = account.id
    WHERE program IS NULL AND (wrong OR account.balance <> coalesce(total, 0)
        OR account.earned <> coalesce(moved.earned, 0))"""

DAY_CAPS = """
    SELECT credit_id FROM (
        SELECT credit_id, rule_code, local_day, count(*) AS awards FROM transfer
        WHERE rule_code IS NOT NULL GROUP BY 1, 2, 3) AS paid
    JOIN unnest(:codes ::text[], :fits ::bigint[]) AS capped (rule_code, fits) USING (rule_code)
    WHERE awards > fits"""
LONG_CAPS = """
    SELECT credit_id FROM transfer JOIN unnest(:codes ::text[], :fits ::bigint[])
        AS capped (rule_code, fits) USING (rule_code)
    GROUP BY credit_id, rule_code, date_trunc(:period, local_day::timestamp), fits
    HAVING count(*) > fits"""
LEAST_CAPS = text(
    "SELECT code, min(daily_cap), min(weekly_cap), min(yearly_cap) FROM credit_rule GROUP BY code"
)


@dataclass(frozen=True)
class Screened:
    """`doubtful` names checks of rows; the others are lists of doubtful accounts."""

    transfers: int
    totals: dict[date, dict[str, dict[str, int]]]
    doubtful: set[str]
    reinstated: bool
    unequal: list[int]
    misstepped: list[int]
    overpaid: list[int]


async def screen(session: AsyncSession) -> Screened:
    """Look at everything once; empty lists say that there is nothing to name."""
    groups = (await session.execute(text(COUNTED))).all()
    totals: dict[date, dict[str, dict[str, int]]] = defaultdict(dict)
    largest: dict[str, int] = {}
    for row in groups:
        if row.rule_code is not None:
            largest[row.rule_code] = max(largest.get(row.rule_code, 0), row.largest)
        for unit, owned, change in (
            (row.d_unit, row.d_owned, -row.amount),
            (row.c_unit, row.c_owned, row.amount),
        ):
            sides = totals[row.local_day].setdefault(unit, {"owners": 0, "programs": 0})
            sides["owners" if owned else "programs"] += change
    programs = list(await session.scalars(text("SELECT id FROM account WHERE program IS NOT NULL")))
    steps = (await session.execute(text(STEPS), {"programs": programs})).all()
    return Screened(
        transfers=sum(row.transfers for row in groups),
        totals=totals,
        doubtful={
            check
            for number, check in enumerate(WRONG_ROWS)
            if any(row.wrong[number] for row in groups)
        },
        reinstated=any(row.reinstated for row in groups),
        unequal=[row.id for row in steps if row.unequal],
        misstepped=[row.id for row in steps if row.wrong],
        overpaid=await _perhaps_overpaid(session, largest),
    )


async def _perhaps_overpaid(session: AsyncSession, largest: dict[str, int]) -> list[int]:
    """Accounts with more awards in a period than surely fit under its cap.

    Counting needs only the index `transfer_caps_idx`, in its own order.
    """
    caps = (await session.execute(LEAST_CAPS)).all()
    found: set[int] = set()
    for number, period in enumerate(("day", "week", "year"), start=1):
        fits = {
            row[0]: row[number] // largest[row[0]]
            for row in caps
            if row[number] is not None and row[0] in largest
        }
        if not fits:
            continue
        values = {"codes": list(fits), "fits": list(fits.values())}
        if period == "day":
            found.update(await session.scalars(text(DAY_CAPS), values))
        else:
            found.update(await session.scalars(text(LONG_CAPS), values | {"period": period}))
    return sorted(found)
