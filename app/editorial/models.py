"""What is written, reviewed by three people, and then published or pushed.

`manuscript_version` and `manuscript_step` are append-only (triggers of migration 0003): what was
reviewed, by whom, with which remarks, stays as it was.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model
from app.editorial.rules import DECISIONS, KINDS, STATES, STEPS


class Manuscript(Model):
    """An issue of the official account, or one day's push of one organisation.

    `version` and `digest` name the current content; `round` grows with every submission, and only
    the reviews of the current round count. `key` is the natural key: `push:{org_id}:{date}`, or one
    of its own for an issue. `author_id` is NULL where the service itself made the draft.
    """

    __tablename__ = "manuscript"
    __table_args__ = (
        CheckConstraint(f"kind in {KINDS}", name="kind"),
        CheckConstraint(f"state in {STATES}", name="state"),
        CheckConstraint("version >= 1 and round >= 0", name="counters"),
        Index("manuscript_state_idx", "kind", "state", "scheduled_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    key: Mapped[str] = mapped_column(Text, unique=True)
    org_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    author_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    state: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(Text)
    round: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    # Passages a person should look at: [{"where": "articles.0.title", "word": …, "why": …}].
    flags: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, default=list)
    scheduled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # Withdrawn: in the middle of publishing it keeps its state, and goes no further.
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # Facts for people once it is over: urls, status, detail.
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    changed_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ManuscriptVersion(Model):
    """One wording. `digest` is the SHA-256 of `body` in canonical JSON (`rules.digest_of`)."""

    __tablename__ = "manuscript_version"

    manuscript_id: Mapped[int] = mapped_column(ForeignKey("manuscript.id"), primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(Text)
    body: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class ManuscriptStep(Model):
    """One step of a manuscript's life, by a person (NULL: the service), on one version.

    The two partial unique keys are the law of three reviews by three people: in one round each
    review is approved once, and nobody approves twice.
    """

    __tablename__ = "manuscript_step"
    __table_args__ = (
        CheckConstraint(f"step in {STEPS}", name="step"),
        CheckConstraint(f"decision is null or decision in {DECISIONS}", name="decision"),
        ForeignKeyConstraint(
            ["manuscript_id", "version"],
            ["manuscript_version.manuscript_id", "manuscript_version.version"],
        ),
        Index(
            "manuscript_step_once_key",
            "manuscript_id",
            "round",
            "step",
            unique=True,
            postgresql_where=text("decision = 'approve'"),
        ),
        Index(
            "manuscript_step_person_key",
            "manuscript_id",
            "round",
            "person_id",
            unique=True,
            postgresql_where=text("decision = 'approve'"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    manuscript_id: Mapped[int] = mapped_column(BigInteger, index=True)
    version: Mapped[int]
    digest: Mapped[str] = mapped_column(Text)
    round: Mapped[int]
    step: Mapped[str] = mapped_column(Text)
    decision: Mapped[str | None] = mapped_column(Text)
    from_state: Mapped[str] = mapped_column(Text)
    to_state: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    remarks: Mapped[str] = mapped_column(Text, default="", server_default="")
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Upload(Model):
    """A picture, stored once by its content as `uploads/<sha256>.<extension>`."""

    __tablename__ = "upload"
    __table_args__ = (
        CheckConstraint("media_type in ('image/jpeg', 'image/png')", name="media_type"),
        UniqueConstraint("sha256"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    sha256: Mapped[str] = mapped_column(Text)
    media_type: Mapped[str] = mapped_column(Text)
    width: Mapped[int]
    height: Mapped[int]
    bytes: Mapped[int]
    uploaded_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    uploaded_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
