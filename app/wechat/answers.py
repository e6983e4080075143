"""Reading one field of WeChat's answer to a call; what is missing makes it no answer."""

from collections.abc import Mapping
from typing import Any

from app.wechat.errors import WeChatUnavailable

Answer = Mapping[str, Any]


def text_in(answer: Answer, name: str) -> str:
    value = answer.get(name)
    if not isinstance(value, str) or not value:
        raise WeChatUnavailable(reason=f"no {name}")
    return value


def id_in(answer: Answer, name: str) -> str:
    """An id as text: pages differ whether publish_id and msg_id are strings or numbers."""
    value = answer.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or value == "":
        raise WeChatUnavailable(reason=f"no {name}")
    return str(value)


def number_in(answer: Answer, name: str) -> int:
    text = id_in(answer, name)
    if not text.isdecimal():
        raise WeChatUnavailable(reason=f"no {name}")
    return int(text)


def part_in(answer: Answer, name: str) -> Answer:
    """A nested object; empty if it is absent."""
    value = answer.get(name)
    return value if isinstance(value, Mapping) else {}


def parts_in(answer: Answer, name: str) -> list[Answer]:
    """The nested objects of a list; none if it is absent."""
    value = answer.get(name)
    items = value if isinstance(value, list) else []
    return [item for item in items if isinstance(item, Mapping)]


def numbers_in(answer: Answer, name: str) -> tuple[int, ...]:
    """The numbers of a list, also when they come as text; none if it is absent."""
    value = answer.get(name)
    items = value if isinstance(value, list) else []
    return tuple(int(item) for item in map(str, items) if item.isdecimal())
