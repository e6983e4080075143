from typing import Any

import httpx
import pytest

from app.core.errors import Invalid
from app.core.settings import OfficialAccount
from app.wechat import calls, errors
from app.wechat.capability import NotOffered
from app.wechat.menu import Button, ClickButton, MenuInvalid, MiniProgramButton, Submenu, ViewButton
from tests.wechat.server import Server, refused

SUBSCRIPTION = OfficialAccount(kind="subscription", verified=False)


async def test_code_to_session_sends_no_access_token() -> None:
    server = Server([{"openid": "m1", "session_key": "k", "unionid": "u1"}])
    session = await calls.code_to_session(server.client(), code="c1")
    assert session == calls.MiniSession("m1", "u1", "k")
    assert "k'" not in repr(session)
    query = dict(server.requests[0].url.params)
    assert query == {
        "appid": "wx00000000000000b2",
        "secret": "development-mini-secret",
        "js_code": "c1",
        "grant_type": "authorization_code",
    }


@pytest.mark.parametrize(
    ("errcode", "kind"),
    [(40029, errors.CodeInvalid), (40163, errors.CodeUsed), (40226, errors.LoginBlocked)],
)
async def test_sign_in_refused(errcode: int, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        await calls.code_to_session(Server([refused(errcode)]).client(), code="c1")


@pytest.mark.parametrize("code", ["", " ", "a b", "码", "\ud800", "x" * 257, "a\n"])
async def test_what_is_no_code_is_not_sent(code: str) -> None:
    server = Server([{}])
    with pytest.raises(errors.CodeInvalid):
        await calls.code_to_session(server.client(), code=code)
    with pytest.raises(errors.CodeInvalid):
        await calls.get_phone_number(server.client(), code=code)
    assert server.requests == []


@pytest.mark.parametrize("answer", [{}, {"openid": ""}, {"openid": 5, "session_key": "k"}])
async def test_an_incomplete_session_is_unavailable(answer: dict[str, Any]) -> None:
    with pytest.raises(errors.WeChatUnavailable):
        await calls.code_to_session(Server([answer]).client(), code="c1")


async def test_phone_number() -> None:
    info = {"phoneNumber": "+8613800000000", "purePhoneNumber": "13800000000", "countryCode": "86"}
    server = Server([{"errcode": 0, "phone_info": info}])
    found = await calls.get_phone_number(server.client(), code="c1")
    assert found == calls.PhoneNumber("86", "13800000000")
    assert server.body() == {"code": "c1"}
    with pytest.raises(errors.WeChatUnavailable):
        await calls.get_phone_number(Server([{"errcode": 0}]).client(), code="c1")


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ({"subscribe": 1, "openid": "o1", "unionid": "u1"}, calls.Follower("o1", True, "u1")),
        ({"subscribe": 0, "openid": "o1"}, calls.Follower("o1", False, None)),
    ],
)
async def test_user_info(answer: dict[str, Any], expected: calls.Follower) -> None:
    assert await calls.get_user_info(Server([answer]).client(), openid="o1") == expected


async def test_custom_text_is_cut() -> None:
    server = Server([{"errcode": 0}])
    await calls.send_custom_text(server.client(), openid="o1", text="学" * 1000)
    assert server.body()["text"]["content"] == "学" * 682


async def test_menu() -> None:
    server = Server([{"errcode": 0}])
    buttons: list[Button] = [
        ClickButton("积分", "credits"),
        Submenu("更多", (ViewButton("官网", "https://a.cn/"),)),
        MiniProgramButton("学堂", "wxb2", "pages/home", "https://a.cn/"),
    ]
    await calls.create_menu(server.client(), buttons)
    assert server.body()["button"][1] == {
        "name": "更多",
        "sub_button": [{"type": "view", "name": "官网", "url": "https://a.cn/"}],
    }
    assert "积分".encode() in server.requests[0].content
    wrong_menus: list[list[Button]] = [[], [*buttons, ViewButton("a", "b")], [Submenu("a", ())]]
    for wrong in wrong_menus:
        with pytest.raises(MenuInvalid):
            await calls.create_menu(server.client(), wrong)


@pytest.mark.parametrize(
    ("seconds", "asked"),
    [
        (60, {"action_name": "QR_STR_SCENE", "expire_seconds": 60}),
        (None, {"action_name": "QR_LIMIT_STR_SCENE"}),
    ],
)
async def test_qr_code(seconds: int | None, asked: dict[str, Any]) -> None:
    server = Server([{"ticket": "gQ/+=", "url": "http://weixin.qq.com/q/x"}])
    found = await calls.create_qr_code(server.client(), scene="v12", seconds=seconds)
    assert found.show_url == "https://mp.weixin.qq.com/cgi-bin/showqrcode?ticket=gQ%2F%2B%3D"
    assert server.body() == {"action_info": {"scene": {"scene_str": "v12"}}, **asked}


@pytest.mark.parametrize(
    ("scene", "seconds"), [("", 60), ("x" * 65, 60), ("a", 59), ("a", 2592001)]
)
async def test_wrong_qr_code(scene: str, seconds: int) -> None:
    server = Server([{}])
    with pytest.raises(calls.SceneInvalid):
        await calls.create_qr_code(server.client(), scene=scene, seconds=seconds)
    assert server.requests == []


async def test_unlimited_code() -> None:
    server = Server([httpx.Response(200, content=b"\xff\xd8\xffx")])
    found = await calls.get_unlimited_code(server.client(), scene="v=12", page="pages/home")
    assert found == b"\xff\xd8\xffx"
    assert server.body()["scene"] == "v=12"


@pytest.mark.parametrize(
    ("scene", "page"),
    [("", "p"), ("x" * 33, "p"), ("村", "p"), ("a b", "p"), ("a\n", "p"), ("a%", "p"), ("a", "/p"),
     ("a", "p?x=1"), ("a", "")],
)  # fmt: skip
async def test_wrong_unlimited_code(scene: str, page: str) -> None:
    server = Server([{}])
    with pytest.raises(Invalid):
        await calls.get_unlimited_code(server.client(), scene=scene, page=page)
    assert server.requests == []


@pytest.mark.parametrize(
    ("result", "suggest", "label"),
    [
        ({"suggest": "pass", "label": 100}, "pass", 100),
        ({"suggest": "risky", "label": 20002}, "risky", 20002),
        ({"suggest": "review", "label": 21000}, "review", 21000),
        ({"suggest": "novel"}, "review", None),
        (None, "review", None),
    ],
)
async def test_check_text(result: Any, suggest: str, label: int | None) -> None:
    server = Server([{"errcode": 0, "trace_id": "t1", "result": result}])
    found = await calls.check_text(server.client(), openid="m1", scene=2, content="字" * 2500)
    assert (found.suggest, found.label, found.trace_id) == (suggest, label, "t1")
    assert server.body()["version"] == 2
    with pytest.raises(calls.TooLongToCheck):
        await calls.check_text(server.client(), openid="m1", scene=2, content="字" * 2501)


async def test_what_the_account_lacks_is_not_tried() -> None:
    server = Server([{}])
    client = server.client(SUBSCRIPTION)
    for refused_call in (
        calls.get_user_info(client, openid="o1"),
        calls.send_custom_text(client, openid="o1", text="a"),
        calls.create_menu(client, [ClickButton("a", "b")]),
        calls.create_qr_code(client, scene="a", seconds=60),
    ):
        with pytest.raises(NotOffered):
            await refused_call
    assert server.requests == []
