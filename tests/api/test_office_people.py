"""认定, the roster, merges, organisations, the log and the books by web forms."""

import hashlib
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.core.settings import Settings
from tests.api.browser import Browser, form_of
from tests.api.office import NASTY, Desk, is_safe, open_desk
from tests.api.service import Resident, running
from tests.api.test_office_pages import settings as own_settings

settings = own_settings
PAPER = b"a scan of a certificate"
APPLICATION = {
    "title": f"书法班{NASTY}"[:60],
    "institution": "合川老年大学",
    "hours_hundredths": 150,
    "achieved_on": "2026-06-01",
    "document_name": NASTY[:40],
    "document_sha256": hashlib.sha256(PAPER).hexdigest(),
}
BRANCH = "code,name,kind,parent_code\nT-3,新村,village,T\nT-1,文坪新村,village,T\n"


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    async with running(settings) as service, open_desk(service) as desk:
        yield desk


async def apply(desk: Desk, who: Resident, **facts: Any) -> httpx.Response:
    return await desk.service.call("POST", "/prior-learning", who, json={**APPLICATION, **facts})


async def upload(browser: Browser, page: httpx.Response, to: str, content: bytes) -> httpx.Response:
    action, fields = form_of(page, to)
    files = {"file": ("<b>x</b>.csv", content, "text/csv")}
    return await browser.client.post(action, data=fields, files=files)


async def test_two_people_recognise_and_a_refused_paper_comes_again(desk: Desk) -> None:
    first = (await apply(desk, desk.resident)).json()
    assert (await apply(desk, desk.tutor)).status_code == 409  # One paper, one person.
    tutor, admin = await desk.window(desk.tutor), await desk.window(desk.admin)
    assert is_safe((await tutor.get("/desk/prior-learning")).text)
    path = f"/desk/prior-learning/{first['id']}"
    page = await tutor.get(path)
    assert is_safe(page.text)
    assert "就是这份材料" in (await upload(tutor, page, "/compare", PAPER)).text
    assert "不是同一个文件" in (await upload(tutor, page, "/compare", b"another")).text
    assert (await upload(tutor, page, "/compare", b"")).status_code == 400
    assert (await tutor.press(page, "/refuse", remarks=" ")).status_code == 400
    assert (await tutor.press(page, "/refuse", remarks="看不清")).status_code == 303
    again = (await apply(desk, desk.resident)).json()
    path = f"/desk/prior-learning/{again['id']}"
    page = await tutor.get(path)
    assert (await tutor.press(page, "/confirm")).status_code == 303
    assert "等另一位管理员" in (await tutor.get(path)).text
    _, fields = form_of(page, "/confirm")
    assert (await tutor.post(f"{path}/approve", {"csrf": fields["csrf"]})).status_code == 403
    page = await admin.get(path)
    to, fields = form_of(page, "/approve")
    for _ in range(2):
        assert (await admin.post(to, fields)).status_code == 303
    assert "已认定" in (await admin.get("/desk/prior-learning?tab=approved")).text
    assert await desk.service.count("transfer", "rule_code = 'prior_learning.credit'") == 1
    other = await desk.window(desk.other)
    assert (await other.get(path)).status_code == 403


async def test_offices_are_granted_by_others_and_ended_with_a_reason(desk: Desk) -> None:
    admin = await desk.window(desk.admin)
    await desk.service.ask("PATCH", "/me", desk.resident, json={"name": "槐小花"})
    found = await admin.get("/desk/roster/grant?name=槐小花")
    assert f"person={desk.resident.id}" in found.text
    other = await desk.window(desk.other)
    assert (
        f"person={desk.resident.id}" not in (await other.get("/desk/roster/grant?name=槐小花")).text
    )
    page = await admin.get(f"/desk/roster/grant?person={desk.resident.id}")
    office = {"role": "volunteer", "org_code": "T-1", "title": NASTY[:20]}
    to, fields = form_of(page, "/grant")
    for _ in range(2):
        assert (await admin.post(to, {**fields, **office})).status_code == 303
    roster = await admin.get("/desk/roster?role=volunteer")
    assert "槐小花" in roster.text
    assert is_safe(roster.text)
    assert await desk.service.count("office", "role = 'volunteer'") == 1
    own = {**fields, **office, "person": str(desk.admin.id), "once": "another-key"}
    assert (await admin.post(to, own)).status_code == 403
    assert (
        await admin.press(page, "/grant", role="king", org_code="T", once="a-third-key")
    ).status_code == 400
    _, theirs = form_of(await other.get("/desk/roster/grant"), "/logout")
    stolen = {**office, "csrf": theirs["csrf"], "person": str(desk.resident.id)}
    assert (await other.post(to, stolen)).status_code == 403
    ended = await admin.press(roster, "/end", reason="届满")
    assert ended.status_code == 303
    assert "届满" in (await admin.get("/desk/roster?ended=true")).text
    everyone = await admin.get("/desk/roster")
    mine = await desk.service.count("office", f"person_id = {desk.admin.id} AND until_on IS NULL")
    assert mine == 1
    own_office = re.findall(r"/desk/roster/offices/(\d+)/end", everyone.text)
    assert len(own_office) == 4  # Tutor, editor, chief editor, the other administrator: not me.


