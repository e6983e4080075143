from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.content.lesson_draft import LessonDraft
from app.content.lesson_file import BYTES_MAX, LessonFileError, parse_lesson, read_lesson
from app.content.platforms import PLATFORM_NAMES
from app.content.rules import reading_seconds
from tests.content.drafts import BODY, HEAD, lesson_text, make_draft


def parse(text: str) -> LessonDraft:
    return parse_lesson(text.encode(), file="x.md")


def problems_of(raw: str | bytes) -> list[tuple[int, str]]:
    with pytest.raises(LessonFileError) as raised:
        parse_lesson(raw.encode() if isinstance(raw, str) else raw, file="x.md")
    return [(problem.line, problem.sentence) for problem in raised.value.problems]


def with_line(key: str, line: str) -> str:
    """The sample with the top-level line of `key` replaced ("" removes it)."""
    lines = [line if old.startswith(f"{key}:") else old for old in HEAD.splitlines()]
    return lesson_text("".join(f"{each}\n" for each in lines if each))


def with_questions(questions: str) -> str:
    """The sample with other questions; the line after `questions:` is line 9 of the file."""
    return lesson_text(HEAD[: HEAD.index("questions:")] + questions)


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
    ("key", "line", "at", "sentence"),
    [
        ("key", "", 2, "key 没有填写"),
        ("key", "key:", 2, "key 不能为空"),
        ("key", "key: ''", 2, "key 不能为空"),
        ("key", "key: A-1", 2, "key 只能用小写字母、数字和连字符，2 到 64 个，不以连字符开头"),
        ("key", "key: -a", 2, "key 只能用小写字母、数字和连字符，2 到 64 个，不以连字符开头"),
        ("key", "key: a", 2, "key 只能用小写字母、数字和连字符，2 到 64 个，不以连字符开头"),
        ("key", "key: 防骗", 2, "key 只能用小写字母、数字和连字符，2 到 64 个，不以连字符开头"),
        ("key", "key: 12", 2, "key 应为文字；数字、是否和日期请加引号"),
        ("title", "", 2, "title 没有填写"),
        ("title", f"title: {'长' * 65}", 3, "title 最多 64 个字，现在是 65 个"),
        ("title", "title: [a]", 3, "title 应为文字；数字、是否和日期请加引号"),
        ("title", "title: 2026-11-23", 3, "title 应为文字；数字、是否和日期请加引号"),
        ("title", "title: yes", 3, "title 应为文字；数字、是否和日期请加引号"),
        ("title", 'title: "a\\0b"', 3, "title 含有看不见的控制字符"),
        ("title", 'title: "a\\ud800b"', 3, "title 含有看不见的控制字符"),
        ("kind", "kind: text", 4, "kind 只能是 article、video、audio 之一，不能是“text”"),
        ("kind", "kind: [article]", 4, "kind 应为文字；数字、是否和日期请加引号"),
        (
            "platform",
            "platform: 夜校",
            5,
            f"platform 只能是 {'、'.join(PLATFORM_NAMES)} 之一，不能是“夜校”",
        ),
        (
            "audience",
            "audience: 全体居民",
            6,
            "audience 应为列表，例如 [甲, 乙]，或每行一项、以“- ”开头",
        ),
        ("audience", "audience: []", 6, "audience 是空的列表"),
        ("audience", "audience:\n  - 甲\n  - 甲", 8, "audience 有重复的“甲”"),
        (
            "audience",
            f"audience: [{', '.join('abcdefghijk')}]",
            6,
            "audience 最多 10 项，现在是 11 项",
        ),
        ("source", f"source: {'长' * 201}", 7, "source 最多 200 个字，现在是 201 个"),
        ("source", f"summary: {'长' * 121}", 7, "summary 最多 120 个字，现在是 121 个"),
        ("source", "required_seconds: 9", 7, "required_seconds 应为 10 到 3600 的整数"),
        ("source", "required_seconds: 3601", 7, "required_seconds 应为 10 到 3600 的整数"),
        ("source", "required_seconds: '60'", 7, "required_seconds 应为 10 到 3600 的整数"),
        ("source", "required_seconds: 60.0", 7, "required_seconds 应为 10 到 3600 的整数"),
        ("source", "required_seconds: 0x3C", 7, "required_seconds 应为 10 到 3600 的整数"),
        ("source", "required_seconds: true", 7, "required_seconds 应为 10 到 3600 的整数"),
        ("source", "media_url: https://a.cn/", 7, "media_url 只用于视频和音频"),
        ("kind", "kind: video", 2, "media_url 没有填写：视频和音频要有播放地址"),
        ("source", "author: 甲", 7, "不认识的键“author”"),
        ("source", "[a]: 甲", 7, "不认识的键“?”"),
        ("source", "<<: {a: 甲}", 7, "不认识的键“<<”"),
        ("source", "title: 甲", 7, "title 写了两次"),
        ("source", "source: &a 甲", 7, "不能使用 YAML 的 & 锚点和 * 引用；这样的文字请加引号"),
        ("source", "source: !!str 甲", 7, "不能使用 YAML 的 ! 标签；这样的文字请加引号"),
        (
            "source",
            "source: !!python/object:os.system 甲",
            7,
            "不能使用 YAML 的 ! 标签；这样的文字请加引号",
        ),
        ("source", "source: [[[[[[[[[甲]]]]]]]]]", 7, "嵌套太深"),
        (
            "questions",
            "questions: {a: 1}\nx:",
            8,
            "questions 应为列表，例如 [甲, 乙]，或每行一项、以“- ”开头",
        ),
    ],
)
def test_a_fault_of_the_head_is_named_with_its_line(
    key: str, line: str, at: int, sentence: str
) -> None:
    assert (at, sentence) in problems_of(with_line(key, line))


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.cn/v.mp4",
        "//a.cn/v.mp4",
        "/v.mp4",
        "javascript:x",
        "https://",
        "http://[",
        "'https://a b'",
    ],
)
def test_a_recording_needs_a_web_address(url: str) -> None:
    found = problems_of(with_line("kind", f"kind: audio\nmedia_url: {url}"))
    assert found == [(5, "media_url 应为 http:// 或 https:// 开头的完整地址")]


