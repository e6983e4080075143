"""A resident's day on a cheap phone: sign in, study, earn, and take the certificate home."""

import asyncio
import os
from collections.abc import AsyncIterator

import pytest
import uvicorn
from playwright.async_api import Browser, Page, Route, expect

from app.api.pages.cookies import SESSION
from app.api.pages.frame import TEXT_COOKIE
from app.core import clock
from app.core.settings import Settings
from tests.api.service import Resident, Service, running, set_clock
from tests.browser.looking import fits
from tests.processes import free_port

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]
LOOK = os.environ.get("SHOUSHAN_LOOK_AT")
"""A folder for pictures to look at."""
FAST = 50


@pytest.fixture
async def service(database_url_of_its_own: str) -> AsyncIterator[Service]:
    """The service on a port, its clock so fast that a lesson takes a second or two."""
    settings = Settings(_env_file=None, database_url=database_url_of_its_own, port=free_port())
    async with running(settings) as service:
        started = clock.utcnow()
        clock.settle(clock.Origin(first_start=clock.real_now(), start=started, rate=FAST))
        config = uvicorn.Config(
            service.app, port=settings.port, lifespan="off", log_config=None, ws="none"
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve())
        while not server.started:  # noqa: ASYNC110  uvicorn has no event for it
            await asyncio.sleep(0.02)
        yield service
        server.should_exit = True
        await serving


async def look(page: Page, name: str) -> None:
    await fits(page, f"resident-{name}", LOOK)


async def phone(
    browser: Browser, service: Service, who: Resident, *, text: int = 18, scripts: bool = True
) -> Page:
    """A phone of 360 × 740 whose owner has signed in by a link."""
    context = await browser.new_context(
        viewport={"width": 360, "height": 740}, locale="zh-CN", java_script_enabled=scripts
    )
    base = service.settings.base_url
    await context.add_cookies([{"name": TEXT_COOKIE, "value": str(text), "url": base}])
    page = await context.new_page()
    page.set_default_timeout(15_000)
    await page.goto(str((await service.ask("POST", "/login/ticket", who))["url"]))
    await page.get_by_role("button", name="进入首善学堂").click()
    await expect(page.get_by_role("link", name="今日")).to_be_visible()
    return page


async def test_from_a_link_to_a_certificate(browser: Browser, service: Service) -> None:
    resident = await service.login()
    await service.ask("PATCH", "/me", resident, json={"name": "槐小花", "org_code": "T-1"})
    await service.lesson()
    page = await phone(browser, service, resident)
    said: list[str] = []
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("console", lambda one: said.append(one.text) if one.type == "error" else None)
    await expect(page.get_by_text("槐小花")).to_be_visible()
    await look(page, "today")
    await page.get_by_role("link", name="开始学").click()
    await expect(page.get_by_text("记下时间")).to_be_hidden()
    await expect(page.get_by_text("时间够了")).to_be_visible()
    await expect(page.locator(".ring b")).to_have_text("100%")
    await page.get_by_label("立即转账").check()
    await page.get_by_label("密码").check()
    await page.get_by_label("对", exact=True).check()
    await look(page, "lesson")
    await page.get_by_role("button", name="交卷").click()
    await expect(page.get_by_text("3 题里答对了 1 题")).to_be_visible()
    await look(page, "tried")
    await page.get_by_label("挂断并拨打 96110").check()
    await page.get_by_label("验证码").check()
    await page.get_by_role("button", name="再交一次").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("学完了，真好")
    assert page.url.endswith("/result")
    await expect(page.get_by_text("+0.02 学分")).to_be_visible()
    await look(page, "result")
    await page.get_by_role("link", name="看证书").first.click()
    await expect(page.get_by_text("荣誉证书")).to_be_visible()
    await look(page, "certificate")
    await page.get_by_label("我同意把称呼和这项荣誉做成图片").check()
    await page.get_by_role("button", name="做成图片").click()
    picture = page.get_by_alt_text("首善学堂荣誉图片")
    await expect(picture).to_be_visible()
    assert await picture.evaluate("one => one.decode().then(() => one.naturalWidth)") == 1080
    await look(page, "card")
    assert said == []


