"""Oneself by pages: profile, consents, conversions, sign-ups, certificates, the share card."""

import io
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest
from PIL import Image

from app.api.pages import frame
from app.core.clock import utcnow
from app.core.db import transaction
from app.learning import activities
from app.people import consents
from app.people import queries as people
from app.people.models import Person
from tests.api.browser import Browser, browsing, form_of
from tests.api.service import Resident, Service
from tests.factories.bank import pay


@pytest.fixture
async def browser(service: Service, resident: Resident) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        await opened.sign_in(resident)
        yield opened


async def certificate(service: Service, resident: Resident, browser: Browser) -> str:
    """The number of a certificate this resident earned."""
    await service.study(resident, await service.lesson())
    page = (await browser.get("/credits")).text
    return str(re.findall(r'href="/certificates/([^"]+)"', page)[0])


async def test_who_one_is_is_said_and_taken_back(
    service: Service, resident: Resident, browser: Browser
) -> None:
    page = await browser.get("/me/profile")
    saved = await browser.press(page, name=" 槐小花 ", village="T-1", unit="T-S", family="")
    assert saved.headers["location"] == "/me"
    me = await service.ask("GET", "/me", resident)
    assert (me["name"], me["org"]["code"], me["unit"]["code"]) == ("槐小花", "T-1", "T-S")
    page = await browser.get("/me/profile")
    assert '<option value="T-1" selected>' in page.text
    await browser.press(page, name="槐小花", village="", unit="T-S")
    me = await service.ask("GET", "/me", resident)
    assert (me["org"]["code"], me["unit"]["code"]) == ("T-S", "T-S")  # the unit stays
    await browser.press(await browser.get("/me/profile"))
    assert (await service.ask("GET", "/me", resident))["name"] is None


@pytest.mark.parametrize(
    ("field", "value"), [("name", "13900001111"), ("village", "T-9"), ("family", "没有的")]
)
async def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    browser: Browser, field: str, value: str
) -> None:
    page = await browser.get("/me/profile")
    typed = {"name": "槐小花", "village": "T-1", "family": "", field: value}
    back = await browser.press(page, **typed)
    assert back.status_code == 422
    assert "有 1 处要改一下" in back.text
    if field != "village":
        assert f'value="{value}"' in back.text
    # The same page once more, put right: what came back had done nothing under its key.
    assert (await browser.press(page, **{**typed, field: ""})).status_code == 303


async def test_consents_are_given_and_taken_back(
    service: Service, resident: Resident, browser: Browser
) -> None:
    page = await browser.get("/me/consents")
    assert page.text.count("我同意") == len(consents.PURPOSES)
    assert (await browser.press(page, "ranking/give")).status_code == 303
    assert (await service.ask("GET", "/me", resident))["rank_visible"] is True
    page = await browser.get("/me/consents")
    assert "收回同意" in page.text
    await browser.press(page, "ranking/withdraw")
    assert (await service.ask("GET", "/me", resident))["rank_visible"] is False
    to, hidden = form_of(await browser.get("/me/consents"), "ranking/give")
    assert (await browser.post(to, {**hidden, "version": "99"})).status_code == 409
    unknown = await browser.post("/me/consents/likes/give", hidden)
    assert unknown.status_code == 400


async def test_a_child_s_consent_is_the_guardian_s(
    service: Service, resident: Resident, browser: Browser
) -> None:
    async with transaction() as session:
        await consents.record_birth_year(
            session, person_id=resident.id, birth_year=2016, now=utcnow()
        )
    page = await browser.get("/me/consents")
    assert "未满十四周岁" in page.text
    alone = await browser.press(page, "ranking/give", guardian_note="")
    assert alone.status_code == 403
    assert "须由监护人同意" in alone.text
    numbered = await browser.press(page, "ranking/give", guardian_note="电话 13900001111")
    assert numbered.status_code == 403
    again = await browser.get("/me/consents")
    assert (
        await browser.press(again, "ranking/give", guardian_note="学校教务处")
    ).status_code == 303
    assert (await service.ask("GET", "/me", resident))["rank_visible"] is True
    number = await certificate(service, resident, browser)
    refused = await browser.press(await browser.get(f"/certificates/{number}"), agree="yes")
    assert "须由监护人同意" in refused.text


