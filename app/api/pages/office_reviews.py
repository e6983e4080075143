"""Reviews (三审三校): what waits for me, what is on its way, and one manuscript to decide about."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import Cursor, Now, SessionDep
from app.api.pages import office_forms as forms
from app.api.pages import office_manuscript
from app.api.pages.doors import StaffPerson
from app.api.pages.forgery import Form
from app.api.pages.office_view import go_on, names, overseen, query, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.api.review_steps import manuscript_for
from app.core.errors import Conflict
from app.editorial import queries
from app.editorial.errors import DigestStale, NotInThisState, NotYourReview, RemarksNeeded
from app.editorial.models import Manuscript
from app.editorial.rules import REVIEWS
from app.flows import daily_push, weekly_issue
from app.flows import editorial as flow
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor

router = page_router("/desk/reviews")
ManuscriptId = Annotated[int, Path(ge=1, lt=2**63)]
Tab = Literal["mine", "open", "ready", "over"]
TABS: dict[Tab, str] = {
    "mine": "等我审",
    "open": "审核中",
    "ready": "待发布",
    "over": "已发布和其他",
}
STATES: dict[Tab, tuple[str, ...]] = {
    "mine": (),
    "open": ("draft", *REVIEWS),
    "ready": ("approved", "scheduled", "publishing"),
    "over": ("published", "failed", "unknown", "withdrawn"),
}
KINDS = {"issue": "公众号一期", "push": "每日推送"}
WAITING_MAX = 100


@dataclass(frozen=True)
class Row:
    id: int
    kind: str
    title: str
    org: str
    state: str
    version: int
    flags: int
    author: str
    changed_at: datetime


@router.get("")
async def list_reviews(
    request: Request,
    actor: StaffPerson,
    session: SessionDep,
    tab: Tab | None = None,
    cursor: Cursor = None,
) -> Response:
    below = await people.ids_below(session, overseen(actor))
    mine = await _waiting(session, actor)
    open_tab: Tab = tab or ("mine" if _reviews(actor) else "open")
    found, next_page = mine, None
    if open_tab != "mine":
        page = await queries.list_manuscripts(
            session, org_ids=below, states=STATES[open_tab], cursor=cursor
        )
        found, next_page = page.items, page.next
    return show(
        request,
        "reviews.html",
        rows=[await _row(session, one) for one in found],
        tab=open_tab,
        tab_items=[
            (name, title, len(mine) if name == "mine" else None) for name, title in TABS.items()
        ],
        next_page=query("/desk/reviews", tab=open_tab, cursor=next_page) if next_page else None,
        first_page=query("/desk/reviews", tab=open_tab) if cursor else None,
        kinds=KINDS,
    )


@router.get("/{manuscript_id}")
async def show_manuscript(
    request: Request, manuscript_id: ManuscriptId, actor: StaffPerson, session: SessionDep, now: Now
) -> Response:
    """Whatever a reviewer has to look at; also for who wrote it."""
    manuscript = await _visible(session, actor, manuscript_id)
    return await office_manuscript.page(request, session, actor, manuscript, now=now)


@router.post("/{manuscript_id}")
@once
async def review(
    request: Request,
    manuscript_id: ManuscriptId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    """Approve, or send back. Of another wording or another step than was looked at: told so."""
    manuscript = await _visible(session, actor, manuscript_id)
    step = forms.one_of(form, "step", tuple(REVIEWS))
    decision = forms.one_of(form, "decision", ("approve", "return"))
    remarks = forms.text(form, "remarks", most=forms.TEXT_MAX)
    digest = forms.text(form, "digest")
    lineage = await people.lineage_of(session, manuscript.org_id)
    if not policy.can_review(actor, REVIEWS[step][0], lineage):
        raise NotYourReview(step=step)
    try:
        await flow.review(
            session,
            manuscript_id=manuscript_id,
            by_id=actor.person_id,
            decision="approve" if decision == "approve" else "return",
            digest=digest,
            remarks=remarks,
            step=step,
            now=now,
        )
    except (DigestStale, NotInThisState, RemarksNeeded) as error:
        # Nothing is lost: the page as it is now, with what was typed and what has changed.
        status = 409 if isinstance(error, Conflict) else 400
        return await office_manuscript.page(
            request, session, actor, manuscript,
            status=status, problem=error.title, remarks=remarks, seen=digest, now=now,
        )  # fmt: skip
    return go_on(
        request, "/desk/reviews?tab=mine", "approved" if decision == "approve" else "returned"
    )


@router.post("/{manuscript_id}/schedule")
@once
async def schedule(
    request: Request,
    manuscript_id: ManuscriptId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    """The slot that was chosen, another time that was typed, or the next free slot."""
    manuscript = await _publishable(session, actor, manuscript_id)
    at = forms.an_instant_or_none(form, "other") or forms.an_instant_or_none(form, "at")
    move = weekly_issue.schedule if manuscript.kind == "issue" else daily_push.schedule
    await move(
        session,
        manuscript_id=manuscript_id,
        by_id=actor.person_id,
        at=None if at is None else at.astimezone(UTC),
        now=now,
    )
    return go_on(request, f"/desk/reviews/{manuscript_id}", "scheduled")


@router.post("/{manuscript_id}/withdraw")
@once
async def withdraw(
    request: Request,
    manuscript_id: ManuscriptId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    manuscript = await _publishable(session, actor, manuscript_id)
    move = weekly_issue.withdraw if manuscript.kind == "issue" else daily_push.withdraw
    reason = forms.text(form, "reason")
    by_id = actor.person_id
    await move(session, manuscript_id=manuscript_id, by_id=by_id, reason=reason, now=now)
    return go_on(request, f"/desk/reviews/{manuscript_id}", "withdrawn")


@router.post("/{manuscript_id}/outcome")
@once
async def decide(
    request: Request,
    manuscript_id: ManuscriptId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
    back: Annotated[Literal["tasks", ""], Query()] = "",
) -> Response:
    """What became of an issue that failed, is in doubt, or waits for a person's hand."""
    manuscript = await _publishable(session, actor, manuscript_id)
    if manuscript.kind != "issue":
        raise NotInThisState(state=manuscript.state)
    decision = forms.one_of(form, "decision", ("published", "retry", "give_up"))
    reason = forms.text(form, "reason", most=500)
    url = forms.text(form, "url", most=1000)
    if url and not url.startswith(("https://", "http://")):
        raise forms.FieldUnsuitable("文章地址应以 https:// 开头", field="url")
    if not reason and decision != "published":
        raise RemarksNeeded
    await weekly_issue.decide(
        session,
        manuscript_id=manuscript_id,
        by_id=actor.person_id,
        decision=decision,  # type: ignore[arg-type]  # one of the three
        reason=reason or "已核对，已经发表",
        url=url or None,
        now=now,
    )
    path = "/desk/tasks" if back == "tasks" else f"/desk/reviews/{manuscript_id}"
    return go_on(request, path, "decided")


