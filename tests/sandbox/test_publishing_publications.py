from typing import Any

import httpx
import pytest

from app.core import clock
from app.core.errors import DomainError
from app.sandbox.world import World
from app.wechat import errors, freepublish
from app.wechat.client import WeChatClient
from app.wechat.messages import PublishFinished, parse
from tests.sandbox.draft_box import has_draft
from tests.sandbox.platform import Platform
from tests.sandbox.press import ARTICLE, SITE, ask, knobs, make_draft, seen, settle
from tests.sandbox.service import Service


def events(service: Service) -> list[PublishFinished]:
    """As the service's own reader understands what wechatpy decrypted."""
    read = [parse(service.settings.wechat.oa.appid, fields) for fields in service.messages]
    return [one for one in read if isinstance(one, PublishFinished)]


async def test_a_draft_is_published_and_the_event_says_so(
    platform: Platform, wechat: WeChatClient, service: Service
) -> None:
    media_id = await make_draft(wechat, "头条", "次条")
    publish_id = await freepublish.submit(wechat, media_id=media_id)
    under_way = await freepublish.get_publication(wechat, publish_id=publish_id)
    assert under_way == freepublish.Publication(1, "", (), ())
    assert service.messages == []
    assert await settle(platform) == 1
    done = await freepublish.get_publication(wechat, publish_id=publish_id)
    assert done.status == 0
    assert [url.startswith(f"{SITE}/s/") for url in done.urls] == [True, True]
    [event] = events(service)
    assert (event.publish_id, event.status, event.article_id, event.urls) == (
        publish_id, 0, done.article_id, done.urls,
    )  # fmt: skip
    assert "Encrypt" in service.requests[-1].content.decode()
    assert not await has_draft(wechat, media_id=media_id)
    with pytest.raises(errors.MediaInvalid):
        await freepublish.submit(wechat, media_id=media_id)


@pytest.mark.parametrize("status", [2, 3, 4])
async def test_a_publication_fails_as_the_admin_wishes_once(
    platform: Platform, wechat: WeChatClient, service: Service, status: int
) -> None:
    await knobs(platform, next_publish_status=status)
    media_id = await make_draft(wechat)
    publish_id = await freepublish.submit(wechat, media_id=media_id)
    await settle(platform)
    failed = await freepublish.get_publication(wechat, publish_id=publish_id)
    assert failed == freepublish.Publication(status, "", (), (1,))
    [event] = events(service)
    assert (event.status, event.failed_indexes, event.urls) == (status, (1,), ())
    assert await has_draft(wechat, media_id=media_id)
    again = await freepublish.submit(wechat, media_id=media_id)
    await settle(platform)
    assert (await freepublish.get_publication(wechat, publish_id=again)).status == 0


async def test_the_check_before_publishing_refuses_once(
    platform: Platform, wechat: WeChatClient
) -> None:
    media_id = await make_draft(wechat)
    for errcode in (53503, 53504, 53505):
        await knobs(platform, next_submit_errcode=errcode)
        with pytest.raises(errors.PublishRefused) as refused:
            await freepublish.submit(wechat, media_id=media_id)
        assert refused.value.errcode == errcode
    assert await freepublish.submit(wechat, media_id=media_id)


@pytest.mark.parametrize(("how", "times"), [("once", 1), ("twice", 2), ("never", 0)])
async def test_the_event_comes_as_often_as_the_admin_wishes(
    platform: Platform,
    wechat: WeChatClient,
    service: Service,
    how: str,
    times: int,
) -> None:
    await knobs(platform, finish_event=how)
    await freepublish.submit(wechat, media_id=await make_draft(wechat))
    await settle(platform)
    found = events(service)
    assert len(found) == times
    assert len({event.key for event in found}) == min(times, 1)


async def test_the_event_may_overtake_the_answer(
    platform: Platform, wechat: WeChatClient, service: Service
) -> None:
    await knobs(platform, finish_event="before_answer")
    media_id = await make_draft(wechat)
    publish_id = await freepublish.submit(wechat, media_id=media_id)
    assert [event.publish_id for event in events(service)] == [publish_id]
    assert await settle(platform) == 0


