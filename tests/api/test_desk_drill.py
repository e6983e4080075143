"""From a village to a resident, a statement, a transfer, its evidence, and its reversal."""

import re
from collections.abc import AsyncIterator

import httpx
import pytest
from sqlalchemy import select

from app.core import clock
from app.core.db import transaction
from app.credit_bank.closing import close_days
from app.credit_bank.models import Transfer
from tests.api.browser import Browser, browsing, form_of
from tests.api.service import Resident, Service

REASON = "居民来问少记了学分"
SECRET = "油菜花开"


@pytest.fixture
async def learner(service: Service) -> Resident:
    """Somebody who keeps to themselves and completed a lesson."""
    one = await service.villager("T-1")
    await service.ask("PATCH", "/me", one, json={"name": SECRET})
    lesson = await service.lesson()
    await service.read(one, lesson, 60)
    await service.reply(one, lesson, [0], [0], [0])
    service.forward(seconds=90)
    await service.reply(one, lesson, [1], [0, 1], [0])
    return one


@pytest.fixture
async def admin(service: Service) -> Resident:
    return await service.officer("admin", "T")


@pytest.fixture
async def browser(service: Service, admin: Resident) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        await opened.sign_in(admin)
        yield opened


async def follow(browser: Browser, answer: httpx.Response) -> httpx.Response:
    assert answer.status_code == 303, answer.text
    return await browser.get(answer.headers["location"])


async def award_of(person_id: int) -> Transfer:
    async with transaction() as session:
        rows = select(Transfer).where(
            Transfer.unit == "credit", Transfer.key.contains(f":person:{person_id}:")
        )
        return (await session.scalars(rows)).one()


async def looks(service: Service, who: Resident, subject: str) -> int:
    where = "act = 'person.see' AND person_id = :id AND subject = :subject"
    return await service.count("staff_act", where, id=who.id, subject=subject)


async def test_all_residents_only_for_a_stated_reason(
    service: Service, browser: Browser, admin: Resident, learner: Resident
) -> None:
    place = await browser.get("/desk/rankings/places/T-1")
    assert SECRET not in place.text
    assert "没有可以列出的居民" in place.text
    for short in ("", "看看", "电话 13800000000 的"):
        refused = await browser.press(place, "/reasons", reason=short)
        assert refused.status_code in {400, 422}
    assert await service.count("staff_act", "act = 'person.see'") == 0
    everybody = await follow(browser, await browser.press(place, "/reasons", reason=REASON))
    assert SECRET in everybody.text
    assert REASON in everybody.text
    async with transaction() as session:
        villages = await session.execute(select(Transfer.village_id).limit(1))
        village_id = villages.scalar_one()
    assert await looks(service, admin, f"organisation:{village_id}") == 1
    person = await follow(browser, await browser.press(everybody, f"residents/{learner.id}"))
    assert f"{SECRET}的对账单" in person.text
    assert await looks(service, admin, f"person:{learner.id}") == 1, "each record has its entry"


async def test_a_reason_opens_one_thing_for_one_administrator_for_a_while(
    service: Service, browser: Browser, learner: Resident
) -> None:
    other = await service.villager("T-1")
    gate = await browser.get(f"/desk/rankings/residents/{learner.id}")
    assert "因什么工作要看" in gate.text
    assert SECRET not in gate.text
    answer = await browser.press(gate, "/reasons", reason=REASON)
    opened = answer.headers["location"]
    assert "的对账单" in (await browser.get(opened)).text
    seen = opened.rpartition("=")[2]
    elsewhere = await browser.get(f"/desk/rankings/residents/{other.id}?seen={seen}")
    assert "因什么工作要看" in elsewhere.text
    assert SECRET not in (await browser.get(f"/desk/rankings/places/T-1?seen={seen}")).text
    async with browsing(service) as colleague:
        await colleague.sign_in(await service.officer("admin", "T-1"))
        assert SECRET not in (await colleague.get(opened)).text
    service.forward(minutes=31)
    assert "因什么工作要看" in (await browser.get(opened)).text


async def test_the_form_that_arrives_twice_is_noted_once(
    service: Service, browser: Browser, admin: Resident, learner: Resident
) -> None:
    gate = await browser.get(f"/desk/rankings/residents/{learner.id}")
    answers = [await browser.press(gate, "/reasons", reason=REASON) for _ in range(2)]
    assert len({answer.headers["location"] for answer in answers}) == 1
    assert await looks(service, admin, f"person:{learner.id}") == 1


async def test_ones_own_record_needs_no_reason(browser: Browser, admin: Resident) -> None:
    own = await browser.get(f"/desk/rankings/residents/{admin.id}")
    assert "的对账单" in own.text


async def opened_transfer(browser: Browser, transfer: Transfer) -> httpx.Response:
    gate = await browser.get(f"/desk/rankings/transfers/{transfer.id}")
    assert SECRET not in gate.text
    return await follow(browser, await browser.press(gate, "/reasons", reason=REASON))


