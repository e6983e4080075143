"""What happens when: due times in the town's civil time, each run once, late ones caught up.

`due_runs` is called by the worker's minute tick. A run is the row (name, due_at); whoever inserts
it defers its job in the same transaction, so two workers never run one twice.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta

from sqlalchemy import DateTime, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import Mapped, mapped_column

from app.core.clock import TOWN, local_day
from app.core.db import Model
from app.core.jobs import Job, defer


class ScheduleRun(Model):
    """One due time of one schedule, whose job has been deferred."""

    __tablename__ = "schedule_run"

    name: Mapped[str] = mapped_column(primary_key=True)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), primary_key=True)
    deferred_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


@dataclass(frozen=True)
class Schedule:
    """A job every day at `at` (local), or every `every`; missed runs count for `catch_up`.

    A run is left out if it is later than `catch_up`; only the newest missed one of an `every`
    schedule is made up for, since those jobs look at the present.
    """

    name: str
    job: Job
    at: time | None = None
    every: timedelta | None = None
    catch_up: timedelta = timedelta(hours=20)

    def due(self, now: datetime) -> Iterator[datetime]:
        """The due times in (now - catch_up, now], oldest first."""
        if self.every is not None:
            step = self.every.total_seconds()
            yield datetime.fromtimestamp(now.timestamp() // step * step, UTC)
            return
        assert self.at is not None, self.name
        day = local_day(now - self.catch_up)
        while day <= local_day(now):
            due = datetime.combine(day, self.at, tzinfo=TOWN).astimezone(UTC)
            if now - self.catch_up < due <= now:
                yield due
            day += timedelta(days=1)


async def due_runs(
    session: AsyncSession, schedules: Iterable[Schedule], *, now: datetime
) -> list[tuple[str, datetime]]:
    """Defer every due run that nobody deferred yet; returns those that this call took on.

    A run whose job still waits from the run before is taken on by that job.
    """
    deferred = []
    for schedule in schedules:
        for due_at in schedule.due(now):
            row = insert(ScheduleRun).values(name=schedule.name, due_at=due_at, deferred_at=now)
            made = await session.scalar(row.on_conflict_do_nothing().returning(ScheduleRun.name))
            if made is not None:
                await defer(session, schedule.job, dedupe=schedule.name, due_at=due_at.isoformat())
                deferred.append((schedule.name, due_at))
    return deferred


async def forget_runs(session: AsyncSession, *, before: datetime) -> None:
    """Runs that were due before this instant are beyond any catching up."""
    await session.execute(delete(ScheduleRun).where(ScheduleRun.due_at < before))
