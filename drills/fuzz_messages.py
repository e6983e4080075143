"""Messages as WeChat sends them, and what can be done to their fields and to their bytes.

A message is a list of (name, value): unlike a mapping it can hold a field twice. A value is a text,
a number, anything JSON has, or again such a list.
"""

import json
import random
import time
from collections.abc import Callable
from typing import Any
from xml.sax.saxutils import escape

Pairs = list[tuple[str, Any]]

HOSTILE: tuple[Any, ...] = (
    "", " ", "\x00", "a\x00b", "\ud800", "x\udfff", "\u202e\ufeff", "\U0001f600" * 40, "王" * 2000,
    "9" * 400, "-1", "0", str(2**63), "1e999", "NaN", "٣", "'; DROP TABLE person; --", "%s%n",
    "]]>", "<a>&b;</a>", "\r\n", "v:T-1", "act-x", "login-x", "0001", "253402300800",
    0, -1, 2**31, 2**63, 10**300, -(10**80), 1.5, 1e308, True, False, None, [], {}, [[]], [None],
    [{"List": [1]}], {"a": {"b": {"c": "d"}}},
)  # fmt: skip
CHARSETS = ("gb18030", "utf-16", "utf-16-le", "utf-32", "latin-1", "utf-8-sig", "utf-7")
BOMB = (
    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">'
    b'<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;"><!ENTITY d SYSTEM "file:///etc/hostname">]>'
)
EVENTS: dict[str, Pairs] = {
    "subscribe": [("EventKey", "qrscene_T-1")],
    "unsubscribe": [("EventKey", "")],
    "SCAN": [("EventKey", "v:T-1"), ("Ticket", "x")],
    "CLICK": [("EventKey", "credits")],
    "VIEW": [("EventKey", "https://example.invalid/")],
    "LOCATION": [("Latitude", "23.1"), ("Longitude", "113.3")],
    "user_enter_tempsession": [("SessionFrom", "menu")],
    "user_authorization_revoke": [("OpenID", "nobody"), ("RevokeInfo", "1")],
    "user_info_modified": [("OpenID", "nobody"), ("RevokeInfo", "2")],
    "subscribe_msg_popup_event": [
        ("SubscribeMsgPopupEvent", [("List", [("TemplateId", "t"),
         ("SubscribeStatusString", "accept"), ("PopupScene", "1")])])],
    "subscribe_msg_change_event": [
        ("SubscribeMsgChangeEvent", [("List", [("TemplateId", "t"),
         ("SubscribeStatusString", "reject")])])],
    "subscribe_msg_sent_event": [
        ("SubscribeMsgSentEvent", [("List", [("TemplateId", "t"), ("MsgID", "7"),
         ("ErrorCode", "0"), ("ErrorStatus", "success")])])],
    "PUBLISHJOBFINISH": [
        ("PublishEventInfo", [("publish_id", "7"), ("publish_status", "0"), ("article_id", "a"),
         ("article_detail", [("count", "1"), ("item", [("idx", "1"), ("article_url", "u")])])])],
    "MASSSENDJOBFINISH": [
        ("MsgID", "7"), ("Status", "send success"), ("TotalCount", "1"), ("SentCount", "1"),
        ("ArticleUrlResult", [("Count", "1"), ("ResultList", [("item", [("ArticleUrl", "u")])])])],
    "TEMPLATESENDJOBFINISH": [("MsgID", "7"), ("Status", "success")],
    "wxa_media_check": [("trace_id", "t"), ("errcode", "0"), ("result", [("suggest", "pass")])],
}  # fmt: skip
TEXTS = ("帮助", "学分", "今日", "排行", "确认", "王" * 600, "登录", "\U0001f600")


def message(mark: str, number: int, chance: random.Random) -> Pairs:
    """A genuine message; `mark` stands in every field that it can stand in."""
    head: Pairs = [
        ("ToUserName", f"gh_{mark}"),
        ("FromUserName", f"o{mark}{number}"),
        ("CreateTime", str(int(time.time()))),
    ]
    match chance.randrange(4):
        case 0:
            event = chance.choice(sorted(EVENTS))
            return [*head, ("MsgType", "event"), ("Event", event), *EVENTS[event]]
        case 1:
            rest: Pairs = [("PicUrl", "http://example.invalid/p"), ("MediaId", mark)]
            return [*head, ("MsgType", "image"), *rest, ("MsgId", str(number))]
        case _:
            return text_message(mark, number, chance.choice(TEXTS))


def text_message(mark: str, number: int, said: str) -> Pairs:
    return [
        ("ToUserName", f"gh_{mark}"),
        ("FromUserName", f"o{mark}{number}"),
        ("CreateTime", str(int(time.time()))),
        ("MsgType", "text"),
        ("Content", said),
        ("MsgId", str(number)),
    ]