async def _visible(session: AsyncSession, actor: Actor, manuscript_id: int) -> Manuscript:
    manuscript = await queries.get(session, manuscript_id)
    selves = await people.list_selves(session, actor.person_id)
    lineage = await people.lineage_of(session, manuscript.org_id)
    if manuscript.author_id not in selves and not policy.can_see_pushing(actor, lineage):
        raise NotYourBranch
    return manuscript


async def _publishable(session: AsyncSession, actor: Actor, manuscript_id: int) -> Manuscript:
    manuscript = await queries.get(session, manuscript_id)
    kind: Literal["issue", "push"] = "issue" if manuscript.kind == "issue" else "push"
    return await manuscript_for(
        session, kind=kind, manuscript_id=manuscript_id, actor=actor, may=policy.can_publish
    )


def _reviews(actor: Actor) -> bool:
    roles = {role for role, _ in REVIEWS.values()}
    return any(office.role in roles for office in actor.offices)


async def _waiting(session: AsyncSession, actor: Actor) -> list[Manuscript]:
    """What is at a review that takes an office of mine, the longest waiting first."""
    found: list[Manuscript] = []
    for step, (role, _) in REVIEWS.items():
        places = [
            one.org_id for one in actor.offices if policy.can_review(actor, role, (one.org_id,))
        ]
        if places:
            below = await people.ids_below(session, places)
            page = await queries.list_manuscripts(
                session, org_ids=below, states=(step,), limit=WAITING_MAX
            )
            found += page.items
    return sorted(found, key=lambda one: (one.changed_at, one.id))


async def _row(session: AsyncSession, manuscript: Manuscript) -> Row:
    body = await queries.body_of(session, manuscript_id=manuscript.id)
    org = await people.get_organisation(session, manuscript.org_id)
    said = await names(session, [manuscript.author_id])
    return Row(
        id=manuscript.id,
        kind=KINDS[manuscript.kind],
        title=flow.title_of(manuscript.kind, body),
        org=org.name,
        state=manuscript.state,
        version=manuscript.version,
        flags=len(manuscript.flags),
        author=said[manuscript.author_id],
        changed_at=manuscript.changed_at,
    )
