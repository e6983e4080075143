"""Activities from the studio: announced, signed in to, confirmed; and the code at the door."""

from sqlalchemy import text

from app.core.db import transaction
from tests.api.service import Resident, Service
from tests.api.studio import XSS, harm_in, number_of, said, send, working

NEW = "/studio/activities/new"
USUAL = {
    "title": "院坝反诈宣讲", "org": "T-1", "platform": "微讲堂", "day": "2026-11-23",
    "begins": "10:00", "ends": "11:30",
}  # fmt: skip
FAULTS = (
    ({"title": "短"}, "名称应为"),
    ({"platform": "没有"}, "请选择一个学习平台"),
    ({"day": "2026-02-30"}, "开始时间不对"),
    ({"day": "0001-01-01"}, "开始时间不对"),
    ({"begins": "10:00+99"}, "开始时间不对"),
    ({"ends": ""}, "结束时间不对"),
    ({"ends": "09:00"}, "活动时长要在"),
    ({"begins": "00:00", "ends": "23:00"}, "活动时长要在"),
)


async def test_announced_scanned_confirmed(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    async with working(service, tutor) as browser:
        form = await browser.get(NEW)
        for wrong, told in FAULTS:
            answer = await send(browser, form, NEW, **{**USUAL, **wrong})
            assert (answer.status_code, told in said(answer)) == (400, True), wrong
        elsewhere = await send(browser, form, NEW, **{**USUAL, "org": "T-2"})
        assert elsewhere.status_code == 403
        for _ in range(2):
            activity = number_of(await send(browser, form, NEW, **{**USUAL, "title": XSS[:60]}))
        assert await service.count("activity") == 1
        path = f"/studio/activities/{activity}"
        page = await browser.get(path)
        assert harm_in(page) == []
        assert "还没有人签到" in page.text
        code = await browser.get(f"{path}/code")
        assert code.text.count('class="door-qr"') == 1
        assert "打开微信扫一扫" in code.text
        one, absent = await came(service, XSS), await service.villager("T-1")
        page = await browser.get(path)
        assert harm_in(page) == []
        assert "谁签到了（1）" in page.text
        nobody = await send(browser, page, "/confirm")
        assert (nobody.status_code, "请先勾选" in nobody.text) == (400, True)
        ticked = [str(one.id), str(absent.id), "x", "9" * 30]
        for _ in range(2):
            done = await send(browser, page, "/confirm", person=ticked)
            assert done.headers["location"] == f"{path}?said=confirmed"
        assert await service.count("attendance", "confirmed_at IS NOT NULL") == 1
        assert await service.count("staff_act", "act = 'activity.confirm'") == 1
        assert "进行中" in said(await browser.get("/studio/activities"))


async def came(service: Service, title: str) -> Resident:
    """A villager who scanned the code at the door."""
    one = await service.villager("T-1")
    await service.ask("PATCH", "/me", one, json={"name": "槐小花"})
    await service.act(one.user, "follow")
    await service.run_jobs()
    coming = (await service.ask("GET", "/activities", one))["items"]
    assert coming[0]["title"] == title[:60]
    async with transaction() as session:
        scene = await session.scalar(text("SELECT code FROM activity"))
    await service.act(one.user, "scan", scene=scene)
    return one


async def test_before_it_begins_nobody_is_confirmed(service: Service) -> None:
    tutor = await service.officer("tutor", "T-1")
    async with working(service, tutor) as browser:
        form = await browser.get(NEW)
        later = number_of(await send(browser, form, NEW, **{**USUAL, "begins": "10:20"}))
        await came(service, USUAL["title"])
        path = f"/studio/activities/{later}"
        page = await browser.get(path)
        assert "活动开始以后才能确认" in page.text
        early = await send(browser, page, "/confirm", person="1")
        assert (early.status_code, "还没有开始" in early.text) == (409, True)
        service.forward(hours=9)
        over = await browser.get(f"{path}/code")
        assert "活动已经结束" in over.text
