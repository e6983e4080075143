"""Closed periods, frozen with a digest, and the read model of the boards (`folding.py`)."""

from datetime import date, datetime

from sqlalchemy import (
    BigInteger,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    SmallInteger,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY
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


class RankBoard(Model):
    """A unit and a period in which somebody was awarded something."""

    __tablename__ = "rank_board"
    __table_args__ = (UniqueConstraint("unit", "period", "from_day"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    unit: Mapped[str]
    period: Mapped[str]
    from_day: Mapped[date]


class RankScore(Model):
    """What an account's person earned, whoever it was merged into since; a frozen board's rows.

    `placed` and `scopes` are where and with what RankPlace shows this person: 0 and nowhere for who
    is hidden, merged or erased, or has nothing.
    """

    __tablename__ = "rank_score"

    board_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger, primary_key=True, index=True)
    amount: Mapped[int] = mapped_column(BigInteger)
    placed: Mapped[int] = mapped_column(BigInteger, default=0, server_default=text("0"))
    scopes: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=text("'{}'"))


class RankPlace(Model):
    """Who is listed on a board, in the order of its pages: `minus` is the amount below zero.

    `org_id`: a branch of the tree that the person belongs to; 0 is everybody.
    """

    __tablename__ = "rank_place"

    board_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    org_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    minus: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    person_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)


class RankCount(Model):
    """How many of RankPlace have this amount (`width` 1) or one of 256 (`folding.WIDE`)."""

    __tablename__ = "rank_count"

    board_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    org_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    width: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    bucket: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    persons: Mapped[int] = mapped_column(BigInteger)


class RankGroup(Model):
    """What was awarded with this village or unit stamped on it; `side` is village or unit."""

    __tablename__ = "rank_group"

    board_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    side: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    amount: Mapped[int] = mapped_column(BigInteger)


class RankMember(Model):
    """How many name this very organisation as their village or their unit."""

    __tablename__ = "rank_member"

    side: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    members: Mapped[int] = mapped_column(BigInteger)


class RankBooking(Model):
    """A booking that is not in the tables above yet, left by a trigger in its own transaction."""

    __tablename__ = "rank_booking"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    unit: Mapped[str]
    local_day: Mapped[date]
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    village_id: Mapped[int | None] = mapped_column(BigInteger)
    unit_id: Mapped[int | None] = mapped_column(BigInteger)


class RankChange(Model):
    """A change of a person that is not in the tables above yet, left by a trigger likewise.

    With `side`: one member more or less of an organisation. Without: this person stands elsewhere
    now (hidden, moved, merged, erased). Without a person, too: the tables are to be built anew.
    """

    __tablename__ = "rank_change"
    __table_args__ = (
        Index(
            "rank_change_rebuild_idx",
            "id",
            postgresql_where=text("person_id is null and side is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    person_id: Mapped[int | None] = mapped_column(BigInteger)
    side: Mapped[str | None]
    org_id: Mapped[int | None] = mapped_column(BigInteger)
    members: Mapped[int | None] = mapped_column(BigInteger)
