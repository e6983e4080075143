"""The draft box: what is published or mass-sent is a draft first, and disappears from here then.

developers.weixin.qq.com/doc/service/api/draftbox/draftmanage/api_draft_add; WxJava
WxMpDraftService.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.wechat.answers import text_in
from app.wechat.capability import capability_of, require
from app.wechat.client import WeChatClient


@dataclass(frozen=True)
class Article:
    """Up to 32 characters of title, 16 of author, 128 of digest, and below 20,000 of content.

    Other limits: content below 1 MB, source_url 1 KB (…/api_draft_add). The cover is a permanent
    material; pictures in the content come from `upload_body_image`.
    """

    title: str
    author: str
    digest: str
    content: str
    source_url: str
    cover_media_id: str


async def add_draft(client: WeChatClient, articles: Sequence[Article]) -> str:
    """The media_id of one draft with these articles (POST /cgi-bin/draft/add)."""
    oa = client.settings.oa
    require(capability_of(oa), "draft")
    asked = {"articles": [_json(article) for article in articles]}
    return text_in(await client.call(oa, "POST", "/cgi-bin/draft/add", json=asked), "media_id")


def _json(article: Article) -> dict[str, Any]:
    return {
        "article_type": "news",
        "title": article.title,
        "author": article.author,
        "digest": article.digest,
        "content": article.content,
        "content_source_url": article.source_url,
        "thumb_media_id": article.cover_media_id,
        "need_open_comment": 0,
        "only_fans_can_comment": 0,
    }
