"""Evidence of learning: what the server itself observed, and nothing the client claimed."""

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
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model


class Attention(Model):
    """A person's last beat anywhere: one row per person, so that two phones count once."""

    __tablename__ = "attention"

    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"))
    beat_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Study(Model):
    """One person's study of one lesson, bound to the version it began with.

    `verified_ms` is the time the server saw pass, in milliseconds. `completed_on` is the civil day
    of the completion, kept because it decides caps and streaks. `merge_id` says that the row came
    from another account of the same person, and can go back.
    """

    __tablename__ = "study"
    __table_args__ = (
        UniqueConstraint("person_id", "lesson_id"),
        CheckConstraint("verified_ms >= 0", name="time_positive"),
        CheckConstraint("(completed_at IS NULL) = (completed_on IS NULL)", name="completed"),
        Index("study_completed_idx", "person_id", "completed_on"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    lesson_id: Mapped[int] = mapped_column(ForeignKey("lesson.id"))
    version_id: Mapped[int] = mapped_column(ForeignKey("lesson_version.id"))
    started_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    verified_ms: Mapped[int] = mapped_column(BigInteger, default=0)
    attempts: Mapped[int] = mapped_column(default=0)
    retry_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    passed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    completed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    completed_on: Mapped[date | None]
    merge_id: Mapped[int | None] = mapped_column(BigInteger)


class StudyDay(Model):
    """How much of a study fell on one civil day: beats across midnight are split."""

    __tablename__ = "study_day"
    __table_args__ = (CheckConstraint("verified_ms >= 0", name="time_positive"),)

    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"), primary_key=True)
    local_day: Mapped[date] = mapped_column(primary_key=True)
    verified_ms: Mapped[int] = mapped_column(BigInteger)


class Attempt(Model):
    """One try at a lesson's questions, kept as evidence: what was chosen, how much was right."""

    __tablename__ = "attempt"
    __table_args__ = (UniqueConstraint("study_id", "number"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    study_id: Mapped[int] = mapped_column(ForeignKey("study.id"))
    number: Mapped[int]
    answers: Mapped[dict[str, Any]] = mapped_column(JSONB)
    right: Mapped[int]
    passed: Mapped[bool]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Activity(Model):
    """Learning that happens in a place: a lecture, a yard meeting; signed in to by its code."""

    __tablename__ = "activity"
    __table_args__ = (
        UniqueConstraint("org_id", "title", "starts_at"),
        CheckConstraint("ends_at > starts_at", name="takes_time"),
        CheckConstraint("minutes > 0", name="minutes_positive"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    platform: Mapped[str] = mapped_column(ForeignKey("platform.name"))
    org_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    starts_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ends_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    minutes: Mapped[int]
    made_by_id: Mapped[int] = mapped_column(ForeignKey("person.id"))


class SignUp(Model):
    """Somebody means to come, and wants to be reminded. It is no evidence of anything."""

    __tablename__ = "sign_up"

    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    cancelled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Attendance(Model):
    """A person's sign-in at an activity. It is worth nothing until a tutor has confirmed it."""

    __tablename__ = "attendance"
    __table_args__ = (UniqueConstraint("activity_id", "person_id"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    activity_id: Mapped[int] = mapped_column(ForeignKey("activity.id"))
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    signed_in_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    confirmed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
