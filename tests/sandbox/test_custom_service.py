from typing import Any

import pytest

from app.core.settings import Settings
from tests.sandbox.platform import Platform, travel

PATH = "/cgi-bin/message/custom/send"


async def send(platform: Platform, user: dict[str, Any], text: str = "您好") -> int:
    openid = user["openids"][platform.settings.wechat.oa.appid]
    body = {"touser": openid, "msgtype": "text", "text": {"content": text}}
    return int((await platform.post(PATH, body))["errcode"])


async def test_a_message_allows_five_answers_within_two_days(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await platform.resident(followed=True)
    assert await send(platform, user) == 45015
    await platform.act(user, "text", text="在吗")
    assert [await send(platform, user) for _ in range(6)] == [0] * 5 + [45047]
    await platform.act(user, "text", text="再问")
    travel(monkeypatch, 48 * 3600 - 60)
    assert await send(platform, user) == 0
    travel(monkeypatch, 120)
    assert await send(platform, user) == 45015


async def test_a_click_allows_three_answers_within_a_minute(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = await platform.resident()
    await platform.act(user, "follow")
    assert [await send(platform, user) for _ in range(4)] == [0] * 3 + [45047]
    travel(monkeypatch, 61)
    assert await send(platform, user) == 45015


async def test_it_reaches_the_phone_and_ends_with_following(platform: Platform) -> None:
    user = await platform.resident(followed=True)
    await platform.act(user, "text", text="在吗")
    await send(platform, user, "<b>在</b>")
    chat = (await platform.client.get(f"/_sandbox/users/{user['id']}/chat")).json()
    assert chat[-1]["content"] == {"by": "custom_service", "text": "<b>在</b>"}
    await platform.act(user, "unfollow")
    assert await send(platform, user) == 45015


@pytest.mark.parametrize(
    ("changed", "errcode"),
    [
        ({"touser": "nobody"}, 40003),
        ({"msgtype": "mpnews"}, 40008),
        ({"text": {}}, 44004),
        ({"text": {"content": "长" * 700}}, 45002),
        ({"msgtype": "news", "news": {"articles": [{}, {}]}}, 45008),
    ],
)
async def test_a_wrong_message_is_refused(
    platform: Platform, settings: Settings, changed: dict[str, Any], errcode: int
) -> None:
    user = await platform.resident(followed=True)
    await platform.act(user, "text", text="在吗")
    openid = user["openids"][settings.wechat.oa.appid]
    body = {"touser": openid, "msgtype": "text", "text": {"content": "x"}} | changed
    assert (await platform.post(PATH, body))["errcode"] == errcode


async def test_user_info_tells_how_somebody_came(platform: Platform, settings: Settings) -> None:
    user = await platform.resident()
    openid = user["openids"][settings.wechat.oa.appid]
    path = "/cgi-bin/user/info"
    before = await platform.get(path, openid=openid)
    assert before == {"subscribe": 0, "openid": openid, "unionid": user["unionid"]}
    await platform.act(user, "follow", scene="village-3")
    after = await platform.get(path, openid=openid)
    assert after["subscribe"] == 1
    assert after["qr_scene_str"] == "village-3"
    assert "nickname" not in after
    assert (await platform.get(path, openid="x"))["errcode"] == 40003