@pytest.mark.parametrize(
    ("question", "at", "sentence"),
    [
        ("kind: essay", 9, "kind 只能是 single、multiple、judge 之一，不能是“essay”"),
        ("kind: single\n    answer: [0, 1]", 10, "answer 单选题和判断题只能有一个答案"),
        (
            "kind: judge\n    options:\n    answer: [0, 1]",
            11,
            "answer 单选题和判断题只能有一个答案",
        ),
        ("kind: multiple\n    answer: [0]", 10, "answer 多选题至少要有两个答案"),
        ("kind: single\n    answer: [2]", 10, "answer 超出范围：选项从 0 数起，最后一个是 1"),
        ("kind: single\n    answer: [-1]", 10, "answer 的每一项都应为从 0 起的整数"),
        ("kind: single\n    answer: ['1']", 10, "answer 的每一项都应为从 0 起的整数"),
        (
            "kind: single\n    answer:\n      - 0\n      - x",
            12,
            "answer 的每一项都应为从 0 起的整数",
        ),
        ("kind: single\n    answer: [1, 1]", 10, "answer 有重复的 1"),
        (
            "kind: single\n    answer: 1",
            10,
            "answer 应为列表，例如 [甲, 乙]，或每行一项、以“- ”开头",
        ),
        ("kind: single\n    answer: []", 10, "answer 是空的列表"),
        ("kind: single\n    answer:", 10, "answer 不能为空"),
        (
            "kind: judge\n    options: [是, 否]",
            10,
            "options 判断题的选项只能是 [对, 错]，也可以不写",
        ),
        (
            "kind: judge\n    options: [错, 对]",
            10,
            "options 判断题的选项只能是 [对, 错]，也可以不写",
        ),
        ("kind: single\n    options: [甲]", 10, "options 至少要有两个选项"),
        ("kind: single\n    options: []", 10, "options 是空的列表"),
        ("kind: single\n    options:\n      - 甲\n      - 甲", 12, "options 有重复的“甲”"),
        ("kind: single\n    options:\n      - 甲\n      -\n", 12, "options 不能为空"),
        ("kind: single\n    options: [甲, true]", 10, "options 应为文字；数字、是否和日期请加引号"),
        (
            "kind: single\n    options: [1, 2, 3, 4, 5, 6, 7, 8, 9]",
            10,
            "options 最多 8 项，现在是 9 项",
        ),
        (f"kind: single\n    text: {'长' * 201}", 10, "text 最多 200 个字，现在是 201 个"),
        ("kind: single\n    text:", 10, "text 不能为空"),
        ("kind: single\n    hint: 甲", 10, "不认识的键“hint”"),
    ],
)
def test_a_fault_of_a_question_is_named_with_its_line(
    question: str, at: int, sentence: str
) -> None:
    given_keys = {line.split(":")[0].strip() for line in question.splitlines()}
    rest = {"text": "问", "options": "[甲, 乙]", "answer": "[0]"}
    for key, value in rest.items():
        if key not in given_keys:
            question += f"\n    {key}: {value}"
    assert (at, f"第 1 题：{sentence}") in problems_of(
        with_questions(f"questions:\n  - {question}\n")
    )


def test_the_second_question_is_called_second() -> None:
    questions = "questions:\n  - {kind: judge, text: 问, answer: [0]}\n  - 乱\n  - {text: 问}\n"
    assert problems_of(with_questions(questions)) == [
        (10, "第 2 题：应为“键: 值”的形式，冒号后有一个空格"),
        (11, "第 3 题：kind 没有填写"),
        (11, "第 3 题：options 没有填写"),
        (11, "第 3 题：answer 没有填写"),
    ]


def test_all_faults_of_a_file_are_told_at_once_in_order() -> None:
    text = lesson_text(
        "title: 题\nkind: film\nkey: X\nplatform: 微讲堂\nx: 1\nquestions: 无\n", body="\n \n"
    )
    found = problems_of(text)
    assert [line for line, _ in found] == [3, 4, 6, 7, 8]


def test_the_error_is_one_line_for_each_fault() -> None:
    with pytest.raises(LessonFileError) as raised:
        parse_lesson(with_line("kind", "kind: film\nx: 1").encode(), file="甲.md")
    assert raised.value.code == "LessonFileError"
    assert (raised.value.file, raised.value.line) == ("甲.md", 4)
    assert str(raised.value).splitlines() == [
        "甲.md:4：kind 只能是 article、video、audio 之一，不能是“film”",
        "甲.md:5：不认识的键“x”",
    ]


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
