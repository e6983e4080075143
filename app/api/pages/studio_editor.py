"""The rich editor: Quill over a plain text area, and what comes out of either, cleaned here.

Quill (quilljs.com, BSD-3) sets styles on its own elements, so its page alone allows inline style.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData

from app.api.deps import Now, SessionDep, SettingsDep
from app.api.pages import cookies, frame, static
from app.api.pages.article_preview import laid_out
from app.api.pages.doors import StudioPerson
from app.api.pages.forgery import Form
from app.api.pages.prose import shown_markdown
from app.api.pages.router import page_router
from app.api.pages.studio_scope import file_in, show, text_in
from app.content import rules
from app.content.rules import KINDS, Kind
from app.content.sanitise import plain_text
from app.core.errors import Forbidden, Invalid
from app.core.settings import Settings
from app.editorial import pictures
from app.editorial.errors import PictureTooLarge
from app.editorial.models import Upload
from app.flows import rich_text
from app.flows.rich_text import WordFileTooLarge
from app.people import policy

router = page_router("/studio")
CSP = frame.CSP.replace("style-src 'self'", "style-src 'self' 'unsafe-inline'")
MARKDOWN_MAX = 60_000
HEAD_CELLS = re.compile(r"<(/?)th>")


class PicturesNotYours(Forbidden):
    title = "只有辅导员、讲师、编辑和管理员可以上传图片"


@dataclass(frozen=True)
class Body:
    """A text as it came from the form. `came_in`: a file was added to it, so it is shown again."""

    markdown: str
    errors: dict[str, str] = field(default_factory=dict)
    came_in: bool = False


def editor_facts(request: Request, body: Body) -> dict[str, object]:
    """What templates/studio/editor.html needs."""
    # Quill knows no cells of a head; the first row becomes the head again on the way back. It goes
    # into a text area, where the browser takes it for text and the editor for its content.
    html = HEAD_CELLS.sub(r"<\1td>", str(shown_markdown(request, body.markdown)))
    return {"rich": static.HAS_EDITOR, "markdown": body.markdown, "html": html}


async def read_body(
    request: Request,
    session: AsyncSession,
    form: FormData,
    *,
    settings: Settings,
    by_id: int,
    now: datetime,
) -> Body:
    """The text, with a Word file's or a picture's content after it; what was refused, by field."""
    errors: dict[str, str] = {}
    markdown, came_in, dropped = text_in(form, "markdown"), False, 0
    if text_in(form, "format") == "html":
        # In a page our pictures lie below the service's root; in a text they have no such prefix.
        shown = f' src="{cookies.root_of(request)}/uploads/'
        html = text_in(form, "html").replace(shown, ' src="/uploads/')
        pasted = await rich_text.from_html(
            session, html=html, directory=settings.data_dir, by_id=by_id, now=now
        )
        markdown, dropped = pasted.markdown, pasted.dropped
    word = file_in(form, "word")
    if word is not None:
        try:
            if (word.size or 0) > rich_text.WORD_BYTES_MAX:
                raise WordFileTooLarge
            content = await word.read()
            read = await rich_text.from_word(
                session, content=content, directory=settings.data_dir, by_id=by_id, now=now
            )
            markdown, came_in = _after(markdown, read.markdown), True
            dropped += read.dropped
        except Invalid as problem:
            errors["word"] = problem.detail
    picture, fault = await read_picture(
        session, form, "picture", settings=settings, by_id=by_id, now=now
    )
    if fault:
        errors["picture"] = fault
    elif picture is not None:
        markdown, came_in = _after(markdown, f"![]({pictures.url_of(picture)})"), True
    if len(markdown) > MARKDOWN_MAX:
        errors["body"] = f"正文太长了：{len(markdown):,} 字，最多 {MARKDOWN_MAX:,} 字"
    if dropped and not errors:
        errors["word"] = f"有 {dropped} 张图片不能用，没有带进来；文字都在，请检查后再保存"
    return Body(markdown, errors, came_in)


async def read_picture(
    session: AsyncSession,
    form: FormData,
    name: str,
    *,
    settings: Settings,
    by_id: int,
    now: datetime,
) -> tuple[Upload | None, str]:
    """(the kept picture if one was sent, why it was refused)."""
    file = file_in(form, name)
    if file is None:
        return None, ""
    try:
        if (file.size or 0) > pictures.FILE_BYTES_MAX:
            raise PictureTooLarge(count=file.size, limit=pictures.FILE_BYTES_MAX)
        kept = await pictures.store(
            session,
            content=await file.read(),
            directory=settings.data_dir,
            uploaded_by_id=by_id,
            now=now,
        )
    except Invalid as problem:
        return None, problem.detail
    return kept, ""


@router.post("/pictures")
async def upload_picture(
    request: Request, form: Form, actor: StudioPerson, session: SessionDep, settings: SettingsDep,
    now: Now,
) -> Response:  # fmt: skip
    """A picture pasted, dropped or chosen in the editor: its address, or why not, as JSON."""
    if not policy.can_upload(actor):
        raise PicturesNotYours
    kept, fault = await read_picture(
        session, form, "file", settings=settings, by_id=actor.person_id, now=now
    )
    if kept is None:
        return JSONResponse({"said": fault or "没有选图片"}, 400)
    return JSONResponse({"url": cookies.root_of(request) + pictures.url_of(kept), "id": kept.id})


@router.post("/preview")
async def preview(
    request: Request, form: Form, actor: StudioPerson, session: SessionDep, settings: SettingsDep,
    now: Now,
) -> Response:  # fmt: skip
    """What the editor holds at this moment, in a phone: a part of a page, put in by a script."""
    body = await read_body(
        request, session, form, settings=settings, by_id=actor.person_id, now=now
    )
    as_article = text_in(form, "preview") == "article"
    refused = ""
    if as_article:
        prose, refused = laid_out(request, body.markdown)
    else:
        prose = shown_markdown(request, body.markdown[:MARKDOWN_MAX])
    kind: Kind = "article"
    for one in KINDS:
        if text_in(form, "kind") == one:
            kind = one  # type: ignore[assignment]  # it is one of them
    plain = plain_text(str(prose))
    return show(
        request,
        "preview.html",
        prose=prose,
        refused=refused,
        as_article=as_article,
        title=text_in(form, "a_title") or text_in(form, "title"),
        author=text_in(form, "a_author"),
        seconds=rules.reading_seconds(plain, kind) if plain else 0,
        count=len(body.markdown),
    )


def _after(text: str, more: str) -> str:
    return f"{text.rstrip()}\n\n{more}".strip()
