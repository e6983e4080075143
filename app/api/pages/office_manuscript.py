"""One manuscript as its reviewers see it: exactly this wording, and all that was said about it."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.pages import cookies, office_previews
from app.api.pages.frame import day as day_text
from app.api.pages.office_view import names, show
from app.core.clock import TOWN, local_day, local_text
from app.core.settings import Settings
from app.editorial import queries
from app.editorial.changes import Change, changes
from app.editorial.models import Manuscript, ManuscriptStep
from app.editorial.rules import REVIEWS, WITHDRAWABLE
from app.flows import editorial as flow
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.people.rules import ROLES
from app.push import plans, publications
from app.push.outlets import outlet_of
from app.push.planner import next_free_slot

STEP_NAMES = {
    "write": "撰写",
    "change": "修改",
    "submit": "送审",
    "first_review": "初审",
    "second_review": "复审",
    "final_review": "终审",
    "schedule": "排期",
    "publish": "开始发布",
    "settle": "发布结果",
    "withdraw": "撤回",
}
SLOTS_SHOWN = 4
AFTER_REVIEW = ("approved", "scheduled", "publishing", "published", "failed", "unknown")


@dataclass(frozen=True)
class Rights:
    """What this person may do with it now, and why not."""

    review: bool
    why_not: str
    publish: bool
    schedule: bool
    withdraw: bool
    decide: bool
    retry: bool


async def page(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    manuscript: Manuscript,
    *,
    status: int = 200,
    problem: str = "",
    remarks: str = "",
    seen: str = "",
    now: datetime,
) -> Response:
    """`problem`, `remarks` and `seen` (a digest) are those of a form that was refused."""
    await session.refresh(manuscript)
    body = await queries.body_of(session, manuscript_id=manuscript.id, version=manuscript.version)
    steps = await queries.list_steps(session, manuscript_id=manuscript.id)
    said = await names(session, [manuscript.author_id, *(one.person_id for one in steps)])
    org = await people.get_organisation(session, manuscript.org_id)
    rights = await _rights(session, actor, manuscript)
    known = _known_version(manuscript, steps, seen)
    root, is_issue = cookies.root_of(request), manuscript.kind == "issue"
    slots = []
    if rights.schedule and is_issue:
        settings = request.app.state.settings
        slots = await free_slots(session, settings, without=manuscript.id, now=now)
    return show(
        request,
        "manuscript.html",
        status=status,
        one=manuscript,
        title=flow.title_of(manuscript.kind, body),
        org=org.name,
        author=said[manuscript.author_id],
        stages=_stages(manuscript, steps, said),
        history=_history(steps, said),
        flags=office_previews.flags_of(manuscript),
        articles=await office_previews.articles_of(session, manuscript, body, root)
        if is_issue
        else [],
        push=None
        if is_issue
        else await office_previews.push_of(request, session, manuscript, body),
        diff=await _diff(session, manuscript, body, known),
        known=known,
        rights=rights,
        review_name=flow.REVIEW_NAMES.get(manuscript.state, ""),
        slots=slots,
        problem=problem,
        remarks=remarks,
    )


async def _rights(session: AsyncSession, actor: Actor, manuscript: Manuscript) -> Rights:
    lineage = await people.lineage_of(session, manuscript.org_id)
    publishes = policy.can_publish(actor, lineage)
    state, is_issue = manuscript.state, manuscript.kind == "issue"
    by_hand = state == "publishing" and await publications.is_by_hand(
        session, manuscript_id=manuscript.id
    )
    in_doubt = state in {"failed", "unknown"}
    why_not = await _why_not(session, actor, manuscript, lineage)
    return Rights(
        review=state in REVIEWS and not why_not,
        why_not=why_not,
        publish=publishes,
        schedule=publishes and state in {"approved", "scheduled"},
        withdraw=publishes and (state in WITHDRAWABLE or (state == "publishing" and not is_issue)),
        decide=publishes and is_issue and (in_doubt or by_hand),
        retry=in_doubt,
    )


async def _why_not(
    session: AsyncSession, actor: Actor, manuscript: Manuscript, lineage: tuple[int, ...]
) -> str:
    """Why the review that is due is not this person's; "" if it is, or none is due."""
    if manuscript.state not in REVIEWS:
        return ""
    role = REVIEWS[manuscript.state][0]
    if not policy.can_review(actor, role, lineage):
        return f"这一审由{ROLES[role]}负责。"
    selves = set(await people.list_selves(session, actor.person_id))
    wrote = await queries.writers_of(session, manuscript_id=manuscript.id)
    if manuscript.author_id in selves or selves & wrote:
        return "这份稿件是您写的，须由别人来审。"
    approved = await queries.approvers_of(
        session, manuscript_id=manuscript.id, round=manuscript.round
    )
    return "您已经审过这一轮，三审须由三个不同的人完成。" if selves & approved else ""