async def test_a_weak_network_loses_no_beat_and_no_answer(
    browser: Browser, service: Service
) -> None:
    lesson_id = await service.lesson(required_seconds=600, html="<p>一段正文。</p>" * 80)
    page = await phone(browser, service, await service.login())
    keys: list[str | None] = []
    weather = {"bad": True}

    async def weak(route: Route) -> None:
        keys.append(route.request.headers.get("idempotency-key"))
        if weather["bad"]:
            await route.abort("internetdisconnected")
        else:
            await route.continue_()

    await page.route("**/beat", weak)
    await page.goto(f"{service.settings.base_url}/lessons/{lesson_id}")
    await expect(page.get_by_text("网络不太好")).to_be_visible()
    await look(page, "weak")
    async with page.expect_response("**/beat"):
        weather["bad"] = False
    await expect(page.get_by_text("离开页面不计时")).to_be_visible()
    async with page.expect_response("**/beat"):
        pass
    tried = keys.count(keys[0])
    assert keys[0] is not None
    assert tried > 1
    assert keys[0] not in keys[tried:]  # What was counted is over; the next has a key of its own.
    await page.context.set_offline(offline=True)
    await expect(page.get_by_text("现在没有网络。已经学的时间都在")).to_be_visible()
    await page.context.set_offline(offline=False)
    await expect(page.get_by_text("离开页面不计时")).to_be_visible()
    # Away and back: how far down one had read is offered, not forced.
    await page.evaluate("scrollTo(0, 2000)")
    await page.goto(f"{service.settings.base_url}/me")
    await page.goto(f"{service.settings.base_url}/lessons/{lesson_id}")
    await page.get_by_role("button", name="回到上次读到的地方").click()
    assert await page.evaluate("scrollY") > 0


async def test_answers_whose_receipt_got_lost_are_one_attempt(
    browser: Browser, service: Service
) -> None:
    set_clock(clock.utcnow())
    lesson_id = await service.lesson()
    page = await phone(browser, service, await service.login())
    lost: list[str | None] = []

    async def lose(route: Route) -> None:
        lost.append(route.request.headers.get("idempotency-key"))
        if len(lost) == 1:
            await route.fetch(max_redirects=0)  # It arrived, and nobody was told.
            await route.abort("internetdisconnected")
        else:
            await route.continue_()

    await page.route("**/answers", lose)
    await page.goto(f"{service.settings.base_url}/lessons/{lesson_id}")
    for label in ("立即转账", "密码"):
        await page.get_by_label(label).check()
    await page.get_by_label("对", exact=True).check()
    await page.get_by_role("button", name="交卷").click()
    await expect(page.get_by_text("现在没有网络。您填写的内容还在")).to_be_visible()
    await expect(page.get_by_text("3 题里答对了 1 题")).to_be_visible()
    assert len(lost) == 2
    assert lost[0] is not None
    assert lost[0] == lost[1]
    assert await service.count("attempt") == 1


async def test_what_was_typed_outlives_a_closed_page_and_an_ended_session(
    browser: Browser, service: Service
) -> None:
    set_clock(clock.utcnow())
    page = await phone(browser, service, await service.login())
    asking = service.settings.base_url + "/me/complaints"
    await page.goto(asking)
    words = page.get_by_label("请说一说")
    await words.fill("写到一半断了网")
    await page.context.set_offline(offline=True)
    await page.get_by_role("button", name="交给管理员").click()
    await expect(page.get_by_text("现在没有网络")).to_be_visible()
    await page.route("**/me/complaints", lambda route: route.abort(), times=1)
    await page.context.set_offline(offline=False)
    await page.goto(service.settings.base_url + "/about")
    await page.goto(asking)
    await expect(words).to_have_value("写到一半断了网")
    (secret,) = [one["value"] for one in await page.context.cookies() if one["name"] == SESSION]
    await page.context.clear_cookies(name=SESSION)
    await page.get_by_role("button", name="交给管理员").click()
    await expect(page.get_by_text("登录已过期，还没有提交")).to_be_visible()
    await look(page, "expired")
    base = service.settings.base_url
    await page.context.add_cookies([{"name": SESSION, "value": secret, "url": base}])
    await page.goto(asking)
    await expect(words).to_have_value("写到一半断了网")
    await page.get_by_role("button", name="交给管理员").click()
    await expect(page.get_by_text("在办")).to_be_visible()
    await expect(words).to_have_value("")


async def test_without_scripts_a_lesson_is_learned_all_the_same(
    browser: Browser, service: Service
) -> None:
    set_clock(clock.utcnow())
    lesson_id = await service.lesson(required_seconds=30)
    page = await phone(browser, service, await service.login(), scripts=False)
    await page.goto(f"{service.settings.base_url}/lessons/{lesson_id}")
    for _ in range(3):
        await page.get_by_role("button", name="我在学，记下时间").click()
        service.forward(seconds=20)
    await expect(page.get_by_text("时间够了")).to_be_visible()
    for label in ("挂断并拨打 96110", "密码", "验证码", "对"):
        await page.get_by_label(label, exact=True).check()
    await page.get_by_role("button", name="交卷").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("学完了，真好")
