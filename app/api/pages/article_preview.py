"""Articles of an issue as followers will see them; their look is css/article.css."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.pages.prose import shown_html
from app.content import rules
from app.content.markdown import to_html
from app.content.sanitise import plain_text
from app.core.errors import Invalid
from app.editorial import limits, pictures, wechat_html
from app.editorial.errors import ExternalPicture, UploadNotFound


@dataclass(frozen=True)
class ArticleShown:
    """`refused` says why it cannot be laid out as it is; `seconds` is what reading it takes."""

    title: str
    author: str
    summary: str
    cover_url: str | None
    body: Markup
    seconds: int
    refused: str = ""


async def article_shown(
    request: Request, session: AsyncSession, article: Mapping[str, Any]
) -> ArticleShown:
    body, refused = laid_out(request, article["markdown"])
    plain = plain_text(str(body))
    return ArticleShown(
        title=article["title"],
        author=article.get("author") or "",
        summary=article.get("digest") or "",
        cover_url=await cover_url(session, article.get("cover")),
        body=body,
        seconds=rules.reading_seconds(plain, "article") if plain else 0,
        refused=refused,
    )


def laid_out(request: Request, markdown: str) -> tuple[Markup, str]:
    """(the text as WeChat will have it, why that cannot be). Its styles come from the sheet."""
    if len(markdown) > limits.CONTENT_CHARS_MAX:
        return shown_html(request, ""), f"正文超过 {limits.CONTENT_CHARS_MAX:,} 字，不能预览"
    try:
        # Names of our own pictures, where WeChat's addresses will stand.
        urls = {one: f"/uploads/{one}" for one in wechat_html.pictures_in(markdown)}
        laid = wechat_html.to_wechat_html(markdown, urls=urls)
    except ExternalPicture as problem:
        return shown_html(request, to_html(markdown)), problem.title
    except Invalid as problem:
        return shown_html(request, ""), problem.detail
    # The kind of a picture is part of its address with us, and of nothing else.
    for source in wechat_html.OWN_PICTURE.finditer(markdown):
        laid = laid.replace(f'"/uploads/{source[1]}"', f'"{source[0]}"')
    return shown_html(request, laid), ""


async def cover_url(session: AsyncSession, upload_id: int | None) -> str | None:
    if upload_id is None:
        return None
    try:
        return pictures.url_of(await pictures.find(session, upload_id=upload_id))
    except UploadNotFound:
        return None
