"""Publishing without a notification: a permanent address, unlike a mass send.

developers.weixin.qq.com/doc/offiaccount/Publish/Publish.html, …/api_freepublish_submit,
…/api_freepublish_get; WxJava WxMpFreePublishService. Verified accounts only since July 2025
(…/doc/subscription/guide/product/publish.md).
"""

from dataclasses import dataclass

from app.wechat.answers import Answer, id_in, number_in, numbers_in, part_in, parts_in
from app.wechat.capability import capability_of, require
from app.wechat.client import WeChatClient

PAGE_SIZE, PAGES_MAX = 20, 3
PUBLISHED = 0


@dataclass(frozen=True)
class Publication:
    """What became of one (…/api_freepublish_get); `urls` in the order of the articles.

    `status`: 0 published, 1 under way, 2 refused as not original, 3 failed, 4 refused by the
    platform, 5 deleted by the account afterwards, 6 banned afterwards. `failed_indexes`: from 1.
    """

    status: int
    article_id: str
    urls: tuple[str, ...]
    failed_indexes: tuple[int, ...]


async def submit(client: WeChatClient, *, media_id: str) -> str:
    """The publish_id of a draft handed in; nothing is published yet.

    POST /cgi-bin/freepublish/submit. PublishRefused (53503 to 53505) sends a person to the console.
    After WeChatUnavailable it may have been accepted: look with `find_published`.
    """
    oa = client.settings.oa
    require(capability_of(oa), "freepublish")
    asked = {"media_id": media_id}
    answer = await client.call(oa, "POST", "/cgi-bin/freepublish/submit", json=asked)
    return id_in(answer, "publish_id")


async def get_publication(client: WeChatClient, *, publish_id: str) -> Publication:
    """What became of it (POST /cgi-bin/freepublish/get); PUBLISHJOBFINISH tells the same."""
    oa = client.settings.oa
    require(capability_of(oa), "freepublish")
    asked = {"publish_id": publish_id}
    answer = await client.call(oa, "POST", "/cgi-bin/freepublish/get", json=asked)
    items = parts_in(part_in(answer, "article_detail"), "item")
    return Publication(
        status=number_in(answer, "publish_status"),
        article_id=str(answer.get("article_id") or ""),
        urls=tuple(str(item.get("article_url") or "") for item in items),
        failed_indexes=numbers_in(answer, "fail_idx"),
    )


async def find_published(client: WeChatClient, *, source_url: str) -> Publication | None:
    """The latest publication with an article whose 阅读原文 is this address.

    POST /cgi-bin/freepublish/batchget, newest first, at most 60 publications. With no_content=1
    the whole news_item, so the address too, would be missing.
    """
    oa = client.settings.oa
    require(capability_of(oa), "freepublish")
    for page in range(PAGES_MAX):
        asked = {"offset": page * PAGE_SIZE, "count": PAGE_SIZE, "no_content": 0}
        answer = await client.call(oa, "POST", "/cgi-bin/freepublish/batchget", json=asked)
        items = parts_in(answer, "item")
        for item in items:
            found = _publication_of(item, source_url)
            if found is not None:
                return found
        if len(items) < PAGE_SIZE:
            return None
    return None


def _publication_of(item: Answer, source_url: str) -> Publication | None:
    articles = parts_in(part_in(item, "content"), "news_item")
    there = (one for one in articles if not one.get("is_deleted"))
    if all(one.get("content_source_url") != source_url for one in there):
        return None
    urls = tuple(str(one.get("url") or "") for one in articles)
    return Publication(PUBLISHED, id_in(item, "article_id"), urls, ())