async def test_it_ends_by_itself_on_the_services_clock(
    platform: Platform,
    wechat: WeChatClient,
    world: World,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    waited: list[float] = []

    def soon(seconds: float) -> float:
        waited.append(seconds)
        return 0

    monkeypatch.setattr(clock, "real_seconds", soon)
    await knobs(platform, publish_seconds=90)
    await freepublish.submit(wechat, media_id=await make_draft(wechat))
    for job in list(world.press.jobs):
        await job
    assert waited == [90]
    assert (await seen(platform, "publications"))[0]["status"] == 0


async def test_published_articles_are_found_by_their_source(
    platform: Platform, wechat: WeChatClient
) -> None:
    await knobs(platform, finish_event="before_answer")
    for number in range(25):
        media_id = await make_draft(wechat, source_url=f"https://a.cn/{number}")
        await ask(platform, "publications/by-hand", media_id=media_id)
    found = await freepublish.find_published(wechat, source_url="https://a.cn/0")
    assert found is not None
    assert (found.status, len(found.urls)) == (0, 1)
    assert await freepublish.find_published(wechat, source_url="https://a.cn/x") is None
    calls = [call["path"] for call in await seen(platform, "calls")]
    assert calls.count("/cgi-bin/freepublish/batchget") == 4


async def test_the_latest_of_two_is_found_and_deleted_ones_are_not(
    platform: Platform, wechat: WeChatClient
) -> None:
    posts = [
        await ask(platform, "publications/by-hand", media_id=await make_draft(wechat))
        for _ in range(2)
    ]
    source = ARTICLE.source_url
    for post in reversed(posts):
        found = await freepublish.find_published(wechat, source_url=source)
        assert found is not None
        assert found.article_id == post["article_id"]
        body = {"article_id": post["article_id"], "index": 0}
        assert (await platform.post("/cgi-bin/freepublish/delete", body))["errcode"] == 0
    assert await freepublish.find_published(wechat, source_url=source) is None


async def test_deleting_and_banning(
    platform: Platform, wechat: WeChatClient, client: httpx.AsyncClient
) -> None:
    await knobs(platform, finish_event="before_answer")
    first = await freepublish.submit(wechat, media_id=await make_draft(wechat, "一", "二"))
    done = await freepublish.get_publication(wechat, publish_id=first)
    read = await platform.post("/cgi-bin/freepublish/getarticle", {"article_id": done.article_id})
    assert [one["title"] for one in read["news_item"]] == ["一", "二"]
    for index, status in ((1, 0), (2, 5)):
        body = {"article_id": done.article_id, "index": index}
        assert (await platform.post("/cgi-bin/freepublish/delete", body))["errcode"] == 0
        assert (await freepublish.get_publication(wechat, publish_id=first)).status == status
    assert (await platform.post("/cgi-bin/freepublish/getarticle", body))["errcode"] == 53600
    assert (await client.get(done.urls[0].removeprefix(SITE))).status_code == 404
    second = await freepublish.submit(wechat, media_id=await make_draft(wechat))
    await ask(platform, f"publications/{second}/ban")
    assert (await freepublish.get_publication(wechat, publish_id=second)).status == 6
    assert (await client.post("/_sandbox/publications/x/ban")).status_code == 404
    with pytest.raises(errors.UnexpectedRefusal):
        await freepublish.get_publication(wechat, publish_id="unknown")


async def test_an_unverified_account_may_not_publish(
    platform: Platform, wechat: WeChatClient
) -> None:
    media_id = await make_draft(wechat)
    for profile in ("personal", "service", "subscription"):
        await platform.knob("oa", profile=profile)
        with pytest.raises(errors.NotGranted):
            await freepublish.submit(wechat, media_id=media_id)
    post = await ask(platform, "publications/by-hand", media_id=media_id)
    assert post["articles"][0]["title"] == ARTICLE.title


@pytest.mark.parametrize(
    ("fault", "kind", "published"),
    [
        ({"kind": "errcode", "errcode": -1, "count": 2}, None, 1),
        ({"kind": "errcode", "errcode": -1, "count": 3}, errors.WeChatBusy, 0),
        ({"kind": "errcode", "errcode": 45009}, errors.QuotaExceeded, 0),
        ({"kind": "html502"}, errors.WeChatUnavailable, 1),
        ({"kind": "truncated"}, errors.WeChatUnavailable, 1),
        ({"kind": "reset"}, errors.WeChatUnavailable, 1),
    ],
)
async def test_faults(
    platform: Platform,
    wechat: WeChatClient,
    fault: dict[str, Any],
    kind: type[DomainError] | None,
    published: int,
) -> None:
    """After html502, truncated and reset the caller cannot know; the source tells it later."""
    media_id = await make_draft(wechat)
    await ask(platform, "faults", path="/cgi-bin/freepublish/submit", **fault)
    if kind is None:
        await freepublish.submit(wechat, media_id=media_id)
    else:
        with pytest.raises(kind):
            await freepublish.submit(wechat, media_id=media_id)
    await settle(platform)
    assert len(await seen(platform, "posts")) == published
    found = await freepublish.find_published(wechat, source_url=ARTICLE.source_url)
    assert (found is not None) == bool(published)


async def test_a_reset_of_the_world_stops_what_is_under_way(
    platform: Platform, wechat: WeChatClient, world: World, client: httpx.AsyncClient
) -> None:
    await freepublish.submit(wechat, media_id=await make_draft(wechat))
    await client.post("/_sandbox/reset")
    assert world.press.jobs == {}
    assert await settle(platform) == 0
    assert await seen(platform, "publications") == []


async def test_knobs_take_sense_only(client: httpx.AsyncClient) -> None:
    wrong: list[dict[str, Any]] = [
        {"next_publish_status": 5},
        {"next_mass_status": "great"},
        {"finish_event": "late"},
        {"publish_seconds": -1},
        {"x": 1},
    ]
    for change in wrong:
        answer = await client.patch("/_sandbox/publishing", json=change)
        assert answer.status_code == 422, change
