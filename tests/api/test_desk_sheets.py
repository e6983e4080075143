"""The desk's further pages: dead letters, certificates, one sheet of paper, a county, bad spans."""

import io
import re
from collections.abc import AsyncIterator

import openpyxl
import pytest
from sqlalchemy import select, text

from app.core import clock
from app.core.db import transaction
from app.people.models import Organisation
from app.people.queries import org_by_code
from app.wechat import inbox
from app.wechat.models import Inbound
from tests.api.browser import Browser, browsing, form_of
from tests.api.desk_town import furnish
from tests.api.service import Service
from tests.factories.bank import pay
from tests.factories.people import make_org, make_person

REASON = "准备颁奖名册"
SECRET = "油菜花开"


@pytest.fixture
async def browser(service: Service) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        yield opened


async def test_a_dead_letter_is_run_again_from_the_desk(service: Service, browser: Browser) -> None:
    """A message that our code failed on works once the code is mended."""
    admin = await service.officer("admin", "T")
    user = await service.user()
    await service.act(user, "follow")
    async with transaction() as session:
        row = (await session.scalars(select(Inbound))).one()
        await inbox.fail(session, row.id, error="KeyError", now=clock.utcnow())
        openid = row.openid
        session.add(
            Inbound(
                appid="wx0",
                key="k",
                openid="o",
                kind="Unreadable",
                fields={},
                state="failed",
                error="Malformed",
                received_at=clock.utcnow(),
                settled_at=clock.utcnow(),
            )
        )
    await browser.sign_in(admin)
    overview = await browser.get("/desk")
    assert 'href="/desk/inbox"' in overview.text
    page = await browser.get("/desk/inbox")
    assert "共 2 条" in page.text
    assert "KeyError" in page.text
    assert openid not in page.text, "who wrote is nobody's business here"
    answers = [await browser.press(page, f"/{row.id}/replay") for _ in range(2)]
    assert {one.headers["location"] for one in answers} == {"/desk/inbox?done=replayed"}
    noted = "act = 'inbox.replay' AND subject = :subject"
    assert await service.count("staff_act", noted, subject=f"message:{row.id}") == 1
    left = await browser.get("/desk/inbox")
    assert "共 1 条" in left.text
    again = await browser.press(page, f"/{row.id}/replay", once="another-key")
    assert again.status_code == 404, "what is answered is not run again"
    rest = await browser.get("/desk/inbox")
    told = await browser.press(rest, "/replay")
    assert told.headers["location"].endswith("done=replay-failed")
    assert "状态：没有成功" in (await browser.get("/desk/audit")).text
    async with browsing(service) as village:
        await village.sign_in(await service.officer("admin", "T-1"))
        assert (await village.get("/desk/inbox")).status_code == 403
        assert "/desk/inbox" not in (await village.get("/desk")).text


async def test_certificates_of_an_organisation(service: Service, browser: Browser) -> None:
    await browser.sign_in(await service.officer("admin", "T"))
    assert "没有可以列出的证书" in (await browser.get("/desk/honours/certificates")).text
    lesson = await service.lesson()
    for org_code, name, visible in (("T-1", SECRET, False), ("T-2", "=竹青山", True)):
        one = await service.villager(org_code)
        await service.ask("PATCH", "/me", one, json={"name": name, "rank_visible": visible})
        await service.study(one, lesson)
    page = await browser.get("/desk/honours/certificates?org=T")
    assert "开卷有益" in page.text
    assert SECRET not in page.text
    assert "竹青山" not in page.text
    numbers = re.findall(r">(SS\d{4}-\d+-\w+)<", page.text)
    assert numbers
    assert (await browser.get(f"/verify/{numbers[0]}")).status_code == 200
    masked = await browser.press(page, "/export")
    assert SECRET not in str(cells_of(masked.content))
    told = await browser.press(page, "/reasons", reason=REASON)
    full = await browser.get(told.headers["location"])
    assert SECRET in full.text
    cells = cells_of((await browser.press(full, "/export")).content)
    assert ("=竹青山", "s") in cells
    assert (SECRET, "s") in cells
    log = (await browser.get("/desk/audit?act=export.make")).text
    assert "证书名单" in log
    assert "类别：Excel" in log
    assert (await browser.get("/desk/honours/certificates?page=99")).status_code == 200
    village = (await browser.get("/desk/honours/certificates?org=T-1")).text
    assert "没有可以列出的证书" in village, "a village's own, and who chose to appear"


