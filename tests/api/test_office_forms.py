"""Calendar, groups, deliveries and rules by web forms: what they do, and what they refuse."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from app.core import clock
from app.core.db import transaction
from app.core.settings import Settings
from app.people.models import Organisation, Person
from app.people.queries import org_by_code
from app.push.models import Group
from tests.api.browser import form_of
from tests.api.office import NASTY, Desk, is_safe, open_desk
from tests.api.service import running
from tests.api.test_office_pages import settings as own_settings
from tests.content.drafts import make_lesson
from tests.factories.pushing import make_delivery, make_group, make_push

settings = own_settings
HOURS = {"send_at": "08:00", "deadline": "12:00", "open_from": "07:30", "open_until": "21:00"}


@pytest.fixture
async def desk(settings: Settings) -> AsyncIterator[Desk]:
    async with running(settings) as service, open_desk(service) as desk:
        yield desk


async def test_a_day_is_closed_and_opened_with_a_reason(desk: Desk) -> None:
    editor = await desk.window(desk.editor)
    page = await editor.get("/desk/calendar?week=2026-W48")
    day = {"day": "2026-11-27"}
    assert (await editor.press(page, "/closed", **day, reason="")).status_code == 400
    answer = await editor.press(page, "/closed", **day, reason=f"公祭日{NASTY}")
    assert answer.headers["location"] == "/desk/calendar?week=2026-W48&done=closed-day"
    closed = await editor.get(answer.headers["location"])
    assert "停发" in closed.text
    assert is_safe(closed.text)
    assert (
        await editor.press(page, "/closed", day="2026-11-01", reason="过去", once="another-key")
    ).status_code == 400
    answer = await editor.press(closed, "/2026-11-27/open", reason="照常发布")
    assert answer.status_code == 303
    assert "没有停发日" in (await editor.get("/desk/calendar")).text


async def test_only_an_administrator_sets_the_rhythm(desk: Desk) -> None:
    admin, editor = await desk.window(desk.admin), await desk.window(desk.editor)
    page = await admin.get("/desk/calendar")
    plan = {"at": "19:30", "week_min": "1", "week_max": "3"}
    assert (await admin.press(page, "/plan", **plan)).status_code == 400
    to, fields = form_of(page, "/plan")
    answer = await admin.post(to, {**fields, **plan, "weekdays": ["1", "4"]})
    assert answer.status_code == 303
    shown = await admin.get("/desk/calendar")
    assert 'value="19:30"' in shown.text
    assert "/plan" not in (await editor.get("/desk/calendar")).text
    _, own = form_of(await editor.get("/desk/calendar"), "/closed")
    told = {**own, **plan, "weekdays": ["1"], "once": "a-key-of-its-own"}
    assert (await editor.post(to, told)).status_code == 403


async def test_a_group_s_life_and_its_secret_address(desk: Desk) -> None:
    admin = await desk.window(desk.admin)
    key = "0f2a55aa-0000-4444-8888-1234567890ab"
    facts = {"name": "文坪学习群", "org_code": "T-1", "owner_id": str(desk.tutor.id), **HOURS}
    page = await admin.get("/desk/groups/new")
    wrong = await admin.press(page, "/desk/groups", **facts, channel="wecom_robot", address="短")
    assert wrong.status_code == 400
    assert "群的地址与推送方式不符" in wrong.text
    assert 'value="文坪学习群"' in wrong.text
    answer = await admin.press(wrong, "/desk/groups", **facts, channel="wecom_robot", address=key)
    assert answer.status_code == 303, answer.text
    shown = await admin.get("/desk/groups")
    assert "…90ab" in shown.text
    assert key not in shown.text
    async with transaction() as session:
        group_id = await session.scalar(Group.__table__.select().with_only_columns(Group.id))
    page = await admin.get(f"/desk/groups/{group_id}")
    assert key not in page.text
    changed = {
        **facts,
        "channel": "wecom_robot",
        "name": "文坪新群",
        "address": "",
        "deadline": "13:00",
    }
    del changed["org_code"]
    answer = await admin.press(page, f"/desk/groups/{group_id}", **changed)
    assert answer.status_code == 303, answer.text
    async with transaction() as session:
        group = await session.get_one(Group, group_id)
        assert (group.name, group.address, group.deadline.hour) == ("文坪新群", key, 13)
    other = await desk.window(desk.other)
    assert (await other.get(f"/desk/groups/{group_id}")).status_code == 403
    assert "文坪新群" not in (await other.get("/desk/groups")).text
    answer = await admin.press(page, "/end", reason="并入大群")
    assert answer.status_code == 303
    assert "已停用" in (await admin.get("/desk/groups?ended=true")).text
    assert await desk.service.count("staff_act", "act = 'group.change'") == 3


async def delivery_in(desk: Desk, state: str, **facts: Any) -> int:
    """A delivery of today to a group of T-1."""
    now = clock.utcnow()
    async with transaction() as session:
        lesson = await make_lesson(session, f"l-{state}", now=now)
        town: Organisation = await org_by_code(session, "T-1")
        owner = await session.get_one(Person, desk.tutor.id)
        group = await make_group(session, town, owner, name=f"{state}{NASTY}"[:40])
        push = await make_push(session, town, lesson, day=clock.local_day(now), now=now)
        made = await make_delivery(
            session, push, group, state=state, local_day=clock.local_day(now), **facts
        )
        return made.id


async def test_a_delivery_in_doubt_is_settled_with_a_reason(desk: Desk) -> None:
    number = await delivery_in(desk, "unknown", detail="没有回答")
    editor = await desk.window(desk.editor)
    listed = await editor.get("/desk/deliveries?dead=1")
    assert f"/desk/deliveries/{number}" in listed.text
    assert is_safe(listed.text)
    page = await editor.get(f"/desk/deliveries/{number}")
    assert (await editor.press(page, "/desk/deliveries", act="sent", reason="")).status_code == 400
    assert (await editor.press(page, "/desk/deliveries", act="eat", reason="饿")).status_code == 400
    answer = await editor.press(page, "/desk/deliveries", act="sent", reason="看过群里")
    assert answer.status_code == 303
    page = await editor.get(answer.headers["location"])
    assert "标记送达 · " in page.text
    assert "看过群里" in page.text
    for who, status in ((desk.tutor, 200), (desk.other, 403), (desk.resident, 403)):
        window = await desk.window(who)
        assert (await window.get(f"/desk/deliveries/{number}")).status_code == status
    tutor = await desk.window(desk.tutor)
    assert "怎么办" not in (await tutor.get(f"/desk/deliveries/{number}")).text
    reach = await editor.get("/desk/deliveries/reach")
    assert "文坪村" in reach.text
    assert (await editor.get("/desk/deliveries/reach?since=2026-12-01")).status_code == 400


RULE = {
    "name": "学完一课",
    "explanation": "每学满 60 分钟得 1.50 学分",
    "amount": "1.50",
    "minimum": "0.01",
    "once_per": "object",
    "daily_cap": "3",
    "weekly_cap": "",
    "yearly_cap": "42",
}


async def test_a_new_rule_is_tried_on_last_month_and_then_published(desk: Desk) -> None:
    service = desk.service
    lesson = await service.lesson(required_seconds=600)
    await service.study(desk.resident, lesson, 600)
    service.forward(days=20)
    for one in (desk.admin, desk.resident):
        desk.opened.pop(one.id, None)
    admin = await desk.window(desk.admin)
    path = "/desk/rules/lesson.credit"
    page = await admin.get(path)
    tomorrow = (clock.local_day(clock.utcnow()) + timedelta(days=1)).isoformat()
    facts = {**RULE, "valid_from": tomorrow}
    to, fields = form_of(page, path)
    tried = await admin.post(f"{to}/try", {**fields, **facts})
    assert tried.status_code == 200, tried.text
    for told in ("上个月按新规则会发多少", "0.17 学分", "0.25 学分", "+0.08 学分", 'value="1.50"'):
        assert told in tried.text, told
    assert await service.count("credit_rule", "code = 'lesson.credit'") == 1
    for field, value in (
        ("amount", "1.234"),
        ("amount", "-1"),
        ("amount", "NaN"),
        ("daily_cap", "1e99"),
        ("valid_from", "2026-11-01"),
        ("name", ""),
        ("once_per", "always"),
    ):
        refused = await admin.press(tried, path, **{**facts, field: value})
        assert refused.status_code in {400, 409}, (field, value)
        assert "有 1 处要改一下" in refused.text
    answer = await admin.press(tried, path, **facts)
    assert answer.status_code == 303, answer.text
    shown = await admin.get("/desk/rules")
    assert "起换第 2 版" in shown.text
    # The other tab still shows the first version.
    late = await admin.press(page, path, **{**facts, "amount": "9"})
    assert late.status_code == 409
    assert "刚刚有了新版本" in late.text
    assert await service.count("credit_rule", "code = 'lesson.credit'") == 2
    assert await service.count("staff_act", "act = 'rule.publish'") == 1


async def test_a_village_s_administrator_sets_no_rules(desk: Desk) -> None:
    other = await desk.window(desk.other)
    page = await other.get("/desk/rules/lesson.credit")
    assert "登记新版本" not in page.text
    _, fields = form_of(page, "/logout")
    for to in ("/desk/rules/lesson.credit", "/desk/rules/lesson.credit/try", "/desk/closes/audit"):
        answer = await other.post(
            to, {**fields, **RULE, "valid_from": "2027-01-01", "based_on": "1"}
        )
        assert answer.status_code == 403, to
