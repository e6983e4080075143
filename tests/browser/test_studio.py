"""A tutor's day in a real browser: a push, an article with its picture, remarks, a week."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, ViewportSize, expect

from app.api.pages.frame import TEXT_COOKIE
from tests.api.newsroom import Newsroom, open_newsroom
from tests.api.service import Resident, Service
from tests.api.test_studio_pages import relayed
from tests.browser.test_sign_in import service  # noqa: F401  the service, listening
from tests.factories.editorial import picture

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(120),
    pytest.mark.usefixtures("our_town"),
]
LOOK = os.environ.get("SHOUSHAN_LOOK_AT")
"""A folder for pictures to look at."""
DESK = ViewportSize(width=1280, height=800)
VIEWS = (("desk", 1280, 800, 18), ("phone", 360, 740, 18), ("large", 360, 740, 30))
TOO_WIDE = """() => [...document.querySelectorAll('body *')]
    .filter(one => one.getBoundingClientRect().right > innerWidth + 1
        && !one.closest('.table-box, .prose table, svg, .skip, dialog, .phone-screen'))
    .map(one => one.outerHTML.slice(0, 80))"""
TOO_SMALL = """() => [...document.querySelectorAll('a, button, input, select, textarea, summary')]
    .filter(one => one.type !== 'hidden'
        && !one.matches('.skip') && !one.closest('p, .phone-screen, .ql-tooltip'))
    .map(one => [one, (one.closest('label') || one).getBoundingClientRect()])
    .filter(([, box]) => box.width && (box.width < 43.5 || box.height < 43.5))
    .map(([one]) => one.outerHTML.slice(0, 80))"""


async def signed_in(browser: Browser, service: Service, who: Resident) -> tuple[Page, list[str]]:  # noqa: F811
    context = await browser.new_context(viewport=DESK, locale="zh-CN")
    page = await context.new_page()
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda said: complaints.append(said.text) if said.type in {"error", "warning"} else None,
    )
    ticket = await service.ask("POST", "/login/ticket?next=/studio", who)
    await page.goto(str(ticket["url"]))
    await page.locator("main form button").click()
    await expect(page).to_have_url(f"{service.settings.base_url}/studio")
    return page, complaints


async def look(page: Page, name: str) -> None:
    """At every size: nothing overflows, every target can be hit; a picture if one is asked for."""
    context: BrowserContext = page.context
    for view, width, height, text in VIEWS:
        await context.add_cookies([{"name": TEXT_COOKIE, "value": str(text), "url": page.url}])
        await page.set_viewport_size({"width": width, "height": height})
        if LOOK:
            await page.screenshot(path=Path(LOOK) / f"studio-{name}-{view}.png", full_page=True)
        assert await page.evaluate(TOO_WIDE) == [], (name, view)
        assert await page.evaluate(TOO_SMALL) == [], (name, view)
    await page.set_viewport_size(DESK)


@pytest.fixture
async def room(service: Service) -> Newsroom:  # noqa: F811
    await service.lesson()
    await service.lesson("electric-02", title="冬天用电用火", summary="用完拔插头。")
    return await open_newsroom(service)


async def test_a_push_is_written_in_three_steps(
    browser: Browser,
    service: Service,  # noqa: F811
    room: Newsroom,
) -> None:
    page, complaints = await signed_in(browser, service, room.tutor)
    await look(page, "home")
    await page.get_by_role("link", name="写每日推送").first.click()
    await page.get_by_placeholder("搜课程").fill("用电")
    await page.get_by_placeholder("搜课程").press("Enter")
    await page.get_by_text("冬天用电用火").first.click()
    await page.get_by_label("11/25").check()
    words = page.get_by_label("推送语")
    await words.fill("今晚睡前，先看一眼插座。")
    bubble = page.locator(".bubble")
    await expect(bubble).to_contain_text("11月25日")
    await expect(bubble).to_contain_text("冬天用电用火")
    await expect(bubble).to_contain_text("先看一眼插座")
    await look(page, "push")
    await page.get_by_role("button", name="送审").click()
    await expect(page.get_by_text("已送审")).to_be_visible()
    await expect(page.locator(".now-step")).to_contain_text("初审")
    await look(page, "push-sent")
    assert complaints == []


async def test_an_article_with_a_picture_comes_back_with_remarks(
    browser: Browser,
    service: Service,  # noqa: F811
    room: Newsroom,
    tmp_path: Path,
) -> None:
    page, complaints = await signed_in(browser, service, room.tutor)
    photo = tmp_path / "秋收<img src=x onerror=alert(1)>.png"
    photo.write_bytes(picture(size=(900, 383), colour="green"))
    await page.goto(f"{service.settings.base_url}/studio/manuscripts?kind=issue")
    await page.get_by_role("button", name="写一期公众号").first.click()
    await page.get_by_role("textbox", name="标题").fill("双槐这一周")
    editor = page.locator(".ql-editor")
    await editor.click()
    await page.keyboard.type("周末去了院坝。")
    await page.get_by_role("button", name="粗体").click()
    await page.keyboard.type("人真多")
    async with page.expect_file_chooser() as choosing:
        await page.get_by_role("button", name="插入图片").click()
    await (await choosing.value).set_files(photo)
    await expect(editor.locator("img")).to_be_visible()
    phone = page.locator("[data-preview]")
    await expect(phone.locator("strong")).to_have_text("人真多")
    await expect(phone.locator("img")).to_be_visible()
    await expect(phone.locator(".article-title")).to_have_text("双槐这一周")
    await page.locator("input[name=cover_file]").set_input_files(photo)
    await look(page, "article")
    await page.get_by_role("button", name="保存", exact=True).click()
    await expect(page.get_by_text("已保存")).to_be_visible()
    await expect(page.locator(".phone-screen strong")).to_have_text("人真多")
    await page.get_by_role("button", name="送审").click()
    await expect(page.get_by_text("已送审")).to_be_visible()
    address = page.url.partition("?")[0]

    other, _ = await signed_in(browser, service, room.editor)
    await look(other, "home-editor")
    await other.get_by_role("link", name="初审").click()
    await other.get_by_label("意见").fill("第二段再写写学了什么。")
    await look(other, "review")
    await other.get_by_role("button", name="退回修改").click()
    await expect(other.get_by_text("已审")).to_be_visible()

    await page.goto(f"{service.settings.base_url}/studio")
    await expect(page.get_by_text("第二段再写写学了什么。")).to_be_visible()
    await look(page, "home-returned")
    await page.goto(address)
    await expect(page.locator(".back-step")).to_contain_text("初审")
    await look(page, "returned")
    assert complaints == []


async def test_a_relay_is_copied_forwarded_and_counted(
    browser: Browser,
    service: Service,  # noqa: F811
    room: Newsroom,
) -> None:
    """And the smaller pages around it: groups, an activity and its code, what nobody has yet."""
    _, group = await relayed(room.tutor)
    page, complaints = await signed_in(browser, service, room.tutor)
    await expect(page.get_by_role("button", name="复制文案")).to_be_visible()
    await expect(page.locator(".relay-pictures img")).to_be_visible()
    await look(page, "home-relay")
    await page.get_by_role("button", name="已转发").click()
    await expect(page.get_by_text("已登记转发")).to_be_visible()
    await expect(page.get_by_text("现在没有要办的事")).to_be_visible()
    root = f"{service.settings.base_url}/studio"
    for name, path in (("groups", "/groups"), ("group", f"/groups/{group}")):
        await page.goto(root + path)
        await look(page, name)
    await page.goto(f"{root}/activities")
    await look(page, "activities-none")
    await page.get_by_role("link", name="发布活动").first.click()
    await page.get_by_label("活动名称").fill("冬至慰问独居老人")
    await look(page, "activity-form")
    await page.get_by_role("button", name="发布活动").click()
    await expect(page.get_by_text("还没有人签到")).to_be_visible()
    await look(page, "activity")
    await page.get_by_role("link", name="出示签到码").click()
    await expect(page.locator(".door-qr svg")).to_be_visible()
    await look(page, "code")
    for name, path in (("pushes-none", "/manuscripts"), ("lessons", "/lessons")):
        await page.goto(root + path)
        await look(page, name)
    assert complaints == []


async def test_word_s_fragments_are_cleaned_and_a_lesson_is_kept(
    browser: Browser,
    service: Service,  # noqa: F811
    room: Newsroom,
) -> None:
    page, complaints = await signed_in(browser, service, room.tutor)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await page.goto(f"{service.settings.base_url}/studio/lessons/new")
    await page.get_by_role("textbox", name="标题").fill("接到陌生电话")
    await page.locator(".ql-editor").click()
    fragment = (
        "<p class=MsoNormal style='mso-pagination:none'><b><span style='font-family:宋体'>先挂断"
        "</span></b><span>，再打 96110。<o:p></o:p></span></p>"
        "<table class=MsoTable><tr><td>号码</td><td>用处</td></tr>"
        "<tr><td>96110</td><td>反诈</td></tr></table>"
    )
    await page.evaluate(
        """async (html) => navigator.clipboard.write([new ClipboardItem({
            "text/html": new Blob([html], {type: "text/html"}),
            "text/plain": new Blob(["x"], {type: "text/plain"})})])""",
        fragment,
    )
    await page.keyboard.press("Control+V")
    phone = page.locator("[data-preview]")
    await expect(phone.locator("strong")).to_have_text("先挂断")
    await expect(phone.locator("th").first).to_have_text("号码")
    await expect(phone).to_contain_text("读完约")
    await look(page, "lesson-form")
    await page.get_by_role("button", name="存好去编题目").click()
    first = page.locator("#q1")
    await first.get_by_label("题目").fill("该怎么办")
    await first.get_by_label("第 1 题第 1 个选项").fill("先挂断")
    await first.get_by_label("第 1 题第 2 个选项").fill("照他说的做")
    await first.locator(".tick").first.click()
    await page.get_by_role("button", name="加一题").click()
    await look(page, "questions")
    await page.get_by_role("button", name="保存题目").click()
    await expect(page.locator(".right-option")).to_contain_text("先挂断")
    await look(page, "lesson")
    assert complaints == []


async def test_a_push_moves_by_pointer_and_by_keys(
    browser: Browser,
    service: Service,  # noqa: F811
    room: Newsroom,
) -> None:
    lesson = (await service.ask("GET", "/lessons", room.tutor))["items"][0]["id"]
    body = {"date": "2026-11-25", "org_code": "T", "lesson_id": lesson, "text": "学一学"}
    await service.ask("POST", "/pushes", room.tutor, json=body)
    page, complaints = await signed_in(browser, service, room.tutor)
    await page.goto(f"{service.settings.base_url}/studio/week")
    await look(page, "week")
    grip = await page.locator("[data-grip]").bounding_box()
    friday = await page.locator('[data-day="2026-11-27"]').bounding_box()
    assert grip is not None
    assert friday is not None
    await page.mouse.move(grip["x"] + 20, grip["y"] + 20)
    await page.mouse.down()
    await page.mouse.move(friday["x"] + 30, friday["y"] + 60, steps=4)
    await page.mouse.up()
    await expect(page.locator('[data-day="2026-11-27"] [data-slot]')).to_be_visible()
    await page.locator("[data-grip]").focus()
    await page.keyboard.press("ArrowLeft")
    await page.keyboard.press("Enter")
    await expect(page.locator('[data-day="2026-11-29"] [data-slot]')).to_be_visible()
    await expect(page.get_by_text("已改期")).to_be_visible()
    assert complaints == []


async def test_without_scripts_everything_is_a_form(
    browser: Browser,
    service: Service,  # noqa: F811
    room: Newsroom,
) -> None:
    page, _ = await signed_in(browser, service, room.tutor)
    state = await page.context.storage_state()
    plain = await browser.new_context(viewport=DESK, storage_state=state, java_script_enabled=False)
    page = await plain.new_page()
    page.set_default_timeout(10_000)
    await page.goto(f"{service.settings.base_url}/studio/lessons/new")
    await page.get_by_role("textbox", name="标题").fill("没有脚本也能写")
    await page.get_by_role("textbox", name="正文").fill("## 第一\n\n先挂断。")
    await page.get_by_role("button", name="存草稿").click()
    await expect(page.locator(".prose h2")).to_have_text("第一")
    await page.goto(f"{service.settings.base_url}/studio/week")
    await expect(page.locator("[data-grip]")).to_have_count(0)
