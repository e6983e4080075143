"""From a body's bytes to plain fields: XML or JSON in, what PostgreSQL can store out.

The official account pushes XML, the mini-program XML or JSON as configured (MsgDataFormat;
WxJava WxMaMessage). wechatpy reads XML only, by xmltodict, which takes ten times as long.
"""

import json
import math
from typing import Any
from xml.parsers import expat

DEPTH_MAX = 16
"""A push has four levels; what reads the result later recurses."""
BROKEN = (
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AssertionError,
    RecursionError,
    expat.ExpatError,
)
"""What the parsers raise on bodies nobody meant them to read."""


class Unreadable(Exception):
    """No XML and no JSON of a push; says which error the parser raised, never the content."""


def read_fields(body: bytes) -> dict[str, Any]:
    """The fields of an envelope or of a message. Raises Unreadable."""
    try:
        fields = _read_json(body) if body.lstrip().startswith(b"{") else _read_xml(body)
    except BROKEN as error:
        raise Unreadable(type(error).__name__) from None
    if not isinstance(fields, dict):
        raise Unreadable("not an object")
    return fields


def _read_xml(body: bytes) -> Any:
    tree = _Tree()
    # UTF-8 whatever the declaration says: the signature was made over it.
    parser = expat.ParserCreate("utf-8")
    parser.buffer_text = True
    parser.StartElementHandler = tree.begin
    parser.EndElementHandler = tree.end
    parser.CharacterDataHandler = tree.texts.append
    parser.StartDoctypeDeclHandler = _refuse_dtd
    parser.Parse(body, True)  # noqa: FBT003  this is all of it
    return tree.open[0]["xml"]


class _Tree:
    """Elements as dicts, what is repeated as a list, texts stripped and None if empty.

    Attributes are dropped, and so is text between elements. WeChat repeats <List> for many and
    writes it once for one: it is always a list.
    """

    def __init__(self) -> None:
        self.open: list[dict[str, Any]] = [{}]
        self.texts: list[str] = []

    def begin(self, _: str, __: object) -> None:
        if len(self.open) > DEPTH_MAX:
            raise ValueError("depth")
        self.open.append({})
        self.texts.clear()

    def end(self, name: str) -> None:
        value = self.open.pop() or "".join(self.texts).strip() or None
        self.texts.clear()
        around = self.open[-1]
        if name not in around:
            around[name] = ([value] if value else []) if name == "List" else value
        elif isinstance(around[name], list):
            around[name].append(value)
        else:
            around[name] = [around[name], value]


def _refuse_dtd(*_: object) -> None:
    """Entity bombs are declared in a <!DOCTYPE>, and no push has one."""
    raise ValueError("DTD")


def _read_json(body: bytes) -> Any:
    read = json.loads(body.decode("utf-8"), parse_constant=_finite, parse_float=_finite)
    return _storable(read, DEPTH_MAX)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("JSONB knows no infinity")
    return value


def _storable(value: Any, depth: int) -> Any:
    """The value, if PostgreSQL does not refuse it, each `List` a list as in XML."""
    if depth == 0:
        raise ValueError("depth")
    if isinstance(value, dict):
        kept = {_text(key): _storable(item, depth - 1) for key, item in value.items()}
        if "List" in kept and not isinstance(kept["List"], list):
            kept["List"] = [kept["List"]] if kept["List"] else []
        return kept
    if isinstance(value, list):
        return [_storable(item, depth - 1) for item in value]
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    if "\x00" in text:
        raise ValueError("NUL")
    text.encode("utf-8")  # A lone surrogate, which JSON can spell, raises a ValueError here.
    return text
