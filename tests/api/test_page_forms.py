"""Forms of strangers, forms of yesterday, and what was typed into them."""

from collections.abc import AsyncIterator
from typing import Annotated
from urllib.parse import urlencode

import pytest
from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import HTMLResponse

from app.api.pages import cookies, frame
from app.api.pages.doors import AdminActor, StaffPerson, WebPerson, go
from app.api.pages.router import page_router
from tests.api.browser import WECHAT, Browser, browsing, form_of
from tests.api.service import Resident, Service

TYPED = "第一段：<script>alert(1)</script>\n\n第二段 & “引号”\t" + "长" * 20_000
PAGE = '<form method="post" action="{{ url("/try/write") }}">{{ csrf() }}</form>{{ me.name }}'
SAVED: list[tuple[int, str]] = []


def trial() -> APIRouter:
    """A page with a form, as page authors write them."""
    router = page_router("/try")

    @router.get("/write")
    async def show(request: Request, person: WebPerson) -> Response:
        assert person
        template = frame.environment.from_string(PAGE)
        return HTMLResponse(template.render(frame.globals_of(request)))

    @router.post("/write")
    async def save(
        request: Request, person: WebPerson, words: Annotated[str, Form(max_length=99_999)]
    ) -> Response:
        SAVED.append((person.person_id, words))
        return go(request, "/try/write")

    @router.get("/staff")
    async def staff(person: StaffPerson) -> Response:
        return Response(str(person.person_id))

    @router.get("/desk")
    async def desk(person: AdminActor) -> Response:
        return Response(str(person.person_id))

    return router


@pytest.fixture
async def browser(service: Service, resident: Resident) -> AsyncIterator[Browser]:
    """Somebody signed in, on a service with the page above."""
    SAVED.clear()
    service.app.include_router(trial())
    async with browsing(service) as opened:
        await opened.sign_in(resident)
        yield opened


def lines(words: str) -> str:
    """As browsers send them: a form's line breaks are CRLF or LF."""
    return words.replace("\r\n", "\n")


async def test_a_form_of_our_own_is_taken(browser: Browser, resident: Resident) -> None:
    answer = await browser.press(await browser.get("/try/write"), words=TYPED)
    assert (answer.status_code, answer.headers["location"]) == (303, "/try/write")
    assert [(resident.id, TYPED)] == SAVED


async def test_a_script_sends_the_token_as_a_header(browser: Browser) -> None:
    _, fields = form_of(await browser.get("/try/write"))
    answer = await browser.post("/try/write", {"words": "a"}, x_csrf_token=fields["csrf"])
    assert answer.status_code == 303


STRANGERS = (
    {"origin": "https://evil.example"},
    {"origin": "null"},
    {"sec_fetch_site": "cross-site"},
    {"sec_fetch_site": "same-site"},
)


async def test_a_strangers_form_is_refused_whatever_it_knows(browser: Browser) -> None:
    to, fields = form_of(await browser.get("/try/write"))
    for headers in STRANGERS:
        answer = await browser.post(to, {**fields, "words": "a"}, **headers)
        assert answer.status_code == 403
        assert "不是从本网站" in answer.text
    assert not SAVED


async def test_without_or_with_a_made_up_token_nothing_is_taken(browser: Browser) -> None:
    for token in ({}, {"csrf": ""}, {"csrf": "0" * 80}, {"csrf": "é"}, {"csrf": "x" * 9999}):
        answer = await browser.post("/try/write", {**token, "words": TYPED})
        assert answer.status_code == 403
        assert "请再点一次" in answer.text
    assert not SAVED


async def test_anothers_token_is_not_mine(service: Service, browser: Browser) -> None:
    async with browsing(service) as other:
        await other.sign_in(await service.login())
        _, fields = form_of(await other.get("/try/write"))
    answer = await browser.post("/try/write", {**fields, "words": "a"})
    assert answer.status_code == 403
    assert not SAVED


async def test_a_stale_form_comes_back_with_the_text(
    service: Service, browser: Browser, resident: Resident
) -> None:
    """The session changed while the form was open: one more press, nothing typed again."""
    old = await browser.get("/try/write")
    await browser.sign_in(resident)
    kept = await browser.press(old, words=TYPED)
    assert kept.status_code == 403
    assert "<script>alert" not in kept.text
    answer = await browser.press(kept)
    assert answer.status_code == 303
    assert [(who, lines(words)) for who, words in SAVED] == [(resident.id, TYPED)]
    assert service


async def test_a_session_that_ended_loses_no_text(
    service: Service, browser: Browser, resident: Resident
) -> None:
    old = await browser.get("/try/write")
    service.forward(days=31)
    kept = await browser.press(old, words=TYPED)
    assert kept.status_code == 401
    assert 'href="/login?next=/signed-in" target="_blank"' in kept.text
    still = await browser.press(kept)  # Not signed in yet: the text is still there.
    assert still.status_code == 401
    assert not SAVED
    again = await service.login(resident.user)
    await browser.sign_in(again)  # In another tab.
    assert "再点一次" in (await browser.get("/signed-in")).text
    answer = await browser.press(still)
    assert answer.status_code == 303
    assert [(who, lines(words)) for who, words in SAVED] == [(resident.id, TYPED)]


