"""A weekly issue from approval on: its slot, what people decide, what the platform tells.

The publishing itself: app/flows/publishing.py. Reminders: app/flows/week_watch.py.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import Conflict, Invalid
from app.core.jobs import Job, defer
from app.core.settings import get_settings
from app.editorial import desk, steps
from app.editorial.errors import NotInThisState
from app.editorial.models import Manuscript
from app.flows import editorial, settling
from app.flows.settling import Way
from app.push import plans, publications, quotas, tasks
from app.push.outlets import Outlet, outlet_of
from app.push.planner import OBSTACLES, next_free_slot, obstacle_to
from app.wechat import kinds

Decision = Literal["published", "retry", "give_up"]
BACKWARDS_SECONDS = 60
"""A click on "now" may take so long to reach us."""


class SlotRefused(Conflict):
    """Facts: `why` (closed, week_full, day_full)."""

    title = "这个时间不能发布"


class IssueElsewhere(Invalid):
    """Facts: `org_code` of the account's organisation, where known."""

    title = "期刊在公众号上发布，只能以公众号所属单位（镇）的名义编写、审核和排期"


class DecideFirst(Conflict):
    """What failed or is in doubt goes on by a decision that says why (`decide`)."""

    title = "这一期没有发出、不能确认是否发出，或在等人手工发表：请先登记结果并写明理由"


class SlotPast(Invalid):
    title = "发布时间已经过去"


class NoFreeSlot(Conflict):
    title = "一年内没有可用的发布时段"


def outlet() -> Outlet:
    """Our official account."""
    return outlet_of(get_settings())


async def schedule(
    session: AsyncSession,
    *,
    manuscript_id: int,
    by_id: int | None,
    at: datetime | None,
    now: datetime,
) -> Manuscript:
    """Give an approved issue its time: this one, or the next free slot.

    Raises SlotPast, SlotRefused, NoFreeSlot. Two editors at once wait for each other, so that a
    week is never overfull. What failed or is in doubt is tried again by `decide`: DecideFirst.
    """
    ours = outlet()
    # The manuscript before the plan, as the driver does when it puts one off.
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    if at is not None and (manuscript.state, manuscript.scheduled_at) == ("scheduled", at):
        return manuscript
    if at is not None and (now - at).total_seconds() > BACKWARDS_SECONDS:
        raise SlotPast
    if manuscript.state in desk.AGAIN:
        raise DecideFirst(state=manuscript.state)
    plan = await plans.lock_plan(session, outlet=ours)
    if manuscript.org_id != plan.org_id:
        raise IssueElsewhere
    calendar = await plans.calendar_of(
        session, outlet=ours, plan=plan, without=manuscript_id, since=local_day(now)
    )
    rhythm = plans.rhythm_of(plan)
    if at is None:
        at = next_free_slot(rhythm, calendar, after=now)
        if at is None:
            raise NoFreeSlot
    why = obstacle_to(rhythm, calendar, at)
    if why is not None:
        raise SlotRefused(OBSTACLES[why], why=why, reason=calendar.closed.get(local_day(at)))
    steps.require(manuscript, ("approved", "scheduled"))
    manuscript = await desk.schedule(
        session, manuscript_id=manuscript_id, by_id=by_id, at=at, now=now
    )
    facts = {"at": at.isoformat()}
    await editorial.note_act(session, manuscript, "issue.schedule", facts, by_id=by_id, now=now)
    return manuscript


async def withdraw(
    session: AsyncSession, *, manuscript_id: int, by_id: int, reason: str, now: datetime
) -> Manuscript:
    """It does not go out. Raises NotInThisState once it is on its way."""
    manuscript = await desk.withdraw(
        session, manuscript_id=manuscript_id, by_id=by_id, reason=reason, now=now
    )
    publication = await publications.lock(session, manuscript_id=manuscript_id)
    if publication is not None:
        publication.next_at = None
    await tasks.close_tasks(
        session, manuscript_id=manuscript_id, by_id=by_id, reason=reason, done=False, now=now
    )
    await editorial.note_act(session, manuscript, "issue.withdraw", by_id=by_id, now=now)
    return manuscript


async def decide(
    session: AsyncSession,
    *,
    manuscript_id: int,
    by_id: int,
    decision: Decision,
    reason: str,
    url: str | None = None,
    now: datetime,
) -> Manuscript:
    """A person's word on an issue that failed, is in doubt, or waits for their hand."""
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    publication = await publications.lock(session, manuscript_id=manuscript_id)
    if publication is None:
        raise NotInThisState(state=manuscript.state)
    facts = {"decision": decision}
    await editorial.note_act(session, manuscript, "issue.decide", facts, by_id=by_id, now=now)
    by_hand = publication.state == "by_hand" and manuscript.state == "publishing"
    if decision == "published":
        return await published_by_hand(
            session, manuscript_id=manuscript_id, by_id=by_id, url=url, remarks=reason, now=now
        )
    if not by_hand:
        steps.require(manuscript, desk.AGAIN)
    if decision == "give_up":
        if by_hand:
            publications.end(publication, "failed", now=now)
            outcome = settling.outcome_of(publication, reason=reason)
            await desk.settle(
                session, manuscript_id=manuscript_id, state="failed", outcome=outcome,
                by_id=by_id, remarks=reason, now=now,
            )  # fmt: skip
        return await withdraw(
            session, manuscript_id=manuscript_id, by_id=by_id, reason=reason, now=now
        )
    steps.require(manuscript, desk.AGAIN)
    await _try_again(session, manuscript, by_id=by_id, reason=reason, now=now)
    await _drive(session, manuscript_id)
    return manuscript