def cells_of(body: bytes) -> list[tuple[object, str]]:
    sheet = openpyxl.load_workbook(io.BytesIO(body)).worksheets[0]
    return [(cell.value, cell.data_type) for row in sheet.iter_rows() for cell in row if cell.value]


async def test_the_town_on_one_sheet(service: Service, browser: Browser) -> None:
    await browser.sign_in(await service.officer("admin", "T"))
    empty = await browser.get("/desk/print")
    assert empty.status_code == 200
    assert "近 14 天没有人得分" in empty.text
    desk = await furnish(service)
    await browser.sign_in(desk.admin)
    page = (await browser.get(f"/desk/print?org={desk.town}")).text
    for said in ("双槐镇学习情况", "制表人：管理员松涛", "审核人：", "黄土村", "没有人学的村"):
        assert said in page, said
    assert page.count('<svg class="plot lines"') == 2
    assert 'class="button plain" href="/desk?org=' in page


async def test_thirty_towns(service: Service, browser: Browser) -> None:
    """A county: its towns are ranked, a village says of which town, and no list is endless."""
    async with transaction() as session:
        top = await org_by_code(session, "T")
        county = await make_org(session, "C", "county")
        await session.execute(
            text(
                "UPDATE organisation SET parent_id = :county, parent_code = 'C',"
                " lineage = array_prepend(cast(:county AS bigint), lineage) WHERE code = 'T'"
                " OR code LIKE 'T-%'"
            ),
            {"county": county.id},
        )
        await session.refresh(top)
        homes: list[Organisation] = []
        for number in range(30):
            town = await make_org(session, f"C{number:02}", "town", parent=county)
            homes += [
                await make_org(session, f"C{number:02}-{one}", parent=town) for one in range(12)
            ]
        person = await make_person(session, "槐小花", home=homes[-1], visible=True)
        await pay(session, person, 700, now=clock.utcnow())
        await session.execute(
            text("UPDATE person SET org_id = :home WHERE id = :id"),
            {"home": homes[-2].id, "id": person.id},
        )
        await pay(session, person, 50, now=clock.utcnow())
    await browser.sign_in(await service.officer("admin", "C"))
    overview = await browser.get("/desk")
    assert overview.text.count("<option") < 50
    assert overview.text.count("/desk/rankings/places/") == 24
    assert "这里列人最多的 24 个" in overview.text
    board = await browser.get("/desk/rankings?of=towns")
    assert "共 31 个" in board.text or board.text.count('class="rank"') > 31
    rows = re.findall(
        r"rankings\?org=(\w+)\">C29</a>.*?number.*?>(\d+)</div>", board.text, re.DOTALL
    )
    assert rows == [("C29", "1")]
    assert "7.50" in board.text, "both villages of the town, one person"
    villages = await browser.get("/desk/rankings?org=C")
    assert "属于" in villages.text
    assert "/desk/rankings?of=towns" in villages.text
    inside = await browser.get("/desk/rankings?org=C29")
    assert ">C29-11</a>" in inside.text
    assert "乡镇（街道）" not in inside.text
    options = re.findall(r'<option value="(C\d\d(?:-\d+)?)"', inside.text)
    assert {"C00", "C29", "C29-11"} <= set(options)
    assert "C00-1" not in options
    tree = await browser.get("/desk/organisations")
    assert "机构很多" in tree.text
    assert "C00-1<" not in tree.text
    assert "C00-1<" in (await browser.get("/desk/organisations/C00")).text
    paper = await browser.get("/desk/print")
    assert "各乡镇（街道）学分" in paper.text


