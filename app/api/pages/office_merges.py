"""Two accounts that turn out to be one person's: joined with a reason, and parted again."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from fastapi import Path, Query, Request, Response

from app.api.deps import EmptyIsAbsent, Now, SessionDep
from app.api.pages import office_forms as forms
from app.api.pages.doors import AdminActor
from app.api.pages.forgery import Form
from app.api.pages.office_view import administered, go_on, names, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.flows import account_merges
from app.people import policy, roster
from app.people import queries as people

router = page_router("/desk/roster/merges")
MergeId = Annotated[int, Path(ge=1, lt=2**63)]
PersonNumber = Annotated[int | None, Query(ge=1, lt=2**63), EmptyIsAbsent]
SHOWN_MAX = 100


@dataclass(frozen=True)
class Row:
    id: int
    kept: str
    merged: str
    by: str
    reason: str
    made_at: datetime
    undone_at: datetime | None


@router.get("")
async def list_merges(
    request: Request,
    actor: AdminActor,
    session: SessionDep,
    kept: PersonNumber = None,
    merged: PersonNumber = None,
) -> Response:
    """The merges of one's branch; with two numbers, who these are, to be looked at first."""
    sides = None
    if kept is not None and merged is not None:
        sides = await account_merges.sides_of(session, actor=actor, kept_id=kept, merged_id=merged)
    everything = policy.can_set_rules(actor, await people.root_ids(session))
    found = await roster.list_merges(
        session, org_ids=None if everything else administered(actor), limit=SHOWN_MAX
    )
    ids = [one for row in found for one in (row.kept_id, row.merged_id, row.ordered_by_id)]
    said = await names(session, ids)
    rows = [
        Row(
            id=row.id,
            kept=f"{said[row.kept_id]}（{row.kept_id} 号）",
            merged=f"{row.merged_id} 号",
            by=said[row.ordered_by_id] if row.ordered_by_id else "系统：同一微信用户",
            reason=row.reason,
            made_at=row.made_at,
            undone_at=row.undone_at,
        )
        for row in found
    ]
    return show(request, "merges.html", rows=rows, sides=sides, kept=kept, merged=merged)


@router.post("")
@once
async def merge(
    request: Request, actor: AdminActor, form: Form, session: SessionDep, now: Now
) -> Response:
    await account_merges.merge(
        session,
        actor=actor,
        kept_id=forms.whole(form, "kept"),
        merged_id=forms.whole(form, "merged"),
        reason=forms.text(form, "reason"),
        now=now,
    )
    return go_on(request, "/desk/roster/merges", "merged")


@router.post("/{merge_id}/undo")
@once
async def unmerge(
    request: Request,
    merge_id: MergeId,
    actor: AdminActor,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    reason = forms.text(form, "reason")
    await account_merges.unmerge(session, actor=actor, merge_id=merge_id, reason=reason, now=now)
    return go_on(request, "/desk/roster/merges", "parted")
