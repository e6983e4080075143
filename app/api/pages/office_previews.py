"""A manuscript as followers will see it: laid out for WeChat, or the text and lesson of a push."""

import asyncio
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import escape
from typing import Any

import nh3
from fastapi import Request
from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.pages.prose import shown_html
from app.content import queries as content
from app.content.errors import LessonNotFound
from app.content.queries import LessonView
from app.content.rules import AnswerKey
from app.editorial import pictures
from app.editorial.errors import ExternalPicture, UploadNotFound
from app.editorial.models import Manuscript
from app.editorial.wechat_html import OWN_PICTURE, pictures_in, to_wechat_html

WORD_MAX = 40
PLACES = {"title": "标题", "author": "作者", "digest": "摘要", "markdown": "正文"}


@dataclass(frozen=True)
class ArticlePreview:
    title: str
    author: str
    digest: str
    cover: str | None
    html: Markup


@dataclass(frozen=True)
class PushPreview:
    text: Markup
    lesson: LessonView | None
    html: Markup
    keys: Mapping[int, AnswerKey]


@dataclass(frozen=True)
class Flag:
    """A passage to look at: where in plain words, the passage with the word marked, and why."""

    where: str
    passage: Markup
    why: str


async def articles_of(
    session: AsyncSession, manuscript: Manuscript, body: Mapping[str, Any], root: str
) -> list[ArticlePreview]:
    """`root`: what stands before our own paths."""
    words = [str(one.get("word", "")) for one in manuscript.flags]
    found = []
    for article in body.get("articles", []):
        html = await asyncio.to_thread(_laid_out, article["markdown"], root)
        cover = await _cover(session, article.get("cover"), root)
        found.append(
            ArticlePreview(
                title=article["title"],
                author=article["author"],
                digest=article["digest"],
                cover=cover,
                html=_marked(html, words),
            )
        )
    return found


async def push_of(
    request: Request, session: AsyncSession, manuscript: Manuscript, body: Mapping[str, Any]
) -> PushPreview:
    """The very version of the lesson that is reviewed; None if it is gone."""
    words = [str(one.get("word", "")) for one in manuscript.flags]
    text = _marked(escape(str(body["text"])), words)
    try:
        lesson = await content.get_lesson(
            session, lesson_id=body["lesson_id"], version_id=body["lesson_version_id"]
        )
    except LessonNotFound:
        return PushPreview(text, None, Markup(), {})
    keys = await content.get_answer_key(session, version_id=lesson.version_id)
    html = shown_html(request, lesson.html)
    return PushPreview(text, lesson, html, {one.question_id: one for one in keys})


def flags_of(manuscript: Manuscript) -> list[Flag]:
    return [
        Flag(
            where=_place(str(one.get("where", ""))),
            passage=_marked(
                escape(str(one.get("passage", "") or one.get("word", ""))),
                [str(one.get("word", ""))],
            ),
            why=str(one.get("why", "")),
        )
        for one in manuscript.flags
    ]


def _laid_out(markdown: str, root: str) -> str:
    """As WeChat gets it, but for its styles: they stand in a file, since pages may name none."""
    try:
        own = {sha256: f"{root}/uploads/{sha256}" for sha256 in pictures_in(markdown)}
    except ExternalPicture:
        return f"<section><p>{escape('文中有外部图片，无法预览。')}</p></section>"
    # The extension is the writer's: jpg or png.
    for found in OWN_PICTURE.finditer(markdown):
        own[found[1]] = root + found[0]
    html = to_wechat_html(markdown, urls=own)
    return nh3.clean(
        html,
        tags={"section", "h2", "h3", "h4", "p", "ul", "ol", "li", "strong", "em", "blockquote",
              "br", "hr", "table", "thead", "tbody", "tr", "th", "td", "img", "a"},
        attributes={"a": {"href"}, "img": {"src", "alt"}, "ol": {"start"}},
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer",
    )  # fmt: skip


def _marked(html: str, words: Iterable[str]) -> Markup:
    """The words stand out; tags are left alone. `html` is clean already."""
    wanted = sorted({escape(one) for one in words if one and len(one) <= WORD_MAX}, key=len)
    if not wanted:
        return Markup(html)  # noqa: S704  the caller cleaned it
    pattern = re.compile("|".join(map(re.escape, reversed(wanted))), re.IGNORECASE)
    parts = re.split(r"(<[^>]*>)", html)
    for index in range(0, len(parts), 2):
        parts[index] = pattern.sub(r"<mark>\g<0></mark>", parts[index])
    return Markup("".join(parts))  # noqa: S704  the same, with marks of ours


def _place(where: str) -> str:
    """articles.0.title → 第 1 篇标题."""
    match where.split("."):
        case ["articles", index, field]:
            return f"第 {int(index) + 1} 篇{PLACES.get(field, '')}"
        case ["text"]:
            return "推送语"
    return "全文"


async def _cover(session: AsyncSession, upload_id: int | None, root: str) -> str | None:
    if upload_id is None:
        return None
    try:
        return root + pictures.url_of(await pictures.find(session, upload_id=upload_id))
    except UploadNotFound:
        return None
