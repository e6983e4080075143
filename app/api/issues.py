"""The issues of the official account: written, reviewed, scheduled (首善双槐, 1–2 a week)."""

import secrets
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query
from fastapi.responses import RedirectResponse
from pydantic import Field

from app.api.bank import NotYourBranch
from app.api.deps import (
    CurrentPerson,
    Cursor,
    EmptyIsAbsent,
    Limit,
    Now,
    SessionDep,
    SettingsDep,
    public,
)
from app.api.errors import problems
from app.api.idempotency import once
from app.api.issue_views import ArticleIn, IssueOut, IssueRow, issue_out, issue_row
from app.api.review_steps import ERRORS, Digest, ManuscriptId, add_steps, manuscript_for
from app.api.schemas import Body, PageOut
from app.api.strangers import LargeRoute
from app.core.errors import NotFound
from app.core.paging import LIMIT_DEFAULT
from app.editorial import desk, queries
from app.editorial.errors import ManuscriptNotFound
from app.editorial.rules import STATES, State
from app.flows import editorial as flow
from app.flows import weekly_issue
from app.flows.weekly_issue import IssueElsewhere
from app.people import policy
from app.people import queries as people
from app.push import plans
from app.push.outlets import outlet_of

router = APIRouter(prefix="/api/v1/issues", tags=["issues"], route_class=LargeRoute)
readers = APIRouter(tags=["issues"])
Articles = Annotated[
    list[ArticleIn],
    Field(max_length=10, description="1 to 8, in their order; a draft may have none"),
]


class ArticleNotPublished(NotFound):
    title = "这篇文章还没有发布，或已撤下"


class IssueIn(Body):
    org_code: str | None = Field(
        default=None,
        max_length=64,
        description="That of the account's publishing plan (the town), if at all",
    )
    articles: Articles


class IssueChange(Body):
    articles: Articles
    digest: Digest | None = Field(
        default=None,
        description="`digest` of the content this change was made on: DigestStale (409) if somebody"
        " else changed it since. Absent: whatever it is now",
    )


@router.post("", summary="Begin an issue", status_code=201, responses=ERRORS)
@once
async def write(
    body: IssueIn, actor: CurrentPerson, session: SessionDep, settings: SettingsDep, now: Now
) -> IssueOut:
    """A draft; what the platform would refuse is listed in `problems` until it is submitted.

    It goes out on the town's account, so it is the town's, whoever in town wrote the text.
    """
    plan = await plans.plan_of(session, outlet=outlet_of(settings))
    organisation = await people.get_organisation(session, plan.org_id)
    if body.org_code not in {None, organisation.code}:
        raise IssueElsewhere(org_code=organisation.code)
    if not policy.can_write(actor, organisation.lineage):
        raise NotYourBranch
    content = _content(body.articles)
    manuscript = await desk.write(
        session,
        kind="issue",
        key=f"issue:{secrets.token_hex(8)}",
        org_id=organisation.id,
        author_id=actor.person_id,
        body=content,
        flags=flow.flags_of(content),
        now=now,
    )
    return await issue_out(session, manuscript, actor)


@router.get("", summary="The issues below one's offices", responses=problems(400, 401, 429))
async def list_issues(
    actor: CurrentPerson,
    session: SessionDep,
    state: Annotated[
        State | None, Query(description=f"One of {', '.join(STATES)}; absent: all"), EmptyIsAbsent
    ] = None,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOut[IssueRow]:
    """The newest first; for tutors, editors and administrators."""
    page = await queries.list_manuscripts(
        session,
        kind="issue",
        org_ids=await people.ids_below(session, policy.orgs_where(actor, policy.can_see_pushing)),
        states=None if state is None else (state,),
        cursor=cursor,
        limit=limit,
    )
    return PageOut(items=[await issue_row(session, one) for one in page.items], next=page.next)


@router.get("/{manuscript_id}", summary="One issue", responses=problems(401, 403, 404, 429))
async def get_issue(
    manuscript_id: ManuscriptId, actor: CurrentPerson, session: SessionDep
) -> IssueOut:
    """With its reviews and whatever would be refused; also for who wrote it."""
    manuscript = await queries.get(session, manuscript_id)
    if manuscript.kind != "issue" or manuscript.author_id != actor.person_id:
        manuscript = await manuscript_for(
            session,
            kind="issue",
            manuscript_id=manuscript_id,
            actor=actor,
            may=policy.can_see_pushing,
        )
    return await issue_out(session, manuscript, actor)


@router.put("/{manuscript_id}", summary="Change an issue: its reviews are void", responses=ERRORS)
@once
async def change(
    manuscript_id: ManuscriptId,
    body: IssueChange,
    actor: CurrentPerson,
    session: SessionDep,
    now: Now,
) -> IssueOut:
    """All articles, not only the changed ones. Back to draft; the same content changes nothing."""
    await manuscript_for(
        session, kind="issue", manuscript_id=manuscript_id, actor=actor, may=policy.can_write
    )
    manuscript = await flow.change(
        session,
        manuscript_id=manuscript_id,
        body=_content(body.articles),
        by_id=actor.person_id,
        based_on=body.digest,
        now=now,
    )
    return await issue_out(session, manuscript, actor)


@readers.get(
    "/a/{manuscript_id}-{version}/{index}", summary="Read an article where it was published",
    status_code=302, responses=problems(404), response_class=RedirectResponse,
)  # fmt: skip
@public
async def read_article(
    manuscript_id: ManuscriptId,
    version: Annotated[int, Path(ge=1, lt=2**31, description="Version of the content")],
    index: Annotated[int, Path(ge=0, lt=100, description="Which article, from 0")],
    session: SessionDep,
) -> RedirectResponse:
    """阅读原文: this address is what tells our articles from others in the account's history."""
    try:
        manuscript = await queries.get(session, manuscript_id)
    except ManuscriptNotFound as error:
        raise ArticleNotPublished from error
    urls = (manuscript.outcome or {}).get("urls") or []
    published = manuscript.state == "published" and manuscript.version == version
    if manuscript.kind != "issue" or not published or index >= len(urls):
        raise ArticleNotPublished
    return RedirectResponse(urls[index], status_code=302)


def _content(articles: list[ArticleIn]) -> dict[str, Any]:
    return {"articles": [one.model_dump() for one in articles]}


add_steps(
    router,
    kind="issue",
    show=issue_out,
    schedule=weekly_issue.schedule,
    withdraw=weekly_issue.withdraw,
)
