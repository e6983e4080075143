"""The first start of this installation: the one fact its processes need to share a clock."""

from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core import clock
from app.core.db import Model
from app.core.settings import Settings


class Installation(Model):
    """One row, for ever: when the first process of this installation started, in real time."""

    __tablename__ = "installation"
    __table_args__ = (CheckConstraint("id = 1", name="only_one"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    first_start: Mapped[datetime] = mapped_column(DateTime(timezone=True))


async def settle_clock(session: AsyncSession, settings: Settings) -> None:
    """Make this process read the clock that every process of the installation reads."""
    first = insert(Installation).values(id=1, first_start=clock.real_now())
    await session.execute(first.on_conflict_do_nothing())
    first_start = (await session.scalars(select(Installation.first_start))).one()
    if settings.clock_start is None and settings.clock_rate == 1:
        clock.settle(None)
        return
    start = settings.clock_start or first_start
    clock.settle(clock.Origin(first_start=first_start, start=start, rate=settings.clock_rate))
