"""Reading one field of a push: tolerant of text or number, strict about everything else.

XML knows only text, and the pages differ about publish_id: a string in one, a number in another
(…/api_freepublish_submit, …/api_freepublish_get).
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from app.wechat.envelope import Malformed

NUMBER = re.compile(r"-?[0-9]{1,19}")
ID_LENGTH_MAX = 128
"""An openid has 28 characters; the bound keeps index entries small."""
SECOND_MAX = 253_402_300_799
"""The last second of the year 9999, where datetime ends."""

Fields = Mapping[str, Any]


def text_of(fields: Fields, name: str) -> str:
    """A text or an id; "" if it is absent or empty."""
    value = fields.get(name)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise Malformed(field=name)
    text = str(value)
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Malformed(field=name) from None
    if "\x00" in text:
        raise Malformed(field=name)
    return text


def id_of(fields: Fields, *names: str) -> str:
    """An id that must be there, under the first of its spellings that is."""
    for name in names:
        found = text_of(fields, name).strip()
        if len(found) > ID_LENGTH_MAX:
            break
        if found:
            return found
    raise Malformed(field=names[0])


def number_of(fields: Fields, name: str, default: int | None = None) -> int:
    text = text_of(fields, name).strip()
    if not text and default is not None:
        return default
    if NUMBER.fullmatch(text) is None:
        raise Malformed(field=name)
    return int(text)


def instant_of(fields: Fields, name: str) -> datetime:
    second = number_of(fields, name)
    if not 0 <= second <= SECOND_MAX:
        raise Malformed(field=name)
    return datetime.fromtimestamp(second, UTC)


def part_of(fields: Fields, name: str) -> Fields:
    """A nested object; empty if it is absent."""
    value = fields.get(name)
    if value is None or value == "":
        return {}
    if not isinstance(value, Mapping):
        raise Malformed(field=name)
    return value


def parts_of(fields: Fields, name: str) -> list[Fields]:
    """Nested objects, of which XML shows a single one without a list."""
    value = fields.get(name)
    parts = value if isinstance(value, list) else [value] if value else []
    if not all(isinstance(part, Mapping) for part in parts):
        raise Malformed(field=name)
    return parts


def numbers_of(fields: Fields, name: str) -> tuple[int, ...]:
    value = fields.get(name)
    items = value if isinstance(value, list) else [value]
    return tuple(number_of({name: item}, name) for item in items if item not in (None, ""))
