"""What is done to a manuscript: submitted, reviewed, scheduled, withdrawn, written once more."""

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Now, SessionDep
from app.api.pages.doors import StudioPerson, go
from app.api.pages.forgery import Form
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.api.pages.studio_manuscripts import shown
from app.api.pages.studio_scope import Id, readable, text_in
from app.api.review_steps import Right, manuscript_for
from app.core.errors import Invalid
from app.editorial import desk, queries
from app.editorial.errors import NotInThisState, NotYourReview
from app.editorial.models import Manuscript
from app.editorial.rules import REVIEWS, Kind
from app.flows import daily_push, weekly_issue
from app.flows import editorial as flow
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor

router = page_router("/studio/manuscripts")
WITHDRAWN = "稿件已撤回"
REMARKS_MAX, REASON_MAX = 2000, 500


@router.post("/{manuscript_id}/submit")
async def submit(
    request: Request, manuscript_id: Id, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    """What the platform would refuse is listed instead, and nothing is sent."""
    manuscript = await _own(session, actor, manuscript_id, policy.can_write)
    try:
        async with session.begin_nested():
            await flow.submit(session, manuscript_id=manuscript_id, by_id=actor.person_id, now=now)
    except Invalid as problem:
        return await shown(request, session, manuscript, actor, status=400, said=problem.detail)
    return go(request, f"/studio/manuscripts/{manuscript_id}?said=submitted")


@router.post("/{manuscript_id}/review")
async def review(
    request: Request,
    manuscript_id: Id,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    now: Now,
) -> Response:
    """By who holds the office that the review takes; the page says what is missing."""
    manuscript = await readable(session, actor, manuscript_id)
    due, lineage = manuscript.state, await people.lineage_of(session, manuscript.org_id)
    if due not in REVIEWS or text_in(form, "step") != due:
        raise NotInThisState(state=due)
    if not policy.can_review(actor, REVIEWS[due][0], lineage):
        raise NotYourReview(step=due)
    try:
        async with session.begin_nested():
            await flow.review(
                session,
                manuscript_id=manuscript_id,
                by_id=actor.person_id,
                decision="return" if text_in(form, "decision") == "return" else "approve",
                digest=text_in(form, "digest"),
                remarks=text_in(form, "remarks")[:REMARKS_MAX],
                step=due,
                now=now,
            )
    except Invalid as problem:
        return await shown(request, session, manuscript, actor, status=400, said=problem.detail)
    return go(request, f"/studio/manuscripts/{manuscript_id}?said=reviewed")


@router.post("/{manuscript_id}/schedule")
async def schedule(
    request: Request, manuscript_id: Id, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    """An issue into the next free slot, a push onto its day."""
    manuscript = await _own(session, actor, manuscript_id, policy.can_publish)
    move = weekly_issue.schedule if manuscript.kind == "issue" else daily_push.schedule
    await move(session, manuscript_id=manuscript_id, by_id=actor.person_id, at=None, now=now)
    return go(request, f"/studio/manuscripts/{manuscript_id}?said=scheduled")


@router.post("/{manuscript_id}/withdraw")
async def withdraw(
    request: Request,
    manuscript_id: Id,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    now: Now,
) -> Response:
    manuscript = await _own(session, actor, manuscript_id, policy.can_publish)
    move = weekly_issue.withdraw if manuscript.kind == "issue" else daily_push.withdraw
    by_id, reason = actor.person_id, text_in(form, "reason")[:REASON_MAX]
    try:
        async with session.begin_nested():
            await move(session, manuscript_id=manuscript_id, by_id=by_id, reason=reason, now=now)
    except Invalid as problem:
        return await shown(request, session, manuscript, actor, status=400, said=problem.detail)
    return go(request, f"/studio/manuscripts/{manuscript_id}?said=withdrawn")


@router.post("/{manuscript_id}/copy")
@once
async def copy(
    request: Request,
    manuscript_id: Id,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    now: Now,
) -> Response:
    """A new draft with the same articles: what was withdrawn is written again."""
    manuscript = await manuscript_for(
        session, kind="issue", manuscript_id=manuscript_id, actor=actor, may=policy.can_write
    )
    body = await queries.body_of(session, manuscript_id=manuscript_id)
    made = await desk.write(
        session,
        kind="issue",
        key=f"issue:{actor.person_id}:{text_in(form, 'once')[:64]}",
        org_id=manuscript.org_id,
        author_id=actor.person_id,
        body=body,
        flags=flow.flags_of(body),
        now=now,
    )
    return go(request, f"/studio/manuscripts/{made.id}?said=copied")


async def _own(session: AsyncSession, actor: Actor, manuscript_id: int, may: Right) -> Manuscript:
    manuscript = await queries.get(session, manuscript_id)
    kind: Kind = "issue" if manuscript.kind == "issue" else "push"
    return await manuscript_for(
        session, kind=kind, manuscript_id=manuscript_id, actor=actor, may=may
    )
