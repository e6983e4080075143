import io
import zipfile
from dataclasses import replace

import pytest
from openpyxl import Workbook

from app.content.lesson_form import (
    LessonForm,
    LessonFormFaulty,
    QuestionForm,
    draft_of,
    questions_of,
)
from app.content.question_sheet import (
    HEAD,
    SheetFaulty,
    SheetTooLarge,
    SheetUnreadable,
    read_sheet,
    template,
)

GOOD = LessonForm(
    title="接到陌生电话",
    kind="article",
    platform="微讲堂",
    audience="老年人、全体居民",
    summary="",
    source="双槐镇综治办",
    media_url="",
    required_seconds="",
    markdown="## 先挂断\n\n再打 96110。<script>alert(1)</script>",
)
ONE = QuestionForm("single", "怎么办", ("挂断", "", "照做"), (0,), "因为")


def test_a_form_is_a_draft_like_a_file_s() -> None:
    draft = draft_of(GOOD, key="w1-a")
    assert (draft.audience, draft.required_seconds) == (("老年人", "全体居民"), 30)
    assert draft.summary == "先挂断 再打 96110。<script>alert(1)</script>"
    assert "<script" not in draft.html
    video = replace(GOOD, kind="video", media_url="https://a.example/v.mp4", required_seconds="90")
    assert draft_of(video, key="w1-a").required_seconds == 90


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("title", " "),
        ("title", "长" * 65),
        ("platform", "没有"),
        ("audience", "、".join(str(number) for number in range(11))),
        ("summary", "长" * 121),
        ("source", "长" * 201),
        ("required_seconds", "9"),
        ("required_seconds", "٣٠"),
        ("required_seconds", "1e9"),
        ("markdown", "<!-- -->"[:0]),
        ("markdown", "长" * 60_001),
    ],
)
def test_every_fault_is_told_by_its_field(field: str, value: str) -> None:
    with pytest.raises(LessonFormFaulty) as told:
        draft_of(replace(GOOD, **{field: value}), key="w1-a")
    assert list(told.value.faults) == ["body" if field == "markdown" else field]


@pytest.mark.parametrize("url", ["", "javascript:alert(1)", "ftp://a", "https://a b", "http://[x"])
def test_a_recording_needs_an_address(url: str) -> None:
    with pytest.raises(LessonFormFaulty) as told:
        draft_of(replace(GOOD, kind="audio", media_url=url), key="w1-a")
    assert list(told.value.faults) == ["media_url"]


def test_questions_leave_out_what_is_empty() -> None:
    blank = QuestionForm("single", " ", ("", ""), (1,), "")
    (made,) = questions_of([blank, replace(ONE, answer=(2,))])
    assert (made.options, made.answer) == (("挂断", "照做"), (1,))
    (judged,) = questions_of([QuestionForm("judge", "对吗", ("", "", "x"), (1,), "")])
    assert (judged.options, judged.answer) == (("对", "错"), (1,))


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "essay"},
        {"text": " "},
        {"text": "长" * 201},
        {"why": "长" * 301},
        {"options": ("只有一个",)},
        {"options": ("一样", "一样")},
        {"options": ("长" * 101, "短")},
        {"options": tuple("123456789")},
        {"answer": ()},
        {"answer": (1,)},
        {"answer": (0, 2)},
        {"kind": "multiple"},
        {"kind": "judge", "answer": (2,)},
    ],
)
def test_a_question_makes_sense(wrong: dict[str, object]) -> None:
    with pytest.raises(LessonFormFaulty) as told:
        questions_of([replace(ONE, **wrong)])  # type: ignore[arg-type]
    assert told.value.faults["q1"].startswith("第 1 题：")


def test_no_more_questions_than_a_lesson_has() -> None:
    with pytest.raises(LessonFormFaulty, match="最多 20 题"):
        questions_of([replace(ONE, text=f"第 {number}") for number in range(21)])


def sheet(*rows: tuple[object, ...], head: tuple[object, ...] = HEAD) -> bytes:
    book = Workbook(write_only=True)
    page = book.create_sheet()
    for row in (head, *rows):
        page.append(list(row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


ROW = ("单选", "多少", 1, 96110.0, "", "", "", "", "", "", "b", "因为")


def test_the_template_reads_as_its_own_examples() -> None:
    read = read_sheet(template())
    assert [one.kind for one in read.questions] == ["single", "multiple", "judge"]
    assert [one.answer for one in read.questions] == [(1,), (0, 1), (0,)]
    assert len(questions_of(read.questions)) == 3
    assert read.formulas == 0


def test_numbers_read_as_they_look_and_formulas_not_at_all() -> None:
    (one,) = read_sheet(sheet(ROW)).questions
    assert one.options[:2] == ("1", "96110")
    read = read_sheet(sheet((*ROW[:11], '=HYPERLINK("http://evil.example","x")')))
    assert (read.questions[0].why, read.formulas) == ("", 1)
    with pytest.raises(SheetFaulty, match="第 2 行：题目还没有写"):
        read_sheet(sheet(("单选", "=cmd|'/c calc'!A1", *ROW[2:])))


def test_ten_thousand_questions_are_kindly_refused() -> None:
    with pytest.raises(SheetTooLarge, match="最多 20 题，这个表格有 1,000 题以上"):
        read_sheet(sheet(*[ROW] * 10_000))


def test_faults_name_their_rows() -> None:
    with pytest.raises(SheetFaulty) as told:
        read_sheet(sheet(ROW, ("问答", "x"), (None,), ("单选", "x", "a", "b")))
    assert told.value.lines == [
        "第 3 行：题型只能是单选、多选或判断",
        "第 5 行：还没有勾选正确的选项",
    ]


@pytest.mark.parametrize(
    "content", [b"", b"PK\x03\x04", b"<html>", sheet(head=("a", "b")), sheet()]
)
def test_what_is_no_sheet_of_ours(content: bytes) -> None:
    with pytest.raises(SheetUnreadable):
        read_sheet(content)


def test_a_sheet_that_is_far_too_large() -> None:
    with pytest.raises(SheetTooLarge):
        read_sheet(b"x" * (2 * 1024 * 1024 + 1))


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_entities_are_refused_however_they_are_spelled(encoding: str) -> None:
    head = f'<?xml version="1.0" encoding="{encoding}"?><!DOCTYPE x [<!ENTITY a "x">]>'
    changed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(template())) as good, zipfile.ZipFile(changed, "w") as bad:
        for name in good.namelist():
            xml = good.read(name)
            if name == "xl/workbook.xml":
                xml = (head + xml.decode().rpartition("?>")[2]).encode(encoding)
            bad.writestr(name, xml)
    assert read_sheet(template())
    with pytest.raises(SheetUnreadable):
        read_sheet(changed.getvalue())
