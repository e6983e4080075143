"""A day's push from approval to its end: scheduled, planned for every group, tended each minute."""

import contextlib
from datetime import date, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import service as content
from app.content.errors import LessonNotFound
from app.core.clock import TOWN, local_day
from app.core.errors import Invalid
from app.core.logging import get_logger
from app.editorial import desk, queries, steps
from app.editorial.errors import NotInThisState
from app.editorial.models import Manuscript
from app.flows import chasing, delivery_acts, delivery_alerts, editorial, push_alerts
from app.flows.sending import check_later, conclude
from app.push import deliveries, groups, handed_over, planning

log = get_logger()
DAY = timedelta(days=1)


class PushOnAnotherDay(Invalid):
    title = "推送只能排在它自己的日期，且不早于今天"


def push_key(org_id: int, day: date) -> str:
    """The natural key of a day's push: one for each organisation and day."""
    return f"push:{org_id}:{day.isoformat()}"


async def schedule(
    session: AsyncSession,
    *,
    manuscript_id: int,
    by_id: int | None,
    at: datetime | None,
    now: datetime,
) -> Manuscript:
    """Let it go out on its day, each group at its own hour; its lesson is that day's lesson.

    `at` None is the day's first hour. A group that failed is tried again by its delivery's retry.
    """
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    if manuscript.state not in {"approved", "scheduled"}:
        raise NotInThisState(state=manuscript.state)
    body = await queries.body_of(session, manuscript_id=manuscript_id, version=manuscript.version)
    day = date.fromisoformat(body["date"])
    opening = datetime.combine(day, groups.OPEN_FROM, tzinfo=TOWN)
    at = at or opening
    if day < local_day(now) or local_day(at) != day:
        raise PushOnAnotherDay(date=day.isoformat())
    manuscript = await desk.schedule(
        session, manuscript_id=manuscript_id, by_id=by_id, at=at, now=now
    )
    try:
        await content.plan_day(
            session, local_day=day, org_id=manuscript.org_id, lesson_id=body["lesson_id"]
        )
    except LessonNotFound:
        # Withdrawn since the reviews: every delivery will say so when its hour comes.
        log.warning("push.lesson_gone", manuscript_id=manuscript_id)
    await push_alerts.close_scheduled(session, manuscript=manuscript, day=day, by_id=by_id, now=now)
    await planning.plan(session, day=day, now=now)
    facts = {"at": at.isoformat()}
    await editorial.note_act(session, manuscript, "issue.schedule", facts, by_id=by_id, now=now)
    return manuscript


async def withdraw(
    session: AsyncSession, *, manuscript_id: int, by_id: int, reason: str, now: datetime
) -> Manuscript:
    """It goes no further: what is planned is skipped, and a wider push takes the groups over.

    In the middle of its day the groups that have it keep it, and it settles with those; who has it
    in hand is told to stop.
    """
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    withdraw_ = desk.stop if manuscript.state == "publishing" else desk.withdraw
    manuscript = await withdraw_(
        session, manuscript_id=manuscript_id, by_id=by_id, reason=reason, now=now
    )
    await editorial.drop_reviews(
        session, manuscript_id=manuscript_id, by_id=by_id, reason="稿件已撤回", now=now
    )
    in_hand = await handed_over.stop_all(
        session, manuscript_id=manuscript_id, reason=reason, now=now
    )
    await chasing.stop(session, in_hand=in_hand, now=now)
    await conclude(session, manuscript_id=manuscript_id, now=now)
    for day in (local_day(now), local_day(now) + DAY):
        await planning.plan(session, day=day, now=now)
    await editorial.note_act(session, manuscript, "issue.withdraw", by_id=by_id, now=now)
    return manuscript


async def schedule_approved(session: AsyncSession, *, now: datetime) -> list[int]:
    """Approved pushes of today and tomorrow need nobody to schedule them; then plan both days."""
    today = local_day(now)
    scheduled = []
    for day in (today, today + DAY):
        for manuscript_id in await list_pushes(session, day=day, states=("approved",)):
            with contextlib.suppress(NotInThisState):  # Changed or withdrawn at this very moment.
                await schedule(session, manuscript_id=manuscript_id, by_id=None, at=None, now=now)
                scheduled.append(manuscript_id)
        await planning.plan(session, day=day, now=now)
    return scheduled


async def queue_due(session: AsyncSession, *, now: datetime) -> int:
    """Give every delivery whose hour has come to the workers."""
    due = await planning.take_due(session, now=now)
    for delivery_id in due:
        await delivery_acts.queue(session, delivery_id=delivery_id)
    return len(due)


async def settle_lost(session: AsyncSession, *, now: datetime) -> int:
    """Deliveries of processes that died are in doubt; a lost group task may still be found."""
    lost = await deliveries.lost_claims(session, now=now)
    for delivery in lost:
        await delivery_alerts.in_doubt(session, delivery=delivery, now=now)
        if delivery.channel == "wecom_customer_group":
            await check_later(session, delivery=delivery, at=None)
    return len(lost)


async def conclude_all(session: AsyncSession, *, now: datetime) -> None:
    """Settle the pushes whose deliveries are over, and those of past days that nobody got."""
    rows = select(Manuscript).where(
        Manuscript.kind == "push", Manuscript.state.in_(("scheduled", "publishing"))
    )
    for manuscript in (await session.scalars(rows.order_by(Manuscript.id))).all():
        is_past = manuscript.scheduled_at and local_day(manuscript.scheduled_at) < local_day(now)
        if manuscript.state == "scheduled" and is_past:
            await desk.begin(session, manuscript_id=manuscript.id, now=now)
        await conclude(session, manuscript_id=manuscript.id, now=now)


async def list_pushes(session: AsyncSession, *, day: date, states: tuple[str, ...]) -> list[int]:
    """The pushes of a day in these states, by id."""
    rows = select(Manuscript.id).where(
        Manuscript.kind == "push",
        Manuscript.state.in_(states),
        Manuscript.key.like(f"push:%:{day.isoformat()}"),
    )
    return list(await session.scalars(rows.order_by(Manuscript.id)))
