"""From a body's bytes to plain fields: XML or JSON in, what PostgreSQL can store out.

The official account pushes XML, the mini-program XML or JSON as configured (MsgDataFormat;
WxJava WxMaMessage). wechatpy reads XML only.
"""

import json
import math
from types import SimpleNamespace
from typing import Any
from xml.parsers import expat

import xmltodict

DEPTH_MAX = 16
"""A push has four levels; xmltodict nests without end, and what reads its result later recurses."""
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
        text = body.decode("utf-8")
        read = _read_json if text.lstrip().startswith("{") else _read_xml
        fields = _storable(read(text), DEPTH_MAX)
    except BROKEN as error:
        raise Unreadable(type(error).__name__) from None
    if not isinstance(fields, dict):
        raise Unreadable("not an object")
    return fields


def _read_xml(text: str) -> Any:
    return xmltodict.parse(
        text,
        encoding="utf-8",  # whatever the declaration says: the signature was made over UTF-8
        expat=SimpleNamespace(ParserCreate=_parser_without_dtd),
        xml_attribs=False,
        disable_entities=True,
    )["xml"]


def _parser_without_dtd(encoding: str | None, separator: str | None) -> Any:
    """An expat parser that stops at <!DOCTYPE, where entity bombs are declared."""
    parser = expat.ParserCreate(encoding, separator)
    parser.StartDoctypeDeclHandler = _refuse_dtd
    return parser


def _refuse_dtd(*_: object) -> None:
    raise ValueError("DTD")


def _read_json(text: str) -> Any:
    return json.loads(text, parse_constant=_finite, parse_float=_finite)


def _finite(number: str) -> float:
    value = float(number)
    if not math.isfinite(value):
        raise ValueError("JSONB knows no infinity")
    return value


def _storable(value: Any, depth: int) -> Any:
    """The value, without what PostgreSQL refuses, each `List` a list.

    WeChat repeats <List> for many and writes it once for one, and xmltodict cannot tell.
    """
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
