"""The draft box: WD:doc/service/api/draftbox/draftmanage (wechat-platform.md §5.1)."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.core import clock
from app.sandbox.articles import news_item, read_article
from app.sandbox.calls import OK, Call
from app.sandbox.errors import CallRefused
from app.sandbox.press import Draft
from app.sandbox.world import World

ARTICLES_MAX, PAGE_MAX = 8, 20


async def add_draft(call: Call) -> Mapping[str, object]:
    check_characters(call)
    given = call.body.get("articles")
    if not isinstance(given, list) or not given:
        raise CallRefused(44003)
    if len(given) > ARTICLES_MAX:
        raise CallRefused(45008)
    articles = [read_article(call.world, one) for one in given]
    now = clock.utcnow()
    draft = Draft(secrets.token_urlsafe(48), articles, now, now)
    call.world.press.drafts[draft.media_id] = draft
    return {"media_id": draft.media_id, "item": []}


async def change_draft(call: Call) -> Mapping[str, object]:
    """draft/update: one article, by its index from 0."""
    check_characters(call)
    draft = find_draft(call.world, call.body.get("media_id"))
    index = call.body.get("index", 0)
    if not isinstance(index, int) or not 0 <= index < len(draft.articles):
        raise CallRefused(40060)
    article = read_article(call.world, call.body.get("articles"))
    draft.articles[index] = replace(article, slug=draft.articles[index].slug)
    draft.changed_at = clock.utcnow()
    return OK


async def get_draft(call: Call) -> Mapping[str, object]:
    return _content(call.world, find_draft(call.world, call.body.get("media_id")), brief=False)


async def list_drafts(call: Call) -> Mapping[str, object]:
    """draft/batchget, newest first."""
    offset, count, brief = read_page(call)
    drafts = list(reversed(call.world.press.drafts.values()))
    shown = drafts[offset : offset + count]
    items = [
        {
            "media_id": draft.media_id,
            "content": _content(call.world, draft, brief=brief),
            "update_time": int(draft.changed_at.timestamp()),
        }
        for draft in shown
    ]
    return {"total_count": len(drafts), "item_count": len(items), "item": items}


async def count_drafts(call: Call) -> Mapping[str, object]:
    return {"total_count": len(call.world.press.drafts)}


async def delete_draft(call: Call) -> Mapping[str, object]:
    """Deleting twice still answers 0."""
    media_id = call.body.get("media_id")
    if not isinstance(media_id, str):
        raise CallRefused(40007)
    call.world.press.drafts.pop(media_id, None)
    return OK


def find_draft(world: World, media_id: Any) -> Draft:
    draft = world.press.drafts.get(media_id) if isinstance(media_id, str) else None
    if draft is None:
        raise CallRefused(40007)
    return draft


def check_characters(call: Call) -> None:
    """Escaped Chinese makes ugly titles or is refused; refusing shows it at once (§9.4)."""
    if b"\\u" in call.raw:
        raise CallRefused(40033)


def read_page(call: Call) -> tuple[int, int, bool]:
    """(offset, count, whether to leave the content out)."""
    offset, count = call.body.get("offset", 0), call.body.get("count", PAGE_MAX)
    if not isinstance(offset, int) or not isinstance(count, int):
        raise CallRefused(47001)
    if offset < 0 or not 1 <= count <= PAGE_MAX:
        raise CallRefused(40097)
    return offset, count, call.body.get("no_content", 0) == 1


def _content(world: World, draft: Draft, *, brief: bool) -> Mapping[str, object]:
    return {
        "news_item": [] if brief else [news_item(world, one) for one in draft.articles],
        "create_time": int(draft.made_at.timestamp()),
        "update_time": int(draft.changed_at.timestamp()),
    }