def _known_version(
    manuscript: Manuscript, steps: Sequence[ManuscriptStep], seen: str
) -> int | None:
    """The wording that was looked at last: by this form, or else by whoever reviewed last."""
    looked = [one for one in steps if one.digest == seen] if seen else []
    looked = looked or [one for one in steps if one.decision is not None]
    older = [one.version for one in looked if one.version < manuscript.version]
    return max(older, default=None)


async def _diff(
    session: AsyncSession, manuscript: Manuscript, body: dict[str, Any], known: int | None
) -> list[Change]:
    if known is None:
        return []
    before = await queries.body_of(session, manuscript_id=manuscript.id, version=known)
    return await asyncio.to_thread(changes, before, body)


def _stages(
    manuscript: Manuscript, steps: Sequence[ManuscriptStep], said: dict[int | None, str]
) -> list[tuple[str, str, str]]:
    """The stepper: written, three reviews, out."""
    current = [one for one in steps if one.round == manuscript.round]
    approved = {one.step: one for one in current if one.decision == "approve"}
    counts = manuscript.state in {*REVIEWS, *AFTER_REVIEW}
    back = next((one for one in reversed(steps) if one.decision), None)
    stages = [
        ("撰写", said[manuscript.author_id], "now" if manuscript.state == "draft" else "done")
    ]
    for step, name in flow.REVIEW_NAMES.items():
        given = approved.get(step) if counts else None
        returned = manuscript.state == "draft" and back is not None and back.decision == "return"
        if given is not None:
            stages.append((name, f"{said[given.person_id]} · {local_text(given.made_at)}", "done"))
        elif manuscript.state == step:
            stages.append((name, f"等{ROLES[REVIEWS[step][0]]}审", "now"))
        elif returned and back is not None and back.step == step:
            stages.append((name, f"{said[back.person_id]}退回", "back"))
        else:
            stages.append((name, ROLES[REVIEWS[step][0]], "next"))
    stages.append(_last_stage(manuscript))
    return stages


def _last_stage(manuscript: Manuscript) -> tuple[str, str, str]:
    at = "" if manuscript.scheduled_at is None else local_text(manuscript.scheduled_at)
    match manuscript.state:
        case "published":
            return ("发布", at, "done")
        case "failed" | "unknown" | "withdrawn":
            return ("发布", "", "back")
        case "approved":
            return ("发布", "等待排期", "now")
        case "scheduled" | "publishing":
            return ("发布", at, "now")
    return ("发布", at, "next")


def _history(
    steps: Sequence[ManuscriptStep], said: dict[int | None, str]
) -> list[tuple[str, str, str, str]]:
    """For the timeline, the newest first."""
    told = []
    for one in reversed(steps):
        verdict = {"approve": "通过", "return": "退回修改"}.get(one.decision or "", "")
        title = f"{STEP_NAMES[one.step]}{verdict} · {said[one.person_id]}"
        kind = "warn" if one.decision == "return" else ""
        text = f"第 {one.version} 版{'：' if one.remarks else ''}{one.remarks}"
        told.append((local_text(one.made_at), title, text, kind))
    return told


async def free_slots(
    session: AsyncSession, settings: Settings, *, without: int | None = None, now: datetime
) -> list[tuple[str, str]]:
    """The next free slots, for a select; the first choice is whichever comes first."""
    outlet = outlet_of(settings)
    plan = await plans.plan_of(session, outlet=outlet)
    calendar = await plans.calendar_of(
        session, outlet=outlet, plan=plan, without=without, since=local_day(now)
    )
    found, after = [("", "下一个空着的时段")], now
    for _ in range(SLOTS_SHOWN):
        slot = next_free_slot(plans.rhythm_of(plan), calendar, after=after)
        if slot is None:
            break
        found.append(
            (slot.isoformat(), f"{day_text(local_day(slot))} {slot.astimezone(TOWN):%H:%M}")
        )
        after = slot
    return found
