"""freepublish: a draft becomes a permanent page, without a word to the followers.

WD:doc/offiaccount/Publish/Publish.html, …/api_freepublish_get (wechat-platform.md §5.1, §9.7).
"""

import hashlib
import secrets
from collections.abc import Mapping
from functools import partial
from typing import Any

from app.core import clock
from app.sandbox.accounts import Push
from app.sandbox.articles import news_item, url_of
from app.sandbox.callbacks import deliver
from app.sandbox.calls import OK, Call
from app.sandbox.drafts import find_draft, read_page
from app.sandbox.errors import CallRefused
from app.sandbox.jobs import begin
from app.sandbox.press import (
    BANNED,
    DELETED,
    PUBLISHED,
    PUBLISHING,
    REFUSED,
    Article,
    Draft,
    Post,
    Publication,
)
from app.sandbox.world import World


async def submit(call: Call) -> Mapping[str, object]:
    """0 means accepted only. What the event says, and when, is the admin's."""
    world, knobs = call.world, call.world.press.knobs
    draft = find_draft(world, call.body.get("media_id"))
    refused, knobs.next_submit_errcode = knobs.next_submit_errcode, 0
    if refused:
        raise CallRefused(refused)
    publication = make_publication(world, draft, outcome=knobs.next_publish_status)
    knobs.next_publish_status = PUBLISHED
    finish = partial(finish_publication, world, publication)
    if knobs.finish_event == "before_answer":
        await finish()
    else:
        begin(world, knobs.publish_seconds, finish)
    return {
        **OK,
        "publish_id": publication.publish_id,
        "msg_data_id": next(world.msg_ids),
    }


async def get_publication(call: Call) -> Mapping[str, object]:
    # One page calls publish_id a string, another a number.
    found = call.world.press.publications.get(str(call.body.get("publish_id")))
    if found is None:
        raise CallRefused(40097)
    return _outcome_of(call.world, found, found.status)


async def list_publications(call: Call) -> Mapping[str, object]:
    """batchget: what was published, newest first. Mass-sent articles are not among them [R]."""
    offset, count, brief = read_page(call)
    posts = [one for one in reversed(call.world.press.posts) if one.how == "publish"]
    posts = [one for one in posts if one.visible]
    items = [
        {
            "article_id": post.article_id,
            "content": _content(call.world, post, brief=brief),
            "update_time": int(post.at.timestamp()),
        }
        for post in posts[offset : offset + count]
    ]
    return {"total_count": len(posts), "item_count": len(items), "item": items}


async def get_article(call: Call) -> Mapping[str, object]:
    return _content(call.world, _post_of(call), brief=False)


async def delete_article(call: Call) -> Mapping[str, object]:
    """By its index from 1; 0 or none means all. It cannot be undone."""
    post, index = _post_of(call), call.body.get("index", 0)
    if not isinstance(index, int) or not 0 <= index <= len(post.articles):
        raise CallRefused(40060)
    post.deleted |= {index - 1} if index else set(range(len(post.articles)))
    for publication in call.world.press.publications.values():
        if publication.post is post and not post.visible:
            publication.status = DELETED
    return OK


def make_publication(world: World, draft: Draft, *, outcome: int) -> Publication:
    publication = Publication(
        publish_id=str(next(world.msg_ids)),
        media_id=draft.media_id,
        articles=list(draft.articles),
        outcome=outcome,
        made_at=clock.utcnow(),
    )
    world.press.publications[publication.publish_id] = publication
    return publication


async def finish_publication(world: World, publication: Publication, *, event: bool = True) -> None:
    """It ends as the admin wished, and PUBLISHJOBFINISH says so."""
    if publication.status != PUBLISHING:
        return
    publication.status = publication.outcome
    if publication.outcome == PUBLISHED:
        world.press.drafts.pop(publication.media_id, None)
        publication.post = add_post(world, publication.articles, "publish")
    if event:
        info = _outcome_of(world, publication, publication.status)
        await tell(world, "PUBLISHJOBFINISH", _system_openid(world), PublishEventInfo=info)


def ban(publication: Publication) -> None:
    if publication.post is not None:
        publication.post.banned, publication.status = True, BANNED


def add_post(world: World, articles: list[Article], how: Any) -> Post:
    post = Post(secrets.token_urlsafe(32), articles, clock.utcnow(), how)
    world.press.posts.append(post)
    return post


async def tell(world: World, event: str, sender: str, **facts: Any) -> None:
    """An event of the account itself, as often as the admin wishes."""
    oa, how = world.oa, world.press.knobs.finish_event
    fields = {
        "ToUserName": oa.original_id,
        "FromUserName": sender,
        "CreateTime": int(clock.utcnow().timestamp()),
        "MsgType": "event",
        "Event": event,
        **facts,
    }
    for _ in range({"never": 0, "twice": 2}.get(how, 1)):
        await deliver(world, Push(oa.appid, "", fields))


def _outcome_of(world: World, publication: Publication, status: int) -> dict[str, Any]:
    answer: dict[str, Any] = {"publish_id": publication.publish_id, "publish_status": status}
    if publication.post is not None:
        articles = publication.post.articles
        urls = [(index, url_of(world, one)) for index, one in enumerate(articles, 1)]
        items = [{"idx": index, "article_url": url} for index, url in urls]
        answer["article_id"] = publication.post.article_id
        answer["article_detail"] = {"count": len(items), "item": items}
    failed = list(range(1, len(publication.articles) + 1))
    answer["fail_idx"] = failed if PUBLISHING < status <= REFUSED else []
    return answer


def _post_of(call: Call) -> Post:
    for post in call.world.press.posts:
        if post.article_id == call.body.get("article_id") and post.visible:
            return post
    raise CallRefused(53600)


def _content(world: World, post: Post, *, brief: bool) -> dict[str, object]:
    items = [] if brief else [news_item(world, one, post=post) for one in post.articles]
    at = int(post.at.timestamp())
    return {"news_item": items, "create_time": at, "update_time": at}


def _system_openid(world: World) -> str:
    """The event's sender has an openid that belongs to nobody [R]."""
    digest = hashlib.sha256(f"system:{world.oa.appid}".encode()).hexdigest()
    return f"o{digest[:27]}"
