from typing import Any

import pytest

from app.core.settings import Settings
from app.sandbox.errors import CallRefused
from app.sandbox.notices import read_values
from app.wechat import errors, notices
from app.wechat.client import WeChatClient
from app.wechat.messages import SubscribeChoices, SubscribeSent, parse
from tests.sandbox.platform import Platform
from tests.sandbox.press import ask, seen, settle
from tests.sandbox.service import Service

TEMPLATE = "Lesson-reminder-0000000000000000000000000001"
VALUES = {"thing1": "接到公检法电话怎么办", "time2": "2026年11月24日 07:40"}


async def send(
    wechat: WeChatClient, user: dict[str, Any], values: dict[str, str] | None = None
) -> str | None:
    return await notices.send_notice(
        wechat,
        openid=user["openids"][wechat.settings.mini.appid],
        template_id=TEMPLATE,
        page="pages/lesson?id=7",
        values=values or VALUES,
    )


async def accept(platform: Platform, user: dict[str, Any], **more: Any) -> None:
    await ask(platform, f"users/{user['id']}/subscribe", choices={TEMPLATE: True}, **more)


@pytest.mark.parametrize("layout", ["xml", "json"])
async def test_one_consent_is_one_message(
    platform: Platform, wechat: WeChatClient, service: Service, layout: str
) -> None:
    await platform.knob("mini", format=layout)
    user = await platform.resident()
    with pytest.raises(errors.UserRefused):
        await send(wechat, user)
    choices = {TEMPLATE: True, "another": False}
    await ask(platform, f"users/{user['id']}/subscribe", choices=choices)
    await accept(platform, user)
    assert await send(wechat, user)
    left = await seen(platform, f"users/{user['id']}/subscriptions")
    assert left == [{"template_id": TEMPLATE, "left": 1, "long_term": False}]
    msg_id = await send(wechat, user)
    with pytest.raises(errors.UserRefused):
        await send(wechat, user)
    await settle(platform)
    read = [parse(service.settings.wechat.mini.appid, one) for one in service.messages]
    popup = read[0]
    assert isinstance(popup, SubscribeChoices)
    assert (popup.kind, popup.choices) == ("popup", ((TEMPLATE, True), ("another", False)))
    sent = read[-1]
    assert isinstance(sent, SubscribeSent)
    assert [(one.msg_id, one.error_code) for one in sent.results] == [(msg_id, 0)]
    assert len({one.key for one in read}) == len(read)


async def test_a_long_term_consent_lasts_until_it_is_taken_back(
    platform: Platform, wechat: WeChatClient, service: Service
) -> None:
    user = await platform.resident()
    await accept(platform, user, long_term=True)
    for _ in range(3):
        await send(wechat, user)
    body = {"template_id": TEMPLATE, "accept": False}
    await ask(platform, f"users/{user['id']}/subscribe-change", **body)
    with pytest.raises(errors.UserRefused):
        await send(wechat, user)
    read = [parse(service.settings.wechat.mini.appid, one) for one in service.messages]
    changes = [one for one in read if isinstance(one, SubscribeChoices) and one.kind == "change"]
    assert [one.choices for one in changes] == [((TEMPLATE, False),)]


async def test_the_phone_shows_it_by_the_names_of_the_template(
    platform: Platform, wechat: WeChatClient
) -> None:
    user = await platform.resident()
    await accept(platform, user)
    names = {"title": "学习提醒", "names": {"thing1": "课程", "time2": "时间"}}
    await platform.client.put(f"/_sandbox/templates/{TEMPLATE}", json=names)
    assert [one["title"] for one in await seen(platform, "templates")] == ["学习提醒"]
    await send(wechat, user)
    [bubble] = await seen(platform, f"users/{user['id']}/chat")
    assert bubble["type"] == "notice"
    assert bubble["content"] == {
        "title": "学习提醒",
        "text": "课程：接到公检法电话怎么办\n时间：2026年11月24日 07:40",
        "page": "pages/lesson?id=7",
        "by": "首善学堂",
        "template_id": TEMPLATE,
    }
    for values, key in (({"thing1": "a"}, "time2"), (VALUES | {"thing3": "多"}, "thing3")):
        with pytest.raises(errors.ArgumentInvalid) as wrong:
            await send(wechat, user, values)
        assert wrong.value.facts["argument"] == key


@pytest.mark.parametrize(
    ("key", "value", "good"),
    [
        ("thing1", "字" * 20, True),
        ("thing1", "字" * 21, False),
        ("thing1", "", False),
        ("thing1", "两\n行", False),
        ("number1", "12.5", True),
        ("number1", "十二", False),
        ("number1", "1" * 33, False),
        ("letter1", "abc", True),
        ("letter1", "a1", False),
        ("symbol1", "！？", True),
        ("symbol1", "a", False),
        ("character_string1", "A-1_2", True),
        ("character_string1", "字", False),
        ("time1", "07:40", True),
        ("time1", "2026年11月24日 07:40~08:00", True),
        ("time1", "明天", False),
        ("date1", "2026-11-24", True),
        ("date1", "11-24", False),
        ("amount1", "¥1.25", True),
        ("amount1", "1.255", False),
        ("phone_number1", "+86-10000000000", True),
        ("phone_number1", "1" * 18, False),
        ("name1", "槐小花", True),
        ("name1", "名" * 11, False),
        ("name1", "a" * 20, True),
        ("phrase1", "已完成", True),
        ("phrase1", "六个汉字不行", False),
        ("poem1", "x", False),
        ("thing", "x", False),
    ],
)
def test_values_by_their_keys(key: str, value: str, good: bool) -> None:
    data = {key: {"value": value}}
    if good:
        assert read_values(data, None) == {key: value}
        return
    with pytest.raises(CallRefused) as refused:
        read_values(data, None)
    assert (refused.value.errcode, refused.value.facts["key"]) == (47003, key)


async def test_wrong_notices(platform: Platform, settings: Settings) -> None:
    user = await platform.resident()
    await accept(platform, user)
    path = "/cgi-bin/message/subscribe/send"
    good = {
        "touser": user["openids"][settings.wechat.mini.appid],
        "template_id": TEMPLATE,
        "data": {"thing1": {"value": "x"}},
    }
    wrong: list[tuple[dict[str, Any], int]] = [
        ({"touser": "x"}, 40003),
        ({"template_id": ""}, 40037),
        ({"page": "/pages/x"}, 41030),
        ({"miniprogram_state": "beta"}, 40097),
        ({"lang": "de"}, 40097),
        ({"data": {}}, 47003),
        ({"data": {"thing1": {"value": "字" * 21}}}, 47003),
    ]
    for changed, errcode in wrong:
        assert (await platform.post(path, good | changed, "mini"))["errcode"] == errcode, changed
    assert await seen(platform, f"users/{user['id']}/subscriptions") != []
    assert (await platform.post(path, good, "oa"))["errcode"] == 48001


async def test_a_popup_asks_for_three_templates_at_most(platform: Platform) -> None:
    user = await platform.resident()
    body = {"choices": {str(number): True for number in range(4)}}
    answer = await platform.client.post(f"/_sandbox/users/{user['id']}/subscribe", json=body)
    assert answer.status_code == 422