async def test_in_wechat_s_one_window_the_way_leads_back_to_the_form(service: Service) -> None:
    async with browsing(service, WECHAT) as phone:
        _, hidden = form_of(await phone.get("/text-size"))
        sent = {"referer": "http://elsewhere/me/complaints?a=1", "Idempotency-Key": "k" * 16}
        kept = await phone.post("/me/complaints", {**hidden, "text": "写的字"}, **sent)
        assert kept.status_code == 401
        assert 'href="/login?next=/me/complaints"' in kept.text
        assert 'value="写的字"' in kept.text
        for other in ({"referer": "http://x//evil.example"}, {}):
            headers = {**other, "Idempotency-Key": "k" * 16}
            kept = await phone.post("/me/complaints", hidden, **headers)
            assert "在新页面里登录" in kept.text


async def test_a_visitor_is_sent_to_sign_in_and_back(service: Service, browser: Browser) -> None:
    async with browsing(service) as visitor:
        answer = await visitor.get("/try/write?page=2&q=槐")
        wanted = urlencode({"next": "/try/write?page=2&q=%E6%A7%90"}, safe="/")
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?{wanted}")
    assert browser


async def test_nobody_is_signed_in_by_a_strangers_form(
    service: Service, resident: Resident
) -> None:
    """Login CSRF: the stranger's ticket and token, sent by somebody else's browser."""
    ticket = await service.ask("POST", "/login/ticket", resident)
    path = ticket["url"].removeprefix(service.settings.base_url)
    async with browsing(service) as stranger, browsing(service) as victim:
        to, fields = form_of(await stranger.get(path))
        await victim.get("/login")
        for headers in ({}, {"origin": "https://evil.example", "sec_fetch_site": "cross-site"}):
            answer = await victim.post(to, fields, **headers)
            assert answer.status_code in {401, 403}
            assert victim.session is None


async def test_a_resident_stays_out_of_the_offices(service: Service, browser: Browser) -> None:
    tutor, admin = await service.officer("tutor", "T-1"), await service.officer("admin", "T")
    expected = {"/try/staff": (403, 200, 200), "/try/desk": (403, 403, 200)}
    seen: dict[str, tuple[int, ...]] = {}
    async with browsing(service) as tutors, browsing(service) as admins:
        await tutors.sign_in(tutor)
        await admins.sign_in(admin)
        for path in expected:
            answers = [await one.get(path) for one in (browser, tutors, admins)]
            seen[path] = tuple(answer.status_code for answer in answers)
    assert seen == expected


async def test_a_hidden_field_is_another_one_every_time(browser: Browser) -> None:
    tokens = {form_of(await browser.get("/try/write"))[1]["csrf"] for _ in range(3)}
    assert len(tokens) == 3


async def test_devices_are_listed_and_signed_out(service: Service, browser: Browser) -> None:
    me = (await browser.get("/try/write")).text
    assert me
    resident = await service.login()
    async with browsing(service) as phone, browsing(service) as computer:
        for one in (phone, computer):
            await one.sign_in(resident)
        page = await phone.get("/me/sessions")
        assert page.text.count("Windows 电脑上的 Edge 浏览器") == 2
        assert page.text.count("就是这台") == 1
        assert "微信小程序" in page.text
        mine = await service.count("person_token", "person_id = :id", id=resident.id)
        assert mine == 3
        stranger = await browser.press(await browser.get("/me/sessions"), "/end")
        assert stranger.status_code == 303
        await phone.press(page, "/me/sessions/others/end")
        assert (await computer.get("/me/sessions")).status_code == 303
        assert (await phone.get("/me/sessions")).status_code == 200
        assert (await service.call("GET", "/me", resident)).status_code == 401


async def test_signing_out(service: Service, browser: Browser) -> None:
    assert (await browser.get("/logout")).status_code == 200
    session = browser.session
    answer = await browser.press(await browser.get("/logout"))
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert browser.session is None
    browser.client.cookies.set(cookies.SESSION, str(session))
    assert (await browser.get("/me/sessions")).status_code == 303
    assert await service.count("person_token", "kind = 'web' AND revoked_at IS NULL") == 0


async def test_somebody_elses_device_is_not_found(browser: Browser, service: Service) -> None:
    other = await service.login()
    async with browsing(service) as theirs:
        await theirs.sign_in(other)
        _, fields = form_of(await browser.get("/logout"))
        for number in (2**62, 0, "x"):
            answer = await browser.post(f"/me/sessions/{number}/end", fields)
            assert answer.status_code in {404, 422}
        assert (await theirs.get("/me/sessions")).status_code == 200
