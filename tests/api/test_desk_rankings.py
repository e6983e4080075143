"""The rankings as a page, on paper, as workbook and as CSV: the same numbers, the ledger's."""

import csv
import io
from collections.abc import AsyncIterator
from decimal import Decimal
from typing import Any
from urllib.parse import unquote

import httpx
import openpyxl
import pytest
from sqlalchemy import text

from app.api.pages import desk_figures, desk_files
from app.api.pages.desk_files import Column, Sheet
from app.core import clock
from app.core.db import transaction
from tests.api.browser import Browser, browsing, form_of
from tests.api.desk_town import Desk, furnish, many
from tests.api.service import Service
from tests.factories.bank import pay
from tests.factories.people import make_person

SIGNED = "sum(CASE WHEN reverses_id IS NULL THEN amount ELSE -amount END)"
FORMULA = "=HYPERLINK"


@pytest.fixture
async def browser(service: Service) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        yield opened


@pytest.fixture
async def desk(service: Service, browser: Browser) -> Desk:
    furnished = await furnish(service)
    await browser.sign_in(furnished.admin)
    return furnished


async def export(browser: Browser, query: str, kind: str) -> httpx.Response:
    page = await browser.get(f"/desk/rankings{query}")
    answer = await browser.press(page, "/export", kind=kind)
    assert answer.status_code == 200, answer.text
    return answer


def lines_of(answer: httpx.Response) -> list[list[str]]:
    assert answer.content.startswith(b"\xef\xbb\xbf")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))


def sheet_of(answer: httpx.Response, *, read_only: bool = False) -> Any:
    return openpyxl.load_workbook(io.BytesIO(answer.content), read_only=read_only).worksheets[0]


async def ledger(where: str) -> Decimal:
    async with transaction() as session:
        rows = f"SELECT {SIGNED} FROM transfer WHERE rule_id IS NOT NULL AND unit = 'credit'"  # noqa: S608
        found = await session.scalar(text(f"{rows} AND {where}"))
    return Decimal(found or 0) / 100


SPANS = [
    ("?span=month", "local_day >= '2026-11-01' AND local_day < '2026-12-01'"),
    ("?span=day&day=2026-11-23", "local_day = '2026-11-23'"),
    ("?span=week&day=2026-11-18", "local_day >= '2026-11-16' AND local_day < '2026-11-23'"),
    ("?span=year", "local_day >= '2026-01-01'"),
    ("?span=all", "true"),
    (
        "?span=span&since=2026-10-20&until=2026-11-05",
        "local_day >= '2026-10-20' AND local_day <= '2026-11-05'",
    ),
]


async def test_what_is_exported_adds_up_to_the_transfers(browser: Browser, desk: Desk) -> None:
    for query, where in SPANS:
        lines = lines_of(await export(browser, f"{query}&org={desk.town}", "csv"))
        head = next(number for number, line in enumerate(lines) if line[0] == "名次")
        at = lines[head].index("合计（学分）")
        rows, foot = lines[head + 1 : -1], lines[-1]
        assert len(rows) == 19
        total = sum(Decimal(row[at]) for row in rows)
        placed = f"village_id IS NOT NULL AND {where}"
        assert total == Decimal(foot[at]) == await ledger(placed), query


@pytest.mark.usefixtures("desk")
async def test_a_workbook_for_the_office(browser: Browser) -> None:
    answer = await export(browser, "?beside=previous", "xlsx")
    assert answer.headers["content-type"] == desk_files.XLSX
    said = answer.headers["content-disposition"]
    assert 'filename="table.xlsx"' in said
    assert unquote(said.partition("UTF-8''")[2]) == "双槐镇2026年11月村（社区）学分排行.xlsx"
    sheet = sheet_of(answer)
    assert sheet["A1"].value == "双槐镇2026年11月村（社区）学分排行"
    cells = [str(cell.value) for row in sheet.iter_rows(max_row=6) for cell in row if cell.value]
    assert "制表人：管理员松涛" in cells
    assert "审核人：" in cells
    assert "日期：2026年11月23日" in cells
    head = next(row[0].row for row in sheet.iter_rows() if row[0].value == "名次")
    assert sheet.freeze_panes == f"A{head + 1}"
    assert [cell.value for cell in sheet[head]][:4] == ["名次", "编号", "名称", "上级"]
    first = sheet[head + 1]
    assert (first[1].data_type, len(first[1].value)) == ("s", 12), "a code is a text"
    assert first[6].data_type == "n"
    assert first[6].number_format == "#,##0.00"
    assert len(sheet._charts) == 1
    assert sheet.column_dimensions["C"].width > 20
    assert (sheet.page_setup.orientation, sheet.print_title_rows) == (
        "landscape",
        f"${head}:${head}",
    )
    total = sum(
        Decimal(str(row[6].value)) for row in sheet.iter_rows(min_row=head + 1) if row[0].value
    )
    assert total == await ledger("village_id IS NOT NULL AND local_day >= '2026-11-01'")


