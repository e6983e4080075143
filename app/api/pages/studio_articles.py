"""One article of an issue, in the editor: typed, pasted from Word, or uploaded as a .docx."""

from dataclasses import replace
from typing import Annotated, Any

from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from app.api.deps import Now, SessionDep, SettingsDep
from app.api.pages.article_preview import article_shown, cover_url
from app.api.pages.doors import StudioPerson, go
from app.api.pages.errors import NoSuchPage
from app.api.pages.forgery import Form
from app.api.pages.router import page_router
from app.api.pages.studio_editor import CSP, Body, editor_facts, read_body, read_picture
from app.api.pages.studio_scope import Id, number_in, show, text_in
from app.api.review_steps import manuscript_for
from app.core.errors import Invalid
from app.editorial import limits, pictures, queries
from app.editorial.errors import DigestStale, NotInThisState, UploadNotFound
from app.editorial.models import Manuscript
from app.editorial.rules import CHANGEABLE
from app.editorial.wechat_html import OWN_PICTURE
from app.editorial.wordings import find_body, is_untouched
from app.flows import editorial as flow
from app.people import policy
from app.people.policy import Actor

router = page_router("/studio/manuscripts")
Number = Annotated[int, Path(ge=1, le=limits.ARTICLES_MAX)]
TYPED_MAX = {"title": 500, "author": 200, "digest": 2000}
"""A draft may be longer than the platform takes: the page says so, and nothing is lost."""
LIMITS = {
    "title": limits.TITLE_MAX,
    "author": limits.AUTHOR_MAX,
    "digest": limits.DIGEST_MAX,
    "body": limits.CONTENT_CHARS_MAX,
}


@router.get("/{manuscript_id}/articles/{number}")
async def edit_article(
    request: Request, manuscript_id: Id, number: Number, actor: StudioPerson, session: SessionDep
) -> Response:
    manuscript, body = await _issue(session, actor, manuscript_id)
    article = _article(body, number)
    written = Body(article["markdown"])
    return await _form(request, session, manuscript, number, article, written)


@router.post("/{manuscript_id}/articles/{number}")
async def save_article(
    request: Request,
    manuscript_id: Id,
    number: Number,
    form: Form,
    actor: StudioPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
) -> Response:
    """A file that is refused costs no text; who was second sees both wordings."""
    manuscript, body = await _issue(session, actor, manuscript_id)
    by_id = actor.person_id
    written = await read_body(request, session, form, settings=settings, by_id=by_id, now=now)
    cover, fault = await read_picture(
        session, form, "cover_file", settings=settings, by_id=by_id, now=now
    )
    errors = dict(written.errors)
    if fault:
        errors["cover_file"] = fault
    article: dict[str, Any] = {name: text_in(form, f"a_{name}").strip() for name in TYPED_MAX}
    article |= {
        "markdown": written.markdown,
        "cover": cover.id if cover else await _cover(session, form, written.markdown),
    }
    for name, most in TYPED_MAX.items():
        if len(article[name]) > most:
            errors[f"a_{name}"] = f"{limits.NAMES[name]}太长了，最多 {LIMITS[name]} 字"
    digest = text_in(form, "digest")
    if not errors:
        try:
            async with session.begin_nested():
                await _save(session, manuscript, number, article, body, digest, by_id, now=now)
        except DigestStale:
            return await _form(
                request, session, manuscript, number, article, written,
                theirs=_article(body, number) if number <= len(body["articles"]) else None,
                stale=True,
            )  # fmt: skip
        else:
            done = "stay" if written.came_in else text_in(form, "do")
            return go(request, await _then(session, manuscript, number, done, by_id, now=now))
    return await _form(
        request, session, manuscript, number, article, written, errors=errors, digest=digest
    )


async def _cover(session: AsyncSession, form: FormData, markdown: str) -> int | None:
    """The one it has; else the first picture of the text, so that nobody need choose it twice."""
    kept = number_in(form, "cover")
    first = OWN_PICTURE.search(markdown)
    if kept is not None or first is None:
        return kept
    try:
        return (await pictures.find(session, sha256=first[1])).id
    except UploadNotFound:
        return None


async def _then(
    session: AsyncSession, manuscript: Manuscript, number: int, do: str, by_id: int, *, now: Now
) -> str:
    """Where to go after it was saved; what is not fit for a review yet stays a draft."""
    issue = f"/studio/manuscripts/{manuscript.id}"
    if do == "stay":
        return f"{issue}/articles/{number}?said=saved"
    if do != "submit" or manuscript.state not in ("draft", "first_review"):
        return f"{issue}?said=saved"
    try:
        async with session.begin_nested():
            await flow.submit(session, manuscript_id=manuscript.id, by_id=by_id, now=now)
    except Invalid:
        return f"{issue}?said=unfinished"
    return f"{issue}?said=submitted"


async def _save(
    session: AsyncSession,
    manuscript: Manuscript,
    number: int,
    article: dict[str, Any],
    body: dict[str, Any],
    digest: str,
    by_id: int,
    *,
    now: Now,
) -> None:
    """Raises DigestStale if this very article is another than the one the form was opened with."""
    based_on = digest
    if digest != manuscript.digest:
        seen = await find_body(session, manuscript_id=manuscript.id, digest=digest)
        if not is_untouched(seen, body, number - 1):
            raise DigestStale(digest=manuscript.digest)
        based_on = manuscript.digest
    articles = list(body["articles"])
    articles[number - 1] = article
    await flow.change(
        session,
        manuscript_id=manuscript.id,
        body={"articles": articles},
        by_id=by_id,
        based_on=based_on,
        now=now,
    )


async def _issue(
    session: AsyncSession, actor: Actor, manuscript_id: int
) -> tuple[Manuscript, dict[str, Any]]:
    manuscript = await manuscript_for(
        session, kind="issue", manuscript_id=manuscript_id, actor=actor, may=policy.can_write
    )
    if manuscript.state not in CHANGEABLE:
        raise NotInThisState(state=manuscript.state)
    return manuscript, await queries.body_of(session, manuscript_id=manuscript_id)


def _article(body: dict[str, Any], number: int) -> dict[str, Any]:
    if number > len(body["articles"]):
        raise NoSuchPage(f"这一期没有第 {number} 篇")
    found: dict[str, Any] = body["articles"][number - 1]
    return found


async def _form(
    request: Request,
    session: AsyncSession,
    manuscript: Manuscript,
    number: int,
    article: dict[str, Any],
    written: Body,
    *,
    errors: dict[str, str] | None = None,
    digest: str | None = None,
    theirs: dict[str, Any] | None = None,
    stale: bool = False,
) -> Response:
    return show(
        request,
        "article.html",
        status=409 if stale else 400 if errors else 200,
        headers={"Content-Security-Policy": CSP},
        manuscript=manuscript,
        number=number,
        article=article,
        cover_url=await cover_url(session, article["cover"]),
        preview=await article_shown(request, session, article),
        errors=errors or {},
        digest=digest or manuscript.digest,
        theirs=theirs,
        stale=stale,
        limits=LIMITS,
        alone=len((await queries.body_of(session, manuscript_id=manuscript.id))["articles"]) == 1,
        **editor_facts(request, replace(written, markdown=article["markdown"])),
    )
