"""Are the books true? Each check is one SQL statement that returns the rows which are wrong.

Under several versions of a rule in one period the largest of their caps holds.
"""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.closing import GENESIS, Sealed, seal_of
from app.credit_bank.models import Account, DayClose, Transfer

ROWS_SHOWN = 20


@dataclass(frozen=True)
class Finding:
    check: str
    row: str


@dataclass(frozen=True)
class AuditReport:
    accounts: int
    transfers: int
    days: int
    findings: list[Finding]


CHECKS = {
    "stored balance = sum of transfers": """
        WITH moved AS (
            SELECT side.account_id, sum(side.change) AS total, sum(side.earned) AS earned
            FROM transfer, LATERAL (VALUES
                (debit_id, -amount, CASE WHEN rule_id IS NOT NULL AND reverses_id IS NOT NULL
                    THEN -amount ELSE 0 END),
                (credit_id, amount, CASE WHEN rule_id IS NOT NULL AND reverses_id IS NULL
                    THEN amount ELSE 0 END)
            ) AS side (account_id, change, earned)
            GROUP BY side.account_id)
        SELECT format('account %s: balance %s earned %s, transfers say %s and %s', account.id,
            account.balance, account.earned, coalesce(total, 0), coalesce(moved.earned, 0))
        FROM account LEFT JOIN moved ON moved.account_id = account.id
        WHERE program IS NULL AND (account.balance <> coalesce(total, 0)
            OR account.earned <> coalesce(moved.earned, 0))""",
    "running balance": """
        WITH step AS (
            SELECT transfer.id, side.account_id, side.stored,
                sum(side.change) OVER (PARTITION BY side.account_id ORDER BY transfer.id) AS running
            FROM transfer, LATERAL (VALUES
                (debit_id, -amount, debit_after), (credit_id, amount, credit_after)
            ) AS side (account_id, change, stored))
        SELECT format('transfer %s: account %s stood at %s, transfers say %s',
            step.id, account_id, stored, running)
        FROM step JOIN account ON account.id = account_id
        WHERE program IS NULL AND stored IS DISTINCT FROM running""",
    "accounts are of the transfer's unit": """
        SELECT format('transfer %s', transfer.id) FROM transfer
        JOIN account d ON d.id = debit_id JOIN account c ON c.id = credit_id
        WHERE d.unit <> transfer.unit OR c.unit <> transfer.unit OR amount <= 0""",
    "a reversal mirrors its original": """
        SELECT format('transfer %s reverses %s', r.id, o.id)
        FROM transfer r JOIN transfer o ON o.id = r.reverses_id
        WHERE (r.debit_id, r.credit_id, r.amount, r.rule_id, r.rule_code) IS DISTINCT FROM
                (o.credit_id, o.debit_id, o.amount, o.rule_id, o.rule_code)
            OR r.id <= o.id OR o.reverses_id IS NOT NULL""",
    "a reinstatement mirrors a reversal": """
        SELECT format('transfer %s', t.id) FROM transfer t
        LEFT JOIN transfer r ON r.reverses_id IS NOT NULL AND t.evidence = 'transfer:' || r.id
        LEFT JOIN transfer o ON o.id = r.reverses_id
        WHERE t.kind = 'reinstatement' AND (r.id IS NULL
            OR (t.debit_id, t.credit_id, t.amount, t.rule_id, t.rule_code) IS DISTINCT FROM
                (o.debit_id, o.credit_id, o.amount, o.rule_id, o.rule_code)
            OR t.key <> split_part(o.key, '#', 1) || '#' || r.id)""",
    "each kind moves between its own accounts": """
        SELECT format('transfer %s: %s', t.id, t.kind) FROM transfer t
        JOIN account d ON d.id = debit_id JOIN account c ON c.id = credit_id
        WHERE NOT coalesce(CASE
            WHEN kind IN ('award', 'reinstatement')
                THEN d.program = 'issuer' AND c.program IS NULL AND rule_id IS NOT NULL
            WHEN kind IN ('merge', 'unmerge')
                THEN d.person_id IS NOT NULL AND c.person_id IS NOT NULL AND rule_id IS NULL
            WHEN kind = 'conversion'
                THEN coalesce(d.program, c.program) = 'conversion' AND rule_id IS NULL
                    AND (d.person_id IS NULL) <> (c.person_id IS NULL)
            WHEN kind = 'reversal' THEN reverses_id IS NOT NULL
        END AND (kind = 'reversal') = (reverses_id IS NOT NULL), false)""",
    "the day is the instant's": """
        SELECT format('transfer %s', id) FROM transfer
        WHERE local_day <> (made_at AT TIME ZONE 'Asia/Shanghai')::date""",
    "an award names a rule in force": """
        SELECT format('transfer %s', transfer.id) FROM transfer
        LEFT JOIN credit_rule rule ON rule.id = rule_id
        WHERE kind = 'award' AND (rule.id IS NULL OR rule.code <> rule_code
            OR rule.unit <> transfer.unit OR valid_from > local_day)""",
    "an award pays what its rule says": """
        SELECT format('transfer %s: %s for a worth of %s', transfer.id, transfer.amount, worth)
        FROM transfer JOIN credit_rule rule ON rule.id = rule_id,
        LATERAL (SELECT CASE formula->>'kind'
            WHEN 'fixed' THEN (formula->>'amount')::bigint
            WHEN 'per_hour' THEN greatest(
                (2 * coalesce((facts->>'seconds')::bigint, 0) * (formula->>'amount')::bigint
                    + 3600) / 7200,
                coalesce((formula->>'minimum')::bigint, 0))
            END AS worth) said
        WHERE kind = 'award' AND (worth IS NULL OR transfer.amount > worth
            OR (transfer.amount < worth AND NOT facts ? 'bound_by'))""",
    "no cap is exceeded": """
        WITH span AS (
            SELECT t.credit_id, t.rule_code, t.amount, period.* FROM transfer t
            JOIN credit_rule rule ON rule.id = t.rule_id, LATERAL (VALUES
                ('day', t.local_day, daily_cap),
                ('week', date_trunc('week', t.local_day::timestamp)::date, weekly_cap),
                ('year', date_trunc('year', t.local_day::timestamp)::date, yearly_cap)
            ) AS period (name, since, cap)
            WHERE t.kind = 'award' AND NOT EXISTS (
                SELECT FROM transfer r WHERE r.reverses_id = t.id))
        SELECT format('account %s: %s paid %s in the %s of %s',
            credit_id, rule_code, sum(amount), name, since)
        FROM span GROUP BY credit_id, rule_code, name, since
        HAVING count(*) = count(cap) AND sum(amount) > max(cap)""",
}


