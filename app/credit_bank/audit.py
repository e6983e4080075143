"""Are the books true? Each check is one SQL statement that returns the rows which are wrong."""

from dataclasses import dataclass

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.closing import GENESIS, seal_of
from app.credit_bank.models import DayClose, Transfer

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
        WHERE (r.debit_id, r.credit_id, r.amount) <> (o.credit_id, o.debit_id, o.amount)
            OR r.id <= o.id OR o.reverses_id IS NOT NULL""",
    "the day is the instant's": """
        SELECT format('transfer %s', id) FROM transfer
        WHERE local_day <> (made_at AT TIME ZONE 'Asia/Shanghai')::date""",
    "an award names a rule in force": """
        SELECT format('transfer %s', transfer.id) FROM transfer
        LEFT JOIN credit_rule rule ON rule.id = rule_id
        WHERE kind = 'award' AND reverses_id IS NULL AND (rule.id IS NULL
            OR rule.code <> rule_code OR rule.unit <> transfer.unit OR valid_from > local_day
            OR (SELECT program FROM account WHERE id = debit_id) IS DISTINCT FROM 'issuer')""",
    "no cap is exceeded": """
        WITH paid AS (
            SELECT t.credit_id, t.rule_code, t.local_day, sum(t.amount) AS amount
            FROM transfer t
            WHERE t.kind = 'award' AND NOT EXISTS (
                SELECT FROM transfer r WHERE r.reverses_id = t.id)
            GROUP BY t.credit_id, t.rule_code, t.local_day),
        caps AS (
            SELECT code, max(daily_cap) AS day, max(yearly_cap) AS year,
                bool_or(daily_cap IS NULL) AS no_day, bool_or(yearly_cap IS NULL) AS no_year
            FROM credit_rule GROUP BY code)
        SELECT format('account %s: %s paid %s on %s', credit_id, rule_code, amount, local_day)
        FROM paid JOIN caps ON code = rule_code WHERE NOT no_day AND amount > day
        UNION ALL
        SELECT format('account %s: %s paid %s in %s', credit_id, rule_code, sum(amount),
            extract(year FROM local_day))
        FROM paid JOIN caps ON code = rule_code AND NOT no_year
        GROUP BY credit_id, rule_code, extract(year FROM local_day), caps.year
        HAVING sum(amount) > caps.year""",
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
    totals = await session.execute(text("SELECT count(*) FROM account"))
    return AuditReport(
        accounts=int(totals.scalar_one()),
        transfers=int(await session.scalar(select(func.count()).select_from(Transfer)) or 0),
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
        sealed = await seal_of(session, day=close.local_day, previous=previous)
        stored = (close.transfers, close.totals, close.digest)
        if stored != (sealed.transfers, sealed.totals, sealed.digest):
            findings.append(Finding(check, f"day {close.local_day}: its transfers were changed"))
        previous, expected_day = close.digest, close.local_day.toordinal() + 1
    if closes:
        first = closes[0].local_day
        early = await session.scalar(select(func.min(Transfer.local_day)))
        if early is not None and early < first:
            findings.append(Finding(check, f"day {early}: lies before the first close"))
    return findings
