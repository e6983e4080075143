"""认定: applications to have outside learning recognised, seen by one person, agreed by another."""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Literal

from fastapi import Path, Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from app.api.bank import NotYourBranch
from app.api.deps import Now, SessionDep
from app.api.pages import office_forms as forms
from app.api.pages.doors import StaffPerson
from app.api.pages.forgery import Form
from app.api.pages.office_view import go_on, names, show
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import local_text
from app.credit_bank import prior_learning
from app.credit_bank.models import PriorLearning
from app.flows import prior_learning as flow
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor

router = page_router("/desk/prior-learning")
ApplicationId = Annotated[int, Path(ge=1, lt=2**63)]
Tab = Literal["open", "approved", "refused"]
TABS: dict[Tab, str] = {"open": "等待办理", "approved": "已认定", "refused": "不予认定"}
STATES: dict[Tab, tuple[str, ...]] = {
    "open": ("applied", "confirmed"),
    "approved": ("approved",),
    "refused": ("refused",),
}
SHOWN_MAX = 100


@dataclass(frozen=True)
class Row:
    """An application, whose it is, and the step it is at."""

    one: PriorLearning
    who: str
    place: str


@router.get("")
async def list_applications(
    request: Request, actor: StaffPerson, session: SessionDep, tab: Annotated[Tab, Query()] = "open"
) -> Response:
    """Of the branch of this tutor or administrator, never one's own."""
    if not policy.orgs_where(actor, policy.can_tutor):
        raise NotYourBranch
    found = await flow.list_for(session, actor=actor, states=STATES[tab], limit=SHOWN_MAX)
    return show(
        request,
        "applications.html",
        rows=[await _row(session, one) for one in found],
        tab=tab,
        tab_items=list(TABS.items()),
    )


@router.get("/{application_id}")
async def show_application(
    request: Request, application_id: ApplicationId, actor: StaffPerson, session: SessionDep
) -> Response:
    return await _page(request, session, actor, application_id)


@router.post("/{application_id}/compare")
async def compare(
    request: Request,
    application_id: ApplicationId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
) -> Response:
    """Whether a file is the very paper that was filed. Nothing of it is kept."""
    application, _ = await _mine(session, actor, application_id)
    given = form.get("file")
    if not isinstance(given, UploadFile) or not given.size:
        raise forms.FieldUnsuitable("请选择证明材料的文件", field="file")
    digest = sha256()
    while piece := await given.read(1 << 20):
        digest.update(piece)
    same = digest.hexdigest() == application.document_sha256
    return await _page(request, session, actor, application_id, same=same)


@router.post("/{application_id}/confirm")
@once
async def confirm(
    request: Request,
    application_id: ApplicationId,
    actor: StaffPerson,
    session: SessionDep,
    now: Now,
) -> Response:
    """The first person has seen the paper: a tutor or administrator of the applicant's branch."""
    await _mine(session, actor, application_id)
    await prior_learning.confirm(
        session, application_id=application_id, by_id=actor.person_id, now=now
    )
    return go_on(request, f"/desk/prior-learning/{application_id}", "confirmed")


@router.post("/{application_id}/approve")
@once
async def approve(
    request: Request,
    application_id: ApplicationId,
    actor: StaffPerson,
    session: SessionDep,
    now: Now,
) -> Response:
    """The second person agrees, an administrator: the credit is booked."""
    _, lineage = await _mine(session, actor, application_id)
    if not policy.can_administer(actor, lineage):
        raise NotYourBranch
    await flow.approve(session, application_id=application_id, by_id=actor.person_id, now=now)
    return go_on(request, f"/desk/prior-learning/{application_id}", "recognised")


@router.post("/{application_id}/refuse")
@once
async def refuse(
    request: Request,
    application_id: ApplicationId,
    actor: StaffPerson,
    form: Form,
    session: SessionDep,
    now: Now,
) -> Response:
    await _mine(session, actor, application_id)
    remarks = forms.text(form, "remarks")
    by_id = actor.person_id
    await prior_learning.refuse(
        session, application_id=application_id, by_id=by_id, remarks=remarks, now=now
    )
    return go_on(request, f"/desk/prior-learning/{application_id}", "refused")


async def _mine(
    session: AsyncSession, actor: Actor, application_id: int
) -> tuple[PriorLearning, tuple[int, ...]]:
    """The application with its applicant's branch. Raises ApplicationNotFound, NotYourBranch."""
    lineage = await flow.applicants_branch(session, application_id=application_id)
    if not policy.can_tutor(actor, lineage):
        raise NotYourBranch
    return await session.get_one(PriorLearning, application_id), lineage


async def _page(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    application_id: int,
    *,
    same: bool | None = None,
) -> Response:
    one, lineage = await _mine(session, actor, application_id)
    said = await names(
        session, [one.confirmed_by_id, one.approved_by_id, one.refused_by_id, one.person_id]
    )
    applicant = await people.resolve_alias(session, one.person_id)
    is_own = applicant == actor.person_id
    confirmed = one.confirmed_by_id is not None and actor.person_id == await people.resolve_alias(
        session, one.confirmed_by_id
    )
    administers = policy.can_administer(actor, lineage)
    return show(
        request,
        "application.html",
        row=await _row(session, one),
        one=one,
        hours=f"{one.hours_hundredths // 100}.{one.hours_hundredths % 100:02}",
        stages=_stages(one, said),
        may_confirm=one.state == "applied" and not is_own,
        may_approve=one.state == "confirmed" and not is_own and not confirmed and administers,
        may_refuse=one.state in STATES["open"] and not is_own,
        is_own=is_own,
        seen_by_me=confirmed,
        administers=administers,
        same=same,
    )


def _stages(one: PriorLearning, said: dict[int | None, str]) -> list[tuple[str, str, str]]:
    stages = [("申请", local_text(one.applied_at), "done")]
    refused = one.state == "refused"
    if one.confirmed_at is not None:
        by = f"{said[one.confirmed_by_id]} · {local_text(one.confirmed_at)}"
        stages.append(("核实材料", by, "done"))
    elif refused:
        stages.append(("核实材料", f"{said[one.refused_by_id]}：不予认定", "back"))
    else:
        stages.append(("核实材料", "等辅导员看过材料", "now"))
    if one.approved_at is not None:
        by = f"{said[one.approved_by_id]} · {local_text(one.approved_at)}"
        stages.append(("认定入账", by, "done"))
    elif refused and one.confirmed_at is not None:
        stages.append(("认定入账", f"{said[one.refused_by_id]}：不予认定", "back"))
    else:
        stages.append(("认定入账", "另一位管理员", "now" if one.state == "confirmed" else "next"))
    return stages


async def _row(session: AsyncSession, one: PriorLearning) -> Row:
    person_id = await people.resolve_alias(session, one.person_id)
    person = await people.get_person(session, person_id)
    place = await people.shown_org(session, person)
    who = person.name or f"{person_id} 号居民"
    return Row(one, who, place.name if place else "没有登记村（社区）")
