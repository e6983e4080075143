"""Reading a CSV file of organisations and finding everything that is wrong with it.

Pure: what the database already holds comes in as `known`, a map from code to parent code.
"""

import csv
import io
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from app.people.errors import Problem
from app.people.rules import KINDS, ROOT_KINDS, is_plain

COLUMNS = ("code", "name", "kind", "parent_code")
ENCODINGS = ("utf-8-sig", "gb18030")
"""UTF-8 with or without a mark, else what a Chinese Excel writes as CSV."""
CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,39}")
NAME_LENGTH_MAX = 50


@dataclass(frozen=True)
class OrgRow:
    line: int
    code: str
    name: str
    kind: str
    parent_code: str | None


def read(content: bytes) -> tuple[list[OrgRow], list[Problem]]:
    """The rows, one for each code, and what is wrong with them by themselves."""
    text = _decoded(content)
    if text is None:
        return [], [Problem(1, "文件编码无法识别，请另存为 UTF-8 格式的 CSV")]
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: dict[str, OrgRow] = {}
    problems: list[Problem] = []
    try:
        header = [cell.strip() for cell in next(reader, [])]
        missing = [column for column in COLUMNS if column not in header]
        if missing:
            return [], [Problem(1, f"缺少列 {'、'.join(missing)}")]
        for cells in reader:
            if not any(cell.strip() for cell in cells):
                continue
            facts = dict(zip(header, (cell.strip() for cell in cells), strict=False))
            row = OrgRow(
                line=reader.line_num,
                code=facts.get("code", ""),
                name=facts.get("name", ""),
                kind=facts.get("kind", ""),
                parent_code=facts.get("parent_code") or None,
            )
            problems += [Problem(row.line, text) for text in _faults(row)]
            first = rows.setdefault(row.code, row)
            if first is not row and row.code:
                problems.append(Problem(row.line, f"代码 {row.code} 与第 {first.line} 行重复"))
    except csv.Error as error:
        problems.append(Problem(reader.line_num, f"不是有效的 CSV（{error}）"))
    rows.pop("", None)
    if not rows and not problems:
        problems.append(Problem(1, "文件里没有机构"))
    return list(rows.values()), problems


def check_tree(rows: list[OrgRow], known: Mapping[str, str | None]) -> list[Problem]:
    """What is wrong with the tree that these rows and the known organisations would make."""
    parents = {**known, **{row.code: row.parent_code for row in rows}}
    problems = []
    for row in rows:
        if row.parent_code in parents:
            if _on_cycle(row.code, parents):
                problems.append(Problem(row.line, f"{row.code} 是自己的上级（循环）"))
        elif row.kind in KINDS and row.kind not in ROOT_KINDS:
            missing = f" {row.parent_code} 不存在" if row.parent_code else "没有填写"
            problems.append(Problem(row.line, f"{row.code} 的上级{missing}"))
    return problems


def _decoded(content: bytes) -> str | None:
    for encoding in ENCODINGS:
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return None


def _faults(row: OrgRow) -> Iterator[str]:
    if not row.code:
        yield "代码为空"
    for code in filter(None, (row.code, row.parent_code)):
        if not CODE.fullmatch(code):
            # Excel turns a long number into 5.00117E+11 unless its cell is text.
            yield f"代码 {code[:40]!r} 只能有字母、数字、- 和 _（Excel 请把该列设为文本）"
    if not row.name:
        yield "名称为空"
    elif len(row.name) > NAME_LENGTH_MAX or not is_plain(row.name):
        yield f"名称超过 {NAME_LENGTH_MAX} 字或含有特殊字符"
    if row.kind not in KINDS:
        yield f"类别 {row.kind[:40]!r} 不存在（可用：{' '.join(KINDS)}）"


def _on_cycle(code: str, parents: Mapping[str, str | None]) -> bool:
    seen = set()
    above = parents[code]
    while above is not None and above not in seen:
        if above == code:
            return True
        seen.add(above)
        above = parents.get(above)
    return False
