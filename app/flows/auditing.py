"""The whole audit: the books in themselves, and every award against the evidence it names."""

from dataclasses import replace
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.jobs import Job, defer
from app.credit_bank.audit import ROWS_SHOWN, AuditReport, Finding, audit_books, rows_of
from app.credit_bank.models import Transfer
from app.people import staff_acts
from app.people.models import StaffAct

AT_ONCE_MAX = 20_000
"""Transfers that a request may audit while somebody waits: a second or two."""
SUBJECT = "bank:books"

UNPROVEN = {
    "an award names evidence of a kind we know": """
        SELECT format('transfer %s: %s', id, evidence) FROM transfer
        WHERE kind = 'award' AND (evidence LIKE '%:'  -- trimming costs a third of a pattern
            OR rtrim(evidence, '0123456789')
                NOT IN ('study:', 'attendance:', 'prior_learning:'))""",
    "an award stands on a completed study": """
        SELECT format('transfer %s: %s', t.id, t.evidence) FROM transfer t
        LEFT JOIN study s ON t.evidence = 'study:' || s.id
        WHERE t.kind = 'award' AND t.evidence LIKE 'study:%'
            AND (s.id IS NULL OR s.completed_at IS NULL OR s.completed_on <> t.local_day)""",
    "a completed study has the time its lesson asks for": """
        SELECT format('study %s: %s ms', s.id, s.verified_ms) FROM study s
        JOIN lesson_version v ON v.id = s.version_id
        WHERE s.completed_at IS NOT NULL AND (s.verified_ms < v.required_seconds * 1000
            OR (s.passed_at IS NULL AND EXISTS (
                SELECT FROM question q WHERE q.version_id = v.id)))""",
    "a study's time is the sum of its days": """
        SELECT format('study %s', s.id) FROM study s
        LEFT JOIN (SELECT study_id, sum(verified_ms) AS total FROM study_day GROUP BY 1) d
            ON d.study_id = s.id
        WHERE s.verified_ms <> coalesce(d.total, 0)""",
    "an award for an activity stands on a confirmed attendance": """
        SELECT format('transfer %s: %s', t.id, t.evidence) FROM transfer t
        LEFT JOIN attendance a ON t.evidence = 'attendance:' || a.id
        WHERE t.kind = 'award' AND t.evidence LIKE 'attendance:%' AND a.confirmed_at IS NULL""",
    "recognised prior learning was approved by two people": """
        SELECT format('transfer %s: %s', t.id, t.evidence) FROM transfer t
        LEFT JOIN prior_learning p ON t.evidence = 'prior_learning:' || p.id
        WHERE t.kind = 'award' AND t.evidence LIKE 'prior_learning:%'
            AND (p.state IS DISTINCT FROM 'approved' OR p.confirmed_by_id IS NULL
                OR p.approved_by_id IS NULL)""",
}


async def audit(session: AsyncSession, *, beside: AsyncSession | None = None) -> AuditReport:
    """Everything `shoushan bank audit` checks; true books have no finding.

    `beside` is another session with the same view of the books, to use a second core.
    """
    report = await audit_books(session, beside=beside)
    findings = list(report.findings)
    for check, statement in UNPROVEN.items():
        findings += [Finding(check, row) for row in await rows_of(session, statement)]
    return replace(report, findings=findings)


async def order(session: AsyncSession, *, by_id: int, now: datetime) -> bool:
    """Audit small books now, have large ones audited by a worker; whether it is done."""
    rows = select(Transfer.id).limit(AT_ONCE_MAX + 1).subquery()
    count = await session.scalar(select(func.count()).select_from(rows))
    if (count or 0) <= AT_ONCE_MAX:
        await audit_for(session, by_id=by_id, now=now)
        return True
    await defer(session, Job.AUDIT_BOOKS, dedupe="bank.audit", by_id=by_id)
    return False


async def audit_for(session: AsyncSession, *, by_id: int, now: datetime) -> None:
    """The audit that somebody ordered."""
    await note(session, await audit(session), by_id=by_id, now=now)


async def note(session: AsyncSession, report: AuditReport, *, by_id: int, now: datetime) -> None:
    """What an audit found stands in the log of acts, for ever."""
    facts = {
        "accounts": report.accounts,
        "transfers": report.transfers,
        "days": report.days,
        "wrong": len(report.findings),
        "findings": [f"{one.check}: {one.row}" for one in report.findings[:ROWS_SHOWN]],
    }
    await staff_acts.note(
        session, person_id=by_id, act="bank.audit", subject=SUBJECT, facts=facts, now=now
    )


async def last_audit(session: AsyncSession) -> StaffAct | None:
    """The last one that anybody ordered from the desk."""
    acts = await staff_acts.list_acts(session, act="bank.audit", subject=SUBJECT, limit=1)
    return acts.items[0] if acts.items else None
