"""Where somebody writes, what they may read, and what a page of the studio says after a deed."""

from collections.abc import Sequence
from typing import Annotated

from fastapi import Path, Request
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData, UploadFile

from app.api.bank import NotYourBranch
from app.api.pages.frame import number, render
from app.core.settings import Settings
from app.editorial import queries
from app.editorial.models import Manuscript
from app.people import policy
from app.people import queries as people
from app.people.errors import OrganisationNotFound
from app.people.models import Organisation
from app.people.policy import WRITERS, Actor
from app.push import plans
from app.push.outlets import outlet_of
from app.push.reach import Reached

Id = Annotated[int, Path(ge=1, lt=2**63)]
PLACES_MAX, BARS_SHOWN = 300, 12
ID_DIGITS = len(str(2**63))
HIDDEN_KINDS = ("group", "family")
SAID = {
    "saved": "已保存",
    "submitted": "已送审，审稿人已经收到通知",
    "unfinished": "已保存；还没有送审，请先把下面几处改好",
    "taken_back": "已保存，稿件回到草稿，改好后再送审",
    "reviewed": "已审，作者会收到通知",
    "scheduled": "已排期",
    "withdrawn": "已撤稿",
    "copied": "已照原稿新写一期",
    "published": "课程已发布，居民现在就能学",
    "unshown": "课程已下架",
    "moved": "已改期；日期也要审，请再送审一次",
    "forwarded": "已登记转发，辛苦了",
    "done": "已办理",
    "announced": "活动已发布",
    "confirmed": "已确认到场，学分已记入",
    "imported": "题目已导入，请逐题看一遍",
}
"""`?said=` of an address → what stands at the head of the page."""


class Faults(dict[str, str]):
    """What is wrong in a form, by field; "" where nothing is."""

    def __missing__(self, field: str) -> str:
        return ""


def show(
    request: Request,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **facts: object,
) -> HTMLResponse:
    """A page of the studio; after a deed it says so once."""
    said = SAID.get(request.query_params.get("said", ""))
    facts |= {"toast_text": said, "bar_rows": bar_rows}
    if isinstance(errors := facts.get("errors"), dict):
        facts["errors"] = Faults(errors)
    return render(request, f"studio/{template}", status=status, headers=headers, **facts)


def bar_rows(reached: Sequence[Reached], name: str) -> list[tuple[str, int, str, bool]]:
    """The groups with the most of this, for a bar chart."""
    best = sorted(reached, key=lambda one: (-int(getattr(one, name)), one.name))[:BARS_SHOWN]
    return [(one.name, getattr(one, name), number(getattr(one, name)), False) for one in best]


async def places_of(session: AsyncSession, actor: Actor) -> Sequence[Organisation]:
    """Where this person may write: the places of their offices, then what is below them."""
    own = [office.org_id for office in actor.offices if office.role in WRITERS]
    below = await people.tree_below(session, own)
    first = [one for one in below if one.id in own]
    rest = [one for one in below if one.id not in own and one.kind not in HIDDEN_KINDS]
    return [*first, *rest][:PLACES_MAX]


async def place_for(session: AsyncSession, actor: Actor, code: str | None) -> Organisation:
    """The place of this code, or the first of one's own. Raises NotYourBranch."""
    if not code:
        return (await places_of(session, actor))[0]
    organisation = await people.org_by_code(session, code)
    if not policy.can_write(actor, organisation.lineage):
        raise NotYourBranch
    return organisation


async def account_place(session: AsyncSession, settings: Settings) -> Organisation | None:
    """Whose the issues of the official account are; None before there is a town."""
    try:
        plan = await plans.plan_of(session, outlet=outlet_of(settings))
    except OrganisationNotFound:
        return None
    return await people.get_organisation(session, plan.org_id)


def overseen(actor: Actor) -> list[int]:
    """The organisations whose pushing this person may see, with all below them."""
    return policy.orgs_where(actor, policy.can_see_pushing)


async def readable(session: AsyncSession, actor: Actor, manuscript_id: int) -> Manuscript:
    """For staff of its place and for who wrote it. Raises ManuscriptNotFound, NotYourBranch."""
    manuscript = await queries.get(session, manuscript_id)
    if manuscript.author_id in await people.list_selves(session, actor.person_id):
        return manuscript
    lineage = await people.lineage_of(session, manuscript.org_id)
    if not (policy.can_see_pushing(actor, lineage) or policy.can_write(actor, lineage)):
        raise NotYourBranch
    return manuscript


def text_in(form: FormData, name: str) -> str:
    """A field as typed, line breaks as everywhere else; "" if it is not there."""
    value = form.get(name)
    return value.replace("\r\n", "\n") if isinstance(value, str) else ""


def file_in(form: FormData, name: str) -> UploadFile | None:
    """A chosen file; browsers send an empty one where none was chosen."""
    value = form.get(name)
    return value if isinstance(value, UploadFile) and value.filename else None


def number_in(form: FormData, name: str) -> int | None:
    """A whole number that an id can be."""
    return number_of(form.get(name))


def number_of(value: object) -> int | None:
    """The same of one field's value: 1 … 2**63 - 1, in plain digits."""
    text = value if isinstance(value, str) else ""
    given = int(text) if text.isascii() and text.isdecimal() and len(text) <= ID_DIGITS else 0
    return given if 0 < given < 2**63 else None
