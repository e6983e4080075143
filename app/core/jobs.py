"""The queue: every job's name, and how to leave one. What a job does: app/worker/tasks.py."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import procrastinate
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.types import JSONValue
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock

queue = procrastinate.App(connector=procrastinate.PsycopgConnector())


class Job(StrEnum):
    AUDIT_BOOKS = "bank.audit"
    CHECK_GROUP_TASK = "push.check_group_task"
    CHECK_WORDS = "editorial.check_words"
    CLOSE_DAYS = "bank.close"
    DELIVER_LETTER = "push.deliver"
    DRAFT_TOMORROW = "push.draft_tomorrow"
    FETCH_UNIONID = "people.fetch_unionid"
    FREEZE_RANKINGS = "ranking.freeze"
    PUBLISH_ISSUE = "push.publish_issue"
    PURGE = "house.purge"
    REMIND_LEARNERS = "push.remind_learners"
    RETRY_STALLED = "house.retry_stalled"
    SEND_DELIVERY = "push.send_delivery"
    TEND_ISSUES = "push.tend_issues"
    TEND_PUSHES = "push.tend_pushes"


URGENT, USUAL, PATIENT = 10, 0, -10
"""Priorities of the queue: whoever has the higher one is taken first, however long others wait."""
PRIORITIES = {
    Job.CHECK_GROUP_TASK: URGENT,
    Job.PUBLISH_ISSUE: URGENT,
    Job.RETRY_STALLED: URGENT,
    Job.SEND_DELIVERY: URGENT,
    Job.TEND_ISSUES: URGENT,
    Job.TEND_PUSHES: URGENT,
}
"""What has its hour. A town's million reminders (PATIENT) must not stand before the town's push."""


async def defer(
    session: AsyncSession,
    job: Job,
    *,
    dedupe: str | None = None,
    at: datetime | None = None,
    priority: int | None = None,
    **args: int | str,
) -> bool:
    """Queue a job in the caller's transaction; False if one with the same `dedupe` already waits.

    `at` is an instant of the service's clock; the queue itself runs on the machine's. `priority`
    is that of the job's kind unless told.
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
                priority=_priority(job, priority),
            )
            await waiting.defer_async(**args)
    except AlreadyEnqueued:
        return False
    return True


async def defer_many(
    session: AsyncSession,
    job: Job,
    args: Sequence[dict[str, JSONValue]],
    *,
    priority: int | None = None,
) -> None:
    """Queue one job for each, in the caller's transaction and in one statement."""
    if args:
        raw = await (await session.connection()).get_raw_connection()
        waiting = queue.configure_task(
            job, connection=raw.driver_connection, priority=_priority(job, priority)
        )
        await waiting.batch_defer_async(*args)


def _priority(job: Job, told: int | None) -> int:
    return PRIORITIES.get(job, USUAL) if told is None else told
