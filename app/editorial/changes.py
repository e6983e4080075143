"""What is different between two wordings of a manuscript, for a reviewer who knew the first. Pure.

Lines are compared with lines, and only within a changed line characters with characters: an
article of 20,000 characters takes milliseconds.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, Literal

Kind = Literal["same", "gone", "new"]
Piece = tuple[Kind, str]
FIELDS = {"title": "标题", "author": "作者", "digest": "摘要", "cover": "封面", "markdown": "正文"}
PUSH_FIELDS = {"text": "推送语", "lesson_id": "课程", "lesson_version_id": "课程版本"}
AROUND = 1
"""Unchanged lines that are shown beside a changed one."""
LINES_MAX = 3000
LINE_MAX = 400
"""Longer lines are shown whole, the old one and the new."""


@dataclass(frozen=True)
class Change:
    """One field that is different; `pieces` of its lines, "…" where unchanged ones are left out."""

    where: str
    pieces: tuple[Piece, ...]


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Change]:
    """Field by field, article by article."""
    found = []
    for where, old, new in _fields(before, after):
        if old != new:
            found.append(Change(where, tuple(_pieces(old.splitlines(), new.splitlines()))))
    return found


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name, title in PUSH_FIELDS.items():
        yield title, str(before.get(name, "")), str(after.get(name, ""))
    olds, news = before.get("articles", []), after.get("articles", [])
    for index in range(max(len(olds), len(news))):
        old = olds[index] if index < len(olds) else {}
        new = news[index] if index < len(news) else {}
        for name, title in FIELDS.items():
            yield f"第 {index + 1} 篇{title}", _text(old.get(name)), _text(new.get(name))


def _text(value: object) -> str:
    return "" if value is None else str(value)


def _pieces(old: Sequence[str], new: Sequence[str]) -> Iterator[Piece]:
    if max(len(old), len(new)) > LINES_MAX:
        yield "same", "改动太多，请通读全文。\n"
        return
    groups = list(SequenceMatcher(None, old, new).get_grouped_opcodes(AROUND))
    for number, group in enumerate(groups):
        if number:
            yield "same", "…\n"
        for tag, i1, i2, j1, j2 in group:
            if tag == "equal":
                yield "same", _joined(old[i1:i2])
            elif tag == "replace" and i2 - i1 == j2 - j1:
                for was, now in zip(old[i1:i2], new[j1:j2], strict=True):
                    yield from _line(was, now)
            else:
                yield "gone", _joined(old[i1:i2])
                yield "new", _joined(new[j1:j2])


def _line(old: str, new: str) -> Iterator[Piece]:
    if max(len(old), len(new)) > LINE_MAX:
        yield "gone", f"{old}\n"
        yield "new", f"{new}\n"
        return
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag == "equal":
            yield "same", old[i1:i2]
        else:
            yield "gone", old[i1:i2]
            yield "new", new[j1:j2]
    yield "same", "\n"


def _joined(lines: Sequence[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
