"""What a transfer stands on: back to the award, its rule, and what the service itself observed."""

from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from app.content.models import LessonVersion, Question
from app.credit_bank.ledger import TransferNotFound
from app.credit_bank.models import Account, CreditRule, DayClose, PriorLearning, Transfer, Unit
from app.credit_bank.queries import Line, as_rule
from app.learning.models import Activity, Attempt, Attendance, Study, StudyDay
from app.people.queries import resolve_alias

Row = TypeVar("Row", bound=Any)


@dataclass(frozen=True)
class StudyProof:
    study: Study
    version: LessonVersion
    questions: int
    days: list[StudyDay]
    attempts: list[Attempt]


@dataclass(frozen=True)
class AttendanceProof:
    attendance: Attendance
    activity: Activity


@dataclass(frozen=True)
class Proof:
    """One transfer as its owner sees it, and everything behind it.

    `root` is the award at the end of the way back (itself, mostly); `person_id` whom it belongs to
    now, None for an account of no person; `close` None while its day is open.
    """

    line: Line
    root: Transfer
    person_id: int | None
    close: DayClose | None
    study: StudyProof | None
    attendance: AttendanceProof | None
    prior: PriorLearning | None


async def get_proof(session: AsyncSession, *, transfer_id: int) -> Proof:
    """Raises TransferNotFound."""
    transfer = await session.get(Transfer, transfer_id)
    if transfer is None:
        raise TransferNotFound(transfer_id=transfer_id)
    account = await _owner(session, transfer)
    root = await _root_of(session, transfer)
    attendance = await _named(session, root, "attendance", Attendance)
    held = account.person_id
    return Proof(
        line=await _line(session, transfer, account),
        root=root,
        person_id=None if held is None else await resolve_alias(session, held),
        close=await session.get(DayClose, transfer.local_day),
        study=await _study(session, root),
        attendance=None
        if attendance is None
        else AttendanceProof(attendance, await session.get_one(Activity, attendance.activity_id)),
        prior=await _named(session, root, "prior_learning", PriorLearning),
    )


async def _owner(session: AsyncSession, transfer: Transfer) -> Account:
    """The side that gained, if it is a person's; else the other."""
    gained = await session.get_one(Account, transfer.credit_id)
    if gained.person_id is not None:
        return gained
    return await session.get_one(Account, transfer.debit_id)


async def _line(session: AsyncSession, transfer: Transfer, account: Account) -> Line:
    reversal = aliased(Transfer)
    reversed_by = await session.scalar(
        select(reversal.id).where(reversal.reverses_id == transfer.id)
    )
    gained = transfer.credit_id == account.id
    rule = None if transfer.rule_id is None else await session.get(CreditRule, transfer.rule_id)
    return Line(
        transfer=transfer,
        amount=transfer.amount if gained else -transfer.amount,
        balance_after=(transfer.credit_after if gained else transfer.debit_after) or 0,
        rule=None if rule is None else as_rule(rule),
        unit=await session.get_one(Unit, transfer.unit),
        reversed_by_id=reversed_by,
    )


async def _root_of(session: AsyncSession, transfer: Transfer) -> Transfer:
    """A reversal names what it reverses, a reinstatement the reversal."""
    while (earlier := await _named(session, transfer, "transfer", Transfer)) is not None:
        transfer = earlier
    return transfer


async def _named(
    session: AsyncSession, transfer: Transfer, kind: str, table: type[Row]
) -> Row | None:
    """The row that `evidence` (kind:id) names, if it is of this kind."""
    named, _, number = transfer.evidence.partition(":")
    return await session.get(table, int(number)) if named == kind else None


async def _study(session: AsyncSession, root: Transfer) -> StudyProof | None:
    study = await _named(session, root, "study", Study)
    if study is None:
        return None
    days = select(StudyDay).where(StudyDay.study_id == study.id).order_by(StudyDay.local_day)
    attempts = select(Attempt).where(Attempt.study_id == study.id).order_by(Attempt.number)
    questions = select(func.count()).where(Question.version_id == study.version_id)
    return StudyProof(
        study=study,
        version=await session.get_one(LessonVersion, study.version_id),
        questions=int(await session.scalar(questions) or 0),
        days=list(await session.scalars(days)),
        attempts=list(await session.scalars(attempts)),
    )
