"""Are the books true? Each check is one SQL statement that returns the rows which are wrong.

Under several versions of a rule in one period the largest of their caps holds. Large books are
screened first (screening.py), so that what costs minutes is only asked of doubtful rows.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.closing import GENESIS, digest_day
from app.credit_bank.models import Account, DayClose, Transfer
from app.credit_bank.screening import ROWS, WRONG_ROWS, Screened, screen

ROWS_SHOWN = 20
WORK_MEM = "256MB"
"""A sort or a hash of ten million rows; small books use little of it."""


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


BALANCE = "stored balance = sum of transfers"
RUNNING = "running balance"
CAPS = "no cap is exceeded"
RULE = "an award names a rule in force"
REINSTATED = "a reinstatement mirrors a reversal"
CHAIN = "the chain of daily closes"

CHECKS = {
    BALANCE: """
        WITH moved AS (
            SELECT side.account_id, sum(side.change) AS total, sum(side.earned) AS earned
            FROM transfer, LATERAL (VALUES
                (debit_id, -amount, CASE WHEN rule_id IS NOT NULL AND reverses_id IS NOT NULL
                    THEN -amount ELSE 0 END),
                (credit_id, amount, CASE WHEN rule_id IS NOT NULL AND reverses_id IS NULL
                    THEN amount ELSE 0 END)
            ) AS side (account_id, change, earned)
            WHERE side.account_id = ANY(:accounts) GROUP BY side.account_id)
        SELECT format('account %s: balance %s earned %s, transfers say %s and %s', account.id,
            account.balance, account.earned, coalesce(total, 0), coalesce(moved.earned, 0))
        FROM account LEFT JOIN moved ON moved.account_id = account.id
        WHERE account.id = ANY(:accounts) AND program IS NULL
            AND (account.balance <> coalesce(total, 0)
            OR account.earned <> coalesce(moved.earned, 0))""",
    RUNNING: """
        WITH step AS (
            SELECT transfer.id, side.account_id, side.stored,
                sum(side.change) OVER (PARTITION BY side.account_id ORDER BY transfer.id) AS running
            FROM transfer, LATERAL (VALUES
                (debit_id, -amount, debit_after), (credit_id, amount, credit_after)
            ) AS side (account_id, change, stored) WHERE side.account_id = ANY(:accounts))
        SELECT format('transfer %s: account %s stood at %s, transfers say %s',
            step.id, account_id, stored, running)
        FROM step JOIN account ON account.id = account_id
        WHERE program IS NULL AND stored IS DISTINCT FROM running""",
    **{
        check: f"SELECT {said} FROM {ROWS} WHERE {wrong}"  # noqa: S608  constants
        for check, (wrong, said) in WRONG_ROWS.items()
    },
    "a reversal mirrors its original": """
        SELECT format('transfer %s reverses %s', r.id, o.id)
        FROM transfer r JOIN transfer o ON o.id = r.reverses_id
        WHERE r.reverses_id IS NOT NULL AND (
            (r.debit_id, r.credit_id, r.amount, r.rule_id, r.rule_code) IS DISTINCT FROM
                (o.credit_id, o.debit_id, o.amount, o.rule_id, o.rule_code)
            OR r.id <= o.id OR o.reverses_id IS NOT NULL)""",
    REINSTATED: """
        SELECT format('transfer %s', t.id) FROM transfer t
        LEFT JOIN transfer r ON r.reverses_id IS NOT NULL AND t.evidence = 'transfer:' || r.id
        LEFT JOIN transfer o ON o.id = r.reverses_id
        WHERE t.kind = 'reinstatement' AND (r.id IS NULL
            OR (t.debit_id, t.credit_id, t.amount, t.rule_id, t.rule_code) IS DISTINCT FROM
                (o.debit_id, o.credit_id, o.amount, o.rule_id, o.rule_code)
            OR t.key <> split_part(o.key, '#', 1) || '#' || r.id)""",
    CAPS: """
        WITH span AS (
            SELECT t.credit_id, t.rule_code, t.amount, period.* FROM transfer t
            JOIN credit_rule rule ON rule.id = t.rule_id, LATERAL (VALUES
                ('day', t.local_day, daily_cap),
                ('week', date_trunc('week', t.local_day::timestamp)::date, weekly_cap),
                ('year', date_trunc('year', t.local_day::timestamp)::date, yearly_cap)
            ) AS period (name, since, cap)
            WHERE (:accounts ::bigint[] IS NULL OR t.credit_id = ANY(:accounts))
                AND t.kind = 'award' AND NOT EXISTS (
                SELECT FROM transfer r WHERE r.reverses_id = t.id))
        SELECT format('account %s: %s paid %s in the %s of %s',
            credit_id, rule_code, sum(amount), name, since)
        FROM span GROUP BY credit_id, rule_code, name, since
        HAVING count(*) = count(cap) AND sum(amount) > max(cap)""",
}


async def audit_books(session: AsyncSession, *, beside: AsyncSession | None = None) -> AuditReport:
    """Recompute every balance, the chain of daily closes, and every invariant.

    At most ROWS_SHOWN findings per check are returned; a true set of books has none. `beside` is
    another session with the same view of the books: the chain is recomputed there meanwhile.
    """
    closes = list(await session.scalars(select(DayClose).order_by(DayClose.local_day)))
    if beside is None:
        screened, digests = await _screened(session), await _digests(session, closes)
    else:
        async with asyncio.TaskGroup() as both:
            looking = both.create_task(_screened(session))
            hashing = both.create_task(_digests(beside, closes))
        screened, digests = looking.result(), hashing.result()
    findings = []
    for check, binds in _to_name(screened).items():
        rows = await rows_of(session, CHECKS[check], **binds)
        findings += [Finding(check, row) for row in rows]
    findings += [
        Finding(CHAIN, said) for said in await _broken_links(session, closes, digests, screened)
    ]
    return AuditReport(
        accounts=await session.scalar(select(func.count()).select_from(Account)) or 0,
        transfers=screened.transfers,
        days=len(closes),
        findings=findings,
    )


async def rows_of(session: AsyncSession, check: str, **binds: Any) -> list[str]:
    """The first rows that a check finds wrong.

    Numbered and not LIMITed: for a LIMIT the planner would look the rows up one by one, and there
    should be none to find.
    """
    numbered = f"SELECT said, row_number() OVER () AS n FROM ({check}) AS wrong (said)"  # noqa: S608
    first = text(f"SELECT said FROM ({numbered}) AS one WHERE n <= {ROWS_SHOWN}")  # noqa: S608
    return list(await session.scalars(first, binds))


async def _screened(session: AsyncSession) -> Screened:
    await session.execute(text(f"SET LOCAL work_mem = '{WORK_MEM}'"))
    return await screen(session)


def _to_name(screened: Screened) -> dict[str, dict[str, Any]]:
    """The checks that have something to say, with the accounts to ask; in their order."""
    asked: dict[str, dict[str, Any]] = {
        "a reversal mirrors its original": {},
        **{check: {} for check in screened.doubtful},
    }
    if screened.unequal:
        asked[BALANCE] = {"accounts": screened.unequal}
    if screened.misstepped:
        asked[RUNNING] = {"accounts": screened.misstepped}
    if screened.reinstated:
        asked[REINSTATED] = {}
    if RULE in screened.doubtful:
        asked[CAPS] = {"accounts": None}  # Whose rule is wrong was not counted under its cap.
    elif screened.overpaid:
        asked[CAPS] = {"accounts": screened.overpaid}
    return {check: asked[check] for check in CHECKS if check in asked}


async def _digests(session: AsyncSession, closes: list[DayClose]) -> list[tuple[int, list[str]]]:
    """Of every closed day: its number of transfers, and its digest from either end of its link.

    A broken link is no change of the day's transfers: either end of it may be the true one.
    """
    previous = GENESIS
    found = []
    for close in closes:
        ends = sorted({previous, close.previous_digest})
        found.append(await digest_day(session, day=close.local_day, ends=ends))
        previous = close.digest
    return found


async def _broken_links(
    session: AsyncSession,
    closes: list[DayClose],
    digests: list[tuple[int, list[str]]],
    screened: Screened,
) -> list[str]:
    said = []
    previous, expected_day = GENESIS, None
    for close, (transfers, possible) in zip(closes, digests, strict=True):
        day = close.local_day
        if expected_day is not None and day.toordinal() != expected_day:
            said.append(f"day {day}: a day before it is missing")
        if close.previous_digest != previous:
            said.append(f"day {day}: is not chained to the day before")
        sealed = (close.transfers, close.totals)
        if sealed != (transfers, screened.totals.get(day, {})) or close.digest not in possible:
            said.append(f"day {day}: its transfers were changed")
        previous, expected_day = close.digest, day.toordinal() + 1
    if closes:
        first = closes[0].local_day
        early = await session.scalar(select(func.min(Transfer.local_day)))
        if early is not None and early < first:
            said.append(f"day {early}: lies before the first close")
    return said
