"""A computer shows a code, a phone scans and confirms it."""

import asyncio
import re

import httpx
import pytest

from app.api.pages import cookies
from app.core.settings import OfficialAccount, Settings
from tests.api.browser import Browser, browsing
from tests.api.service import Resident, Service, running

CODE = re.compile(r"/login/scan/([0-9a-f]{16})/picture")
NUMBER = re.compile(r"核对数字[^0-9]*(\d\d)")


def code_of(page: httpx.Response) -> str:
    found = CODE.search(page.text)
    assert found, page.text
    return found[1]


async def shown(browser: Browser) -> tuple[str, str]:
    """The code on the screen and the number beside it, after its picture was drawn."""
    page = await browser.get("/login?next=/credits")
    code = code_of(page)
    picture = await browser.get(f"/login/scan/{code}/picture")
    assert picture.status_code == 200, picture.text
    number = NUMBER.search(page.text)
    assert number
    return code, number[1]


async def state(browser: Browser, code: str) -> str:
    return str((await browser.get(f"/login/scan/{code}/state")).json()["state"])


async def scan(service: Service, resident: Resident, code: str) -> str:
    outcome = await service.act(resident.user, "scan", scene=f"login-{code}")
    return str(outcome["reply"]["text"])


async def test_the_phone_confirms_and_the_computer_is_signed_in(
    service: Service, resident: Resident
) -> None:
    await service.act(resident.user, "follow")
    async with browsing(service) as computer:
        code, number = await shown(computer)
        assert await state(computer, code) == "waiting"
        assert code_of(await computer.get("/login")) == code  # A reload shows the same.
        said = await scan(service, resident, code)
        assert f"核对数字 {number}" in said
        assert "确认登录" in said
        assert await state(computer, code) == "scanned"
        waiting = await computer.get(f"/login/scan/{code}")
        assert "已扫码" in waiting.text
        assert computer.session is None
        assert "已确认" in await service.say(resident.user, "「确认登录」。")
        assert await state(computer, code) == "confirmed"
        answer = await computer.get(f"/login/scan/{code}?next=/credits")
        assert (answer.status_code, answer.headers["location"]) == (303, "/credits")
        assert (await computer.get("/me/sessions")).status_code == 200
    assert await service.count("person_token", "kind = 'web'") == 1
    assert "没有等待确认" in await service.say(resident.user, "确认登录")


async def test_who_does_not_follow_yet_is_asked_with_the_welcome(
    service: Service, resident: Resident
) -> None:
    async with browsing(service) as computer:
        code, number = await shown(computer)
        said = await scan(service, resident, code)
    assert f"核对数字 {number}" in said
    assert "欢迎关注" in said


async def test_the_mini_program_confirms(service: Service, resident: Resident) -> None:
    async with browsing(service) as computer:
        code, _ = await shown(computer)
        for _ in range(2):
            answer = await service.call("POST", f"/login/scans/{code}/confirm", resident)
            assert answer.status_code == 204
        assert (await computer.get(f"/login/scan/{code}")).headers["location"] == "/"
        other = await service.login()
        late = await service.call("POST", f"/login/scans/{code}/confirm", other)
        assert (late.status_code, late.json()["code"]) == (409, "TicketUsed")
    unknown = await service.call("POST", "/login/scans/unknown/confirm", resident)
    assert (unknown.status_code, unknown.json()["code"]) == (404, "TicketUnknown")
    assert (await service.call("POST", f"/login/scans/{code}/confirm")).status_code == 401


