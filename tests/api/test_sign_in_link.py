"""One-time links: the operator's, and the mini-program's into its web view."""

import asyncio
from urllib.parse import urlsplit

import pytest

from app.api.limiting import Limiter
from app.api.pages import cookies
from app.core import clock
from app.core.db import transaction
from app.people import sign_in_tickets
from tests.api.browser import COMPUTER, WECHAT, browsing, form_of
from tests.api.service import Resident, Service


async def ticket(who: Resident) -> str:
    """The path of a new link, as `shoushan login-link` makes it."""
    now = clock.utcnow()
    async with transaction() as session:
        secret = await sign_in_tickets.make_link(session, person_id=who.id, kind="link", now=now)
    return f"/login/link/{secret}"


async def test_a_link_asks_first_and_signs_in_once(service: Service, resident: Resident) -> None:
    path = await ticket(resident)
    async with browsing(service) as preview, browsing(service) as mine, browsing(service) as late:
        for _ in range(3):
            assert (await preview.get(path)).status_code == 200  # It is not used up by looking.
        answer = await mine.press(await mine.get(path))
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert (await mine.get("/me/sessions")).status_code == 200
        again = await late.get(path)
        assert again.status_code == 409
        assert "已经用过" in again.text
        assert late.session is None


async def test_the_page_names_nobody_in_full(service: Service, resident: Resident) -> None:
    await service.ask("PATCH", "/me", resident, json={"name": "槐小花"})
    async with browsing(service) as browser:
        page = await browser.get(await ticket(resident))
    assert "槐*花" in page.text
    assert "槐小花" not in page.text


async def test_the_cookie_is_out_of_reach(service: Service, resident: Resident) -> None:
    async with browsing(service) as browser:
        answer = await browser.press(await browser.get(await ticket(resident)))
    said = next(one for one in answer.headers.get_list("set-cookie") if one.startswith("shoushan="))
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(said.split("; "))
    assert "Secure" not in said
    assert len(said.partition("=")[2].partition(";")[0]) >= 43


async def test_by_https_the_cookie_is_secure(service: Service, resident: Resident) -> None:
    path = await ticket(resident)
    async with browsing(service) as browser:
        browser.client.base_url = f"https://{browser.client.base_url.netloc.decode()}"
        answer = await browser.press(await browser.get(path))
    assert all("Secure" in one for one in answer.headers.get_list("set-cookie"))


