"""What residents send that somebody has to answer, and what nobody honest sends."""

import hashlib
from collections.abc import AsyncIterator, Iterator
from datetime import date

import httpx
import pytest
from fastapi.routing import APIRoute

from app.api.pages import forgery
from app.api.routers import ROUTERS
from app.core.clock import utcnow
from app.core.db import transaction
from app.credit_bank import prior_learning
from app.flows import erasure
from app.push import complaints
from tests.api.browser import Browser, browsing, form_of
from tests.api.service import Resident, Service

WORDS = "11月20日学了《防诈骗》<script>alert(1)</script>，\n没有记上学分。"
PAPER = b"a photo of a certificate"
OURS = (
    *("today", "lesson", "credits_page", "my_papers", "boards", "discover", "myself", "complaints"),
    *("my_data", "honours", "text_size", "sign_in", "scanning", "wechat_sign_in"),
)
HOSTILE = ("", "0", "-1", str(2**63), "9" * 400, "NaN", "\x00", "a\x00b", "'; --", "x" * 6000, "[]")
MARKUP = '#panic("x")[$*_`\\'
"""All that means something to the printer of certificates."""


@pytest.fixture
async def browser(service: Service, resident: Resident) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        await opened.sign_in(resident)
        yield opened


async def test_a_complaint_is_answered_and_its_words_go_with_the_person(
    service: Service, resident: Resident, browser: Browser
) -> None:
    page = await browser.get("/me/complaints")
    for wrong in ({"text": "短"}, {"text": "字" * 501}, {"about": "x"}):
        refused = await browser.press(page, **{"about": "credit", "text": WORDS, **wrong})
        assert refused.status_code == 422
        assert "请写清楚是什么事" in refused.text
    for _ in range(2):  # Pressed twice, asked once.
        assert (await browser.press(page, about="credit", text=WORDS)).status_code == 303
    assert await service.count("task", "kind = 'complaint'") == 1
    for number in range(complaints.OPEN_MAX - 1):
        page = await browser.get("/me/complaints")
        await browser.press(page, about="other", text=f"另外一件事 {number}")
    more = await browser.press(await browser.get("/me/complaints"), about="other", text=WORDS)
    assert "等答复以后再提" in more.text
    assert "alert(1)&lt;/script&gt;" in more.text

    admin, tutor = await service.officer("admin", "T"), await service.officer("tutor", "T-1")
    async with browsing(service) as window:
        await window.sign_in(tutor)
        assert "投诉建议" not in (await window.get("/desk/tasks")).text
        await window.sign_in(admin)
        desk = await window.get("/desk/tasks")
        assert "<script>alert" not in desk.text
        assert f"{resident.id} 号居民" in desk.text
        assert (await window.press(desk, "/done", reason=" ")).status_code == 400
        assert (await window.press(desk, "/done", reason="已经补记 <b>")).status_code == 303
    answered = (await browser.get("/me/complaints")).text
    assert "已答复" in answered
    assert "已经补记 &lt;b&gt;" in answered
    assert "您提的投诉建议有了答复" in (await browser.get("/me/letters")).text
    held = (await browser.get("/me/export.json")).json()["complaints"]
    assert [one["answer"] for one in held][:1] == ["已经补记 <b>"]
    async with transaction() as session:
        await erasure.erase(session, person_id=resident.id, now=utcnow())
    assert await service.count("task", "text like '%学分%' or state = 'open'") == 0


async def test_an_application_is_filed_by_page_and_followed(
    resident: Resident, browser: Browser
) -> None:
    typed = {"title": "家政<i>培训", "institution": "镇成人学校", "hours": "12.5"}
    right = {**typed, "achieved_on": "2026-06-01"}
    to, hidden = form_of(await browser.get("/credits/prior-learning"))

    async def send(other: dict[str, str], content: bytes | None = PAPER) -> httpx.Response:
        files = {} if content is None else {"file": ("证<书>.jpg", content, "image/jpeg")}
        fields = {**hidden, **right, **other}
        return await browser.client.post(to, data=fields, files=files or None)

    for wrong in (
        {"title": "x"}, {"institution": ""}, {"hours": "1e2"}, {"hours": "0"}, {"hours": "401"},
        {"hours": "１"}, {"achieved_on": "2027-01-01"}, {"achieved_on": "2026-02-30"},
    ):  # fmt: skip
        refused = await send(wrong)
        assert (refused.status_code, "有 1 处要改一下" in refused.text) == (422, True), wrong
        if "title" not in wrong:
            assert 'value="家政&lt;i&gt;培训"' in refused.text
    for none in (None, b""):
        assert "请选择证明的照片或文件" in (await send({}, none)).text
    for _ in range(2):
        assert (await send({})).headers["location"] == "/credits/prior-learning"
    page = (await browser.get("/credits/prior-learning")).text
    assert page.count("等辅导员看材料") == 1
    assert "12.5 学时" in page
    assert "家政&lt;i&gt;培训" in page
    async with transaction() as session:
        (filed,) = await prior_learning.list_applications(
            session, person_ids=[resident.id], states=None, limit=2
        )
        assert filed.document_sha256 == hashlib.sha256(PAPER).hexdigest()
        assert (filed.hours_hundredths, filed.achieved_on) == (1250, date(2026, 6, 1))
    _, hidden = form_of(await browser.get("/credits/prior-learning"))
    assert (await send({})).status_code == 422  # the same paper once more