def change_fields(pairs: Pairs, chance: random.Random) -> Pairs:
    """One to three fields missing, doubled, renamed, moved, of another type, or nested."""
    changed = list(pairs)
    for _ in range(chance.randint(1, 3)):
        at = chance.randrange(len(changed)) if changed else 0
        name, value = changed[at] if changed else ("MsgId", "1")
        match chance.randrange(8):
            case 0:
                del changed[at : at + 1]
            case 1:
                changed.insert(at, (name, chance.choice(HOSTILE)))
            case 2:
                changed[at : at + 1] = [(chance.choice((name.lower(), "", "\x00", "a b")), value)]
            case 3:
                chance.shuffle(changed)
            case 4 if isinstance(value, list) and value and isinstance(value[0], tuple):
                changed[at] = (name, change_fields(value, chance))
            case 5:
                changed.append(("Encrypt", "x"))
            case _:
                changed[at : at + 1] = [(name, chance.choice(HOSTILE))]
    return changed


def as_xml(pairs: Pairs) -> bytes:
    return f"<xml>{_xml(pairs)}</xml>".encode("utf-8", "surrogatepass")


def _xml(value: Any) -> str:
    if isinstance(value, list):
        # A list that is no message is one element each, as WeChat repeats <List>.
        named = [one if isinstance(one, tuple) else ("List", one) for one in value]
        return "".join(f"<{name}>{_xml(inner)}</{name}>" for name, inner in named)
    if isinstance(value, dict):
        return _xml(list(value.items()))
    text = "" if value is None else str(value)
    return f"<![CDATA[{text}]]>" if len(text) % 2 else escape(text)


def as_json(pairs: Pairs) -> bytes:
    """With its doubled fields, which `json.dumps` of a mapping would lose."""
    return _json(pairs).encode("utf-8", "surrogatepass")


def _json(value: Any) -> str:
    if isinstance(value, list) and value and isinstance(value[0], tuple):
        return "{" + ",".join(f"{json.dumps(name)}:{_json(one)}" for name, one in value) + "}"
    # Half of a surrogate pair is spelled \\ud800 or as the bytes themselves.
    return json.dumps(value, ensure_ascii=len(str(value)) % 2 == 0)


def _truncated(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _flipped(data: bytes, chance: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _spliced(data: bytes, chance: random.Random) -> bytes:
    at, to = sorted(chance.randrange(len(data) + 1) for _ in range(2))
    return chance.choice(
        (
            data[:at] + data[to:],
            data[:to] + data[at:],
            data[:at] + chance.randbytes(chance.randint(1, 40)) + data[at:],
            data[:at] + b"\x00" + data[at:],
            data[:at] + b"\xed\xa0\x80" + data[at:],
        )
    )


def _charset(data: bytes, chance: random.Random) -> bytes:
    name = chance.choice(CHARSETS)
    declared = f'<?xml version="1.0" encoding="{name}"?>' if data[:1] == b"<" else ""
    return (declared + data.decode("utf-8", "replace")).encode(name, "replace")


def _bombed(data: bytes, _: random.Random) -> bytes:
    return BOMB + data.replace(b"</xml>", b"<Bomb>&c;&d;</Bomb></xml>")


def _nested(data: bytes, chance: random.Random) -> bytes:
    depth = chance.choice((5, 15, 17, 100, 900, 4000))
    if data[:1] == b"{":
        return b'{"a":' + b'{"a":' * depth + b"1" + b"}" * depth + b"," + data[1:]
    return data.replace(b"<xml>", b"<xml>" + b"<a>" * depth + b"</a>" * depth, 1)


def _huge(data: bytes, chance: random.Random) -> bytes:
    filler = chance.choice((b"x", b" ", b"<a/>", b"&amp;", b"\xe7\x8e\x8b", b'"', b"["))
    size = chance.choice((30_000, 45_000, 65_537, 120_000))
    at = data.rfind(b"<") if data[:1] == b"<" else len(data) - 1
    return data[:at] + filler * (size // len(filler)) + data[at:]


def _other(data: bytes, chance: random.Random) -> bytes:
    return chance.choice(
        (b"", b"null", b"[]", b"{}", b'""', b"<xml/>", b"<xml></xml><xml></xml>", b"\xff\xfe",
         b'{"Encrypt":1}', b"<xml><Encrypt><a/></Encrypt></xml>", b"1" * 5000, b"\x00" * 64,
         b"<y>" + data + b"</y>", data + data, b"[" * 20_000, b'{"a":' * 9000)
    )  # fmt: skip


MUTATIONS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _truncated, _flipped, _flipped, _spliced, _spliced, _charset, _bombed, _nested, _other,
)  # fmt: skip


def change_bytes(data: bytes, chance: random.Random) -> bytes:
    if chance.random() < 0.02:  # noqa: PLR2004  rare, because it is slow
        return _huge(data, chance)
    return chance.choice(MUTATIONS)(data, chance)
