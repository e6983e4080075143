"""What is wrong in a lesson file's head and questions: every fault with its line, in Chinese."""

import pytest

from app.content.lesson_file import LessonFileError, parse_lesson
from app.content.platforms import PLATFORM_NAMES
from tests.content.drafts import lesson_text, problems_of, with_line, with_questions


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
