"""A lesson as a form sends it → the same draft a lesson file gives, or every fault by field."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from app.content import rules
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

BODY_MAX = 60_000
SOURCE_MAX, ADDRESS_MAX = 200, 512
AUDIENCES_MAX, AUDIENCE_MAX = 10, 20
QUESTION_MAX, OPTION_MAX, WHY_MAX = 200, 100, 300
SECONDS_LEAST, SECONDS_MOST = 10, 3600
BETWEEN = re.compile(r"[\s,，、;；]+")


class LessonFormFaulty(Invalid):
    """`faults`: field → sentence."""

    title = "课程还有要改的地方"

    def __init__(self, faults: Mapping[str, str]) -> None:
        self.faults = dict(faults)
        super().__init__("；".join(faults.values()), fields=sorted(faults))


@dataclass(frozen=True)
class LessonForm:
    """As typed. `audience` names groups of people, `required_seconds` may be empty."""

    title: str
    kind: str
    platform: str
    audience: str
    summary: str
    source: str
    media_url: str
    required_seconds: str
    markdown: str


@dataclass(frozen=True)
class QuestionForm:
    """As typed; `answer` holds indexes into `options`, of which empty ones do not count."""

    kind: str
    text: str
    options: tuple[str, ...]
    answer: tuple[int, ...]
    why: str

    @property
    def is_blank(self) -> bool:
        return not (self.text.strip() or self.why.strip() or any(map(str.strip, self.options)))


def draft_of(form: LessonForm, *, key: str, questions: Sequence[QuestionDraft] = ()) -> LessonDraft:
    """Raises LessonFormFaulty with everything that is wrong."""
    faults: dict[str, str] = {}
    html = to_html(_text(form.markdown)) if len(form.markdown) <= BODY_MAX else ""
    plain = plain_text(html)
    if len(form.markdown) > BODY_MAX:
        faults["body"] = f"正文最多 {BODY_MAX} 个字，现在是 {len(form.markdown)} 个"
    elif not plain:
        faults["body"] = "正文还没有写"
    kind = form.kind if form.kind in KINDS else "article"
    draft = LessonDraft(
        key=key,
        title=_line(faults, "title", "标题", form.title, TITLE_MAX, needed=True),
        kind=cast("Kind", kind),
        platform=_platform(faults, form.platform),
        audience=_audience(faults, form.audience),
        summary=_line(faults, "summary", "一句话简介", form.summary, SUMMARY_MAX)
        or " ".join(plain.split())[:SUMMARY_LENGTH],
        source=_line(faults, "source", "来源", form.source, SOURCE_MAX),
        html=html,
        plain=plain,
        media_url=_media_url(faults, kind, form.media_url),
        required_seconds=_seconds(faults, form.required_seconds)
        or rules.reading_seconds(plain, cast("Kind", kind)),
        questions=tuple(questions),
        file="",
        key_line=1,
    )
    if faults:
        raise LessonFormFaulty(faults)
    return draft


def questions_of(forms: Sequence[QuestionForm]) -> tuple[QuestionDraft, ...]:
    """The questions that are not blank. Raises LessonFormFaulty; fields are `q1`, `q2`, …"""
    faults: dict[str, str] = {}
    made = []
    for number, form in enumerate(forms, 1):
        if form.is_blank:
            continue
        fault = question_fault(form)
        if fault is None:
            made.append(_question(form))
        else:
            faults[f"q{number}"] = f"第 {number} 题：{fault}"
    if len(made) > QUESTIONS_MAX:
        faults["questions"] = f"最多 {QUESTIONS_MAX} 题，现在是 {len(made)} 题"
    if faults:
        raise LessonFormFaulty(faults)
    return tuple(made)


def question_fault(form: QuestionForm) -> str | None:
    """What is wrong with one question, for who wrote it; None if it is sound."""
    if form.kind not in QUESTION_KINDS:
        return "题型只能是单选、多选或判断"
    if not form.text.strip():
        return "题目还没有写"
    for name, text, most in (("题目", form.text, QUESTION_MAX), ("解释", form.why, WHY_MAX)):
        if len(text.strip()) > most:
            return f"{name}最多 {most} 个字，现在是 {len(text.strip())} 个"
    return (None if form.kind == "judge" else _options_fault(form)) or _answer_fault(form)


def _options_fault(form: QuestionForm) -> str | None:
    options = [one.strip() for one in form.options if one.strip()]
    if len(options) < 2:  # noqa: PLR2004  nothing to choose from
        return "至少要有两个选项"
    if len(options) > OPTIONS_MAX:
        return f"最多 {OPTIONS_MAX} 个选项"
    if any(len(one) > OPTION_MAX for one in options):
        return f"每个选项最多 {OPTION_MAX} 个字"
    return "有两个选项是一样的" if len(set(options)) < len(options) else None


def _answer_fault(form: QuestionForm) -> str | None:
    if form.kind == "judge":
        right = [index for index in form.answer if index < len(JUDGE_OPTIONS)]
    else:
        texts = dict(enumerate(form.options))
        right = [index for index in form.answer if texts.get(index, "").strip()]
    if not right:
        return "还没有勾选正确的选项"
    if form.kind == "multiple" and len(right) < 2:  # noqa: PLR2004  else it is a single choice
        return "多选题至少要勾两个正确的选项"
    if form.kind != "multiple" and len(right) > 1:
        return "单选题和判断题只能有一个正确的选项"
    return None


def _question(form: QuestionForm) -> QuestionDraft:
    kept = [index for index, one in enumerate(form.options) if one.strip()]
    options: tuple[str, ...] = tuple(_flat(form.options[index]) for index in kept)
    answer = tuple(sorted(kept.index(index) for index in set(form.answer) if index in kept))
    if form.kind == "judge":
        options = JUDGE_OPTIONS
        answer = tuple(sorted({one for one in form.answer if one < len(JUDGE_OPTIONS)}))
    return QuestionDraft(
        cast("QuestionKind", form.kind), _flat(form.text), options, answer, _flat(form.why)
    )


def _flat(text: str) -> str:
    return " ".join(rules.CONTROL.sub(" ", text).split())


def _text(markdown: str) -> str:
    """Line breaks and tabs are the only control characters that a text needs."""
    whole = markdown.replace("\r\n", "\n").replace("\r", "\n")
    return rules.CONTROL.sub(lambda found: found[0] if found[0] in "\t\n" else "", whole)


def _line(
    faults: dict[str, str], field: str, name: str, given: str, most: int, *, needed: bool = False
) -> str:
    text = _flat(given)
    if needed and not text:
        faults[field] = f"{name}还没有写"
    elif len(text) > most:
        faults[field] = f"{name}最多 {most} 个字，现在是 {len(text)} 个"
    return text


def _platform(faults: dict[str, str], given: str) -> str:
    if given not in PLATFORM_NAMES:
        faults["platform"] = "请选择一个学习平台"
    return given


def _audience(faults: dict[str, str], given: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(one for one in BETWEEN.split(_flat(given)) if one))
    if len(names) > AUDIENCES_MAX or any(len(one) > AUDIENCE_MAX for one in names):
        faults["audience"] = f"最多 {AUDIENCES_MAX} 类人，每类最多 {AUDIENCE_MAX} 个字，用顿号隔开"
    return names or EVERYONE


def _media_url(faults: dict[str, str], kind: str, given: str) -> str | None:
    url = given.strip()
    if kind not in RECORDINGS:
        return None
    if not url:
        faults["media_url"] = "视频和音频要有播放地址"
    elif len(url) > ADDRESS_MAX or rules.CONTROL.search(url) or not is_web_address(url):
        faults["media_url"] = "应为 http:// 或 https:// 开头的完整地址"
    return url


def _seconds(faults: dict[str, str], given: str) -> int | None:
    text = given.strip()
    if not text:
        return None
    if text.isascii() and text.isdecimal() and len(text) < 6:  # noqa: PLR2004  no number to speak of
        seconds = int(text)
        if SECONDS_LEAST <= seconds <= SECONDS_MOST:
            return seconds
    faults["required_seconds"] = f"应为 {SECONDS_LEAST} 到 {SECONDS_MOST} 秒"
    return None
