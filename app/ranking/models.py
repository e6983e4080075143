"""Closed periods of the rankings, frozen with a digest."""

from datetime import date, datetime

from sqlalchemy import BigInteger, DateTime, ForeignKey, Identity, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model


class FrozenRanking(Model):
    """One board (people, villages, units) of one unit and one closed period.

    The digest covers every (subject, amount, members) row, so that a later change can be seen.
    Names and visibility are not frozen: who opts out or is erased disappears at once.
    """

    __tablename__ = "frozen_ranking"
    __table_args__ = (UniqueConstraint("board", "unit", "period", "from_day"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    board: Mapped[str]
    unit: Mapped[str] = mapped_column(ForeignKey("unit.code"))
    period: Mapped[str]
    from_day: Mapped[date]
    to_day: Mapped[date]
    digest: Mapped[str]
    frozen_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class FrozenRow(Model):
    """A subject (person or organisation), what it had earned in the period, and its members."""

    __tablename__ = "frozen_row"

    ranking_id: Mapped[int] = mapped_column(
        ForeignKey("frozen_ranking.id", ondelete="CASCADE"), primary_key=True
    )
    subject_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    members: Mapped[int] = mapped_column(BigInteger)
