"""YAML front matter, read with the line of every value, so an author is told where to look.

Only plain YAML: no anchors, aliases, tags or second documents. Nothing is constructed; a scalar is
the text the author wrote, and its resolved tag says what YAML takes it for.
"""

import re
from dataclasses import dataclass, field

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from app.content.rules import CONTROL

DEPTH_MAX = 6
"""The format needs four levels; deep nesting would exhaust the stack of the composer."""

STRING, NULL = "tag:yaml.org,2002:str", "tag:yaml.org,2002:null"
AS_WRITTEN = {STRING, *(f"tag:yaml.org,2002:{kind}" for kind in ("int", "float", "timestamp"))}
"""What may stand unquoted among options: 96110 or 7:40 is shown as it is written."""

UNFINISHED = {
    *("while scanning a simple key", "while scanning a quoted scalar"),
    *("while parsing a flow sequence", "while parsing a flow mapping"),
}
"""Contexts of PyYAML that begin where the fault is; it notices only where the next thing begins."""

INTEGER = re.compile(r"(0|[1-9][0-9]{0,8})")


@dataclass(frozen=True)
class Problem:
    """What is wrong in a file and in which of its lines, counted from 1."""

    line: int
    sentence: str


@dataclass
class Section:
    """One mapping of the front matter. A reader that finds a fault notes it and returns nothing."""

    line: int
    name: str
    entries: dict[str, Node]
    problems: list[Problem] = field(repr=False)

    def line_for(self, key: str) -> int:
        """The line of a key's value, or of the section if it has no such key."""
        node = self.entries.get(key)
        return self.line if node is None else line_of(node)

    def wrong(self, key: str, sentence: str) -> None:
        self._note(self.line_for(key), f"{key} {sentence}")

    def has(self, key: str) -> bool:
        node = self.entries.get(key)
        return node is not None and node.tag != NULL

    def text(self, key: str, *, longest: int, default: str | None = None) -> str:
        """A text on one line; required unless there is a default."""
        if not self.has(key):
            if default is None:
                self._missing(key)
            return default or ""
        return self._scalar(key, self.entries[key], {STRING}, longest)

    def choice(self, key: str, among: tuple[str, ...]) -> str:
        """One of some words; "" if it is none of them."""
        value = self.text(key, longest=64)
        if value and value not in among:
            self.wrong(key, f"只能是 {'、'.join(among)} 之一，不能是“{value}”")
            return ""
        return value

    def number(self, key: str, *, least: int, most: int) -> int | None:
        """An optional whole number."""
        if not self.has(key):
            return None
        value = _integer(self.entries[key])
        if value is None or not least <= value <= most:
            self.wrong(key, f"应为 {least} 到 {most} 的整数")
            return None
        return value

    def texts(self, key: str, *, most: int, longest: int) -> tuple[str, ...]:
        """A list of texts, no two the same; empty if anything is wrong with it."""
        values: list[str] = []
        before = len(self.problems)
        for item in self._items(key, least=1, most=most):
            value = self._scalar(key, item, AS_WRITTEN, longest)
            if value and value in values:
                self._note(line_of(item), f"{key} 有重复的“{value}”")
            values.append(value)
        return tuple(values) if len(self.problems) == before else ()

    def numbers(self, key: str, *, most: int) -> tuple[int, ...]:
        """A list of whole numbers, no two the same; empty if anything is wrong with it."""
        values: list[int] = []
        before = len(self.problems)
        for item in self._items(key, least=1, most=most):
            value = _integer(item)
            if value is None:
                self._note(line_of(item), f"{key} 的每一项都应为从 0 起的整数")
            elif value in values:
                self._note(line_of(item), f"{key} 有重复的 {value}")
            else:
                values.append(value)
        return tuple(values) if len(self.problems) == before else ()

    def sections(
        self, key: str, *, name: str, allowed: tuple[str, ...], most: int
    ) -> list["Section"]:
        """A list of mappings, maybe empty; `name` has a place for the number of each."""
        items = self._items(key, least=0, most=most)
        found = []
        for number, item in enumerate(items, 1):
            section = read_section(item, name.format(number), allowed, self.problems)
            if section is not None:
                found.append(section)
        return found

    def _items(self, key: str, *, least: int, most: int) -> list[Node]:
        if not self.has(key):
            self._missing(key)
            return []
        node = self.entries[key]
        if not isinstance(node, SequenceNode):
            self.wrong(key, "应为列表，例如 [甲, 乙]，或每行一项、以“- ”开头")
            return []
        if len(node.value) < least:
            self.wrong(key, "是空的列表")
        elif len(node.value) > most:
            self.wrong(key, f"最多 {most} 项，现在是 {len(node.value)} 项")
        items: list[Node] = node.value
        return items[:most]

    def _scalar(self, key: str, node: Node, tags: set[str], longest: int) -> str:
        if not isinstance(node, ScalarNode) or node.tag not in tags:
            what = "不能为空" if node.tag == NULL else "应为文字；数字、是否和日期请加引号"
            self._note(line_of(node), f"{key} {what}")
            return ""
        value = " ".join(node.value.split())
        if not value:
            self._note(line_of(node), f"{key} 不能为空")
        elif CONTROL.search(value):
            self._note(line_of(node), f"{key} 含有看不见的控制字符")
            return ""
        elif len(value) > longest:
            self._note(line_of(node), f"{key} 最多 {longest} 个字，现在是 {len(value)} 个")
        return value

    def _missing(self, key: str) -> None:
        self.wrong(key, "不能为空" if key in self.entries else "没有填写")

    def _note(self, line: int, sentence: str) -> None:
        self.problems.append(Problem(line, self.name + sentence))


