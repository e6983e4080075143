"""A day's push from the studio: written, found fault with, changed by two, moved, withdrawn."""

import pytest

from tests.api.browser import Browser
from tests.api.newsroom import Newsroom, open_newsroom
from tests.api.service import Service
from tests.api.studio import XSS, harm_in, number_of, said, send, working

NEW = "/studio/manuscripts/new-push"


@pytest.fixture
async def room(service: Service) -> Newsroom:
    return await open_newsroom(service)


async def written(browser: Browser, lesson: int, day: str = "2026-11-25", **typed: str) -> int:
    form = await browser.get(NEW)
    typed = {"org": "T", "day": day, "lesson": str(lesson), "text": "先挂断", "do": "save", **typed}
    return number_of(await send(browser, form, NEW, **typed))


async def test_from_the_form_to_the_first_review(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    async with working(service, room.tutor) as browser:
        form = await browser.get(NEW)
        # Tomorrow, the lesson that was never pushed and its summary stand there already.
        assert 'value="2026-11-24" data-said="11月24日" checked' in form.text
        assert f'value="{lesson}"' in form.text
        typed = {"org": "T", "day": "2026-11-24", "lesson": str(lesson), "text": XSS}
        found = await send(browser, form, NEW, **typed, do="search", q="没有这样的课")
        assert found.status_code == 200
        assert "alert(1)" in said(found)  # The words are still in the form.
        assert harm_in(found) == []
        assert await service.count("manuscript") == 0
        for _ in range(2):  # Back, and sent once more: the same push.
            sent = await send(browser, form, NEW, **typed, do="submit")
            number = number_of(sent)
        assert await service.count("manuscript", "state = 'first_review'") == 1
        assert await service.count("staff_act", "act = 'issue.submit'") == 1
        page = await browser.get(sent.headers["location"])
        assert "已送审" in page.text
        assert "等编辑审" in page.text
        assert harm_in(page) == []
        again = await browser.get(NEW)
        assert 'value="2026-11-24"' not in again.text  # Taken.
        late = await send(browser, form, NEW, **{**typed, "text": "别的"}, do="save")
        assert (late.status_code, "这一天已经有推送了" in late.text) == (400, True)
        assert ">\n别的</textarea>" in late.text
    async with working(service, room.editor) as editor:
        home = await editor.get("/studio")
        assert f"/studio/manuscripts/{number}" in home.text
        page = await editor.get(f"/studio/manuscripts/{number}")
        refused = await send(editor, page, "/review", decision="return", remarks="")
        assert (refused.status_code, "请写明理由" in refused.text) == (400, True)
        back = await send(editor, page, "/review", decision="return", remarks="电话写错了")
        assert back.status_code == 303
        stale = await send(editor, page, "/review", decision="approve", remarks="")
        assert stale.status_code == 409
    async with working(service, room.tutor) as browser:
        mine = said(await browser.get("/studio"))
        assert "退回来要改的（1）" in mine
        assert "初审：电话写错了" in mine


FAULTS: tuple[tuple[dict[str, str], str], ...] = (
    ({"day": ""}, "请选一天"),
    ({"day": "2026-13-99"}, "请选一天"),
    ({"day": "2020-01-01"}, "推送日期应在今天和"),
    ({"lesson": ""}, "请选一课"),
    ({"lesson": "9" * 40}, "请选一课"),
    ({"lesson": "4611686018427387904"}, "没有这节课"),
    ({"text": " "}, "推送语应为"),
    ({"text": "长" * 301}, "推送语应为"),
)


async def test_a_form_that_came_back_keeps_what_was_typed(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    usual = {"org": "T", "day": "2026-11-24", "lesson": str(lesson), "text": "先挂断，再打电话"}
    async with working(service, room.tutor) as browser:
        form = await browser.get(NEW)
        for typed, told in FAULTS:
            answer = await send(browser, form, NEW, **{**usual, **typed}, do="submit")
            assert answer.status_code == 400, typed
            assert told in said(answer)
            assert {**usual, **typed}["text"] in answer.text
        elsewhere = await send(browser, form, NEW, **{**usual, "org": "nowhere"}, do="save")
        assert elsewhere.status_code == 404
    assert await service.count("manuscript") == 0


async def test_two_at_once_lose_nothing(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    async with working(service, room.tutor) as one, working(service, room.editor) as two:
        number = await written(one, lesson)
        path = f"/studio/manuscripts/{number}/push"
        first, second = await one.get(path), await two.get(path)
        fine = await send(one, first, path, lesson=str(lesson), text="甲写的", do="save")
        assert fine.status_code == 303
        told = await send(two, second, path, lesson=str(lesson), text="乙写的", do="save")
        assert told.status_code == 409
        assert "刚刚被别人改过" in told.text
        assert "甲写的" in told.text
        assert ">\n乙写的</textarea>" in told.text
        mine = await send(two, told, path, lesson=str(lesson), text="乙写的", do="save")
        assert mine.status_code == 303
        page = await one.get(f"/studio/manuscripts/{number}?version=2")
        assert "甲写的" in page.text  # Both wordings are kept.
        assert "第 3 版" in page.text


async def test_a_push_moves_to_a_free_day_only(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    async with working(service, room.tutor) as browser:
        number = await written(browser, lesson)
        await written(browser, lesson, "2026-11-26")
        week = await browser.get("/studio/week?date=2026-11-25")
        path = f"/studio/week/{number}/move"
        taken = await send(browser, week, path, day="2026-11-26")
        assert (taken.status_code, "这一天已经有推送了" in taken.text) == (409, True)
        past = await send(browser, week, path, day="2026-11-22")
        assert (past.status_code, "推送日期应在" in past.text) == (400, True)
        for _ in range(2):
            moved = await send(browser, week, path, day="2026-11-27")
            assert moved.headers["location"].startswith("/studio/week?date=2026-11-27&org=T")
        stale = await send(browser, week, path, day="2026-11-28")
        assert (stale.status_code, "已被修改" in stale.text) == (409, True)
        week = await browser.get(moved.headers["location"])
        friday = week.text.partition('data-day="2026-11-27"')[2]
        assert "公检法" in friday.partition("</li>")[0]
        await written(browser, lesson, "2026-11-25")  # The old day is free again.
    assert await service.count("staff_act", "act = 'issue.move'") == 1


async def test_a_withdrawn_day_can_be_written_anew(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    async with working(service, room.editor) as editor:
        number = await written(editor, lesson)
        page = await editor.get(f"/studio/manuscripts/{number}")
        short = await send(editor, page, "/withdraw", reason=" ")
        assert (short.status_code, "至少两个字" in short.text) == (400, True)
        gone = await send(editor, page, "/withdraw", reason="换一天讲")
        assert gone.headers["location"].endswith("said=withdrawn")
        assert (await editor.get(f"/studio/manuscripts/{number}/push")).status_code == 409
        another = await written(editor, lesson, text="重新写")
        assert another != number
    async with working(service, room.tutor) as tutor:
        page = await tutor.get(f"/studio/manuscripts/{another}")
        assert "/withdraw" not in page.text  # A tutor changes a push, and takes none back.


async def test_reviewed_by_three_and_scheduled(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    async with working(service, room.tutor) as browser:
        number = await written(browser, lesson, do="submit")
        own = await browser.get(f"/studio/manuscripts/{number}")
        assert "/review" not in own.text
        assert (await browser.press(own, "/logout")).status_code == 303
    for who in (room.editor, room.chief, room.admin):
        async with working(service, who) as browser:
            page = await browser.get(f"/studio/manuscripts/{number}")
            done = await send(browser, page, "/review", decision="approve", remarks="")
            assert done.headers["location"].endswith("said=reviewed")
    async with working(service, room.admin) as browser:
        page = await browser.get(f"/studio/manuscripts/{number}")
        assert page.text.count('class="step done-step"') == 4
        done = await send(browser, page, "/schedule")
        assert done.headers["location"].endswith("said=scheduled")
        assert await service.count("manuscript", "state = 'scheduled'") == 1
