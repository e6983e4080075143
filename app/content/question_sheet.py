"""Questions in a spreadsheet: the template to fill in, and what was filled in.

Only values are read: a formula is nothing that somebody typed, and is left out with a remark.
"""

import io
import zipfile
from dataclasses import dataclass
from typing import Any

from app.content.lesson_draft import OPTIONS_MAX, QUESTIONS_MAX
from app.content.lesson_form import QuestionForm, question_fault
from app.core import zipped_xml
from app.core.errors import Invalid

FILE_BYTES_MAX = 2 * 1024 * 1024
UNPACKED_BYTES_MAX = 60 * 1024 * 1024
ROWS_READ = 1001
"""Enough to say that there are far too many."""
KINDS = {"单选": "single", "多选": "multiple", "判断": "judge"}
LETTERS = "ABCDEFGH"
HEAD = ("题型", "题目", *(f"选项{letter}" for letter in LETTERS), "正确答案", "解释")
WIDTHS = (8, 44, *(18 for _ in LETTERS), 12, 44)
EXAMPLES = (
    (
        *("单选", "对方要求转账到“安全账户”时应当", "立即转账", "挂断并拨打 96110"),
        *("", "", "", "", "", "", "B", "公检法机关没有“安全账户”。"),
    ),
    ("多选", "哪些要保密", "密码", "验证码", "天气", "", "", "", "", "", "AB", "验证码等于密码。"),
    ("判断", "96110 是反诈专线", "", "", "", "", "", "", "", "", "对", ""),
)
JUDGED = {"对": 0, "错": 1, "A": 0, "B": 1, "√": 0, "×": 1}


class SheetUnreadable(Invalid):
    title = "这个文件不是可用的表格（只收 .xlsx，请用下载的模板）"


class SheetTooLarge(Invalid):
    title = "表格太大"


class SheetFaulty(Invalid):
    """`lines`: what is wrong, row by row."""

    title = "表格里有要改的地方"

    def __init__(self, lines: list[str]) -> None:
        self.lines = lines
        super().__init__("；".join(lines), count=len(lines))


@dataclass(frozen=True)
class Sheet:
    """`formulas` is how many cells were left out because they held one."""

    questions: tuple[QuestionForm, ...]
    formulas: int


def template() -> bytes:
    """The workbook to download, with three examples."""
    from openpyxl import Workbook  # noqa: PLC0415  heavy, and rarely needed
    from openpyxl.styles import Alignment, Font, PatternFill  # noqa: PLC0415  the same
    from openpyxl.worksheet.datavalidation import DataValidation  # noqa: PLC0415  the same

    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.title = "题目"
    for row in (HEAD, *EXAMPLES):
        sheet.append(row)
    for cell, width in zip(sheet[1], WIDTHS, strict=True):
        cell.font = Font(bold=True, color="FFFFFF")
        cell.fill = PatternFill("solid", fgColor="1E6545")
        cell.alignment = Alignment(vertical="center")
        sheet.column_dimensions[cell.column_letter].width = width
    sheet.freeze_panes = "A2"
    kinds = DataValidation(type="list", formula1=f'"{",".join(KINDS)}"', allow_blank=True)
    sheet.add_data_validation(kinds)
    kinds.add(f"A2:A{QUESTIONS_MAX + 1}")
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def read_sheet(content: bytes) -> Sheet:
    """Raises SheetUnreadable, SheetTooLarge, SheetFaulty."""
    if not content:
        raise SheetUnreadable("请先选一个表格文件")
    if len(content) > FILE_BYTES_MAX:
        raise SheetTooLarge(f"表格不能超过 {FILE_BYTES_MAX // 1024 // 1024} MB")
    try:
        _refuse_bomb(content)
        rows, formulas = _rows(content)
    except Invalid:
        raise
    except Exception as error:  # whatever a reader of archives and XML stumbles over
        raise SheetUnreadable from error
    if not rows or [_text(one) for one in rows[0][:2]] != list(HEAD[:2]):
        raise SheetUnreadable("第一行应为“题型、题目、选项A……”，请用下载的模板")
    forms = [(number, _form(row)) for number, row in enumerate(rows[1:], 2) if any(map(_text, row))]
    faults = [
        f"第 {number} 行：{fault}" for number, form in forms if (fault := question_fault(form))
    ]
    if faults:
        raise SheetFaulty(faults)
    if not forms:
        raise SheetUnreadable("表格里还没有题目")
    return Sheet(tuple(form for _, form in forms), formulas)


def _refuse_bomb(content: bytes) -> None:
    """By what its directory says. None of its XML may define entities: spreadsheets never do."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if zipped_xml.unpacked_bytes(archive) > UNPACKED_BYTES_MAX:
            raise SheetTooLarge
        if zipped_xml.declares_types(archive):
            raise SheetUnreadable


def _rows(content: bytes) -> tuple[list[tuple[Any, ...]], int]:
    """The rows of a sheet that is not too long, and how many formulas were left out."""
    from openpyxl import load_workbook  # noqa: PLC0415  heavy, and rarely needed

    book = load_workbook(io.BytesIO(content), read_only=True, data_only=False)
    sheet = book.worksheets[0]
    # A file may say nothing true of its size: what is read is counted.
    rows: list[tuple[Any, ...]] = []
    filled, formulas = 0, 0
    for cells in sheet.iter_rows(max_col=len(HEAD), max_row=ROWS_READ):
        values = []
        for cell in cells:
            is_formula = cell.data_type == "f" or str(cell.value or "").startswith("=")
            formulas += is_formula
            values.append(None if is_formula else cell.value)
        filled += any(_text(one) for one in values)
        rows.append(tuple(values))
    book.close()
    if filled > QUESTIONS_MAX + 1:
        more = "以上" if len(rows) == ROWS_READ else ""
        raise SheetTooLarge(
            f"一节课最多 {QUESTIONS_MAX} 题，这个表格有 {filled - 1:,} 题{more}。请分成几节课"
        )
    return rows, formulas


def _form(row: tuple[Any, ...]) -> QuestionForm:
    cells = [_text(cell) for cell in (*row, *([None] * len(HEAD)))][: len(HEAD)]
    kind = KINDS.get(cells[0], cells[0])
    options = tuple(cells[2 : 2 + OPTIONS_MAX])
    return QuestionForm(
        kind=kind,
        text=cells[1],
        options=options,
        answer=_answer(kind, cells[2 + len(LETTERS)]),
        why=cells[3 + len(LETTERS)],
    )


def _answer(kind: str, given: str) -> tuple[int, ...]:
    if kind == "judge":
        return (JUDGED[given],) if given in JUDGED else ()
    return tuple(LETTERS.index(one) for one in given.upper() if one in LETTERS)


def _text(cell: Any) -> str:
    """A cell as its author sees it: 96110, not 96110.0."""
    if cell is None:
        return ""
    if isinstance(cell, float) and cell.is_integer():
        cell = int(cell)
    return " ".join(str(cell).split())
