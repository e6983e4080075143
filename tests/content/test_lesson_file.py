from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.lesson_draft import LessonDraft
from app.content.lesson_file import BYTES_MAX, LessonFileError, parse_lesson, read_lesson
from app.content.rules import reading_seconds
from tests.content.drafts import (
    BODY,
    HEAD,
    lesson_text,
    make_draft,
    problems_of,
    with_line,
    with_questions,
)


def parse(text: str) -> LessonDraft:
    return parse_lesson(text.encode(), file="x.md")


def test_the_sample_is_read_completely() -> None:
    draft = parse(lesson_text())
    assert draft.key == "anti-fraud-01"
    assert draft.key_line == 2
    assert draft.title == "接到“公检法”电话怎么办"
    assert (draft.kind, draft.platform, draft.audience) == ("article", "微讲堂", ("全体居民",))
    assert draft.html.startswith("<h2>先挂断</h2>\n<p>公检法机关<strong>没有“安全账户”</strong>。")
    assert draft.plain == "先挂断\n公检法机关没有“安全账户”。"
    assert draft.summary == "先挂断 公检法机关没有“安全账户”。"
    assert draft.required_seconds == reading_seconds(draft.plain, "article")
    single, multiple, judge = draft.questions
    assert (single.options, single.answer) == (("立即转账", "挂断并拨打 96110"), (1,))
    assert (multiple.answer, multiple.why) == ((0, 1), "")
    assert (judge.kind, judge.options, judge.answer) == ("judge", ("对", "错"), (0,))


@pytest.mark.parametrize(
    "text",
    [
        "\ufeff" + lesson_text(),
        lesson_text().replace("\n", "\r\n"),
        lesson_text().replace("\n", "\r"),
        lesson_text().replace("---\n", "---  \n"),
        lesson_text().replace("answer: [0]", "answer:\n      - 0"),
        lesson_text(HEAD + "# 注释\n"),
        lesson_text(body=BODY + "\n---\n\n").replace("\n---\n\n", ""),
    ],
)
def test_the_same_lesson_in_other_dress(text: str) -> None:
    assert parse(text) == parse(lesson_text())
    assert parse(text).digest == parse(lesson_text()).digest


def test_defaults_and_options_given() -> None:
    text = with_line("audience", "required_seconds: 60\nsummary: ' 一  句\n  话 '")
    draft = parse(text.replace("source: 双槐镇综治办\n", "media_url:\n"))
    assert draft.audience == ("全体居民",)
    assert (draft.required_seconds, draft.summary, draft.source) == (60, "一 句 话", "")
    assert draft.media_url is None


def test_a_video_has_its_address() -> None:
    text = with_line(
        "kind", "kind: video\nmedia_url: https://v.example.cn/a b.mp4".replace("a b", "ab")
    )
    assert parse(text).media_url == "https://v.example.cn/ab.mp4"


def test_numbers_may_be_options_as_they_are_written() -> None:
    question = "{kind: single, text: 报警电话, options: [110, 0119, 7:40, 37.50], answer: [0]}"
    draft = parse(with_questions(f"questions:\n  - {question}\n"))
    assert draft.questions[0].options == ("110", "0119", "7:40", "37.50")


def test_no_questions_must_be_said() -> None:
    assert parse(with_questions("questions: []\n")).questions == ()
    assert problems_of(with_questions("")) == [(2, "questions 没有填写")]


def test_a_thematic_break_in_the_body_is_no_front_matter() -> None:
    assert "<hr>" in parse(lesson_text(body="一\n\n---\n\n二")).html


