"""Three reviews by three people through web forms; stale, forged, doubled and hostile ones."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.core.settings import Settings
from tests.api.browser import form_of
from tests.api.office import NASTY, Desk, is_safe, open_desk
from tests.api.service import Resident, running
from tests.api.test_office_pages import settings as own_settings
from tests.api.test_weeks import make_failed

settings = own_settings


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    async with running(settings) as service, open_desk(service) as desk:
        yield desk


async def review(
    desk: Desk, who: Resident, issue: Any, decision: str = "approve", remarks: str = ""
) -> httpx.Response:
    window = await desk.window(who)
    page = await window.get(f"/desk/reviews/{issue['id']}")
    return await window.press(
        page, f"/desk/reviews/{issue['id']}", decision=decision, remarks=remarks
    )


async def state_of(desk: Desk, issue: Any) -> str:
    said = await desk.service.ask("GET", f"/issues/{issue['id']}", desk.admin)
    return str(said["state"])


async def test_three_people_approve_and_one_schedules(desk: Desk) -> None:
    issue = await desk.submitted(title="冬季用电防火", markdown="先断电，**再**灭火。")
    newsroom = desk.newsroom
    editor = await desk.window(desk.editor)
    assert "冬季用电防火" in (await editor.get("/desk/reviews")).text
    for who, state in (
        (newsroom.editor, "second_review"),
        (newsroom.chief, "final_review"),
        (newsroom.admin, "approved"),
    ):
        answer = await review(desk, who, issue, remarks="可以")
        assert answer.status_code == 303, answer.text
        assert await state_of(desk, issue) == state
    said = await editor.get("/desk/reviews?done=approved")
    assert "已通过" in said.text
    page = await editor.get(f"/desk/reviews/{issue['id']}")
    assert '<div class="article"><section><p>先断电，<strong>再</strong>灭火。</p>' in page.text
    assert page.text.count("step done-step") == 4
    answer = await editor.press(page, "/schedule")
    assert answer.status_code == 303
    page = await editor.get(answer.headers["location"])
    assert "11月24日 18:00" in page.text
    answer = await editor.press(page, "/withdraw", reason="内容要改")
    assert answer.status_code == 303
    assert await state_of(desk, issue) == "withdrawn"
    admin = await desk.window(desk.admin)
    log = (await admin.get("/desk/audit")).text
    for act in ("审核", "安排发布时间", "撤回", "决定：通过"):
        assert act in log, act


async def test_a_review_is_given_by_whom_it_takes(desk: Desk) -> None:
    issue = await desk.submitted()
    for who in (desk.newsroom.chief, desk.admin):
        page = await (await desk.window(who)).get(f"/desk/reviews/{issue['id']}")
        assert "现在不用您审" in page.text
        assert 'value="approve"' not in page.text
    editor = await desk.window(desk.editor)
    _, fields = form_of(await editor.get(f"/desk/reviews/{issue['id']}"), "/desk/reviews")
    for who, status in (
        (desk.tutor, 403),
        (desk.admin, 403),
        (desk.resident, 403),
        (desk.other, 403),
    ):
        window = await desk.window(who)
        _, own = (
            form_of(await window.get("/desk/tasks"), "/logout")
            if who != desk.resident
            else ("", {"csrf": form_of(await window.get("/logout"))[1]["csrf"]})
        )
        told = {**fields, "csrf": own["csrf"], "decision": "approve", "once": "another-key"}
        answer = await window.post(f"/desk/reviews/{issue['id']}", told)
        assert answer.status_code == status, answer.text
    assert await state_of(desk, issue) == "first_review"
    own_work = await desk.newsroom.begin()
    assert own_work["state"] == "draft"


async def test_sent_back_with_remarks_and_what_changed_is_shown(desk: Desk) -> None:
    issue = await desk.submitted(markdown="报警电话 110。\n\n不转账。")
    answer = await review(desk, desk.editor, issue, "return")
    assert answer.status_code == 400
    assert "请写明理由" in answer.text
    answer = await review(desk, desk.editor, issue, "return", "反诈专线是 96110")
    assert answer.status_code == 303
    changed = await desk.newsroom.change(issue, desk.tutor, markdown="报警电话 96110。\n\n不转账。")
    again = await desk.newsroom.submit(changed.json())
    editor = await desk.window(desk.editor)
    page = await editor.get(f"/desk/reviews/{again['id']}")
    assert "<ins>96</ins>" in page.text
    assert "退回修改" in page.text
    assert "反诈专线是 96110" in page.text


async def test_who_looked_at_another_wording_is_told_and_loses_nothing(desk: Desk) -> None:
    issue = await desk.submitted()
    editor = await desk.window(desk.editor)
    old = await editor.get(f"/desk/reviews/{issue['id']}")
    changed = await desk.newsroom.change(issue, desk.tutor, markdown="改过的内容。")
    assert changed.is_success
    await desk.newsroom.submit(changed.json())
    answer = await editor.press(
        old, "/desk/reviews", decision="approve", remarks="我写了很久的意见"
    )
    assert answer.status_code == 409
    for told in ("稿件已被修改", "我写了很久的意见", "改过的内容", "和第 1 版比"):
        assert told in answer.text, told
    assert await state_of(desk, issue) == "first_review"
    # The page that came back is of the wording as it is now.
    answer = await editor.press(answer, "/desk/reviews", decision="approve")
    assert answer.status_code == 303
    assert await state_of(desk, issue) == "second_review"
    late = await editor.press(old, "/desk/reviews", decision="return", remarks="来晚了")
    assert late.status_code == 409


async def test_a_form_sent_twice_counts_once_and_a_stranger_s_not_at_all(desk: Desk) -> None:
    issue = await desk.submitted()
    editor = await desk.window(desk.editor)
    page = await editor.get(f"/desk/reviews/{issue['id']}")
    to, fields = form_of(page, "/desk/reviews")
    sent = {**fields, "decision": "approve", "remarks": "好"}
    forged = await editor.post(to, {**sent, "csrf": "0" * 80})
    assert forged.status_code == 403
    stranger = await editor.post(to, sent, origin="https://evil.example")
    assert stranger.status_code == 403
    answers = [await editor.post(to, sent) for _ in range(3)]
    assert {one.status_code for one in answers} == {303}
    assert len({one.headers["location"] for one in answers}) == 1
    where = f"manuscript_id = {issue['id']} AND decision IS NOT NULL"
    assert await desk.service.count("manuscript_step", where) == 1
    assert await desk.service.count("staff_act", "act = 'issue.review'") == 1


async def test_nothing_that_was_typed_becomes_a_part_of_the_page(desk: Desk) -> None:
    await desk.service.ask("PATCH", "/me", desk.tutor, json={"name": "<b>竹青</b>"})
    issue = await desk.submitted(
        title=NASTY[:30],
        author="<i>某</i>",
        digest=NASTY,
        markdown=f"{NASTY}\n\n[点](javascript:x)",
    )
    answer = await review(desk, desk.editor, issue, "return", NASTY)
    assert answer.status_code == 303, answer.text
    await desk.newsroom.submit(issue)
    for who in (desk.editor, desk.admin):
        window = await desk.window(who)
        for path in (
            f"/desk/reviews/{issue['id']}",
            "/desk/reviews?tab=open",
            "/desk/tasks",
            "/desk/tasks?scope=area",
            "/desk/calendar",
        ):
            page = await window.get(path)
            if page.status_code != 403:
                assert is_safe(page.text), path
                assert "<b>竹青" not in page.text
                assert not re.search(r'href="javascript', page.text)
                assert not re.search(r"<[^>]+\sstyle\s*=", page.text), path


async def test_an_issue_in_doubt_is_decided_by_a_person(desk: Desk) -> None:
    failed = await make_failed(desk.service, desk.editor)
    editor = await desk.window(desk.editor)
    tasks = await editor.get("/desk/tasks")
    assert "没有发出" in tasks.text
    nothing = await editor.press(tasks, "/outcome", decision="give_up")
    assert nothing.status_code == 400
    bad = await editor.press(tasks, "/outcome", decision="published", url="javascript:alert(1)")
    assert bad.status_code == 400
    answer = await editor.press(
        tasks,
        "/outcome",
        decision="published",
        reason="后台看到了",
        url="https://mp.weixin.qq.com/s/x",
    )
    assert answer.headers["location"] == "/desk/tasks?done=decided"
    assert await state_of(desk, {"id": failed}) == "published"
    page = await editor.get(f"/desk/reviews/{failed}")
    assert 'href="https://mp.weixin.qq.com/s/x"' in page.text
    assert "没有等您处理的事" in (await editor.get("/desk/tasks")).text


async def test_a_day_s_push_shows_its_lesson(desk: Desk) -> None:
    lesson_id = await desk.service.lesson()
    body = {"date": "2026-11-24", "org_code": "T", "lesson_id": lesson_id, "text": "稳赚不赔都是骗"}
    push = await desk.service.ask("POST", "/pushes", desk.tutor, json=body)
    await desk.service.ask("POST", f"/pushes/{push['id']}/submit", desk.tutor)
    page = await (await desk.window(desk.editor)).get(f"/desk/reviews/{push['id']}")
    for told in ("点开看到的课程", "检查题", "正确答案", "通过初审"):
        assert told in page.text, told
    assert "<mark>" in page.text
    answer = await review(desk, desk.editor, push)
    assert answer.status_code == 303