async def test_nothing_typed_is_a_formula(service: Service, browser: Browser) -> None:
    """A village or resident may call itself what it likes."""
    names = [
        f'{FORMULA}("http://evil.example","点我")',
        "+86 电话",
        "-1+1",
        "@SUM(A1)",
        "\uff1d1+1",
    ]
    async with transaction() as session:
        for number, name in enumerate(names):
            await session.execute(
                text(
                    "INSERT INTO organisation (code, name, kind, parent_id, parent_code, lineage)"
                    " VALUES (:code, :name, 'village', NULL, 'T', '{}')"
                ),
                {"code": f"T-9{number}", "name": name},
            )
        await session.execute(
            text(
                "UPDATE organisation SET parent_id = t.id, lineage = ARRAY[t.id, organisation.id]"
                " FROM organisation t WHERE t.code = 'T' AND organisation.code LIKE 'T-9%'"
            )
        )
    await browser.sign_in(await service.officer("admin", "T"))
    sheet = sheet_of(await export(browser, "", "xlsx"))
    found = [cell for row in sheet.iter_rows() for cell in row if cell.value in names]
    assert len(found) == len(names)
    assert {cell.data_type for cell in found} == {"s"}, "no cell is of the type formula"
    lines = lines_of(await export(browser, "", "csv"))
    cells = [cell for line in lines for cell in line]
    assert {f"'{name}" for name in names} <= set(cells)
    assert not [cell for cell in cells if cell.startswith(desk_files.CALCULATED)]
    page = (await browser.get("/desk/rankings")).text
    assert "=HYPERLINK(&#34;http://evil.example&#34;,&#34;点我&#34;)" in page


def test_a_negative_amount_stays_a_number_in_csv() -> None:
    sheet = Sheet(
        "题", [], "", "", [Column("名", 9), Column("数", 9, 2)], [["-5", desk_files.plain(-50, 2)]]
    )
    assert desk_files.to_csv(sheet).decode("utf-8-sig").splitlines()[-1] == "'-5,-0.50"


def test_an_empty_sheet_opens() -> None:
    sheet = Sheet("空", [], "", "", [Column("名", 9), Column("数", 9, 2)], [], chart=(0, 1))
    book = openpyxl.load_workbook(io.BytesIO(desk_files.to_xlsx(sheet)))
    assert book.worksheets[0]["A1"].value == "空"


async def test_ten_thousand_residents(service: Service, browser: Browser) -> None:
    await browser.sign_in(await service.officer("admin", "T"))
    async with transaction() as session:
        person = await make_person(session, "先来", visible=True)
        await pay(session, person, 1, now=clock.utcnow())
        await many(session, 10_000, home_code="T-1", now=clock.utcnow())
    page = await browser.get("/desk/rankings?of=people")
    assert "第 1–50 个，共 10,001 个" in page.text
    assert len(page.content) < 120_000
    last = await browser.get("/desk/rankings?of=people&page=201")
    assert "第 10001–10001 个" in last.text
    assert (await browser.get("/desk/rankings?of=people&page=202")).status_code == 200
    sheet = sheet_of(await export(browser, "?of=people", "xlsx"), read_only=True)
    assert sheet.max_row > 10_000
    print_view = await browser.get("/desk/rankings/print?of=people")
    assert print_view.text.count("<tr>") == 10_002


@pytest.mark.usefixtures("desk")
async def test_any_order_and_what_is_compared(browser: Browser) -> None:
    page = (await browser.get("/desk/rankings?beside=last_year&sort=change&order=asc")).text
    assert "对比 2025年11月" in page
    assert 'aria-sort="ascending"' in page
    assert "新增" in page
    custom = (
        await browser.get("/desk/rankings?beside=custom&since2=2026-10-31&until2=2026-10-01")
    ).text
    assert "2026年10月" in custom, "dates the wrong way round are turned"
    for sort in ("members", "learners", "per_member", "amount"):
        for order in ("asc", "desc"):
            answer = await browser.get(f"/desk/rankings?sort={sort}&order={order}")
            assert answer.status_code == 200
    people = await browser.get("/desk/rankings?of=people&sort=per_member&unit=points")
    assert people.status_code == 200


async def test_names_are_masked_and_taking_them_out_is_noted(
    service: Service, browser: Browser, desk: Desk
) -> None:
    for path in ("/desk/rankings?of=people", "/desk/rankings/print?of=people"):
        page = (await browser.get(path)).text
        assert "欧**菊" in page
        assert "欧阳秋菊" not in page
    assert "欧阳秋菊" not in str(lines_of(await export(browser, "?of=people", "csv")))
    await export(browser, "?platform=微讲堂", "xlsx")
    mine = "act = 'export.make' AND person_id = :id"
    assert await service.count("staff_act", mine, id=desk.admin.id) == 2
    assert await service.count("staff_act", "facts->'asked'->>'platform' = '微讲堂'") == 1


@pytest.mark.parametrize(
    ("now", "before", "said"),
    [
        (5, 5, "持平"),
        (5, 0, "新增"),
        (0, 5, "少 100.0%"),
        (15, 10, "多 50.0%"),
        (2, -1, "—"),
        (3, 7, "少 57.1%"),
    ],
)
def test_a_change_in_words(now: int, before: int, said: str) -> None:
    assert desk_figures.change(now, before) == said


async def test_the_form_is_guarded(service: Service, browser: Browser) -> None:
    await browser.sign_in(await service.officer("admin", "T"))
    to, fields = form_of(await browser.get("/desk/rankings"), "/export")
    assert (await browser.post(to, {"kind": "csv"})).status_code == 403
    assert (await browser.post(to, {**fields, "kind": "pdf"})).status_code == 422
