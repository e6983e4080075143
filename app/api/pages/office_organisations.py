"""The tree of organisations, a file that is tried before it is loaded, a village's code."""

import base64
import binascii
from typing import Annotated

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from app.api.bank import NotYourBranch
from app.api.deps import Now, SessionDep, WeChatDep
from app.api.pages import office_forms as forms
from app.api.pages.doors import AdminActor, WebPersonFirst
from app.api.pages.forgery import Form
from app.api.pages.frame import render
from app.api.pages.office_view import administered, go_on, require, show
from app.api.pages.qr_pictures import qr_svg
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.db import read_transaction
from app.core.errors import Invalid
from app.flows import organisation_file
from app.people import policy, roster
from app.people import queries as people
from app.people.errors import OrgFileError, Problem
from app.people.models import Organisation
from app.people.organisations import OrgReport
from app.people.policy import Actor
from app.people.rules import KINDS, VILLAGE_KINDS
from app.wechat import calls
from app.wechat.capability import NotOffered

router = page_router("/desk/organisations")
Code = Annotated[str, Path(max_length=64)]
FILE_BYTES_MAX = 1024 * 1024
WHOLE_TREE = 300
"""A larger one is shown branch by branch."""


class FileTooLarge(Invalid):
    title = "机构文件最多 1 MB"


class OnlyVillagesHaveCodes(Invalid):
    title = "只有村和社区有自己的二维码"


@router.get("")
async def show_tree(request: Request, actor: AdminActor, session: SessionDep) -> Response:
    return await _tree(request, session, actor)


@router.post("/check")
async def check(request: Request, actor: AdminActor, form: Form, session: SessionDep) -> Response:
    """What the file would change. Nothing stays, so that a reload does no harm."""
    await _require_roots(session, actor)
    given = form.get("file")
    if not isinstance(given, UploadFile) or not given.size:
        raise forms.FieldUnsuitable("请选择机构文件", field="file")
    content = await given.read(FILE_BYTES_MAX + 1)
    if len(content) > FILE_BYTES_MAX:
        raise FileTooLarge
    try:
        report = await organisation_file.check(session, content=content)
    except OrgFileError as error:
        return await _tree(request, session, actor, problems=error.problems, status=400)
    kept = base64.b64encode(content).decode()
    return await _tree(request, session, actor, report=report, content=kept)


@router.post("")
@once
async def load(
    request: Request, actor: AdminActor, form: Form, session: SessionDep, now: Now
) -> Response:
    """The very file that was tried."""
    await _require_roots(session, actor)
    given = form.get("content")
    try:
        content = base64.b64decode(given if isinstance(given, str) else "", validate=True)
    except (ValueError, binascii.Error) as error:
        raise forms.FieldUnsuitable("请重新选择机构文件", field="file") from error
    await organisation_file.load(session, content=content, by_id=actor.person_id, now=now)
    return go_on(request, "/desk/organisations", "imported")


@router.get("/{code}/poster")
async def show_poster(
    request: Request, code: Code, actor: WebPersonFirst, wechat: WeChatDep
) -> Response:
    """To be printed and hung up: who follows by its code is of this village."""
    async with read_transaction() as session:
        village = await people.org_by_code(session, code)
        await require(session, actor, policy.can_administer, village.id)
    if village.kind not in VILLAGE_KINDS:
        raise OnlyVillagesHaveCodes
    try:
        made = await calls.create_qr_code(wechat, scene=f"v:{village.code}", seconds=None)
    except NotOffered as error:
        # An account without codes: people write the village's name to it instead.
        return render(request, "office/poster.html", village=village, qr=None, why=error.detail)
    return render(request, "office/poster.html", village=village, qr=qr_svg(made.url), why="")


@router.get("/{code}")
async def show_organisation(
    request: Request, code: Code, actor: AdminActor, session: SessionDep
) -> Response:
    org = await people.org_by_code(session, code)
    await require(session, actor, policy.can_administer, org.id)
    above = [await people.get_organisation(session, one) for one in org.lineage[:-1]]
    below = [one for one in await people.tree_below(session, [org.id]) if one.parent_id == org.id]
    count = await roster.count_residents(session, org_ids=[org.id])
    return show(
        request,
        "organisation.html",
        org=org,
        above=above,
        below=below,
        kind=KINDS[org.kind],
        count=count.get(org.id, 0),
        has_code=org.kind in VILLAGE_KINDS,
    )


async def _tree(
    request: Request,
    session: AsyncSession,
    actor: Actor,
    *,
    problems: list[Problem] | None = None,
    report: OrgReport | None = None,
    content: str = "",
    status: int = 200,
) -> Response:
    found = await people.tree_below(session, administered(actor))
    whole = len(found) <= WHOLE_TREE
    if not whole:
        tops = set(administered(actor))
        found = [one for one in found if one.id in tops or one.parent_id in tops]
    counts = await roster.count_residents(session, org_ids=[one.id for one in found])
    top = min((len(one.lineage) for one in found), default=0)
    return show(
        request,
        "organisations.html",
        status=status,
        rows=[_row(one, len(one.lineage) - top, counts.get(one.id, 0)) for one in found],
        whole=whole,
        problems=problems or [],
        report=report,
        content=content,
        may_load=await _may_load(session, actor),
    )


def _row(org: Organisation, depth: int, count: int) -> dict[str, object]:
    return {
        "org": org,
        "indent": "　" * depth,
        "kind": KINDS[org.kind],
        "count": count,
        "has_code": org.kind in VILLAGE_KINDS,
    }


async def _may_load(session: AsyncSession, actor: Actor) -> bool:
    """A file may move any branch, so it takes whoever administers all of them."""
    return policy.can_set_rules(actor, await people.root_ids(session))


async def _require_roots(session: AsyncSession, actor: Actor) -> None:
    if not await _may_load(session, actor):
        raise NotYourBranch
