"""Honours granted: a title or a badge, once per person and code."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    UniqueConstraint,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model


class Honour(Model):
    __tablename__ = "honour"
    __table_args__ = (
        UniqueConstraint("person_id", "code"),
        CheckConstraint("kind IN ('title', 'badge')", name="kind"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    code: Mapped[str]
    kind: Mapped[str]
    name: Mapped[str]
    evidence: Mapped[str]
    granted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    granted_on: Mapped[date]
