"""What the platform takes as an issue, checked before the first review rather than at publishing.

Limits: developers.weixin.qq.com …/draftbox/draftmanage/api_draft_add (title up to 32 characters,
author 16, digest 128, content below 20,000 characters and 1 MB, a cover); 1 to 8 articles:
WxJava WxMpDraftArticles and the old 图文素材.
"""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from app.core.errors import Invalid
from app.editorial.errors import ExternalPicture, IssueIncomplete, IssueTooLong
from app.editorial.wechat_html import pictures_in, to_wechat_html

ARTICLES_MAX = 8
TITLE_MAX, AUTHOR_MAX, DIGEST_MAX = 32, 16, 128
CONTENT_CHARS_MAX, CONTENT_BYTES_MAX = 19_999, 1024 * 1024 - 1
ADDRESS = "https://mmbiz.qpic.cn/".ljust(200, "x")
"""Counted for each picture: WeChat's addresses are not known yet, and have about 150 characters."""
NAMES = {"title": "标题", "author": "作者", "digest": "摘要", "markdown": "正文", "cover": "封面"}


def problems_in(body: Mapping[str, Any]) -> Iterator[Invalid]:
    """Everything the platform would refuse, each naming its field and, where it counts, the count.

    Fields are paths in the body: `articles.0.title`.
    """
    articles = body["articles"]
    if not articles:
        yield IssueIncomplete("至少要有一篇文章", field="articles")
    if len(articles) > ARTICLES_MAX:
        yield _too_long("articles", "一期文章", len(articles), ARTICLES_MAX, "篇")
    for index, article in enumerate(articles[:ARTICLES_MAX]):
        yield from _problems_of(f"articles.{index}", index + 1, article)


def pictures_at(body: Mapping[str, Any]) -> list[tuple[str, int | str]]:
    """(field, upload id of the cover or SHA-256 of a picture in the text) of every picture.

    What `problems_in` refuses anyway has none.
    """
    found: list[tuple[str, int | str]] = []
    for index, article in enumerate(body["articles"][:ARTICLES_MAX]):
        if article.get("cover"):
            found.append((f"articles.{index}.cover", article["cover"]))
        with suppress(ExternalPicture):
            inside = pictures_in(article["markdown"][:CONTENT_CHARS_MAX])
            found += [(f"articles.{index}.markdown", sha256) for sha256 in inside]
    return found


def _problems_of(where: str, number: int, article: Mapping[str, Any]) -> Iterator[Invalid]:
    for name, limit in (("title", TITLE_MAX), ("author", AUTHOR_MAX), ("digest", DIGEST_MAX)):
        count = len(article.get(name) or "")
        if count > limit:
            yield _too_long(f"{where}.{name}", f"第 {number} 篇的{NAMES[name]}", count, limit)
    for name in ("title", "markdown", "cover"):
        given = article.get(name)
        if not (given.strip() if isinstance(given, str) else given):
            yield IssueIncomplete(f"第 {number} 篇缺少{NAMES[name]}", field=f"{where}.{name}")
    subject = f"第 {number} 篇的正文（含排版）"
    if len(article["markdown"]) > CONTENT_CHARS_MAX:
        # The layout only adds to it, and a parser's time should not grow without bounds.
        count = len(article["markdown"])
        yield _too_long(f"{where}.markdown", subject, count, CONTENT_CHARS_MAX)
        return
    try:
        urls = dict.fromkeys(pictures_in(article["markdown"]), ADDRESS)
    except ExternalPicture as found:
        yield ExternalPicture(field=f"{where}.markdown", source=found.facts["source"])
        return
    html = to_wechat_html(article["markdown"], urls=urls)
    if len(html) > CONTENT_CHARS_MAX:
        yield _too_long(f"{where}.markdown", subject, len(html), CONTENT_CHARS_MAX)
    elif (size := len(html.encode())) > CONTENT_BYTES_MAX:
        yield _too_long(f"{where}.markdown", subject, size, CONTENT_BYTES_MAX, "字节")


def _too_long(field: str, subject: str, count: int, limit: int, unit: str = "字") -> IssueTooLong:
    detail = f"{subject}有 {count} {unit}，最多 {limit} {unit}"
    return IssueTooLong(detail, field=field, count=count, limit=limit, unit=unit)