async def test_only_who_confirms_is_signed_in(service: Service, resident: Resident) -> None:
    """Somebody else scans the same screen: their word counts for nothing."""
    other = await service.login(await service.user("稻花嬢嬢"))
    for one in (resident, other):
        await service.act(one.user, "follow")
    await service.run_jobs()  # The account's follower and the mini-program's user become one.
    async with browsing(service) as computer:
        code, _ = await shown(computer)
        await scan(service, resident, code)
        assert "已被别人扫过" in await scan(service, other, code)
        assert "没有等待确认" in await service.say(other.user, "确认登录")
        refused = await service.call("POST", f"/login/scans/{code}/confirm", other)
        assert refused.json()["code"] == "ScanTaken"
        await service.say(resident.user, "确认登录")
        await computer.get(f"/login/scan/{code}")
        assert computer.session
    mine = "kind = 'web' AND person_id = :id"
    assert await service.count("person_token", mine, id=resident.id) == 1
    assert await service.count("person_token", mine, id=other.id) == 0


async def test_only_the_screen_that_showed_the_code_is_signed_in(
    service: Service, resident: Resident
) -> None:
    """Whoever photographs the screen knows the code, and has nothing."""
    async with browsing(service) as computer, browsing(service) as spy:
        code, _ = await shown(computer)
        await service.call("POST", f"/login/scans/{code}/confirm", resident)
        assert await state(spy, code) == "over"
        assert (await spy.get(f"/login/scan/{code}/picture")).status_code == 404
        assert (await spy.get(f"/login/scan/{code}")).headers["location"] == "/login"
        spy.client.cookies.set(cookies.SCAN, code)
        assert (await spy.get(f"/login/scan/{code}")).headers["location"] == "/login"
        assert spy.session is None
        await computer.get(f"/login/scan/{code}")
        assert computer.session


async def test_a_code_is_collected_once(service: Service, resident: Resident) -> None:
    async with browsing(service) as computer:
        code, _ = await shown(computer)
        await service.call("POST", f"/login/scans/{code}/confirm", resident)
        asked = (computer.client.get(f"/login/scan/{code}") for _ in range(10))
        answers = await asyncio.gather(*asked)
    opened = [one for one in answers if "shoushan=" in one.headers.get("set-cookie", "")]
    assert len(opened) == 1
    assert all(one.status_code in {303, 409} for one in answers)
    assert await service.count("person_token", "kind = 'web'") == 1


async def test_a_code_lives_for_five_minutes(service: Service, resident: Resident) -> None:
    await service.act(resident.user, "follow")
    async with browsing(service) as computer:
        code, _ = await shown(computer)
        await scan(service, resident, code)
        service.forward(minutes=5)
        assert await state(computer, code) == "over"
        assert "没有等待确认" in await service.say(resident.user, "确认登录")
        refused = await service.call("POST", f"/login/scans/{code}/confirm", resident)
        assert refused.json()["code"] == "TicketExpired"
        assert code_of(await computer.get("/login")) != code
    assert await service.count("person_token", "kind = 'web'") == 0


async def test_the_page_waits_without_a_script_too(service: Service) -> None:
    async with browsing(service) as computer:
        page = await computer.get("/login?next=/desk")
    again = f"/login/scan/{code_of(page)}?next=/desk"
    assert f'<noscript><meta http-equiv="refresh" content="5;url={again}"></noscript>' in page.text


@pytest.fixture
def subscription(settings: Settings) -> Settings:
    account = OfficialAccount(kind="subscription")
    wechat = settings.wechat.model_copy(update={"oa": account})
    return settings.model_copy(update={"wechat": wechat})


async def test_an_account_without_parametric_codes_shows_a_mini_program_code(
    subscription: Settings,
) -> None:
    async with running(subscription) as service, browsing(service) as computer:
        code, _ = await shown(computer)
        picture = await computer.get(f"/login/scan/{code}/picture")
        assert picture.headers["content-type"] == "image/png"
        assert [call.path for call in service.world.calls][-1] == "/wxa/getwxacodeunlimit"


async def test_a_parametric_code_is_drawn_here(service: Service) -> None:
    async with browsing(service) as computer:
        code, _ = await shown(computer)
        picture = await computer.get(f"/login/scan/{code}/picture")
    assert picture.headers["content-type"] == "image/svg+xml"
    assert picture.text.startswith("<svg")
    scenes = [one.scene for one in service.world.oa.qrcodes.values()]
    assert set(scenes) == {f"login-{code}"}
