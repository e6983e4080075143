"""How an issue's way ends, or is put off: the rows, and the named person who is told what to do."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day, local_text
from app.core.metrics import PUBLICATIONS
from app.editorial import desk, queries, steps
from app.editorial.models import Manuscript
from app.flows import notices
from app.flows.asking import DECIDE_WITHIN, ask, ask_chief_editor, whole_text
from app.push import plans, publications, quotas, tasks
from app.push.models import Publication
from app.push.outcomes import UNSEEN, Meaning
from app.push.outlets import Outlet
from app.push.planner import next_day_for

AFTER_ALL = "放弃以后，微信告知其实已经发表"
LOOK_EVERY, LOOK_SELDOM = timedelta(minutes=10), timedelta(hours=1)
"""How often a draft in a person's hands is looked for: the latter once it is overdue."""


@dataclass(frozen=True)
class Way:
    """One issue and its publication, both locked."""

    manuscript: Manuscript
    publication: Publication
    outlet: Outlet

    @property
    def attempt_key(self) -> str:
        one = self.publication
        return f"{self.manuscript.id}:{one.version}:{one.attempt}"


async def title_of(session: AsyncSession, manuscript: Manuscript) -> str:
    body = await queries.body_of(session, manuscript_id=manuscript.id, version=manuscript.version)
    articles = body.get("articles") or [{}]
    return str(articles[0].get("title") or f"第 {manuscript.id} 期")


def outcome_of(publication: Publication, **facts: object) -> dict[str, Any]:
    return {
        "method": publication.method,
        "status": publication.status,
        "urls": list(publication.urls or []),
        **facts,
    }


async def publish(
    session: AsyncSession, way: Way, *, by_id: int | None = None, remarks: str = "", now: datetime
) -> None:
    """Followers have it; even if a person gave it up meanwhile."""
    publications.end(way.publication, "published", now=now)
    if way.publication.submitted_at is None:
        way.publication.submitted_at = now
    given_up = way.manuscript.state == "withdrawn"
    if given_up:
        # Nobody else may leave this state so: what followers see is stronger than a decision.
        await steps.leave_step(
            session, way.manuscript, "settle", to="unknown", by_id=None, remarks=AFTER_ALL, now=now
        )
    await _settle(session, way, "published", {}, by_id=by_id, remarks=remarks, now=now)
    await tasks.close_tasks(
        session,
        manuscript_id=way.manuscript.id,
        by_id=by_id,
        reason=remarks or "已发表",
        done=True,
        now=now,
    )
    if given_up:
        title = await title_of(session, way.manuscript)
        await ask_chief_editor(
            session,
            way.manuscript,
            key=f"publish_late:{way.attempt_key}",
            kind="publish_late",
            title=f"《{title}》放弃以后仍发表了",
            text=f"《{title}》{AFTER_ALL}，读者已能看到。如不应发表，请到公众平台删除。",
            now=now,
        )


async def fail(session: AsyncSession, way: Way, meaning: Meaning, *, now: datetime) -> None:
    """It is certain that followers have nothing; a person gets the reason and what to do."""
    publications.end(way.publication, "failed", now=now)
    way.publication.detail = meaning.reason
    # Whether a failed mass send counts, the platform says by 45028 (not documented).
    key = publications.client_msg_id(way.publication)
    await quotas.release(session, appid=way.publication.appid, key=key)
    facts = {"reason": meaning.reason, "advice": meaning.advice}
    await _settle(session, way, "failed", facts, remarks=meaning.reason, now=now)
    await _drop_tasks(session, way, now)
    title = await title_of(session, way.manuscript)
    await ask(
        session,
        way.manuscript,
        key=f"publish_failed:{way.attempt_key}",
        kind="publish_failed",
        title=f"《{title}》没有发出",
        text=f"《{title}》没有发出：{meaning.reason}。{meaning.advice}。",
        due_at=now + DECIDE_WITHIN,
        now=now,
    )


async def doubt(session: AsyncSession, way: Way, reason: str, *, now: datetime) -> None:
    """Nobody can tell whether followers have it: never again without a person's word."""
    publications.end(way.publication, "unknown", now=now)
    way.publication.detail = reason
    facts = {"reason": reason, "advice": UNSEEN.advice}
    await _settle(session, way, "unknown", facts, remarks=reason, now=now)
    await _drop_tasks(session, way, now)
    title = await title_of(session, way.manuscript)
    await ask(
        session,
        way.manuscript,
        key=f"publish_doubt:{way.attempt_key}",
        kind="publish_doubt",
        title=f"请核对《{title}》是否已发表",
        text=f"《{title}》不能确认是否已发表：{reason}。{UNSEEN.advice}。系统不会自行重发。",
        due_at=now + DECIDE_WITHIN,
        now=now,
    )


