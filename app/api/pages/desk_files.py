"""Tables as files for the office: xlsx with a title, signatures and a native chart, and CSV.

Nothing that somebody typed is ever a formula. A workbook has texts as texts (a code of twelve
digits stays one); CSV knows no types, so there a text that a spreadsheet would calculate begins
with an apostrophe (OWASP, "CSV Injection").
"""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from fastapi import Response

if TYPE_CHECKING:
    from xlsxwriter.format import Format
    from xlsxwriter.workbook import Workbook
    from xlsxwriter.worksheet import Worksheet

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"
CALCULATED = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""What spreadsheets begin to calculate at; the wide ones in their Chinese and Japanese editions."""
CHART_ROWS = 20
FONT = "宋体"
Cell = str | int | Decimal


@dataclass(frozen=True)
class Column:
    """`decimals` None holds text, else numbers with so many."""

    head: str
    width: int
    decimals: int | None = None


@dataclass(frozen=True)
class Sheet:
    """`notes` stand under the title; `chart` names the columns of the names and of the values."""

    title: str
    notes: Sequence[str]
    made_by: str
    made_on: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    foot: Sequence[Cell] = ()
    chart: tuple[int, int] | None = None
    file_name: str = field(default="表格")


def plain(value: int, decimals: int) -> Decimal:
    """An amount in its smallest unit as an exact number."""
    return Decimal(value).scaleb(-decimals)


def to_csv(sheet: Sheet) -> bytes:
    """UTF-8 with a byte order mark, by which Excel knows it; lines end as RFC 4180 says."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([_defused(sheet.title)])
    writer.writerows([_defused(note)] for note in sheet.notes)
    writer.writerow([_defused(f"制表人：{sheet.made_by}"), "审核人：", f"日期：{sheet.made_on}"])
    writer.writerow([column.head for column in sheet.columns])
    for row in (*sheet.rows, *([sheet.foot] if sheet.foot else [])):
        writer.writerow([_defused(cell) for cell in row])
    return out.getvalue().encode("utf-8-sig")


def _defused(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(CALCULATED) else cell


def to_xlsx(sheet: Sheet) -> bytes:
    import xlsxwriter  # noqa: PLC0415  a tenth of a second that only this needs

    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, options)
    page = book.add_worksheet("数据")
    head_at = _write_head(book, page, sheet)
    _write_rows(book, page, sheet, head_at)
    _lay_out(page, sheet, head_at)
    if sheet.chart is not None and sheet.rows:
        _draw(book, page, sheet, head_at)
    book.close()
    return out.getvalue()


def _style(book: "Workbook", **facts: Any) -> "Format":
    return book.add_format({"font_name": FONT, "font_size": 11, "valign": "vcenter", **facts})


def _write_head(book: "Workbook", page: "Worksheet", sheet: Sheet) -> int:
    """Title, notes, signatures; returns the row of the column heads."""
    last = len(sheet.columns) - 1
    title = _style(book, bold=True, font_size=16, align="center")
    note = _style(book, font_size=10, font_color="#555555", text_wrap=True)
    page.merge_range(0, 0, 0, last, "", title)
    page.write_string(0, 0, sheet.title, title)
    page.set_row(0, 30)
    for at, text in enumerate(sheet.notes, 1):
        page.merge_range(at, 0, at, last, "", note)
        page.write_string(at, 0, text, note)
    signed = len(sheet.notes) + 1
    signature = _style(book, font_size=11)
    texts = (f"制表人：{sheet.made_by}", "审核人：", f"日期：{sheet.made_on}")
    # The last one from a column on that leaves it room: long texts run over empty cells only.
    for at, text in zip((0, max(2, last // 2), max(3, last - 1)), texts, strict=True):
        page.write_string(signed, at, text, signature)
    page.set_row(signed, 22)
    heads = _style(book, bold=True, bg_color="#E3EEE5", border=1, align="center", text_wrap=True)
    for at, column in enumerate(sheet.columns):
        page.write_string(signed + 1, at, column.head, heads)
    page.set_row(signed + 1, 24)
    return signed + 1


def _write_rows(book: "Workbook", page: "Worksheet", sheet: Sheet, head_at: int) -> None:
    def styles(**facts: Any) -> list["Format"]:
        return [
            _style(book, border=1, num_format="@", text_wrap=True, **facts)
            if column.decimals is None
            else _style(
                book,
                border=1,
                num_format="#,##0" + ("." + "0" * column.decimals) * bool(column.decimals),
                **facts,
            )
            for column in sheet.columns
        ]

    usual = styles()
    for number, row in enumerate(sheet.rows, head_at + 1):
        _write_row(page, number, row, usual)
    if sheet.foot:
        _write_row(page, head_at + 1 + len(sheet.rows), sheet.foot, styles(bold=True, top=2))


def _write_row(
    page: "Worksheet", number: int, row: Sequence[Cell], styles: Sequence["Format"]
) -> None:
    for at, cell in enumerate(row):
        if isinstance(cell, str):
            page.write_string(number, at, cell, styles[at])
        else:
            page.write_number(number, at, cell, styles[at])  # a Decimal, too


def _lay_out(page: "Worksheet", sheet: Sheet, head_at: int) -> None:
    """The head stays in sight, on the screen and on every sheet of A4."""
    for at, column in enumerate(sheet.columns):
        page.set_column(at, at, column.width)
    page.freeze_panes(head_at + 1, 0)
    page.repeat_rows(head_at)
    page.set_paper(9)  # A4
    page.set_landscape()
    page.fit_to_pages(1, 0)
    page.set_footer("&C第 &P 页，共 &N 页")
    page.ignore_errors({"number_stored_as_text": f"A1:A{head_at + len(sheet.rows) + 3}"})


def _draw(book: "Workbook", page: "Worksheet", sheet: Sheet, head_at: int) -> None:
    """Excel's own bar chart beside the table, of the first rows."""
    assert sheet.chart is not None
    names, values = sheet.chart
    first, last = head_at + 1, head_at + min(len(sheet.rows), CHART_ROWS)
    chart = book.add_chart({"type": "bar"})
    chart.add_series(
        {
            "name": ["数据", head_at, values],
            "categories": ["数据", first, names, last, names],
            "values": ["数据", first, values, last, values],
            "fill": {"color": "#1E6545"},
            "gap": 60,
        }
    )
    chart.set_title({"name": sheet.columns[values].head, "name_font": {"size": 12}})
    chart.set_legend({"none": True})
    chart.set_y_axis({"reverse": True, "num_font": {"size": 9}})
    chart.set_x_axis({"major_gridlines": {"visible": True, "line": {"color": "#DDDDDD"}}})
    chart.set_size({"width": 560, "height": 120 + 26 * (last - first + 1)})
    page.insert_chart(head_at, len(sheet.columns) + 1, chart, {"object_position": 3})


def attached(body: bytes, *, media_type: str, name: str) -> Response:
    """A download under a Chinese name: RFC 6266's `filename*`, and a plain one for old clients."""
    suffix = name.rpartition(".")[2]
    said = f"attachment; filename=\"table.{suffix}\"; filename*=UTF-8''{quote(name, safe='')}"
    headers = {"Content-Disposition": said, "Cache-Control": "no-store"}
    return Response(body, media_type=media_type, headers=headers)