async def _try_again(
    session: AsyncSession, manuscript: Manuscript, *, by_id: int, reason: str, now: datetime
) -> None:
    """Another attempt, with a clientmsgid of its own.

    An attempt in doubt keeps its draft: if it did go out after all, the draft is gone, and the
    platform refuses the second one (40007) instead of publishing it.
    """
    publication = await publications.lock(session, manuscript_id=manuscript.id)
    if publication is not None:
        if manuscript.state == "failed":
            publication.draft_media_id = None
        # The person says that it did not go out; if it did, the platform's own count refuses.
        key = publications.client_msg_id(publication)
        await quotas.release(session, appid=publication.appid, key=key)
        publication.attempt, publication.next_at = publication.attempt + 1, None
    await desk.schedule(
        session, manuscript_id=manuscript.id, by_id=by_id, at=now, remarks=reason, now=now
    )
    await tasks.close_tasks(
        session, manuscript_id=manuscript.id, by_id=by_id, reason=reason, done=True, now=now
    )


async def awaits_decision(session: AsyncSession, *, manuscript_id: int) -> bool:
    """Whether it failed, is in doubt, or waits for a hand: it ends by a decision only."""
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    publication = await publications.lock(session, manuscript_id=manuscript_id)
    by_hand = publication is not None and publication.state == "by_hand"
    return manuscript.state in desk.AGAIN or (by_hand and manuscript.state == "publishing")


async def published_by_hand(
    session: AsyncSession,
    *,
    manuscript_id: int,
    by_id: int,
    url: str | None = None,
    remarks: str = "",
    now: datetime,
) -> Manuscript:
    """A person has published it, or has seen that it is published. Told twice, the first counts."""
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    if manuscript.state == "published":
        return manuscript
    publication = await publications.lock(session, manuscript_id=manuscript_id)
    by_hand = publication is not None and publication.state == "by_hand"
    if publication is None or not (by_hand or manuscript.state in desk.AGAIN):
        raise NotInThisState(state=manuscript.state)
    if url is not None:
        publication.urls = [url]
    way = Way(manuscript, publication, outlet())
    said = remarks or "已手工发表"
    await settling.publish(session, way, by_id=by_id, remarks=said, now=now)
    return manuscript


async def hear_publish_finished(
    session: AsyncSession, *, message: kinds.PublishFinished, now: datetime
) -> None:
    """PUBLISHJOBFINISH, maybe before the answer to the submission, maybe twice."""
    facts = {
        "urls": list(message.urls),
        "article_id": message.article_id,
        "failed": list(message.failed_indexes),
    }
    told = (message.publish_id, str(message.status), facts)
    await _hear(session, message.appid, "freepublish", told, now=now)


async def hear_mass_finished(
    session: AsyncSession, *, message: kinds.MassSendFinished, now: datetime
) -> None:
    """MASSSENDJOBFINISH."""
    facts = {
        "urls": list(message.urls),
        "total": message.total,
        "filtered": message.filtered,
        "sent": message.sent,
        "errors": message.errors,
    }
    told = (message.msg_id, message.status, facts)
    await _hear(session, message.appid, "mass", told, now=now)


async def _hear(
    session: AsyncSession,
    appid: str,
    kind: publications.JobKind,
    told: tuple[str, str, Mapping[str, object]],
    *,
    now: datetime,
) -> None:
    """Rows and jobs only: the driver reads them, and comes earlier than its next poll."""
    job_id, status, facts = told
    concerned = await publications.keep_outcome(
        session, appid=appid, kind=kind, job_id=job_id, status=status, facts=facts, now=now
    )
    for manuscript_id in concerned:
        await publications.hasten(session, manuscript_id=manuscript_id, job_id=job_id, now=now)
        await _drive(session, manuscript_id)


async def due(session: AsyncSession, *, now: datetime) -> list[int]:
    """Set the driver on every issue whose time has come, or whose next step is due."""
    rows = select(Manuscript.id).where(
        Manuscript.kind == "issue", Manuscript.state == "scheduled", Manuscript.scheduled_at <= now
    )
    found = {*await session.scalars(rows), *await publications.due(session, now=now)}
    for manuscript_id in sorted(found):
        await _drive(session, manuscript_id)
    return sorted(found)


async def _drive(session: AsyncSession, manuscript_id: int) -> None:
    await defer(
        session, Job.PUBLISH_ISSUE, dedupe=f"issue:{manuscript_id}", manuscript_id=manuscript_id
    )
