"""The queue: every job's name, and how to leave one. What a job does: app/worker/tasks.py."""

from datetime import datetime
from enum import StrEnum

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock

queue = procrastinate.App(connector=procrastinate.PsycopgConnector())


class Job(StrEnum):
    CLOSE_DAYS = "bank.close"
    DELIVER_LETTER = "push.deliver"
    FETCH_UNIONID = "people.fetch_unionid"
    FREEZE_RANKINGS = "ranking.freeze"
    PURGE = "house.purge"
    RETRY_STALLED = "house.retry_stalled"


async def defer(
    session: AsyncSession,
    job: Job,
    *,
    dedupe: str | None = None,
    at: datetime | None = None,
    **args: int | str,
) -> bool:
    """Queue a job in the caller's transaction; False if one with the same `dedupe` already waits.

    `at` is an instant of the service's clock; the queue itself runs on the machine's.
    """
    try:
        async with session.begin_nested():
            # Taken inside the savepoint, because SQLAlchemy emits SAVEPOINT on first use only.
            raw = await (await session.connection()).get_raw_connection()
            waiting = queue.configure_task(
                job,
                connection=raw.driver_connection,
                queueing_lock=dedupe,
                schedule_at=None if at is None else clock.to_real(at),
            )
            await waiting.defer_async(**args)
    except AlreadyEnqueued:
        return False
    return True