@pytest.mark.parametrize(
    ("raw", "at", "beginning"),
    [
        ("", 1, "第一行应为 ---"),
        ("正文", 1, "第一行应为 ---"),
        ("\n" + lesson_text(), 1, "第一行应为 ---"),
        ("---\nkey: a\n", 1, "文件头没有结束"),
        ("---\n---\n正文", 1, "文件头是空的"),
        ("---\n- a\n---\n正文", 2, "应为“键: 值”的形式"),
        ("---\n只有字\n---\n正文", 2, "应为“键: 值”的形式"),
        (lesson_text(body=""), 21, "文件头后面没有正文"),
        (lesson_text(body="\n\n"), 21, "文件头后面没有正文"),
        (lesson_text(body="![图](/a.png)\n"), 21, "文件头后面没有正文"),
        (lesson_text(body="好\n坏\x00\n"), 23, "含有看不见的控制字符 U+0000，请删去"),
        (lesson_text(body="好\u2028坏\n"), 22, "含有看不见的控制字符 U+2028，请删去"),
        (with_line("title", "title: 甲\x07"), 3, "含有看不见的控制字符 U+0007，请删去"),
        (with_line("title", "title: 甲\ufffe"), 3, "含有 YAML 不允许的字符"),
        (with_line("title", "title：甲"), 3, "YAML 写法有误"),
        (with_line("title", "title: 注意: 甲"), 3, "YAML 写法有误"),
        (with_line("title", "title: '甲"), 3, "YAML 写法有误"),
        (with_line("title", "\ttitle: 甲"), 3, "YAML 写法有误"),
        (with_line("title", "title: [甲"), 3, "YAML 写法有误"),
        (with_line("title", "title: *a"), 3, "不能使用 YAML 的 & 锚点和 * 引用"),
        (with_line("title", "title: 甲\n...\nx: y"), 5, "YAML 写法有误"),
        (lesson_text().encode("gb18030"), 3, "文件不是 UTF-8 编码"),
        (lesson_text().encode("utf-16"), 1, "文件不是 UTF-8 编码"),
        (lesson_text().encode() + b"\xff", 25, "文件不是 UTF-8 编码"),
        (lesson_text(body="长" * (BYTES_MAX // 3)), 1, "文件超过 256 KiB"),
    ],
)
def test_a_file_that_cannot_be_read(raw: str | bytes, at: int, beginning: str) -> None:
    found = problems_of(raw)
    assert found[0][0] == at, found
    assert found[0][1].startswith(beginning), found


def test_a_bomb_of_aliases_is_not_unfolded() -> None:
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 9)}]\n" for n in range(1, 30))
    found = problems_of(lesson_text(f"l0: &l0 [哈]\n{levels}"))
    assert found[0] == (2, "不能使用 YAML 的 & 锚点和 * 引用；这样的文字请加引号")


def test_a_well_of_brackets_does_not_drown_the_reader() -> None:
    found = problems_of(lesson_text("key: " + "[" * 200_000 + "\n"))
    assert found[0] == (2, "嵌套太深")


def test_a_missing_file_is_a_fault_of_the_file(tmp_path: Path) -> None:
    with pytest.raises(LessonFileError, match=r"^没有\.md:1：文件无法读取"):
        read_lesson(tmp_path / "没有.md")


def test_the_digest_is_of_the_content_only() -> None:
    draft = make_draft()
    assert draft.digest == make_draft(key="other", file="o.md", key_line=9).digest
    for name in ("title", "summary", "source", "html", "platform", "kind", "media_url"):
        assert make_draft(**{name: "别的"}).digest != draft.digest
    assert make_draft(required_seconds=31).digest != draft.digest
    assert make_draft(questions=draft.questions[:2]).digest != draft.digest
    assert make_draft(audience=("甲",)).digest != draft.digest


LINES = st.sampled_from(
    [
        *HEAD.splitlines(),
        *BODY.splitlines(),
        "---",
        "",
        "x: &a [*a]",
        "- -",
        "? :",
        "'",
        '"',
        "a: {",
        "\x00",
    ]
)


@given(st.lists(LINES | st.text(max_size=20), max_size=30).map("\n".join) | st.binary(max_size=200))
def test_any_file_is_a_draft_or_a_named_fault(text: str | bytes) -> None:
    raw = text if isinstance(text, bytes) else ("---\n" + text).encode("utf-8", "replace")
    try:
        parse_lesson(raw, file="x.md")
    except LessonFileError as error:
        assert 1 <= error.line <= raw.count(b"\n") + raw.count(b"\r") + 1  # noqa: PT017