async def test_a_conversion_pressed_twice_is_one(
    service: Service, resident: Resident, browser: Browser
) -> None:
    assert "还不够一份" in (await browser.get("/credits/convert")).text
    async with transaction() as session:
        await pay(session, await session.get_one(Person, resident.id), 3300, now=utcnow())
    page = await browser.get("/credits/convert")
    assert "最多可以转 2 份" in page.text
    for _ in range(2):
        assert (await browser.press(page, lots="1")).headers["location"] == "/credits"
    assert await service.count("transfer", "kind = 'conversion'") == 2
    too_many = await browser.press(await browser.get("/credits/convert"), lots="2")
    assert too_many.status_code == 409
    assert "余额不够转换" in too_many.text
    assert "课程学分" in (await browser.get("/credits")).text
    assert "学分转换为课程学分" in (await browser.get("/credits/statement")).text


async def test_one_signs_up_for_an_activity_and_changes_one_s_mind(
    resident: Resident, browser: Browser
) -> None:
    now = utcnow()
    async with transaction() as session:
        await activities.announce(
            session,
            title="院坝会<b>",
            platform="微讲堂",
            org_id=(await people.org_by_code(session, "T-1")).id,
            starts_at=now + timedelta(days=1),
            ends_at=now + timedelta(days=1, hours=2),
            made_by_id=resident.id,
        )
    page = await browser.get("/discover")
    assert "院坝会&lt;b&gt;" in page.text
    assert "11月24日 周二 10:00–12:00" in page.text
    assert (await browser.press(page, "sign-up")).headers["location"] == "/activities"
    assert "您报了名" in (await browser.get("/")).text
    page = await browser.get("/activities")
    assert "已报名" in page.text
    await browser.press(page, "cancel")
    assert "我要参加" in (await browser.get("/activities")).text
    _, hidden = form_of(await browser.get("/activities"), "sign-up")
    assert (await browser.post("/activities/999/sign-up", hidden)).status_code == 404


async def test_everything_held_is_downloaded(resident: Resident, browser: Browser) -> None:
    answer = await browser.get("/me/export.json")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert json.loads(answer.text)["people"]["person_id"] == resident.id


async def test_a_certificate_is_printed_and_verified(
    service: Service, resident: Resident, browser: Browser
) -> None:
    await service.ask("PATCH", "/me", resident, json={"name": "槐<小>花", "org_code": "T-1"})
    number = await certificate(service, resident, browser)
    page = (await browser.get(f"/certificates/{number}")).text
    for words in ("槐&lt;小&gt;花", number, "双槐镇", "<svg"):
        assert words in page
    paper = await browser.get(f"/certificates/{number}.pdf")
    assert (paper.headers["content-type"], paper.content[:5]) == ("application/pdf", b"%PDF-")
    policy = frame.VIEWED["Content-Security-Policy"]
    assert paper.headers.get_list("content-security-policy") == [policy]
    async with browsing(service) as stranger:
        shown = await stranger.get(f"/verify/{number.lower()}")
        assert "这张证书是真的" in shown.text
        assert "槐***花" in shown.text
        assert "文坪村" not in shown.text
        assert "小&gt;花" not in shown.text
        for path in ("", ".pdf", "/card", "/card.png"):
            assert (await stranger.get(f"/certificates/{number}{path}")).status_code == 303
        other = number[:-1] + ("0" if number[-1] != "0" else "1")
        for wrong in (other, number.replace("SS2026", "SS2025"), "x", "SS2026-1-", "9" * 60):
            assert (await stranger.get(f"/verify/{wrong}")).status_code == 404
        await stranger.sign_in(await service.login())
        for path in ("", ".pdf", "/card", "/card.png"):
            assert (await stranger.get(f"/certificates/{number}{path}")).status_code == 404


async def test_a_picture_to_share_needs_the_tick_and_ends_with_it(
    service: Service, resident: Resident, browser: Browser
) -> None:
    number = await certificate(service, resident, browser)
    at = f"/certificates/{number}"
    for path in ("/card", "/card.png"):
        assert (await browser.get(at + path)).status_code == 403
    bare = await browser.press(await browser.get(at))
    assert bare.status_code == 422
    assert "请先勾选同意" in bare.text
    agreed = await browser.press(await browser.get(at), agree="yes")
    assert agreed.headers["location"] == f"{at}/card"
    assert f'src="{at}/card.png"' in (await browser.get(f"{at}/card")).text
    picture: httpx.Response = await browser.get(f"{at}/card.png")
    with Image.open(io.BytesIO(picture.content)) as drawn:
        assert drawn.size == (1080, 1440)
    await browser.press(await browser.get("/me/consents"), "sharing/withdraw")
    assert (await browser.get(f"{at}/card.png")).status_code == 403
