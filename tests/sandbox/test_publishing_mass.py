from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app.core import clock
from app.wechat import errors, mass
from app.wechat.client import WeChatClient
from app.wechat.messages import MassSendFinished, parse
from tests.sandbox.draft_box import has_draft
from tests.sandbox.platform import Platform, travel
from tests.sandbox.press import ask, knobs, make_draft, seen, settle
from tests.sandbox.service import Service

DAY = timedelta(days=1).total_seconds()
SENDALL = "/cgi-bin/message/mass/sendall"


def events(service: Service) -> list[MassSendFinished]:
    read = [parse(service.settings.wechat.oa.appid, fields) for fields in service.messages]
    return [one for one in read if isinstance(one, MassSendFinished)]


async def send(wechat: WeChatClient, key: str, *, tag_id: int | None = None) -> str:
    media_id = await make_draft(wechat)
    return await mass.send_to_all(wechat, media_id=media_id, client_msg_id=key, tag_id=tag_id)


async def chat(platform: Platform, user: dict[str, Any]) -> list[dict[str, Any]]:
    return list(await seen(platform, f"users/{user['id']}/chat"))


async def test_every_follower_gets_it_and_the_event_counts(
    platform: Platform, wechat: WeChatClient, service: Service
) -> None:
    followers = [await platform.resident(f"居民{n}", followed=True) for n in range(3)]
    stranger = await platform.resident("路人")
    media_id = await make_draft(wechat, "头条", "次条")
    msg_id = await mass.send_to_all(wechat, media_id=media_id, client_msg_id="i-1", tag_id=None)
    assert await mass.get_mass_status(wechat, msg_id=msg_id) == "SENDING"
    await settle(platform)
    assert await mass.get_mass_status(wechat, msg_id=msg_id) == "SEND_SUCCESS"
    [event] = events(service)
    assert (event.msg_id, event.status) == (msg_id, "send success")
    assert (event.total, event.filtered, event.sent, event.errors) == (3, 3, 3, 0)
    items = service.messages[-1]["ArticleUrlResult"]["ResultList"]["item"]
    assert [item["ArticleIdx"] for item in items] == ["1", "2"]
    for user in followers:
        [bubble] = await chat(platform, user)
        assert (bubble["type"], bubble["content"]["by"]) == ("news", "mass")
        assert [one["title"] for one in bubble["content"]["articles"]] == ["头条", "次条"]
        assert bubble["content"]["articles"][0]["url"] == items[0]["ArticleUrl"]
    assert await chat(platform, stranger) == []
    assert not await has_draft(wechat, media_id=media_id)


