"""An administrator's one look: how the town learns, and what waits for somebody."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.credit_bank.models import DayClose
from app.flows import prior_learning
from app.flows.push_status import LOOK_BACK, TROUBLED
from app.people.models import Organisation
from app.people.policy import Actor
from app.people.queries import list_selves
from app.push import reach, tasks
from app.push.models import Task
from app.push.reach import DeliveryRow
from app.ranking.overview import Numbers, get_numbers
from app.ranking.spans import Branch
from app.wechat import inbox

ROWS = 100
"""More than that is "100 以上": nobody counts what nobody can read."""


@dataclass(frozen=True)
class OneLook:
    """`troubled` are deliveries in doubt or failed, and what nobody confirmed in time.

    `inbox_failed` None: the messages of the whole service are no matter of this branch.
    """

    numbers: Numbers
    tasks: Sequence[Task]
    risks: Sequence[Task]
    troubled: Sequence[DeliveryRow]
    inbox_failed: int | None
    applications: int
    """认定 of my branch that wait for somebody."""
    last_close: DayClose | None
    close_is_late: bool


async def look(session: AsyncSession, *, actor: Actor, branch: Branch, now: datetime) -> OneLook:
    today = local_day(now)
    close = await session.scalar(select(DayClose).order_by(DayClose.local_day.desc()).limit(1))
    waiting = await prior_learning.list_open_for(session, actor=actor, limit=ROWS)
    return OneLook(
        numbers=await get_numbers(session, branch=branch, now=now),
        tasks=await _my_tasks(session, actor),
        risks=await _risks(session, branch),
        troubled=await _troubled(session, branch, now),
        inbox_failed=len(await inbox.list_failed(session, ROWS)) if branch.is_root else None,
        applications=len(waiting),
        last_close=close,
        # The close runs at night: what is older than the day before yesterday was missed.
        close_is_late=close is not None and close.local_day < today - timedelta(days=2),
    )


async def _my_tasks(session: AsyncSession, actor: Actor) -> list[Task]:
    """Open ones of mine and of my offices, the most urgent first."""
    page = await tasks.list_open(
        session,
        person_ids=await list_selves(session, actor.person_id),
        org_roles={(one.role, one.org_id) for one in actor.offices},
        cursor=None,
        limit=ROWS,
    )
    return [one for one in page.items if one.state == "open"]


async def _risks(session: AsyncSession, branch: Branch) -> Sequence[Task]:
    """The week of every account whose town is in the branch."""
    rows = (
        select(Task)
        .join(Organisation, Organisation.id == Task.org_id)
        .where(
            Task.kind == "week_at_risk",
            Task.state == "open",
            Organisation.lineage.contains([branch.org_id]),
        )
        .order_by(Task.due_at, Task.id)
    )
    return (await session.scalars(rows)).all()


async def _troubled(session: AsyncSession, branch: Branch, now: datetime) -> list[DeliveryRow]:
    page = await reach.list_deliveries(
        session,
        org_ids=[branch.org_id],
        states=(*TROUBLED, "handed_over"),
        day=None,
        cursor=None,
        limit=ROWS,
    )
    today = local_day(now)
    since = today - LOOK_BACK
    return [
        one
        for one in page.items
        if one.local_day >= since
        and (one.state in TROUBLED or one.at_risk)
        # What was left out on another day can be mended no more.
        and (one.state != "skipped" or one.local_day == today)
    ]
