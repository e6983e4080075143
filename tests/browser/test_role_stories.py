"""A newcomer in front of `make run`, who knows nothing but the addresses it prints: a resident's, a
tutor's and an administrator's day, each from the stand-in's pages, in any order, in one town.
"""

import asyncio
import io
import os
import re
import signal
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import openpyxl
import pytest
from playwright.async_api import Browser, BrowserContext, Locator, Page, Response, expect

from app.cli.life import Resident, arrive, study
from app.core import clock
from tests.browser.role_town import (
    DESK,
    PHONE,
    Somebody,
    answer_everything,
    hand_in,
    living,
    somebody,
)
from tests.processes import Installation, processes_of, running

pytestmark = [pytest.mark.browser, pytest.mark.timeout(180)]
MORNING, RATE = "2026-11-23T09:30:00+08:00", 30
"""Half an hour of study takes half a minute, and nobody gets tired before the evening."""
BEAT_SECONDS_MAX = 30
"""A beat counts no more, however long the page was away."""
HUANGTU, REASON = "500117126217", "这一笔记重了"


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    home = tmp_path_factory.mktemp("roles")
    with running(home, SHOUSHAN_CLOCK_START=MORNING, SHOUSHAN_CLOCK_RATE=str(RATE)) as started:
        yield started


def credit_of(town: Installation, name: str) -> list[tuple[str, int]]:
    """Every line of a person's credit account: kind and amount."""
    return town.ask(
        "SELECT t.kind, t.amount FROM transfer t"
        " JOIN account a ON a.id IN (t.credit_id, t.debit_id) JOIN person p ON p.id = a.person_id"
        " WHERE t.unit = 'credit' AND p.name = %(name)s ORDER BY t.id",
        name=name,
    )


async def follow(person: Somebody, name: str) -> Page:
    """A new resident on the simulated phone follows by the village's code on the wall."""
    page = await person.open(person.town.stand_in)
    await page.get_by_role("textbox").first.fill(name)
    await page.get_by_role("button", name="新建居民").click()
    await page.get_by_role("link", name="扫一扫").click()
    await page.get_by_text("v:500117126219").first.click()
    await expect(page.get_by_text("已为您登记：双槐村").first).to_be_visible()
    await page.get_by_role("link", name="返回").click()
    return page


async def popped_up(context: BrowserContext, opener: Page, link: str) -> Page:
    async with context.expect_page() as coming:
        await opener.get_by_role("link", name=link).click()
    return await coming.value


def listen_to_beats(page: Page) -> list[int]:
    """The seconds that the server says are counted, beat by beat."""
    told: list[int] = []

    async def hear(answer: Response) -> None:
        if answer.url.endswith("/beat") and answer.ok:
            told.append((await answer.json())["seconds"])

    page.on("response", hear)
    return told


def kill_the_web_process(town: Installation) -> None:
    (pid,) = processes_of(Path(town.environment["SHOUSHAN_DATA_DIR"]), "serve")
    os.kill(pid, signal.SIGKILL)


async def test_a_resident_follows_studies_earns_and_takes_the_certificate(
    browser: Browser, town: Installation
) -> None:
    name = "杏花大姐"
    async with somebody(browser, town, PHONE) as person:
        phone = await follow(person, name)
        page = await popped_up(person.context, phone, "学堂网页")
        await page.goto(f"{town.service}/me/profile")
        await page.get_by_label("称呼").fill(name)
        await page.get_by_role("button", name="保存").click()
        await expect(page).to_have_url(re.compile("/me$"))
        told = listen_to_beats(page)
        await page.get_by_role("link", name="今日").first.click()
        await page.get_by_role("link", name="开始学").click()
        await expect(page.locator(".ring b")).not_to_have_text("0%")
        assert person.complaints == []

        kill_the_web_process(town)
        await expect(page.get_by_text("网络不太好")).to_be_visible()
        await answer_everything(page)
        await expect(page.get_by_text("时间够了")).to_be_visible(timeout=40_000)
        await page.get_by_role("button", name="交卷").click()
        await expect(page.get_by_role("heading", level=1)).to_have_text("学完了，真好")
        assert all("ERR_" in one or "Failed to load" in one for one in person.complaints)
        person.complaints.clear()
        await checks_the_certificate(person, page)
        assert person.complaints == []
    # Through the death of the process: nothing that was told is lost, and nothing counted twice.
    steps = [after - before for before, after in pairwise(told)]
    assert all(0 <= one <= BEAT_SECONDS_MAX for one in steps), told
    ((seconds, needed, attempts),) = town.ask(
        "SELECT s.verified_ms / 1000, v.required_seconds, s.attempts FROM study s"
        " JOIN lesson_version v ON v.id = s.version_id JOIN person p ON p.id = s.person_id"
        " WHERE p.name = %(name)s AND s.completed_at IS NOT NULL",
        name=name,
    )
    assert max(needed, told[-1]) <= seconds <= told[-1] + BEAT_SECONDS_MAX
    assert attempts == 1
    assert len(credit_of(town, name)) == 1
    assert town.shoushan("bank", "audit").returncode == 0