async def test_a_number_is_typed_and_a_name_is_never_the_printer_s_markup(
    service: Service, resident: Resident, browser: Browser
) -> None:
    await service.study(resident, await service.lesson())
    page = (await browser.get("/credits")).text
    number = page.split('href="/certificates/')[1].split('"')[0]
    assert "证书上还没有您的姓名" in (await browser.get(f"/certificates/{number}")).text
    async with browsing(service) as stranger:
        assert "证书编号" in (await stranger.get("/verify")).text
        found = await stranger.client.get("/verify", params={"number": f" {number.lower()} "})
        shown = (await stranger.get(found.headers["location"])).text
        assert "这张证书是真的" in shown
        assert "乡亲" in shown  # as on the paper
        lost = await stranger.client.get("/verify", params={"number": '../"><b>'})
        again = await stranger.get(lost.headers["location"])
        assert (again.status_code, "<b>" in again.text) == (404, False)
        icon = await stranger.get("/favicon.ico")
        assert icon.headers["content-type"].startswith("image/svg+xml")
    await service.ask("PATCH", "/me", resident, json={"name": MARKUP})
    paper = await browser.get(f"/certificates/{number}.pdf")
    assert paper.content[:5] == b"%PDF-"
    await browser.press(await browser.get(f"/certificates/{number}"), agree="yes")
    assert (await browser.get(f"/certificates/{number}/card.png")).status_code == 200


def forms() -> Iterator[str]:
    """The address of every form of ours, but for those that end the session."""
    for router in ROUTERS:
        for route in router.routes:
            assert isinstance(route, APIRoute)
            ours = route.endpoint.__module__.rpartition(".")[2] in OURS
            if ours and "POST" in (route.methods or ()) and route.path != "/logout":
                yield route.path


async def test_forms_that_no_honest_page_sends(service: Service, browser: Browser) -> None:
    await service.lesson()
    _, hidden = form_of(await browser.get("/me/profile"))
    names = ("name", "village", "family", "code", "lots", "once", "q1", "version", "size", "about")
    multipart = {"content-type": "multipart/form-data; boundary=x"}
    for path in forms():
        token = {forgery.HEADER: hidden[forgery.FIELD], "accept": "text/html"}
        for number, value in enumerate(HOSTILE):
            part = value if number % 2 and "\x00" not in value and value else "1"
            begin, _, rest = path.partition("{")
            to = begin + (part[:80] + rest.partition("}")[2] if rest else "")
            sent = await browser.client.post(to, headers=token, data=dict.fromkeys(names, value))
            assert sent.status_code < 500, (to, value[:20], sent.text[-800:])
        for body, kind in (
            (b'--x\r\nContent-Disposition: form-data; name="a', multipart),
            (b"\xff\xfe%zz=&&&=", {"content-type": "application/x-www-form-urlencoded"}),
            (b'{"a": 1}', {"content-type": "application/json"}),
        ):
            sent = await browser.client.post(
                path.replace("{", "").replace("}", ""), headers={**token, **kind}, content=body
            )
            assert sent.status_code < 500, (path, body, sent.text[-800:])
            assert "text/html" in sent.headers.get("content-type", "text/html")
    assert (await browser.get("/me")).status_code == 200


async def test_who_draws_a_preview_of_a_link_uses_nothing_up(
    service: Service, resident: Resident
) -> None:
    path = str((await service.ask("POST", "/login/ticket", resident))["url"])
    async with browsing(service) as robot, browsing(service) as owner:
        await robot.client.head(path)
        await robot.get(path, Purpose="prefetch")
        page = await robot.get(path)
        bare = await robot.client.post(path)  # What presses whatever it finds.
        assert bare.status_code == 403
        assert "登录首善学堂" in page.text
        entered = await owner.press(await owner.get(path))
        assert entered.status_code == 303
        assert owner.session
