"""Residents' pages over HTTP: signed in, not, with nothing, after leaving, after a merge."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import select

from app.api.pages import static
from app.core.clock import utcnow
from app.core.db import transaction
from app.flows import erasure, meeting
from app.people.models import Person
from app.recognition.models import Honour
from tests.api.browser import Browser, browsing
from tests.api.service import Resident, Service

OWN = (
    *("/", "/credits", "/credits/statement", "/credits/rules", "/credits/convert", "/ranking"),
    *("/ranking?board=people", "/ranking?board=units&by=total&period=all", "/discover"),
    *("/activities", "/me", "/me/profile", "/me/consents", "/me/reminders", "/me/letters"),
    *("/me/export", "/me/erase", "/me/erase/confirm", "/about"),
    *("/me/complaints", "/credits/prior-learning", "/verify"),
)
PUBLIC = ("/", "/about", "/discover", "/goodbye", "/verify/SS2026-000001-AAAAAAAA")
HOSTILE = "<i>&\"'</script><script>"
PAGE_BYTES_MAX = 30 * 1024


@pytest.fixture
async def browser(service: Service, resident: Resident) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        await opened.sign_in(resident)
        yield opened


@pytest.fixture
async def stranger(service: Service) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        yield opened


def weight(answer: httpx.Response, *more: str) -> int:
    """What comes over the wire: the page, the style sheet and its scripts, compressed."""
    named = [*static.BUNDLES, *more]
    asked = sum(len(static.ASSETS[one].compressed) for one in named)
    return int(answer.headers["content-length"]) + asked


async def honours_of(who: Resident) -> list[Honour]:
    async with transaction() as session:
        return list(await session.scalars(select(Honour).where(Honour.person_id == who.id)))


async def test_every_page_opens_with_nothing_in_it(browser: Browser) -> None:
    for path in OWN:
        page = await browser.get(path)
        assert page.status_code == 200, (path, page.text[-1500:])
        assert "<h1" in page.text
        assert weight(page) < PAGE_BYTES_MAX, path
        assert not re.search(r"\son\w+=|\sstyle=|<style|<script(?![^>]*src)", page.text), path
    assert "课程正在准备中" in (await browser.get("/")).text
    assert "还没有记录" in (await browser.get("/credits")).text


async def test_a_stranger_sees_what_this_is_and_is_asked_to_sign_in(
    service: Service, stranger: Browser
) -> None:
    lesson_id = await service.lesson()
    for path in PUBLIC:
        page = await stranger.get(path)
        assert page.status_code == (404 if path.startswith("/verify") else 200), path
        assert weight(page) < PAGE_BYTES_MAX
    assert "登录开始学" in (await stranger.get("/")).text
    page = await stranger.get(f"/lessons/{lesson_id}")
    assert "登录后学习可得学分" in page.text
    assert f"/login?next=/lessons/{lesson_id}" in page.text
    assert "data-beat" not in page.text
    by_link = await stranger.get(f"/lessons/{lesson_id}?via=abc")
    assert by_link.headers["location"] == f"/login?next=/lessons/{lesson_id}%3Fvia%3Dabc"
    for path in set(OWN) - {*PUBLIC, "/verify"}:
        away = await stranger.get(path)
        assert away.headers["location"].startswith("/login?next=/"), path
    assert (await stranger.get("/lessons/999")).status_code == 404
    assert (await stranger.get("/me/export.json")).status_code == 303


async def test_pages_filled_stay_small_and_show_no_markup_of_others(
    service: Service, resident: Resident, browser: Browser
) -> None:
    first = await service.lesson("first", title=HOSTILE + "一", summary=HOSTILE, source=HOSTILE)
    for number in range(20):
        await service.lesson(f"more-{number}", title=f"{HOSTILE}{number}")
    await service.ask("PATCH", "/me", resident, json={"name": '<b>"&', "org_code": "T-1"})
    await service.ask("PATCH", "/me", resident, json={"rank_visible": True})
    await service.study(resident, first)
    (honour, *_) = await honours_of(resident)
    paths = [*OWN, f"/lessons/{first}", f"/lessons/{first}/result", "/discover?q=%3Cscript%3E"]
    for path in paths:
        page = await browser.get(path)
        assert page.status_code == 200, path
        assert weight(page, "js/lesson.js") < PAGE_BYTES_MAX, path
        assert "<i>" not in page.text, path
        assert "<b>&#34;" not in page.text, path
        assert "</script><script>" not in page.text, path
    assert honour.name in (await browser.get("/credits")).text
    statement = (await browser.get("/credits/statement?unit=credit")).text
    assert "核实时长" in statement
    assert "积分" in (await browser.get("/credits/statement?unit=points")).text
    board = (await browser.get("/ranking?board=people")).text
    assert "（我）" in board


async def test_today_knows_how_far_one_is(
    service: Service, resident: Resident, browser: Browser
) -> None:
    lesson_id = await service.lesson()
    assert "开始学" in (await browser.get("/")).text
    await service.read(resident, lesson_id, 30)
    page = (await browser.get("/")).text
    assert "接着学" in page
    assert "已学 30 秒" in page
    await service.read(resident, lesson_id, 30)
    await service.reply(resident, lesson_id, [1], [0, 1], [0])
    page = (await browser.get("/")).text
    assert "今天这一课学完了" in page
    assert "这周学了 1 天" in page
    assert "恭喜您获得" in page  # the letter
    assert "恭喜您获得" in (await browser.get("/me/letters")).text


async def test_who_left_is_signed_out_and_certified_no_more(
    service: Service, resident: Resident, browser: Browser
) -> None:
    await service.study(resident, await service.lesson())
    credits_page = (await browser.get("/credits")).text
    (number, *_) = re.findall(r'href="/certificates/([^"]+)"', credits_page)
    assert "这张证书是真的" in (await browser.get(f"/verify/{number}")).text
    refused = await browser.press(await browser.get("/me/erase/confirm"), sure="不")
    assert refused.status_code == 422
    gone = await browser.press(await browser.get("/me/erase/confirm"), sure="注销")
    assert gone.headers["location"] == "/goodbye"
    assert browser.session is None
    assert "已经注销" in (await browser.get("/goodbye")).text
    assert (await browser.get(f"/verify/{number}")).status_code == 404
    assert (await browser.get("/credits")).headers["location"].startswith("/login")


async def test_a_merged_account_finds_everything_in_one_place(
    service: Service, resident: Resident, browser: Browser
) -> None:
    lesson_id = await service.lesson()
    other = await service.login()
    await service.study(other, lesson_id)
    admin = await service.officer("admin", "T")
    async with transaction() as session:
        await meeting.merge(
            session,
            kept_id=resident.id,
            merged_id=other.id,
            reason="同一人",
            ordered_by_id=admin.id,
            now=utcnow(),
        )
    page = (await browser.get(f"/lessons/{lesson_id}/result")).text
    assert "+0.02 学分" in page
    assert "开卷有益" in page
    assert "已学完" in (await browser.get("/discover")).text
    (number, *_) = re.findall(r'href="/certificates/([^"]+)"', page)
    assert (await browser.get(f"/certificates/{number}")).status_code == 200


async def test_erasing_elsewhere_ends_the_page_too(resident: Resident, browser: Browser) -> None:
    async with transaction() as session:
        await erasure.erase(session, person_id=resident.id, now=utcnow())
        assert (await session.get_one(Person, resident.id)).erased_at
    assert "登录开始学" in (await browser.get("/")).text
    assert (await browser.get("/me")).status_code == 303
