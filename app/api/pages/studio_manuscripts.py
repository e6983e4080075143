"""The studio's manuscripts: the list, and one with its reviews, its versions and its preview."""

from typing import Annotated, Any, Literal

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Cursor, EmptyIsAbsent, SessionDep, SettingsDep
from app.api.pages.article_preview import article_shown
from app.api.pages.doors import StudioPerson
from app.api.pages.prose import shown_html
from app.api.pages.router import page_router
from app.api.pages.studio_scope import Id, account_place, overseen, readable, show
from app.api.pages.studio_story import events_of, progress_of
from app.content import queries as content
from app.content.errors import LessonNotFound
from app.editorial import mine, queries
from app.editorial.models import Manuscript
from app.editorial.rules import CHANGEABLE, REVIEWS, WITHDRAWABLE, Kind
from app.flows import editorial as flow
from app.people import policy
from app.people import queries as people
from app.people.policy import Actor
from app.push import reach

router = page_router("/studio/manuscripts")
KINDS: tuple[tuple[Kind, str], ...] = (("push", "每日推送"), ("issue", "公众号文章"))


@router.get("")
async def list_manuscripts(
    request: Request,
    actor: StudioPerson,
    session: SessionDep,
    settings: SettingsDep,
    kind: Annotated[Literal["push", "issue"], Query()] = "push",
    cursor: Cursor = None,
) -> Response:
    page = await mine.list_readable(
        session,
        person_ids=await people.list_selves(session, actor.person_id),
        org_ids=await people.ids_below(session, overseen(actor)),
        kind=kind,
        cursor=cursor,
    )
    names = await people.names_of(session, [one.author_id for one in page.items if one.author_id])
    rows = [
        (one, await title_of(session, one), names.get(one.author_id or 0)) for one in page.items
    ]
    town = await account_place(session, settings)
    return show(
        request, "manuscripts.html", rows=rows, kind=kind, kinds=KINDS, next_cursor=page.next,
        may_begin=kind == "push" or (town and policy.can_write(actor, town.lineage)),
    )  # fmt: skip


@router.get("/{manuscript_id}")
async def show_manuscript(
    request: Request,
    manuscript_id: Id,
    actor: StudioPerson,
    session: SessionDep,
    version: Annotated[int | None, Query(ge=1, lt=2**31), EmptyIsAbsent] = None,
) -> Response:
    manuscript = await readable(session, actor, manuscript_id)
    return await shown(request, session, manuscript, actor, version=version)


async def title_of(session: AsyncSession, manuscript: Manuscript) -> str:
    body = await queries.body_of(session, manuscript_id=manuscript.id)
    return flow.title_of(manuscript.kind, body)


async def shown(
    request: Request,
    session: AsyncSession,
    manuscript: Manuscript,
    actor: Actor,
    *,
    version: int | None = None,
    status: int = 200,
    said: str = "",
) -> Response:
    """The page of a manuscript; `said` is what was just refused."""
    body = await queries.body_of(session, manuscript_id=manuscript.id, version=version)
    steps = await queries.list_steps(session, manuscript_id=manuscript.id)
    names = await people.names_of(
        session, {one.person_id for one in steps if one.person_id} | {manuscript.author_id or 0}
    )
    drafted = manuscript.state == "draft" and version is None
    facts: dict[str, Any] = {"body": body, "lesson": None, "articles": [], "deliveries": []}
    if manuscript.kind == "push":
        facts["lesson"] = await _lesson(session, body)
        facts["prose"] = facts["lesson"] and shown_html(request, facts["lesson"].html)
        facts["deliveries"] = await reach.list_of_push(
            session, manuscript_id=manuscript.id, org_ids=overseen(actor)
        )
    else:
        facts["articles"] = [await article_shown(request, session, one) for one in body["articles"]]
    return show(
        request,
        "manuscript.html",
        status=status,
        manuscript=manuscript,
        title=flow.title_of(manuscript.kind, body),
        org=await people.get_organisation(session, manuscript.org_id),
        version=version,
        progress=progress_of(manuscript, steps, names),
        events=events_of(steps, names),
        problems=await flow.problems_of(session, kind=manuscript.kind, body=body)
        if drafted
        else [],
        refused=said,
        rights=await rights_of(session, manuscript, actor),
        **facts,
    )


async def rights_of(session: AsyncSession, manuscript: Manuscript, actor: Actor) -> dict[str, bool]:
    """What this person may do with it now; the deeds themselves ask again."""
    lineage = await people.lineage_of(session, manuscript.org_id)
    due = REVIEWS.get(manuscript.state)
    taken = await queries.writers_of(session, manuscript_id=manuscript.id)
    taken |= await queries.approvers_of(
        session, manuscript_id=manuscript.id, round=manuscript.round
    )
    selves = {actor.person_id, *await people.list_selves(session, actor.person_id)}
    reviewer = due is not None and policy.can_review(actor, due[0], lineage)
    independent = selves.isdisjoint({*taken, manuscript.author_id})
    publisher = policy.can_publish(actor, lineage)
    return {
        "change": manuscript.state in CHANGEABLE and policy.can_write(actor, lineage),
        "submit": manuscript.state == "draft" and policy.can_write(actor, lineage),
        "review": reviewer and independent,
        "wrote": reviewer and not independent,
        "schedule": manuscript.state == "approved" and publisher,
        "withdraw": manuscript.state in WITHDRAWABLE and publisher,
        "copy": manuscript.kind == "issue" and policy.can_write(actor, lineage),
    }


async def _lesson(session: AsyncSession, body: dict[str, Any]) -> content.LessonView | None:
    try:
        return await content.get_lesson(
            session, lesson_id=body["lesson_id"], version_id=body["lesson_version_id"]
        )
    except LessonNotFound:
        return None