async def test_a_village_is_corrected_with_a_reason(desk: Desk) -> None:
    admin, other = await desk.window(desk.admin), await desk.window(desk.other)
    page = await admin.get(f"/desk/roster/grant?person={desk.resident.id}")
    told = {"org_code": "T-2", "person": str(desk.resident.id)}
    bad = await admin.press(page, "/village", **told, reason="电话 13900001111")
    assert bad.status_code == 400
    assert (await admin.press(page, "/village", **told, reason="搬到镇上")).status_code == 303
    me = await desk.service.ask("GET", "/me", desk.resident)
    assert me["org"]["code"] == "T-2"
    assert "搬到镇上" in (await admin.get("/desk/audit?act=person.correct_village")).text
    villager = await desk.service.villager("T-1")
    _, fields = form_of(await other.get("/desk/roster/grant"), "/logout")
    pulled = {
        "csrf": fields["csrf"],
        "org_code": "T-2",
        "person": str(villager.id),
        "reason": "我要",
    }
    assert (await other.post("/desk/roster/residents/village", pulled)).status_code == 403


async def test_two_accounts_become_one_and_two_again(desk: Desk) -> None:
    admin = await desk.window(desk.admin)
    twin = await desk.service.villager("T-1")
    address = f"/desk/roster/merges?kept={desk.resident.id}&merged={twin.id}"
    page = await admin.get(address)
    assert "请核对是不是同一个人" in page.text
    assert (await admin.press(page, "/merges", reason="")).status_code == 400
    to, fields = form_of(page, "/merges")
    for _ in range(2):
        assert (await admin.post(to, {**fields, "reason": "换了手机"})).status_code == 303
    assert await desk.service.count("merge") == 1
    assert (
        await admin.get(f"/desk/roster/merges?kept={desk.admin.id}&merged={twin.id}")
    ).status_code == 403
    listed = await admin.get("/desk/roster/merges")
    assert "换了手机" in listed.text
    other = await desk.window(desk.other)
    assert "换了手机" not in (await other.get("/desk/roster/merges")).text
    assert (await admin.press(listed, "/undo", reason="认错了人")).status_code == 303
    assert "已撤销" in (await admin.get("/desk/roster/merges")).text
    assert "认错了人" in (await admin.get("/desk/audit?act=person.unmerge")).text


async def test_a_file_of_organisations_is_tried_before_it_is_loaded(desk: Desk) -> None:
    admin = await desk.window(desk.admin)
    page = await admin.get("/desk/organisations")
    bad = await upload(admin, page, "/check", f"code,name,kind\n{NASTY},x,y\n".encode())
    assert bad.status_code == 400
    assert "没有导入任何一行" in bad.text
    assert is_safe(bad.text)
    assert (await upload(admin, page, "/check", b"\xff\xfe\x00")).status_code == 400
    tried = await upload(admin, page, "/check", BRANCH.encode())
    assert tried.status_code == 200, tried.text
    assert "试导入的结果" in tried.text
    assert await desk.service.count("organisation", "code = 'T-3'") == 0
    to, fields = form_of(tried, "/desk/organisations")
    assert (await admin.post(to, {**fields, "content": "!!"})).status_code == 400
    for _ in range(2):
        assert (await admin.post(to, fields)).status_code == 303
    tree = await admin.get("/desk/organisations")
    assert "新村" in tree.text
    assert "文坪新村" in tree.text
    assert await desk.service.count("staff_act", "act = 'organisation.import'") == 1
    other = await desk.window(desk.other)
    _, fields = form_of(await other.get("/desk/organisations"), "/logout")
    for to in ("/desk/organisations", "/desk/organisations/check"):
        assert (await other.post(to, {"csrf": fields["csrf"], "content": ""})).status_code == 403
    poster = await admin.get("/desk/organisations/T-3/poster")
    assert poster.status_code == 200
    assert "<svg" in poster.text
    assert (await admin.get("/desk/organisations/T-S/poster")).status_code == 400
    assert (await other.get("/desk/organisations/T-3/poster")).status_code == 403


async def test_the_books_are_audited_from_the_desk(desk: Desk) -> None:
    admin = await desk.window(desk.admin)
    page = await admin.get("/desk/closes")
    assert "还没有人在这里核对过" in page.text
    to, fields = form_of(page, "/audit")
    for _ in range(2):
        assert (await admin.post(to, fields)).status_code == 303
    assert "账目属实" in (await admin.get("/desk/closes?done=audited")).text
    assert await desk.service.count("staff_act", "act = 'bank.audit'") == 1


async def test_large_books_are_audited_by_a_worker(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.flows.auditing.AT_ONCE_MAX", -1)
    admin = await desk.window(desk.admin)
    answer = await admin.press(await admin.get("/desk/closes"), "/audit")
    assert answer.headers["location"].endswith("done=audit-ordered")
    assert await desk.service.count("staff_act", "act = 'bank.audit'") == 0
    await desk.service.run_jobs()
    assert "账目属实" in (await admin.get("/desk/closes")).text