async def checks_the_certificate(person: Somebody, page: Page) -> None:
    await page.get_by_role("link", name="看证书").first.click()
    await expect(page.get_by_text("荣誉证书")).to_be_visible()
    path = await page.get_by_role("link", name="下载证书").get_attribute("href")
    pdf = await person.context.request.get(f"{person.town.service}{path}")
    assert pdf.headers["content-type"] == "application/pdf"
    assert (await pdf.body()).startswith(b"%PDF-")
    await page.get_by_role("link", name="打开查验页面").click()
    await expect(page.get_by_text("这张证书是真的")).to_be_visible()


async def approve(person: Somebody, name: str, place: str, said: str) -> None:
    """A reviewer finds it among the things to do."""
    page = await person.become(name)
    await page.goto(f"{person.town.service}/studio")
    await page.get_by_role("link").filter(has_text=f"{place} ·").first.click()
    await expect(page.get_by_text(said).first).to_be_visible()
    await page.get_by_role("button", name="通过").click()
    await expect(page.get_by_role("button", name="通过")).to_be_hidden()
    await page.close()


async def move_the_hour(person: Somebody, group: str) -> None:
    """Nobody waits for tomorrow's hour: the administrator lets the group have its push now."""
    page = await person.become("演示管理员")
    await page.goto(f"{person.town.service}/desk/groups")
    await page.get_by_role("row").filter(has_text=group).get_by_role("link", name="修改").click()
    shown = await person.context.request.get(f"{person.town.stand_in}/healthz")
    now = datetime.fromisoformat((await shown.json())["now"]).astimezone(clock.TOWN)
    await page.get_by_label("几点推送").fill(f"{now:%H:%M}")
    await page.get_by_role("button", name="保存").click()
    await expect(page).to_have_url(re.compile("done=saved"))
    await page.close()


async def until_there(page: Page, what: Locator) -> None:
    """The worker looks once a minute of the town's; whoever waits looks again."""
    for _ in range(30):
        try:
            await expect(what).to_be_visible(timeout=1000)
        except AssertionError:
            await page.reload()
        else:
            return
    await expect(what).to_be_visible()


async def test_a_tutor_writes_reviewers_approve_and_the_group_sees_it(
    browser: Browser, town: Installation
) -> None:
    said, group = "青龙村的乡亲们，今天学这一课。", "青龙村学习微信群"
    async with somebody(browser, town, DESK) as person:
        page = await person.become("青龙老师")
        await page.get_by_role("link", name="写每日推送").first.click()
        await page.get_by_label("推给哪里的群").select_option(label="青龙村")
        await page.get_by_role("radio", name="11/23").check(force=True)
        await page.get_by_label("推送语").fill(said)
        await page.get_by_role("button", name="送审").click()
        await expect(page.get_by_label("审核进度")).to_be_visible()
        await page.close()
        for reviewer in ("石榴编辑", "稻花主编", "演示管理员"):
            await approve(person, reviewer, "青龙村", said)
        await move_the_hour(person, group)

        page = await person.become("青龙老师")
        card = page.get_by_role("article").filter(has_text=group)
        await until_there(page, card)
        text = await card.locator(".copy-body").inner_text()
        assert said in text
        room = await forward(person, group, text)
        await card.get_by_role("button", name="已转发").click()
        await expect(card).to_be_hidden()
        await expect(room.get_by_text(said)).to_have_count(1)
        assert person.complaints == []
    ((push, state, outcome),) = town.ask(
        "SELECT m.id, d.state, m.state FROM delivery d JOIN learning_group g ON g.id = d.group_id"
        " JOIN manuscript m ON m.id = d.manuscript_id"
        " WHERE g.name = %(name)s AND d.local_day = %(day)s",
        name=group,
        day=MORNING[:10],
    )
    assert (state, outcome) == ("sent", "published")
    reviews = town.ask(
        "SELECT p.name FROM staff_act a JOIN person p ON p.id = a.person_id"
        " WHERE a.act = 'issue.review' AND a.subject = %(subject)s ORDER BY a.id",
        subject=f"push:{push}",
    )
    assert [name for (name,) in reviews] == ["石榴编辑", "稻花主编", "演示管理员"]


