"""What an operator's dashboard wants to know of the database."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.flows.push_status import LOOK_BACK
from app.push import tasks as open_tasks
from app.push.models import Delivery

DOUBTFUL = ("handed_over", "unknown", "failed")


@dataclass(frozen=True)
class Seen:
    inbox_failed: int
    jobs_waiting: int
    jobs_failed: int
    weeks_at_risk: int
    tasks: Mapping[str, int]
    """Open ones by kind."""
    deliveries: Mapping[str, int]
    """Of the last week, those a person should look at, by state."""


async def look(session: AsyncSession, *, now: datetime) -> Seen:
    row = (
        await session.execute(
            text("""
            SELECT (SELECT count(*) FROM wechat_inbox WHERE state = 'failed'),
                (SELECT count(*) FROM procrastinate_jobs WHERE status = 'todo'),
                (SELECT count(*) FROM procrastinate_jobs WHERE status = 'failed')""")
        )
    ).one()
    tasks = await open_tasks.count_open(session)
    return Seen(
        inbox_failed=row[0],
        jobs_waiting=row[1],
        jobs_failed=row[2],
        weeks_at_risk=tasks.get("week_at_risk", 0),
        tasks=tasks,
        deliveries=await _doubtful(session, since=local_day(now) - LOOK_BACK),
    )


async def _doubtful(session: AsyncSession, *, since: date) -> dict[str, int]:
    rows = await session.execute(
        select(Delivery.state, func.count())
        .where(Delivery.state.in_(DOUBTFUL), Delivery.local_day >= since)
        .group_by(Delivery.state)
    )
    return dict.fromkeys(DOUBTFUL, 0) | dict(rows.all())
