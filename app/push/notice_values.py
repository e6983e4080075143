"""What a subscription message says, cut to what its template's keys allow. Pure.

A letter holds `what`, `when` and `note`; which keys of the town's template these are (thing1,
time2, …: the library numbers them) is a setting. Lengths: wechat-platform.md §4.4 (`thing` at most
20 characters; the rest from memory [R]). A value its key does not allow costs 47003.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime

from app.core.clock import TOWN

MEANINGS = ("what", "when", "note")
KEYS = ("thing1", "time2", "thing3")
"""The keys of a template for which no others are set."""
KEY = re.compile(r"([a-z_]+?)\d{1,3}")
LENGTHS = {
    "thing": 20,
    "const": 20,
    "character_string": 32,
    "letter": 32,
    "number": 32,
    "phone_number": 17,
    "car_number": 8,
    "phrase": 5,
    "symbol": 5,
    "name": 10,
}
NOTHING = "（无）"


def describe(*, what: str, when: datetime, note: str) -> dict[str, str]:
    """The three things a notice tells, as a letter keeps them."""
    return {"what": what, "when": when_text(when), "note": note}


def when_text(instant: datetime) -> str:
    """As the keys `time` and `date` have it: 2026年11月24日 14:30, town time."""
    local = instant.astimezone(TOWN)
    return f"{local.year}年{local.month}月{local.day}日 {local:%H:%M}"


def fill(values: Mapping[str, str], keys: Sequence[str] = KEYS) -> dict[str, str]:
    """Key of the template → value that fits it; what already has a template's key keeps it."""
    named = dict(zip(MEANINGS, keys, strict=True))
    filled = {named.get(name, name): value for name, value in values.items()}
    return {key: fit(key, value) for key, value in filled.items()}


def fit(key: str, value: str) -> str:
    """One line, never empty, no longer than this kind of key holds."""
    line = " ".join("".join(char if char.isprintable() else " " for char in value).split())
    kind = KEY.fullmatch(key)
    length = LENGTHS.get(kind[1]) if kind else None
    if length is None or len(line) <= length:
        return line or NOTHING
    if kind is not None and kind[1] == "thing":
        return line[: length - 1] + "…"
    return line[:length]
