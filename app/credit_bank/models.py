"""Units, accounts, transfers, rules and daily closes.

Triggers (in the migration) refuse UPDATE, DELETE and TRUNCATE on transfer, credit_rule and
day_close, and refuse a transfer into a day that is already closed. A mistake is reversed by another
transfer.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model


class Unit(Model):
    """What is counted: 学分 with two decimals, 积分 with none; more are rows, not code."""

    __tablename__ = "unit"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    decimals: Mapped[int]
    position: Mapped[int]


class Account(Model):
    """One owner's holding of one unit: a person's, an organisation's or a program's.

    Programs (the issuing side) have no stored balance, so that no award waits for another one's
    lock; theirs is derived from the transfers. `earned` is what rules have awarded, net of
    reversals: titles and rankings go by it, since a conversion must not cost a title.
    """

    __tablename__ = "account"
    __table_args__ = (
        CheckConstraint("num_nonnulls(person_id, organisation_id, program) = 1", name="one_owner"),
        CheckConstraint("(program IS NULL) = (balance IS NOT NULL)", name="balance_of_owners"),
        CheckConstraint("(program IS NULL) = (earned IS NOT NULL)", name="earned_by_owners"),
        UniqueConstraint(
            "person_id", "organisation_id", "program", "unit", postgresql_nulls_not_distinct=True
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    program: Mapped[str | None]
    balance: Mapped[int | None] = mapped_column(BigInteger)
    earned: Mapped[int | None] = mapped_column(BigInteger)


class CreditRule(Model):
    """One dated version of what something is worth. Never edited, only succeeded."""

    __tablename__ = "credit_rule"
    __table_args__ = (
        UniqueConstraint("code", "version"),
        CheckConstraint("once IN ('each', 'object', 'day', 'ever')", name="once"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    code: Mapped[str]
    version: Mapped[int]
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"))
    name: Mapped[str]
    explanation: Mapped[str]
    formula: Mapped[dict[str, Any]] = mapped_column(JSONB)
    once: Mapped[str]
    daily_cap: Mapped[int | None] = mapped_column(BigInteger)
    weekly_cap: Mapped[int | None] = mapped_column(BigInteger)
    yearly_cap: Mapped[int | None] = mapped_column(BigInteger)
    valid_from: Mapped[date]


class Transfer(Model):
    """A movement from `debit_id` to `credit_id`, for ever.

    `subject` says what it was for (`lesson:12`), `evidence` what proves it (`study:345`), `facts`
    what the statement's sentence needs. `village_id` and `unit_id` are the member's at the time.
    `debit_after` and `credit_after` are the owners' balances once it was booked.
    """

    __tablename__ = "transfer"
    __table_args__ = (
        CheckConstraint("amount > 0", name="amount_positive"),
        CheckConstraint("debit_id <> credit_id", name="two_accounts"),
        CheckConstraint("(reverses_id IS NULL) = (reason IS NULL)", name="reversal_has_reason"),
        Index("transfer_credit_idx", "credit_id", "id"),
        Index("transfer_debit_idx", "debit_id", "id"),
        Index("transfer_caps_idx", "credit_id", "rule_code", "local_day"),
        Index("transfer_day_idx", "local_day", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"))
    debit_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    credit_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    amount: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str]
    rule_id: Mapped[int | None] = mapped_column(ForeignKey("credit_rule.id"))
    rule_code: Mapped[str | None]
    subject: Mapped[str]
    evidence: Mapped[str]
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    village_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    reverses_id: Mapped[int | None] = mapped_column(ForeignKey("transfer.id"), unique=True)
    reason: Mapped[str | None]
    ordered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    debit_after: Mapped[int | None] = mapped_column(BigInteger)
    credit_after: Mapped[int | None] = mapped_column(BigInteger)
    local_day: Mapped[date]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class DayClose(Model):
    """The seal on one local day: totals per unit and a digest chained to the day before."""

    __tablename__ = "day_close"

    local_day: Mapped[date] = mapped_column(primary_key=True)
    transfers: Mapped[int] = mapped_column(BigInteger)
    totals: Mapped[dict[str, Any]] = mapped_column(JSONB)
    previous_digest: Mapped[str]
    digest: Mapped[str] = mapped_column(unique=True)
    closed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PriorLearning(Model):
    """An application to have outside learning recognised (认定): a document and two people."""

    __tablename__ = "prior_learning"
    __table_args__ = (
        # One paper serves one person; what was refused may be filed again, better explained.
        Index(
            "prior_learning_document_key",
            "document_sha256",
            unique=True,
            postgresql_where=text("refused_at IS NULL"),
        ),
        CheckConstraint("state IN ('applied', 'confirmed', 'approved', 'refused')", name="state"),
        CheckConstraint("(state = 'refused') = (refused_at IS NOT NULL)", name="refused"),
        CheckConstraint("hours_hundredths > 0", name="hours_positive"),
        CheckConstraint("confirmed_by_id <> approved_by_id", name="two_people"),
        CheckConstraint(
            "confirmed_by_id <> person_id AND approved_by_id <> person_id", name="not_oneself"
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    title: Mapped[str]
    institution: Mapped[str]
    hours_hundredths: Mapped[int]
    achieved_on: Mapped[date]
    document_name: Mapped[str]
    document_sha256: Mapped[str]
    state: Mapped[str]
    applied_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    approved_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    approved_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    refused_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    refused_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    remarks: Mapped[str | None]
