"""What is kept about an official account: its plan, its quota, what it has uploaded and heard."""

from datetime import date, datetime, time
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, ForeignKey, Integer, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model


class PublishingPlan(Model):
    """How often an account publishes: `weekdays` (1 = Monday) at `at`, town time."""

    __tablename__ = "publishing_plan"
    __table_args__ = (
        CheckConstraint("weekdays <@ '{1,2,3,4,5,6,7}' and weekdays <> '{}'", name="weekdays"),
        CheckConstraint("1 <= week_min and week_min <= week_max", name="week"),
    )

    appid: Mapped[str] = mapped_column(Text, primary_key=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    weekdays: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    at: Mapped[time]
    week_min: Mapped[int] = mapped_column(default=1, server_default=text("1"))
    week_max: Mapped[int] = mapped_column(default=2, server_default=text("2"))


class ClosedDay(Model):
    """A day on which nothing is published: a day of mourning, an examination, by order."""

    __tablename__ = "closed_day"

    org_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class QuotaUse(Model):
    """One mass send that counts against the account's quota.

    `key` is the clientmsgid, or `hand:{day}` for one that only the platform's refusal (45028) told
    us of. `local_day` and `local_month` (its first day) are those of the town.
    """

    __tablename__ = "quota_use"

    appid: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    local_day: Mapped[date] = mapped_column(index=True)
    local_month: Mapped[date]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class PlatformMedia(Model):
    """A picture that an account has, uploaded once by its content."""

    __tablename__ = "platform_media"
    __table_args__ = (CheckConstraint("purpose in ('body', 'cover')", name="purpose"),)

    appid: Mapped[str] = mapped_column(Text, primary_key=True)
    sha256: Mapped[str] = mapped_column(Text, primary_key=True)
    purpose: Mapped[str] = mapped_column(Text, primary_key=True)
    # A URL for the body, a permanent media_id for a cover.
    reference: Mapped[str] = mapped_column(Text)
    uploaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class JobOutcome(Model):
    """What the platform told about a publication or a mass send: maybe early, maybe twice."""

    __tablename__ = "job_outcome"
    __table_args__ = (CheckConstraint("kind in ('freepublish', 'mass')", name="kind"),)

    appid: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text, primary_key=True)
    job_id: Mapped[str] = mapped_column(Text, primary_key=True)
    status: Mapped[str] = mapped_column(Text, primary_key=True)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    told_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