async def test_the_same_key_is_sent_once(
    platform: Platform, wechat: WeChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = await send(wechat, "issue-7")
    assert await send(wechat, "issue-7") == first
    await settle(platform)
    assert await send(wechat, "issue-7") == first
    assert len(await seen(platform, "mass")) == 1
    travel(monkeypatch, DAY + 60)
    assert await send(wechat, "issue-7") != first


async def test_a_key_repeated_too_soon(
    platform: Platform, wechat: WeChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await knobs(platform, repeat_seconds=60)
    first = await send(wechat, "issue-7")
    with pytest.raises(errors.RepeatedTooSoon):
        await send(wechat, "issue-7")
    travel(monkeypatch, 61)
    assert await send(wechat, "issue-7") == first


async def test_without_a_key_the_content_is_the_key(
    platform: Platform, wechat: WeChatClient
) -> None:
    media_id = await make_draft(wechat)
    body = {
        "filter": {"is_to_all": True},
        "mpnews": {"media_id": media_id},
        "msgtype": "mpnews",
    }
    first = await platform.post(SENDALL, body)
    again = await platform.post(SENDALL, body)
    assert (first["errcode"], again["errcode"]) == (0, 45065)
    assert again["msg_id"] == first["msg_id"]


WRONG: list[tuple[dict[str, Any], int]] = [
    ({"clientmsgid": "k" * 65}, 45067),
    ({"clientmsgid": "钥" * 22}, 45067),
    ({"msgtype": "text"}, 40008),
    ({"mpnews": {"media_id": "x"}}, 40007),
    ({"filter": {"is_to_all": False, "tag_id": 9}}, 45159),
    ({"filter": None}, 47001),
]


async def test_wrong_sends(platform: Platform, wechat: WeChatClient) -> None:
    good: dict[str, Any] = {
        "filter": {"is_to_all": True},
        "mpnews": {"media_id": await make_draft(wechat)},
        "msgtype": "mpnews",
    }
    for changed, errcode in WRONG:
        assert (await platform.post(SENDALL, good | changed))["errcode"] == errcode, changed


async def test_a_public_account_sends_once_a_day(
    platform: Platform, wechat: WeChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_at(monkeypatch, "2026-11-02")
    await platform.knob("oa", profile="subscription_verified")
    await platform.client.put("/_sandbox/tags/2", json={"users": []})
    for number in range(6):
        assert await send(wechat, f"day-{number}")
        with pytest.raises(errors.MassQuotaUsed):
            await send(wechat, f"day-{number}-again", tag_id=2)
        travel(monkeypatch, DAY)


async def test_a_service_account_sends_to_all_once_a_day_and_four_times_a_month(
    platform: Platform, wechat: WeChatClient, monkeypatch: pytest.MonkeyPatch, service: Service,
) -> None:  # fmt: skip
    begin_at(monkeypatch, "2026-11-02")
    user = await platform.resident(followed=True)
    other = await platform.resident("槐二", followed=True)
    for number in range(4):
        await send(wechat, f"day-{number}")
        await settle(platform)
        with pytest.raises(errors.MassQuotaUsed):
            await send(wechat, f"day-{number}-again")
        travel(monkeypatch, DAY)
    with pytest.raises(errors.MassQuotaUsed):
        await send(wechat, "a fifth")
    newcomer = await platform.resident("新来的", followed=True)
    members = {"users": [user["id"], newcomer["id"]]}
    await platform.client.put("/_sandbox/tags/2", json=members)
    await send(wechat, "by tag", tag_id=2)
    await settle(platform)
    event = events(service)[-1]
    assert (event.total, event.filtered, event.sent) == (2, 1, 1)
    assert [len(await chat(platform, one)) for one in (user, other, newcomer)] == [4, 4, 1]
    travel(monkeypatch, 28 * DAY)
    assert await send(wechat, "next month")


def begin_at(monkeypatch: pytest.MonkeyPatch, day: str) -> None:
    """Put the machine's clock on noon of this day: a month must not end in between."""
    start = datetime.fromisoformat(f"{day}T12:00:00+08:00")
    travel(monkeypatch, (start - clock.real_now()).total_seconds())


async def test_sixty_a_minute(platform: Platform, wechat: WeChatClient) -> None:
    del wechat
    errcodes = [
        (await platform.post(SENDALL, {"clientmsgid": "k" * 65}))["errcode"] for _ in range(61)
    ]
    assert errcodes in ([45067] * 60 + [45011], [45067] * 61)  # a new minute may have begun


async def test_the_administrator_confirms_refuses_or_sleeps(
    platform: Platform, wechat: WeChatClient, service: Service,
    monkeypatch: pytest.MonkeyPatch, client: httpx.AsyncClient,
) -> None:  # fmt: skip
    await knobs(platform, admin_confirms=True)
    refused = await send(wechat, "refused")
    assert await settle(platform) == 0
    assert await mass.get_mass_status(wechat, msg_id=refused) == "SENDING"
    await ask(platform, f"mass/{refused}/refuse")
    assert await mass.get_mass_status(wechat, msg_id=refused) == "SEND_FAIL"
    slept = await send(wechat, "slept")
    travel(monkeypatch, 31 * 60)
    await settle(platform)
    assert (await client.post(f"/_sandbox/mass/{slept}/confirm")).status_code == 409
    confirmed = await send(wechat, "confirmed")
    assert (await ask(platform, f"mass/{confirmed}/confirm"))["state"] == "sending"
    await settle(platform)
    found = {event.msg_id: event.status for event in events(service)}
    assert found == {refused: "err(40001)", slept: "err(40002)", confirmed: "send success"}
    assert (await client.post("/_sandbox/mass/1/confirm")).status_code == 404


@pytest.mark.parametrize("status", ["send fail", "err(20013)"])
async def test_a_send_fails_as_the_admin_wishes_and_gives_its_chance_back(
    platform: Platform, wechat: WeChatClient, service: Service, status: str
) -> None:
    user = await platform.resident(followed=True)
    await knobs(platform, next_mass_status=status, finish_event="twice")
    await send(wechat, "first")
    await settle(platform)
    assert [event.status for event in events(service)] == [status, status]
    assert await chat(platform, user) == []
    await knobs(platform, finish_event="before_answer")
    msg_id = await send(wechat, "second")
    assert events(service)[-1].msg_id == msg_id


async def test_a_post_by_hand_uses_the_quota_up(
    platform: Platform, wechat: WeChatClient, service: Service, client: httpx.AsyncClient
) -> None:
    user = await platform.resident(followed=True)
    media_id = await make_draft(wechat)
    done = await ask(platform, "mass/by-hand", media_id=media_id)
    assert (done["state"], done["by_hand"], done["sent"]) == ("sent", True, 1)
    assert service.messages == []
    assert len(await chat(platform, user)) == 1
    assert not await has_draft(wechat, media_id=media_id)
    with pytest.raises(errors.MassQuotaUsed):
        await send(wechat, "too late")
    assert (await client.post("/_sandbox/mass/by-hand", json={})).status_code == 409


async def test_preview_and_delete(platform: Platform, wechat: WeChatClient) -> None:
    user = await platform.resident("槐小花", followed=True)
    media_id = await make_draft(wechat, "一", "二")
    message = {"mpnews": {"media_id": media_id}, "msgtype": "mpnews"}
    openid = user["openids"][platform.settings.wechat.oa.appid]
    for to in ({"touser": openid}, {"towxname": "槐小花"}):
        answer = await platform.post("/cgi-bin/message/mass/preview", message | to)
        assert answer["errcode"] == 0
    nobody = await platform.post("/cgi-bin/message/mass/preview", message | {"touser": "x"})
    assert nobody["errcode"] == 40003
    assert [one["content"]["by"] for one in await chat(platform, user)] == ["preview"] * 2
    msg_id = await mass.send_to_all(wechat, media_id=media_id, client_msg_id="k", tag_id=None)
    path = "/cgi-bin/message/mass/delete"
    assert (await platform.post(path, {"msg_id": msg_id}))["errcode"] == 40059
    await settle(platform)
    assert (await platform.post(path, {"msg_id": msg_id, "article_idx": 1}))["errcode"] == 0
    assert await mass.get_mass_status(wechat, msg_id=msg_id) == "SEND_SUCCESS"
    assert (await platform.post(path, {"msg_id": msg_id}))["errcode"] == 0
    assert await mass.get_mass_status(wechat, msg_id=msg_id) == "DELETE"


@pytest.mark.parametrize("kind", ["html502", "truncated", "reset"])
async def test_a_lost_answer_is_cured_by_the_same_key(
    platform: Platform, wechat: WeChatClient, kind: str
) -> None:
    await ask(platform, "faults", path=SENDALL, kind=kind)
    with pytest.raises(errors.WeChatUnavailable):
        await send(wechat, "issue-7")
    msg_id = await send(wechat, "issue-7")
    [sent] = await seen(platform, "mass")
    assert str(sent["msg_id"]) == msg_id