async def forward(person: Somebody, group: str, text: str) -> Locator:
    """Into the chat by hand, which is the only way into an ordinary group."""
    page = await person.open(f"{person.town.stand_in}/groups")
    room = page.get_by_role("region", name=group)
    await room.get_by_role("textbox").fill(text)
    await room.get_by_role("textbox").press("Enter")
    await expect(room.get_by_role("link").filter(has_text="/g/")).to_be_visible()
    return room


async def test_an_administrator_reviews_ranks_exports_and_reverses(
    browser: Browser, town: Installation
) -> None:
    name, said = "晒坝大叔", "下个月也要天天学。"
    async with living(town, rate=RATE) as life:
        learner = Resident(9001, name, HUANGTU, 1, shows_name=False, scans=True)
        await arrive(life, learner)
        await asyncio.gather(study(life, learner), hand_in(life, said))
    assert [amount for _, amount in credit_of(town, name)] == [learner.awarded["credit"]]
    async with somebody(browser, town, DESK) as person:
        page = await person.become("演示管理员")
        await page.get_by_role("link", name="审核").first.click()
        await expect(page).to_have_url(re.compile("/desk/reviews"))
        await page.get_by_role("main").get_by_role("link").filter(has_text="推送").first.click()
        await expect(page.get_by_text(said).first).to_be_visible()
        await page.get_by_role("button", name="通过").click()
        await expect(page.get_by_role("button", name="通过")).to_be_hidden()
        await exports_the_ranking(page)
        await reverses_a_transfer(page, name)
        assert person.complaints == []
    (first, last) = credit_of(town, name)
    assert (first[0], last) == ("award", ("reversal", first[1]))
    ((reason, by),) = town.ask(
        "SELECT t.reason, p.name FROM transfer t JOIN person p ON p.id = t.ordered_by_id"
        " WHERE t.reverses_id IS NOT NULL AND t.unit = 'credit'"
    )
    assert (reason, by) == (REASON, "演示管理员")
    acts = {act for (act,) in town.ask("SELECT act FROM staff_act")}
    assert {"issue.review", "export.make", "person.see", "transfer.reverse"} <= acts
    assert town.shoushan("bank", "audit").returncode == 0


async def exports_the_ranking(page: Page) -> None:
    await page.get_by_role("link", name="学分排行").first.click()
    await expect(page.get_by_role("link", name="黄土村").first).to_be_visible()
    async with page.expect_download() as coming:
        await page.get_by_role("button", name="导出 Excel").click()
    file = await (await coming.value).path()
    content = await asyncio.to_thread(Path(file).read_bytes)
    book = openpyxl.load_workbook(io.BytesIO(content))
    cells = [cell for row in book.worksheets[0].iter_rows(values_only=True) for cell in row]
    assert "黄土村" in cells


async def reverses_a_transfer(page: Page, name: str) -> None:
    """From the village by a stated reason to the person, to one line, and back with a reason."""
    await page.get_by_role("link", name="黄土村").first.click()
    await page.get_by_label("为什么要看").fill("居民来问是不是记重了")
    await page.get_by_role("button", name="记下理由并查看").click()
    await page.get_by_role("button", name=name).click()
    await expect(page.get_by_role("heading", name=f"{name}的对账单")).to_be_visible()
    await page.get_by_role("link", name="学分", exact=True).click()
    # The page before has lines of every unit, and its first is not the one meant.
    await expect(page).to_have_url(re.compile("unit=credit"))
    # In the table: above it a resident who came in two ways has links to both accounts.
    await page.get_by_role("table").get_by_role("link", name="号").first.click()
    await page.get_by_role("link", name="冲正这笔").click()
    await page.get_by_label("为什么冲正").fill(REASON)
    page.once("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))
    await page.get_by_role("button", name="确认冲正").click()
    await expect(page.get_by_text("已冲正，居民的对账单里会写明原因")).to_be_visible()
