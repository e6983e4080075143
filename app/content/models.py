"""Lessons and their versions. A version never changes: credit binds to what was really learned.

The migration adds triggers that refuse UPDATE, DELETE and TRUNCATE on `lesson_version` and
`question`. A lesson is on show while `published_at` is set and `withdrawn_at` is not; then
`current_id` names the version that is read.
"""

from datetime import date, datetime

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    Text,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model


class Platform(Model):
    """One of the six platforms of the town's learning network; the rows come from a file."""

    __tablename__ = "platform"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    full_name: Mapped[str]
    summary: Mapped[str]


class Lesson(Model):
    __tablename__ = "lesson"
    __table_args__ = (
        CheckConstraint("key ~ '^[a-z0-9][a-z0-9-]{1,63}$'", name="key"),
        CheckConstraint(
            "published_at is null or current_id is not null", name="published_has_version"
        ),
        CheckConstraint(
            "withdrawn_at is null or published_at is not null", name="withdrawn_was_published"
        ),
        CheckConstraint(
            "(withdrawn_at is null) = (withdrawn_reason is null)", name="withdrawn_with_reason"
        ),
        Index(None, "published_at", "id"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    # Whose lesson it is; NULL is the installation's own, imported from files.
    org_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("organisation.id"))
    current_id: Mapped[int | None] = mapped_column(
        BigInteger, ForeignKey("lesson_version.id", use_alter=True)
    )
    published_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    withdrawn_reason: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class LessonVersion(Model):
    """What was to be read at one time; never changed. `digest` is rules.digest of its content."""

    __tablename__ = "lesson_version"
    __table_args__ = (
        UniqueConstraint("lesson_id", "number"),
        CheckConstraint("number > 0", name="number_positive"),
        CheckConstraint("kind in ('article', 'video', 'audio')", name="kind"),
        CheckConstraint("kind = 'article' or media_url is not null", name="recording_has_media"),
        CheckConstraint("required_seconds > 0", name="required_seconds_positive"),
        CheckConstraint("digest ~ '^[0-9a-f]{64}$'", name="digest"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    lesson_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("lesson.id"))
    number: Mapped[int]
    title: Mapped[str]
    kind: Mapped[str]
    platform: Mapped[str] = mapped_column(ForeignKey("platform.name"))
    audience: Mapped[list[str]] = mapped_column(ARRAY(Text))
    summary: Mapped[str]
    source: Mapped[str]
    html: Mapped[str] = mapped_column(Text)
    plain: Mapped[str] = mapped_column(Text)
    media_url: Mapped[str | None]
    required_seconds: Mapped[int]
    digest: Mapped[str]
    # NULL: read from a file.
    made_by_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Question(Model):
    """A check question of one version; never changed. `answer` holds indexes into `options`."""

    __tablename__ = "question"
    __table_args__ = (
        UniqueConstraint("version_id", "position"),
        CheckConstraint("kind in ('single', 'multiple', 'judge')", name="kind"),
        CheckConstraint("cardinality(options) >= 2", name="has_options"),
        CheckConstraint("cardinality(answer) >= 1", name="has_answer"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    version_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("lesson_version.id"))
    position: Mapped[int]
    kind: Mapped[str]
    text: Mapped[str]
    options: Mapped[list[str]] = mapped_column(ARRAY(Text))
    answer: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    why: Mapped[str]


class LessonPlan(Model):
    """The lesson of a day: for one organisation, or (no `org_id`) for the whole installation."""

    __tablename__ = "lesson_plan"
    __table_args__ = (UniqueConstraint("local_day", "org_id", postgresql_nulls_not_distinct=True),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    local_day: Mapped[date]
    org_id: Mapped[int | None] = mapped_column(BigInteger, ForeignKey("organisation.id"))
    lesson_id: Mapped[int] = mapped_column(BigInteger, ForeignKey("lesson.id"))