BAD_SPANS = {
    "span=month&day=2026-13-01": 422,
    "span=day&day=2026-02-30": 422,
    "span=span&since=1800-01-01&until=2026-01-01": 422,
    "span=span&since=2026-11-30&until=2026-11-01": 200,
    "span=span&since=2020-01-01&until=2099-12-31": 200,
    "span=span&since=2000-01-01&until=2099-12-31&beside=previous": 200,
    "span=year&day=2026-01-01&beside=last_year": 200,
    "span=all&beside=previous": 200,
    "span=span&since=&until=": 200,
    "beside=custom&since2=2026-12-31&until2=2026-01-01": 200,
    "page=100000": 200,
    "page=100001": 422,
    "sort=name%3BDROP": 422,
    "platform=%00": 422,
    "platform=没有这个平台&audience=%3Cscript%3Ealert(1)%3C/script%3E": 200,
}


async def test_spans_that_nobody_means(service: Service, browser: Browser) -> None:
    await browser.sign_in(await service.officer("admin", "T"))
    for where in ("/desk/rankings", "/desk/rankings/print", "/desk/rankings/places/T-1"):
        for query, status in BAD_SPANS.items():
            page = await browser.get(f"{where}?{query}")
            assert page.status_code == status, (where, query, page.text[-800:])
            assert "<script>alert" not in page.text
            assert "<h1>" in page.text, (where, query)


async def test_a_session_that_ends_in_the_middle_loses_no_words(
    service: Service, browser: Browser
) -> None:
    admin = await service.officer("admin", "T")
    await browser.sign_in(admin)
    gate = await browser.get("/desk/rankings/places/T-1")
    service.forward(hours=13)
    kept = await browser.press(gate, "/reasons", reason=REASON)
    assert kept.status_code == 401
    assert REASON in kept.text
    assert await service.count("staff_act", "act = 'person.see'") == 0
    async with browsing(service) as again:
        # The kept page is bound to the visit, not to the session that is over.
        again.client.cookies = browser.client.cookies
        service.forward(seconds=1)
        await again.sign_in(await service.officer("admin", "T"))
        sent = await again.press(kept, "/reasons")
        assert sent.status_code == 303, sent.text
    assert await service.count("staff_act", "act = 'person.see'") == 1


async def test_two_administrators_decide_at_once(service: Service) -> None:
    """The second one hears that it is done; the books show it once."""
    learner = await service.villager("T-1")
    await service.study(learner, await service.lesson())
    async with transaction() as session:
        found = await session.execute(
            text("SELECT id FROM transfer WHERE key LIKE :key AND unit = 'credit'"),
            {"key": f"%:person:{learner.id}:%"},
        )
        number = found.scalars().one()
    pages = []
    async with browsing(service) as one, browsing(service) as two:
        for browser in (one, two):
            await browser.sign_in(await service.officer("admin", "T"))
            path = f"/desk/rankings/transfers/{number}"
            gate = await browser.get(path)
            seen = (await browser.press(gate, "/reasons", reason=REASON)).headers["location"]
            pages.append(await browser.get(seen.replace("?", "/reversal?")))
        first = await one.press(pages[0], "/reversal", reason="重复记了")
        second = await two.press(pages[1], "/reversal", reason="我也觉得重复")
        assert first.status_code == 303
        assert second.status_code == 409
        assert "我也觉得重复" in second.text, "what was typed is not lost"
        # Back, and once more: the same answer, nothing booked.
        assert (await one.press(pages[0], "/reversal", reason="重复记了")).status_code == 303
    assert await service.count("transfer", "reverses_id IS NOT NULL") == 1


async def test_tutors_find_the_papers_they_may_see(service: Service, browser: Browser) -> None:
    await browser.sign_in(await service.officer("tutor", "T-1"))
    assert 'href="/desk/prior-learning"' in (await browser.get("/studio")).text
    page = await browser.get("/desk/prior-learning")
    assert page.status_code == 200
    assert page.text.count('href="/desk/prior-learning"') >= 2, "in both bars"
    assert 'href="/desk/roster"' not in page.text
    to, _ = form_of(page, "/logout")
    assert to
    async with browsing(service) as editor:
        await editor.sign_in(await service.officer("editor", "T"))
        assert 'href="/desk/prior-learning"' not in (await editor.get("/desk/reviews")).text