async def test_a_transfer_down_to_what_the_service_saw(browser: Browser, learner: Resident) -> None:
    award = await award_of(learner.id)
    page = (await opened_transfer(browser, award)).text
    for said in (
        "0.02 学分",
        award.key,
        "lesson.credit，第 1 版",
        "每 60 分钟 1.00 学分，同一内容只计一次",
        "每天最多 2.00，每年最多 42.00",
        "11月23日 周一还没有日结",
        "要求 1 分",
        "1 分",
        "第 2 次答对",
    ):
        assert said in page, said
    assert re.findall(r"第 \d 次</th>.*?(\d / 3).*?(没通过|通过)<", page, re.DOTALL) == [
        ("1 / 3", "没通过"),
        ("3 / 3", "通过"),
    ]


async def test_the_seal_of_the_day(
    service: Service, browser: Browser, admin: Resident, learner: Resident
) -> None:
    service.forward(days=1)
    await browser.sign_in(admin)
    async with transaction() as session:
        (close,) = await close_days(session, now=clock.utcnow())
    page = (await opened_transfer(browser, await award_of(learner.id))).text
    assert close.digest in page


async def test_a_reversal_is_asked_booked_noted_and_explained(
    service: Service, browser: Browser, admin: Resident, learner: Resident
) -> None:
    award = await award_of(learner.id)
    page = await opened_transfer(browser, award)
    to = re.search(r'href="([^"]*/reversal\?seen=\d+)"', page.text)
    assert to
    asking = await browser.get(to[1])
    assert "确认冲正" in asking.text
    assert await service.count("transfer", "reverses_id IS NOT NULL") == 0
    refused = await browser.press(asking, "/reversal", reason="")
    assert refused.status_code == 422
    answers = [await browser.press(asking, "/reversal", reason="重复记了") for _ in range(2)]
    done = await follow(browser, answers[1])
    assert "已冲正" in done.text
    assert "/reversal?" not in done.text, "it is not offered again"
    where = "reverses_id = :id AND reason = '重复记了' AND ordered_by_id = :by"
    assert await service.count("transfer", where, id=award.id, by=admin.id) == 1
    noted = "act = 'transfer.reverse' AND subject = :subject"
    assert await service.count("staff_act", noted, subject=f"transfer:{award.id}") == 1
    correction = re.search(r"/desk/rankings/transfers/\d+\?seen=\d+(?=\"><span>看第)", done.text)
    assert correction
    back = await browser.get(correction[0])
    assert "重复记了" in back.text
    assert "核实时长" in back.text, "a reversal leads back to the evidence"
    again = await browser.get(to[1])
    assert "不能由您冲正" in again.text
    said = await service.ask("GET", "/me/statement?unit=credit", learner)
    assert "重复记了" in said["items"][0]["text"]


async def test_nobody_reverses_the_own_record(service: Service) -> None:
    boss = await service.officer("admin", "T")
    await service.ask("PATCH", "/me", boss, json={"org_code": "T-1"})
    await service.study(boss, await service.lesson())
    award = await award_of(boss.id)
    async with browsing(service) as browser:
        await browser.sign_in(boss)
        page = await browser.get(f"/desk/rankings/transfers/{award.id}")
        assert "这是您自己的记录" in page.text
        gate = await browser.get("/desk/rankings/places/T-1")
        _, fields = form_of(gate, "/reasons")
        answer = await browser.post(
            f"/desk/rankings/transfers/{award.id}/reversal", {**fields, "reason": "给自己"}
        )
        assert answer.status_code == 403
    assert await service.count("transfer", "reverses_id IS NOT NULL") == 0


async def test_words_of_residents_are_never_markup(service: Service, browser: Browser) -> None:
    one = await service.villager("T-1")
    await service.ask("PATCH", "/me", one, json={"name": "<b>槐</b>", "rank_visible": True})
    await service.study(one, await service.lesson())
    gate = await browser.get(f"/desk/rankings/residents/{one.id}")
    person = await follow(
        browser, await browser.press(gate, "/reasons", reason="<script>alert(1)</script>")
    )
    assert "<script>alert" not in person.text
    assert "&lt;b&gt;槐&lt;/b&gt;的对账单" in person.text


async def test_a_roll_by_threshold_and_never_by_place(
    service: Service, browser: Browser, admin: Resident, learner: Resident
) -> None:
    shown = await service.villager("T-2")
    await service.ask("PATCH", "/me", shown, json={"name": "竹青山", "rank_visible": True})
    await service.study(shown, await service.lesson())
    assert learner
    listed = await browser.get("/desk/honours")
    assert "开卷有益" in listed.text
    roll = await browser.get("/desk/honours/badge.first_lesson?org=T")
    assert "竹*山" in roll.text
    assert SECRET not in roll.text
    assert "共 2 人获得；名册只列愿意公开的 1 人" in roll.text
    full = await follow(browser, await browser.press(roll, "/reasons", reason="准备颁奖名册"))
    assert full.text.index(SECRET) < full.text.index("竹青山"), "by village"
    assert "名次" not in full.text.replace("不分名次", "")
    assert (
        await service.count("staff_act", "act = 'person.see' AND person_id = :id", id=admin.id) == 1
    )
