from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.people.errors import OrgFileError
from app.people.org_file import CODE, OrgRow, check_tree, read
from app.people.rules import KINDS

HEADER = "code,name,kind,parent_code\n"
DATA = Path(__file__).parents[2] / "data"


def problems_of(text: str, known: dict[str, str | None] | None = None) -> list[tuple[int, str]]:
    rows, problems = read(text.encode())
    found = problems + check_tree(rows, known or {})
    return sorted((problem.line, problem.text) for problem in found)


@pytest.mark.parametrize(
    ("lines", "line", "says"),
    [
        ("T,,town,", 2, "名称为空"),
        (",双槐镇,town,", 2, "代码为空"),
        ("T,双槐镇,township,", 2, "类别 'township' 不存在"),
        ("T,双槐镇,,", 2, "类别 '' 不存在"),
        ("T,双槐镇,town,\nT,黄土镇,town,", 3, "代码 T 与第 2 行重复"),
        ("5.00117E+11,双槐镇,town,", 2, "Excel 请把该列设为文本"),
        ("V,文坪村,village,", 2, "V 的上级没有填写"),
        ("V,文坪村,village", 2, "V 的上级没有填写"),
        ("V,文坪村,village,T", 2, "V 的上级 T 不存在"),
        ("S,渭溪中学,school,T", 2, "S 的上级 T 不存在"),
        ("V,文坪村,village,V", 2, "V 是自己的上级（循环）"),
        ("T,双槐镇,town,T", 2, "T 是自己的上级（循环）"),
        ("T," + "长" * 51 + ",town,", 2, "名称超过 50 字"),
        ("T,双\u200b槐镇,town,", 2, "含有特殊字符"),
        ('T,"双槐\n镇",town,', 3, "含有特殊字符"),
    ],
)
def test_each_fault_is_named_with_its_line(lines: str, line: int, says: str) -> None:
    (found,) = problems_of(HEADER + lines)
    assert found[0] == line
    assert says in found[1]


@pytest.mark.parametrize("kind", ["province", "city", "district", "county", "town"])
def test_an_administrative_level_may_stand_alone(kind: str) -> None:
    assert problems_of(f"{HEADER}T,某地,{kind},UNKNOWN\nU,某地,{kind},\n") == []


@pytest.mark.parametrize(
    "kind", ["community", "village", "group", "school", "department", "unit", "family"]
)
def test_what_lies_in_a_town_needs_its_parent(kind: str) -> None:
    text = f"{HEADER}X,某处,{kind},T\n"
    assert len(problems_of(text)) == 1
    assert problems_of(text, {"T": None}) == []
    assert problems_of(f"{text}T,双槐镇,town,\n") == []


def test_a_cycle_may_run_through_what_is_known() -> None:
    known = {"A": None, "B": "A", "C": "B"}
    assert problems_of(f"{HEADER}A,甲区,district,C\n", known) == [(2, "A 是自己的上级（循环）")]
    text = f"{HEADER}A,甲区,district,C\nD,丁镇,town,C\n"
    assert [line for line, _ in problems_of(text, known)] == [2]


def test_all_problems_come_together() -> None:
    text = HEADER + "T,,town,\nV,文坪村,hamlet,T\nW,,village,X\n"
    assert [line for line, _ in problems_of(text)] == [2, 3, 4, 4]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "缺少列 code、name、kind、parent_code"),
        (b"code,name\nT,x\n", "缺少列 kind、parent_code"),
        (HEADER.encode(), "文件里没有机构"),
        ("代码,名称\n".encode("utf-16"), "文件编码无法识别"),
        (HEADER.encode() + b'T,"x\n', "CSV"),
    ],
)
def test_a_file_that_is_no_table(content: bytes, says: str) -> None:
    _, problems = read(content)
    assert says in problems[0].text


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_encodings_and_line_ends_of_offices(encoding: str, newline: str) -> None:
    text = f"{HEADER}T, 双槐镇 ,town,\n\n,,,\nV,文坪村,village,T\n".replace("\n", newline)
    rows, problems = read(text.encode(encoding))
    assert problems == []
    assert rows == [
        OrgRow(line=2, code="T", name="双槐镇", kind="town", parent_code=None),
        OrgRow(line=5, code="V", name="文坪村", kind="village", parent_code="T"),
    ]


def test_columns_stand_in_any_order() -> None:
    rows, problems = read("kind,remark,parent_code,name,code\ntown,x,C,双槐镇,T\n".encode())
    assert problems == []
    assert rows == [OrgRow(line=2, code="T", name="双槐镇", kind="town", parent_code="C")]


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    for body in (content, HEADER.encode() + content):
        rows, problems = read(body)
        assert rows or problems
        check_tree(rows, {})


@given(
    st.lists(
        st.tuples(st.sampled_from("ABCDEF"), st.sampled_from(["", *"ABCDEF"])),
        unique_by=lambda pair: pair[0],
        min_size=1,
    )
)
def test_a_cycle_is_found_exactly_if_there_is_one(edges: list[tuple[str, str]]) -> None:
    text = HEADER + "".join(f"{code},镇,town,{parent}\n" for code, parent in edges)
    parents = dict(edges)

    def returns(code: str) -> bool:
        above = parents[code]
        for _ in edges:
            if above == code:
                return True
            above = parents.get(above, "")
        return False

    expected = [line for line, (code, _) in enumerate(edges, start=2) if returns(code)]
    assert [line for line, _ in problems_of(text)] == expected


def test_the_error_shows_the_first_lines_and_carries_all() -> None:
    text = HEADER + "".join(f"V{n},某村,village,X\n" for n in range(30))
    rows, problems = read(text.encode())
    error = OrgFileError(problems + check_tree(rows, {}))
    assert error.detail.startswith("第 2 行：V0 的上级 X 不存在；第 3 行：")
    assert error.detail.endswith("……共 30 处")
    assert len(error.problems) == 30


@pytest.mark.parametrize(
    ("file", "kinds"),
    [
        ("shuanghuai-villages.csv", {"town": 1, "community": 3, "village": 16}),
        ("shuanghuai-units.csv", {"school": 6, "department": 12}),
    ],
)
def test_the_towns_own_files_are_sound(file: str, kinds: dict[str, int]) -> None:
    rows, problems = read((DATA / file).read_bytes())
    assert problems + check_tree(rows, {"500117126": "500117"}) == []
    assert {kind: sum(row.kind == kind for row in rows) for kind in kinds} == kinds
    assert len(rows) == sum(kinds.values())
    assert all(CODE.fullmatch(row.code) and row.kind in KINDS for row in rows)
