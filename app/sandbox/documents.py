"""The text of pushes, and the reading of answers: XML and JSON as the platform writes them."""

import json
import re
from collections.abc import Mapping
from typing import Any
from xml.etree import ElementTree as ET

NOT_IN_XML = re.compile(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters XML 1.0 cannot hold; the platform drops them from what a follower types [R]."""
CDATA = re.compile(r"<!\[CDATA\[.*?\]\]>", re.DOTALL)


class NotADocument(Exception):
    """The answer is neither empty, nor `success`, nor well-formed."""


def to_xml(fields: Mapping[str, Any]) -> str:
    """`<xml>…</xml>`: numbers bare, texts in CDATA, lists as repeated elements."""
    return f"<xml>{''.join(_element(name, value) for name, value in fields.items())}</xml>"


def to_json(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))


def read_xml(text: str) -> dict[str, Any]:
    """The children of `<xml>`: texts, or dicts where an element has children of its own.

    `item` elements become a list. Raises NotADocument.
    """
    if "<!" in CDATA.sub("", text):
        raise NotADocument("XML 中不允许 DOCTYPE、实体与注释")
    try:
        root = ET.fromstring(text)  # noqa: S314  the service's own answer, without a DTD
    except ET.ParseError as error:
        raise NotADocument(f"不是合法的 XML：{error}") from error
    if root.tag != "xml":
        raise NotADocument("根元素不是 <xml>")
    return _children(root)


def read_json(text: str) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotADocument(f"不是合法的 JSON：{error}") from error
    if not isinstance(body, dict):
        raise NotADocument("JSON 不是一个对象")
    return body


def _children(element: ET.Element) -> dict[str, Any]:
    if any(child.tag == "item" for child in element):
        return {"item": [_children(child) for child in element if child.tag == "item"]}
    return {child.tag: _children(child) if len(child) else (child.text or "") for child in element}


def _element(name: str, value: Any) -> str:
    if isinstance(value, list):
        return "".join(_element(name, one) for one in value)
    if isinstance(value, Mapping):
        inner = "".join(_element(key, one) for key, one in value.items())
    elif isinstance(value, int):
        inner = str(value)
    else:
        text = NOT_IN_XML.sub("", str(value))
        inner = f"<![CDATA[{text.replace(']]>', ']]]]><![CDATA[>')}]]>"
    return f"<{name}>{inner}</{name}>"
