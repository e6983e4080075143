"""Letters to one person, and what became of them."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Identity, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model


class Letter(Model):
    """A text for one person by customer-service message, sent at most once per key.

    `waiting → claimed → sent | refused | skipped | unknown`; `skipped` means the 48-hour window was
    not open, `unknown` that nobody can tell whether it arrived: it is never sent again.
    """

    __tablename__ = "letter"
    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'claimed', 'sent', 'refused', 'skipped', 'unknown')",
            name="state",
        ),
        Index("letter_person_idx", "person_id", "sent_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str]
    text: Mapped[str]
    state: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    claimed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    detail: Mapped[str | None]