async def audit_books(session: AsyncSession) -> AuditReport:
    """Recompute every balance, the chain of daily closes, and every invariant.

    At most ROWS_SHOWN findings per check are returned; a true set of books has none.
    """
    findings = []
    for check, statement in CHECKS.items():
        wrong = await session.scalars(text(f"{statement} LIMIT {ROWS_SHOWN}"))
        findings += [Finding(check, row) for row in wrong]
    closes = list(await session.scalars(select(DayClose).order_by(DayClose.local_day)))
    findings += await _broken_links(session, closes)
    return AuditReport(
        accounts=await session.scalar(select(func.count()).select_from(Account)) or 0,
        transfers=await session.scalar(select(func.count()).select_from(Transfer)) or 0,
        days=len(closes),
        findings=findings,
    )


async def _broken_links(session: AsyncSession, closes: list[DayClose]) -> list[Finding]:
    check = "the chain of daily closes"
    findings = []
    previous, expected_day = GENESIS, None
    for close in closes:
        if expected_day is not None and close.local_day.toordinal() != expected_day:
            findings.append(Finding(check, f"day {close.local_day}: a day before it is missing"))
        if close.previous_digest != previous:
            findings.append(
                Finding(check, f"day {close.local_day}: is not chained to the day before")
            )
        # A broken link is no change of this day's transfers: either end of it may be the true one.
        seals = [
            await seal_of(session, day=close.local_day, previous=end)
            for end in {previous, close.previous_digest}
        ]
        if Sealed(close.transfers, close.totals, close.digest) not in seals:
            findings.append(Finding(check, f"day {close.local_day}: its transfers were changed"))
        previous, expected_day = close.digest, close.local_day.toordinal() + 1
    if closes:
        first = closes[0].local_day
        early = await session.scalar(select(func.min(Transfer.local_day)))
        if early is not None and early < first:
            findings.append(Finding(check, f"day {early}: lies before the first close"))
    return findings
