"""One lesson file (Markdown with YAML front matter) → a draft, or every fault of it with its line.

The format is a promise: docs say it, other towns' authors write it. Nothing here touches the
database; importing.py stores what this reads.
"""

import re
from pathlib import Path
from typing import cast

from app.content import rules
from app.content.front_matter import Problem, Section, read_front_matter
from app.content.lesson_draft import (
    EVERYONE,
    OPTIONS_MAX,
    QUESTIONS_MAX,
    SUMMARY_LENGTH,
    SUMMARY_MAX,
    TITLE_MAX,
    LessonDraft,
    QuestionDraft,
    is_web_address,
)
from app.content.markdown import to_html
from app.content.platforms import PLATFORM_NAMES
from app.content.rules import JUDGE_OPTIONS, KINDS, QUESTION_KINDS, RECORDINGS, Kind, QuestionKind
from app.content.sanitise import plain_text
from app.core.errors import Invalid

BYTES_MAX = 256 * 1024
KEYS = (
    *("key", "title", "kind", "platform", "audience", "summary", "source"),
    *("required_seconds", "media_url", "questions"),
)
QUESTION_KEYS = ("kind", "text", "options", "answer", "why")
KEY = re.compile(r"[a-z0-9][a-z0-9-]{1,63}")

FENCE = re.compile(r"^---[ \t]*$", re.MULTILINE)


class LessonFileError(Invalid):
    """All that is wrong with one file; `line` is the first fault's, counted from 1."""

    title = "课程文件有误"

    def __init__(self, file: str, problems: list[Problem]) -> None:
        self.file = file
        self.problems = tuple(sorted(problems, key=lambda problem: problem.line))
        self.line = self.problems[0].line
        lines = [f"{file}:{problem.line}：{problem.sentence}" for problem in self.problems]
        super().__init__("\n".join(lines), file=file, line=self.line, problems=len(lines))


def read_lesson(path: Path) -> LessonDraft:
    """The draft in a file. Raises LessonFileError."""
    try:
        with path.open("rb") as file:
            raw = file.read(BYTES_MAX + 1)
    except OSError as error:
        reason = error.strerror or "读取失败"
        raise LessonFileError(path.name, [Problem(1, f"文件无法读取：{reason}")]) from error
    return parse_lesson(raw, file=path.name)


def parse_lesson(raw: bytes, *, file: str) -> LessonDraft:
    """The draft in a file's bytes. Raises LessonFileError with every fault that was found."""
    problems: list[Problem] = []
    draft = _draft(raw, file, problems)
    if draft is None or problems:
        raise LessonFileError(file, problems)
    return draft


def _draft(raw: bytes, file: str, problems: list[Problem]) -> LessonDraft | None:
    text = _text(raw, problems)
    if text is None:
        return None
    fences = list(FENCE.finditer(text))
    if not fences or fences[0].start() != 0:
        problems.append(Problem(1, "第一行应为 ---，后面是文件头"))
        return None
    if len(fences) == 1:
        problems.append(Problem(1, "文件头没有结束：缺少第二个 ---"))
        return None
    end = fences[1]
    # The opening fence becomes an empty line, so that YAML counts the lines as the file does.
    head = read_front_matter(text[fences[0].end() : end.start()], allowed=KEYS, problems=problems)
    html = to_html(text[end.end() :])
    plain = plain_text(html)
    if not plain:
        problems.append(Problem(text.count("\n", 0, end.start()) + 1, "文件头后面没有正文"))
    return None if head is None else _lesson(head, html, plain, file)


def _text(raw: bytes, problems: list[Problem]) -> str | None:
    if len(raw) > BYTES_MAX:
        problems.append(Problem(1, f"文件超过 {BYTES_MAX // 1024} KiB"))
        return None
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        problems.append(Problem(line, "文件不是 UTF-8 编码，请另存为 UTF-8"))
        return None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    strange = [found for found in rules.CONTROL.finditer(text) if found[0] not in "\t\n"]
    if strange:
        line = text.count("\n", 0, strange[0].start()) + 1
        problems.append(Problem(line, f"含有看不见的控制字符 U+{ord(strange[0][0]):04X}，请删去"))
        return None
    return text


def _lesson(head: Section, html: str, plain: str, file: str) -> LessonDraft:
    kind = cast("Kind", head.choice("kind", KINDS))
    default_summary = " ".join(plain.split())[:SUMMARY_LENGTH]
    seconds = head.number("required_seconds", least=10, most=3600)
    return LessonDraft(
        key=_key(head),
        title=head.text("title", longest=TITLE_MAX),
        kind=kind,
        platform=head.choice("platform", PLATFORM_NAMES),
        audience=head.texts("audience", most=10, longest=20) if head.has("audience") else EVERYONE,
        summary=head.text("summary", longest=SUMMARY_MAX, default=default_summary),
        source=head.text("source", longest=200, default=""),
        html=html,
        plain=plain,
        media_url=_media_url(head, kind),
        required_seconds=seconds or rules.reading_seconds(plain, kind),
        questions=_questions(head),
        file=file,
        key_line=head.line_for("key"),
    )


def _key(head: Section) -> str:
    key = head.text("key", longest=64)
    if key and not KEY.fullmatch(key):
        head.wrong("key", "只能用小写字母、数字和连字符，2 到 64 个，不以连字符开头")
    return key


def _media_url(head: Section, kind: str) -> str | None:
    if not head.has("media_url"):
        if kind in RECORDINGS:
            head.wrong("media_url", "没有填写：视频和音频要有播放地址")
        return None
    url = head.text("media_url", longest=512)
    if kind and kind not in RECORDINGS:
        head.wrong("media_url", "只用于视频和音频")
    elif url and not is_web_address(url):
        head.wrong("media_url", "应为 http:// 或 https:// 开头的完整地址")
    return url


def _questions(head: Section) -> tuple[QuestionDraft, ...]:
    sections = head.sections(
        "questions", name="第 {} 题：", allowed=QUESTION_KEYS, most=QUESTIONS_MAX
    )
    return tuple(_question(section) for section in sections)


def _question(section: Section) -> QuestionDraft:
    kind = section.choice("kind", QUESTION_KINDS)
    options: tuple[str, ...] = JUDGE_OPTIONS
    if kind != "judge" or section.has("options"):
        options = section.texts("options", most=OPTIONS_MAX, longest=100)
        _check_options(section, kind, options)
    answer = section.numbers("answer", most=OPTIONS_MAX)
    _check_answer(section, kind, options, answer)
    return QuestionDraft(
        kind=cast("QuestionKind", kind),
        text=section.text("text", longest=200),
        options=options,
        answer=tuple(sorted(answer)),
        why=section.text("why", longest=300, default=""),
    )


# An empty tuple below is a list whose own fault is noted already.
def _check_options(section: Section, kind: str, options: tuple[str, ...]) -> None:
    if kind == "judge" and options and options != JUDGE_OPTIONS:
        section.wrong("options", "判断题的选项只能是 [对, 错]，也可以不写")
    elif len(options) == 1:
        section.wrong("options", "至少要有两个选项")


def _check_answer(
    section: Section, kind: str, options: tuple[str, ...], answer: tuple[int, ...]
) -> None:
    if options and any(index >= len(options) for index in answer):
        section.wrong("answer", f"超出范围：选项从 0 数起，最后一个是 {len(options) - 1}")
    if kind in {"single", "judge"} and len(answer) > 1:
        section.wrong("answer", "单选题和判断题只能有一个答案")
    elif kind == "multiple" and len(answer) == 1:
        section.wrong("answer", "多选题至少要有两个答案")
