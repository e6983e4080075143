"""Due times in the town's time, each deferred once."""

import asyncio
from datetime import UTC, datetime, time, timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.db import transaction
from app.core.jobs import Job
from app.core.schedule import Schedule, ScheduleRun, due_runs

NIGHTLY = Schedule("night", Job.CLOSE_DAYS, at=time(0, 5))
MINUTELY = Schedule("minute", Job.RETRY_STALLED, every=timedelta(minutes=1))


def utc(day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
    return datetime(2026, 11, day, hour, minute, second, tzinfo=UTC)


@pytest.mark.parametrize(
    ("now", "due"),
    [
        # 00:05 in town is 16:05 UTC of the day before.
        (utc(22, 16, 4, 59), []),
        (utc(22, 16, 5), [utc(22, 16, 5)]),
        (utc(23, 2), [utc(22, 16, 5)]),
        # Caught up until 20 hours after, and not at the twentieth itself.
        (utc(23, 12, 4, 59), [utc(22, 16, 5)]),
        (utc(23, 12, 5), []),
        (utc(23, 16, 5), [utc(23, 16, 5)]),
    ],
)
def test_a_daily_job_is_due_once_a_day(now: datetime, due: list[datetime]) -> None:
    assert list(NIGHTLY.due(now)) == due


def test_a_long_window_catches_up_every_day_oldest_first() -> None:
    patient = Schedule("patient", Job.CLOSE_DAYS, at=time(7, 30), catch_up=timedelta(days=3))
    assert list(patient.due(utc(23, 0))) == [utc(20, 23, 30), utc(21, 23, 30), utc(22, 23, 30)]


def test_of_a_frequent_job_only_the_newest_run_is_due() -> None:
    assert list(MINUTELY.due(utc(23, 2, 7, 59))) == [utc(23, 2, 7)]
    quarter = Schedule("quarter", Job.RETRY_STALLED, every=timedelta(minutes=15))
    assert list(quarter.due(utc(23, 2, 44, 59))) == [utc(23, 2, 30)]
    assert list(quarter.due(utc(23, 2, 45))) == [utc(23, 2, 45)]


async def jobs(session: AsyncSession) -> list[tuple[str, str]]:
    asked = "SELECT task_name, args->>'due_at' FROM procrastinate_jobs ORDER BY id"
    return [(name, due_at) for name, due_at in await session.execute(text(asked))]


async def test_a_run_is_deferred_with_its_due_time_once(session: AsyncSession) -> None:
    now = utc(23, 2, 0, 30)
    made = await due_runs(session, (NIGHTLY, MINUTELY), now=now)
    assert made == [("night", utc(22, 16, 5)), ("minute", utc(23, 2))]
    again = await due_runs(session, (NIGHTLY, MINUTELY), now=now + timedelta(seconds=20))
    assert again == []
    assert await jobs(session) == [
        ("bank.close", "2026-11-22T16:05:00+00:00"),
        ("house.retry_stalled", "2026-11-23T02:00:00+00:00"),
    ]
    row = await session.get_one(ScheduleRun, ("night", utc(22, 16, 5)))
    assert row.deferred_at == now


async def test_a_run_is_not_piled_upon_one_that_still_waits(session: AsyncSession) -> None:
    await due_runs(session, (MINUTELY,), now=utc(23, 2))
    await due_runs(session, (MINUTELY,), now=utc(23, 2, 1))
    assert len(await jobs(session)) == 1


@pytest.mark.usefixtures("database")
async def test_ticks_of_many_workers_at_once_defer_once() -> None:
    async def tick() -> int:
        async with transaction() as session:
            return len(await due_runs(session, (NIGHTLY, MINUTELY), now=utc(23, 2)))

    made = await asyncio.gather(*(tick() for _ in range(8)))
    assert sum(made) == 2
    async with transaction() as session:
        assert len(await jobs(session)) == 2
        assert await session.scalar(select(func.count()).select_from(ScheduleRun)) == 2


@pytest.mark.usefixtures("database")
async def test_a_tick_that_fails_leaves_its_runs_due() -> None:
    async def failing() -> None:
        async with transaction() as session:
            await due_runs(session, (NIGHTLY,), now=utc(23, 2))
            raise OSError

    with pytest.raises(OSError):  # noqa: PT011  the one raised above
        await failing()
    async with transaction() as session:
        assert await jobs(session) == []
        assert len(await due_runs(session, (NIGHTLY,), now=utc(23, 2))) == 1