async def test_a_silent_proxy_does_not_make_it_insecure(
    service: Service, resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = service.app.state.settings.model_copy(update={"public_url": "https://xue.example.cn/"})
    monkeypatch.setattr(service.app.state, "settings", public)
    async with browsing(service) as browser:
        answer = await browser.get(await ticket(resident))
    [visit] = answer.headers.get_list("set-cookie")
    assert "Secure" in visit.split("; ")


async def test_a_link_expires_and_a_made_up_one_is_unknown(
    service: Service, resident: Resident
) -> None:
    path = await ticket(resident)
    service.forward(minutes=10)
    async with browsing(service) as browser:
        late, unknown = await browser.get(path), await browser.get("/login/link/made-up")
    assert late.status_code == 409
    assert "已过期" in late.text
    assert unknown.status_code == 404
    assert "无效" in unknown.text


async def test_twenty_requests_make_one_session(service: Service, resident: Resident) -> None:
    path = await ticket(resident)
    async with browsing(service) as browser:
        page = await browser.get(path)
        to, fields = form_of(page)
        answers = await asyncio.gather(*(browser.post(to, fields) for _ in range(20)))
    assert sorted(answer.status_code for answer in answers) == [303] + [409] * 19
    assert await service.count("person_token", "kind = 'web'") == 1


async def test_pressing_twice_or_back_just_goes_on(service: Service, resident: Resident) -> None:
    path = await ticket(resident)
    async with browsing(service) as browser:
        page = await browser.get(f"{path}?next=/credits")
        first = await browser.press(page)
        back = await browser.get(f"{path}?next=/credits")
        assert [one.headers["location"] for one in (first, back)] == ["/credits"] * 2


async def test_no_session_is_fixed_in_advance(service: Service, resident: Resident) -> None:
    async with browsing(service) as browser:
        browser.client.cookies.set(cookies.SESSION, "chosen-by-a-stranger")
        await browser.press(await browser.get(await ticket(resident)))
        held = {cookie.value for cookie in browser.client.cookies.jar if cookie.name == "shoushan"}
    assert await service.count("person_token", "kind = 'web'") == 1
    async with browsing(service) as stranger:
        stranger.client.cookies.set(cookies.SESSION, "chosen-by-a-stranger")
        assert (await stranger.get("/me/sessions")).status_code == 303
    assert held != {"chosen-by-a-stranger"}


async def test_signing_in_again_ends_the_session_before(
    service: Service, resident: Resident
) -> None:
    async with browsing(service) as browser:
        await browser.sign_in(resident)
        before = browser.session
        await browser.press(await browser.get(await ticket(resident)))
        assert browser.session != before
    assert await service.count("person_token", "kind = 'web' AND revoked_at IS NULL") == 1


ELSEWHERE = (
    "//evil.example/", "/\\evil.example", "https://evil.example/", "/\t/evil.example", "evil",
    "javascript:alert(1)", "/login/oauth", "/logout", "/" + "x" * 501,
)  # fmt: skip


async def test_nobody_is_sent_elsewhere(service: Service, resident: Resident) -> None:
    async with browsing(service) as browser:
        for wanted in ELSEWHERE:
            path = await ticket(resident)
            page = await browser.client.get(path, params={"next": wanted})
            assert (await browser.press(page)).headers["location"] == "/", wanted
            for again in ("/login", path):
                answer = await browser.client.get(again, params={"next": wanted})
                assert answer.headers["location"] == "/", wanted


async def test_the_web_view_enters_where_it_wants_to(service: Service, resident: Resident) -> None:
    said = await service.ask("POST", "/login/ticket?next=/credits", resident)
    assert said["url"].startswith(f"{service.settings.base_url}/login/link/")
    parts = urlsplit(said["url"])
    async with browsing(service, f"{WECHAT} miniProgram/wx1") as phone:
        page = await phone.get(f"{parts.path}?{parts.query}")
        assert "data-at-once" in page.text
        answer = await phone.press(page)
        assert answer.headers["location"] == "/credits"


async def test_elsewhere_a_person_presses_the_button(service: Service, resident: Resident) -> None:
    """A stranger's link would else sign somebody in as the stranger."""
    said = await service.ask("POST", "/login/ticket", resident)
    for agent in (WECHAT, COMPUTER, "miniProgram"):
        async with browsing(service, agent) as browser:
            assert "data-at-once" not in (await browser.get(urlsplit(said["url"]).path)).text


async def test_staff_start_at_their_desk_for_twelve_hours(service: Service) -> None:
    officer = await service.officer("admin", "T")
    async with browsing(service) as browser:
        answer = await browser.press(await browser.get(await ticket(officer)))
        assert answer.headers["location"] == "/desk"
        service.forward(hours=11)
        assert (await browser.get("/me/sessions")).status_code == 200
        service.forward(hours=1)
        gone = await browser.get("/me/sessions")
        assert gone.headers["location"] == "/login?next=/me/sessions"
    acts = await service.count("staff_act", "act = 'sign_in' AND person_id = :id", id=officer.id)
    assert acts == 1


async def test_an_erasure_ends_it_all(service: Service, resident: Resident) -> None:
    path = await ticket(resident)
    async with browsing(service) as browser:
        await browser.sign_in(resident)
        await service.call("DELETE", "/me", resident)
        assert (await browser.get("/me/sessions")).status_code == 303
        assert (await browser.get(path)).status_code == 404


async def test_a_bearer_token_is_needed_for_a_ticket(service: Service) -> None:
    assert (await service.call("POST", "/login/ticket")).status_code == 401


async def test_a_cookie_opens_no_api(service: Service, resident: Resident) -> None:
    async with browsing(service) as browser:
        await browser.sign_in(resident)
        assert (await browser.get("/api/v1/me")).status_code == 401
        held = {"Authorization": f"Bearer {browser.session}"}
        assert (await browser.get("/api/v1/me", **held)).status_code == 401


async def test_links_are_limited(service: Service) -> None:
    service.app.state.limiter = Limiter(
        service.settings.rate.model_copy(update={"login": "3/minute"})
    )
    async with browsing(service) as browser:
        tried = [await browser.get(f"/login/link/{number}") for number in range(5)]
    assert [one.status_code for one in tried] == [404, 404, 404, 429, 429]
