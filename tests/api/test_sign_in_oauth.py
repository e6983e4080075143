"""WeChat's browser says who it is: there and back, twice, with Back, and with stolen addresses."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api.pages import cookies
from app.core.settings import OfficialAccount, Settings
from tests.api.browser import COMPUTER, WECHAT, Browser, browsing
from tests.api.service import Service, running


@pytest.fixture
async def phone(service: Service) -> AsyncIterator[Browser]:
    async with browsing(service, WECHAT) as browser:
        yield browser


async def ask_wechat(service: Service, there: httpx.Response, user: dict[str, Any]) -> str:
    """What WeChat's browser is sent back to, once the resident is known."""
    assert there.status_code == 303, there.text
    address = there.headers["location"]
    assert address.startswith("https://open.weixin.qq.com/connect/oauth2/authorize?appid=")
    assert address.endswith("#wechat_redirect")
    path = address.removeprefix("https://open.weixin.qq.com").removesuffix("#wechat_redirect")
    back = await service.phone.get(f"{path}&sandbox_user={user['id']}")
    assert back.status_code == 302, back.text
    target = str(back.headers["location"])
    assert target.startswith(f"{service.settings.base_url}/login/oauth/back?code=")
    return target


async def knob(service: Service, **change: object) -> None:
    appid = service.settings.wechat.oa.appid
    answer = await service.phone.patch(f"/_sandbox/accounts/{appid}", json=change)
    assert answer.status_code == 200


async def count(service: Service) -> int:
    return await service.count("person_token", "kind = 'web'")


async def test_a_resident_is_signed_in_without_a_question(service: Service, phone: Browser) -> None:
    user = await service.user()
    asked = await phone.get("/me/sessions")
    login = await phone.get(asked.headers["location"])
    assert login.headers["location"] == "/login/oauth?next=/me/sessions"
    back = await ask_wechat(service, await phone.get(login.headers["location"]), user)
    answer = await phone.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/me/sessions")
    assert (await phone.get("/me/sessions")).status_code == 200
    again = await service.login(user)  # The mini-program: another appid, the same resident later.
    assert again.id


async def test_back_and_reload_use_the_session_that_is_there(
    service: Service, phone: Browser
) -> None:
    there = await phone.get("/login/oauth?next=/credits")
    back = await ask_wechat(service, there, await service.user())
    await phone.get(back)
    session = phone.session
    for _ in range(2):
        answer = await phone.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/credits")
    assert phone.session == session
    assert await count(service) == 1


async def test_the_address_asked_for_twice_at_once(service: Service, phone: Browser) -> None:
    back = await ask_wechat(service, await phone.get("/login/oauth"), await service.user())
    answers = await asyncio.gather(phone.get(back), phone.get(back))
    places = sorted(one.headers["location"] for one in answers)
    assert places[0] == "/"
    # The loser starts once more, silently; nobody sees an error.
    assert places[1].startswith("https://open.weixin.qq.com/")
    assert await count(service) == 1


async def test_a_double_redirect_of_the_platform(service: Service, phone: Browser) -> None:
    await knob(service, double_redirect=True)
    back = await ask_wechat(service, await phone.get("/login/oauth"), await service.user())
    assert (await phone.get(back)).headers["location"] == "/"
    assert await count(service) == 1


async def test_a_used_code_is_asked_for_once_more_and_not_for_ever(
    service: Service, phone: Browser
) -> None:
    user = await service.user()
    there = await phone.get("/login/oauth?next=/credits")
    back = await ask_wechat(service, there, user)
    await phone.get(back)
    phone.client.cookies.delete(cookies.SESSION)
    second = await phone.get(back)
    target = await ask_wechat(service, second, user)
    code = target.partition("code=")[2].partition("&")[0]
    broken = await phone.get(target.replace(code, "no-such-code"))
    assert broken.status_code == 409
    assert (await phone.get(target)).headers["location"] == "/credits"


@pytest.mark.parametrize("stolen", ["none", "other"])
async def test_another_browsers_address_signs_nobody_in(
    service: Service, phone: Browser, stolen: str
) -> None:
    """A stranger's code and state: who opens them must not become the stranger."""
    async with browsing(service, WECHAT) as stranger:
        start = await stranger.get("/login/oauth")
        theirs = await ask_wechat(service, start, await service.user("陌生人"))
    if stolen == "other":
        await phone.get("/login/oauth")
    answer = await phone.get(theirs)
    assert answer.headers["location"].startswith("https://open.weixin.qq.com/")
    assert phone.session is None
    assert await count(service) == 0
    assert await service.count("person") == 0


async def test_without_cookies_it_ends_on_a_page(service: Service, phone: Browser) -> None:
    user = await service.user()
    answer = await phone.get("/login/oauth")
    for _ in range(2):
        back = await ask_wechat(service, answer, user)
        phone.client.cookies.clear()
        answer = await phone.get(back)
    assert answer.status_code == 409
    assert "没有告诉我们您是谁" in answer.text


async def test_a_snapshot_is_nobody(service: Service, phone: Browser) -> None:
    there = await phone.get("/login/oauth")
    asked = there.headers["location"].replace("snsapi_base", "snsapi_userinfo")
    there.headers["location"] = asked
    await knob(service, snapshot=True)
    back = await ask_wechat(service, there, await service.user())
    answer = await phone.get(back)
    assert answer.status_code == 200
    assert "使用完整服务" in answer.text
    assert phone.session is None
    assert await service.count("identity") == await service.count("person") == 0


async def test_nobody_is_sent_elsewhere(service: Service, phone: Browser) -> None:
    for wanted in ("//evil.example", "https://evil.example", "/\\evil.example"):
        there = await phone.client.get("/login/oauth", params={"next": wanted})
        back = await ask_wechat(service, there, await service.user())
        assert (await phone.get(back)).headers["location"] == "/"


async def test_a_cookie_of_ones_own_making_leads_nowhere_else(
    service: Service, phone: Browser
) -> None:
    there = await phone.get("/login/oauth")
    back = await ask_wechat(service, there, await service.user())
    held = str(phone.client.cookies.get(cookies.OAUTH))
    phone.client.cookies.clear()
    phone.client.cookies.set(cookies.OAUTH, held + "%2F%2Fevil.example")
    assert (await phone.get(back)).headers["location"] == "/"


async def test_it_is_offered_where_the_account_has_it(settings: Settings) -> None:
    wechat = settings.wechat.model_copy(update={"oa": OfficialAccount(kind="subscription")})
    settings = settings.model_copy(update={"wechat": wechat})
    async with running(settings) as service, browsing(service, WECHAT) as phone:
        page = await phone.get("/login")
        assert page.status_code == 200
        assert "小程序「首善学堂」" in page.text
        refused = await phone.get("/login/oauth")
        assert (refused.status_code, "没有该接口的权限" in refused.text) == (409, True)


async def test_a_computer_and_a_web_view_are_not_sent_there(service: Service) -> None:
    for agent in (COMPUTER, f"{WECHAT} miniProgram/wx1"):
        async with browsing(service, agent) as browser:
            assert (await browser.get("/login")).status_code == 200


async def test_wechat_away_is_said_and_nothing_is_lost(service: Service, phone: Browser) -> None:
    back = await ask_wechat(service, await phone.get("/login/oauth"), await service.user())
    await service.phone.post(
        "/_sandbox/faults", json={"path": "/sns/oauth2/access_token", "kind": "html502"}
    )
    answer = await phone.get(back)
    assert answer.status_code == 503
    assert (await phone.get(back)).status_code == 303
