"""An issue of the official account: begun, its articles added, put in order, taken out."""

from typing import Any

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.bank import NotYourBranch
from app.api.deps import Now, SessionDep, SettingsDep
from app.api.pages.doors import StudioPerson, go
from app.api.pages.forgery import Form
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.api.pages.studio_scope import Id, account_place, number_in, text_in
from app.api.review_steps import manuscript_for
from app.core.errors import Conflict
from app.editorial import desk, limits, queries
from app.editorial.models import Manuscript
from app.editorial.wordings import EMPTY_ARTICLE
from app.flows import editorial as flow
from app.people import policy
from app.people.policy import Actor

router = page_router("/studio/manuscripts")


class AccountNotYours(NotYourBranch):
    title = "公众号由镇里统一编写，村里请写每日推送"


class IssueFull(Conflict):
    title = f"一期最多 {limits.ARTICLES_MAX} 篇"


@router.post("/new-issue")
@once
async def begin(
    request: Request,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    """A draft with one empty article, to be written at once. The account is the town's."""
    place = await account_place(session, settings)
    if place is None or not policy.can_write(actor, place.lineage):
        raise AccountNotYours
    body = {"articles": [dict(EMPTY_ARTICLE)]}
    made = await desk.write(
        session,
        kind="issue",
        key=f"issue:{actor.person_id}:{text_in(form, 'once')[:64]}",
        org_id=place.id,
        author_id=actor.person_id,
        body=body,
        flags=flow.flags_of(body),
        now=now,
    )
    return go(request, f"/studio/manuscripts/{made.id}/articles/1")


@router.post("/{manuscript_id}/articles")
async def add_article(
    request: Request, manuscript_id: Id, form: Form, actor: StudioPerson, session: SessionDep,
    now: Now,
) -> Response:  # fmt: skip
    _, body = await _issue(session, actor, manuscript_id)
    if len(body["articles"]) >= limits.ARTICLES_MAX:
        raise IssueFull
    articles = [*body["articles"], dict(EMPTY_ARTICLE)]
    await _save(
        session, actor, manuscript_id, articles, form_digest=text_in(form, "digest"), now=now
    )
    return go(request, f"/studio/manuscripts/{manuscript_id}/articles/{len(articles)}")


@router.post("/{manuscript_id}/order")
async def reorder(
    request: Request, manuscript_id: Id, form: Form, actor: StudioPerson, session: SessionDep,
    now: Now,
) -> Response:  # fmt: skip
    """`up` names the article that changes places with the one before it; `remove` one to go."""
    _, body = await _issue(session, actor, manuscript_id)
    articles = list(body["articles"])
    up, remove = number_in(form, "up"), number_in(form, "remove")
    if up is not None and 1 < up <= len(articles):
        articles[up - 2], articles[up - 1] = articles[up - 1], articles[up - 2]
    elif remove is not None and remove <= len(articles):
        del articles[remove - 1]
    await _save(
        session, actor, manuscript_id, articles, form_digest=text_in(form, "digest"), now=now
    )
    return go(request, f"/studio/manuscripts/{manuscript_id}?said=saved")


async def _issue(
    session: AsyncSession, actor: Actor, manuscript_id: int
) -> tuple[Manuscript, dict[str, Any]]:
    manuscript = await manuscript_for(
        session, kind="issue", manuscript_id=manuscript_id, actor=actor, may=policy.can_write
    )
    return manuscript, await queries.body_of(session, manuscript_id=manuscript_id)


async def _save(
    session: AsyncSession,
    actor: Actor,
    manuscript_id: int,
    articles: list[dict[str, Any]],
    *,
    form_digest: str,
    now: Now,
) -> None:
    """Numbers mean nothing in a list that somebody else has changed: DigestStale."""
    await flow.change(
        session,
        manuscript_id=manuscript_id,
        body={"articles": articles},
        by_id=actor.person_id,
        based_on=form_digest,
        now=now,
    )