async def hand_over(session: AsyncSession, way: Way, why: str, *, now: datetime) -> None:
    """A named person presses the button in mp.weixin.qq.com, or copies everything there."""
    publication = way.publication
    publications.go_on(publication, "by_hand", now=now)
    publication.method, publication.detail = "hand", why
    publication.next_at = now + LOOK_EVERY if way.outlet.capability.freepublish else None
    title = await title_of(session, way.manuscript)
    if publication.draft_media_id:
        text = (
            f"{why}。草稿已备好：请登录 mp.weixin.qq.com，在「草稿箱」打开《{title}》，"
            "核对后点「发表」，再回来点「已完成」。"
        )
    else:
        text = await whole_text(session, way.manuscript, why=why, base_url=way.outlet.base_url)
    due_at = max(way.manuscript.scheduled_at or now, now) + publications.BY_HAND_WITHIN
    await ask(
        session,
        way.manuscript,
        key=f"publish_by_hand:{way.attempt_key}",
        kind="publish_by_hand",
        title=f"请手工发表《{title}》",
        text=text,
        due_at=due_at,
        now=now,
    )


async def gone(session: AsyncSession, way: Way, meaning: Meaning, *, now: datetime) -> None:
    """Published, and taken away afterwards: the outcome says so, and the chief editor is told."""
    manuscript, title = way.manuscript, await title_of(session, way.manuscript)
    manuscript.outcome = {**(manuscript.outcome or {}), **outcome_of(way.publication)}
    manuscript.outcome["afterwards"] = meaning.reason
    await session.flush()
    await ask_chief_editor(
        session,
        manuscript,
        key=f"publish_gone:{way.attempt_key}:{way.publication.status}",
        kind="publish_failed",
        title=f"《{title}》已看不到",
        text=f"《{title}》{meaning.reason}。{meaning.advice}。",
        now=now,
    )


async def postpone(
    session: AsyncSession, outlet: Outlet, manuscript: Manuscript, why: str, *, now: datetime
) -> None:
    """The same hour on the next free day. Only while it is certain that nothing went out."""
    plan = await plans.lock_plan(session, outlet=outlet)
    calendar = await plans.calendar_of(
        session, outlet=outlet, plan=plan, without=manuscript.id, since=local_day(now)
    )
    was = manuscript.scheduled_at or now
    at = next_day_for(plans.rhythm_of(plan), calendar, at=was, after=now)
    assert at is not None, "a year without a day"
    publication = await publications.lock(session, manuscript_id=manuscript.id)
    if publication is not None:
        key = publications.client_msg_id(publication)
        await quotas.release(session, appid=publication.appid, key=key)
        publications.restart(publication, now=now)
        publication.next_at = None
    manuscript.scheduled_at = at
    # From `publishing` too, which nobody else may leave this way: only we know that all is safe.
    await steps.leave_step(
        session, manuscript, "schedule", to="scheduled", by_id=None, remarks=why, now=now
    )
    title = await title_of(session, manuscript)
    await notices.tell_role(
        session,
        key=f"issue-postponed:{manuscript.id}:{local_day(at)}",
        role="editor",
        org_id=manuscript.org_id,
        text=f"《{title}》{why}，已改到 {local_text(at)}。",
        now=now,
    )


async def _settle(
    session: AsyncSession,
    way: Way,
    state: desk.Outcome,
    facts: dict[str, Any],
    *,
    by_id: int | None = None,
    remarks: str = "",
    now: datetime,
) -> None:
    await desk.settle(
        session,
        manuscript_id=way.manuscript.id,
        state=state,
        outcome=outcome_of(way.publication, **facts),
        by_id=by_id,
        remarks=remarks,
        now=now,
    )
    PUBLICATIONS.labels(way.publication.method, state).inc()


async def _drop_tasks(session: AsyncSession, way: Way, now: datetime) -> None:
    """What was asked before is overtaken by what is asked next."""
    await tasks.close_tasks(
        session,
        manuscript_id=way.manuscript.id,
        by_id=None,
        reason="情况已变化",
        done=False,
        now=now,
    )