def read_front_matter(
    text: str, *, allowed: tuple[str, ...], problems: list[Problem]
) -> Section | None:
    """The mapping in `text`, whose first line is the file's first; None if nothing can be read."""
    try:
        if not _is_plain(text, problems):
            return None
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        problems.append(_syntax_problem(error))
        return None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        problems.append(Problem(line, "含有 YAML 不允许的字符"))
        return None
    if node is None:
        problems.append(Problem(1, "文件头是空的"))
        return None
    return read_section(node, "", allowed, problems)


def read_section(
    node: Node, name: str, allowed: tuple[str, ...], problems: list[Problem]
) -> Section | None:
    """One mapping with known keys only, each once."""
    if not isinstance(node, MappingNode):
        problems.append(Problem(line_of(node), f"{name}应为“键: 值”的形式，冒号后有一个空格"))
        return None
    entries: dict[str, Node] = {}
    for key, value in node.value:
        word = key.value if isinstance(key, ScalarNode) else None
        if word not in allowed:
            problems.append(Problem(line_of(key), f"{name}不认识的键“{word or '?'}”"))
        elif word in entries:
            problems.append(Problem(line_of(key), f"{name}{word} 写了两次"))
        else:
            entries[word] = value
    return Section(line_of(node), name, entries, problems)


def line_of(node: Node) -> int:
    """The line of a value, counted from 1. (PyYAML counts from 0.)"""
    return int(node.start_mark.line) + 1


def _integer(node: Node) -> int | None:
    # Neither 0x1F nor 010 nor 1_000: what YAML makes of those is no author's meaning.
    if not isinstance(node, ScalarNode) or node.style is not None:
        return None
    return int(node.value) if INTEGER.fullmatch(node.value) else None


def _is_plain(text: str, problems: list[Problem]) -> bool:
    """Refuse what a lesson never needs, event by event, before anything is built from it."""
    depth, before = 0, len(problems)
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        assert event.start_mark is not None
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None) is not None:
            problems.append(Problem(line, "不能使用 YAML 的 & 锚点和 * 引用；这样的文字请加引号"))
        elif getattr(event, "tag", None) is not None:
            problems.append(Problem(line, "不能使用 YAML 的 ! 标签；这样的文字请加引号"))
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH_MAX:
            problems.append(Problem(line, "嵌套太深"))
            return False
    return len(problems) == before


def _syntax_problem(error: yaml.MarkedYAMLError) -> Problem:
    mark = error.problem_mark
    if mark is None or error.context in UNFINISHED:
        mark = error.context_mark
    hint = (
        "冒号、逗号、引号和方括号要用半角，冒号后有一个空格，缩进只用空格；含有冒号的文字请加引号"
    )
    return Problem(1 if mark is None else mark.line + 1, f"YAML 写法有误：{hint}")
