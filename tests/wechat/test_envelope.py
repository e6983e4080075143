import json
from datetime import timedelta
from typing import Any

import pytest
from wechatpy.crypto import WeChatCrypto

from app.core import clock
from app.core.settings import OfficialAccount
from app.wechat.envelope import (
    BODY_BYTES_MAX,
    Forged,
    Malformed,
    open_callback,
    seal,
)
from tests.wechat.pushes import (
    MINI,
    NOW,
    OA,
    OTHER_KEY,
    PLAIN,
    TEXT,
    enclosed,
    opened,
    padded,
    plain,
    raw_sealed,
    safe,
    signed,
)


def test_opens_xml() -> None:
    push = opened(safe(OA, TEXT))
    assert (push.encrypted, push.key_index) == (True, 0)
    assert push.fields["Content"] == "学习 积分"
    assert push.fields["MsgId"] == "24012345678901234"


@pytest.mark.parametrize("as_json", [True, False])
def test_opens_json_in_either_envelope(as_json: bool) -> None:
    message = json.dumps({"FromUserName": "o1", "CreateTime": 1700000000, "List": {"a": 1}})
    assert opened(safe(MINI, message, as_json=as_json), MINI).fields == {
        "FromUserName": "o1",
        "CreateTime": 1700000000,
        "List": [{"a": 1}],
    }


@pytest.mark.parametrize("token", ["new", "old"])
@pytest.mark.parametrize(("key", "index"), [(OA.aes_key, 0), (OTHER_KEY, 1)])
def test_both_tokens_and_both_keys_open_during_a_rotation(token: str, key: str, index: int) -> None:
    account = OfficialAccount(token="new", previous_token="old", previous_aes_key=OTHER_KEY)
    push = opened(safe(account, TEXT, token=token, key=key), account)
    assert push.key_index == index
    assert push.fields["Content"] == "学习 积分"


def test_what_is_sealed_opens_with_wechatpy_under_the_newest_key() -> None:
    account = OfficialAccount(previous_token="old", previous_aes_key=OTHER_KEY)
    first, second = (seal(account, "<xml>答复</xml>", now=NOW) for _ in range(2))
    assert first != second
    fields = open_fields(first)
    crypto = WeChatCrypto(account.token, account.aes_key, account.appid)
    message = crypto.decrypt_message(
        first, fields["MsgSignature"], fields["TimeStamp"], fields["Nonce"]
    )
    assert message == "<xml>答复</xml>"


def open_fields(xml: str) -> dict[str, Any]:
    return open_callback(
        PLAIN, query=plain(PLAIN), body=xml.replace("Encrypt", "Sealed").encode(), now=NOW
    ).fields


@pytest.mark.parametrize("count", [0, 1, 3])
def test_lists_are_lists_however_many(count: int) -> None:
    entries = "<List><TemplateId>t</TemplateId></List>" * count or "<List></List>"
    xml = f"<xml><SubscribeMsgPopupEvent>{entries}</SubscribeMsgPopupEvent></xml>"
    fields = opened(safe(OA, xml)).fields
    assert fields["SubscribeMsgPopupEvent"]["List"] == [{"TemplateId": "t"}] * count


@pytest.mark.parametrize(
    "change",
    [
        {"msg_signature": None},
        {"msg_signature": ""},
        {"msg_signature": "签名\ud800"},
        {"msg_signature": "0" * 40},
        {"nonce": "2"},
        {"nonce": None},
        {"timestamp": "1700000001"},
        {"timestamp": None},
        {"encrypt_type": None, "msg_signature": None},
        {"encrypt_type": "raw", "msg_signature": None},
    ],
)
def test_a_changed_query_is_forged(change: dict[str, str | None]) -> None:
    query, body = safe(OA, TEXT)
    changed = {k: v for k, v in {**query, **change}.items() if v is not None}
    with pytest.raises(Forged):
        open_callback(OA, query=changed, body=body, now=NOW)


def test_another_token_is_forged() -> None:
    with pytest.raises(Forged):
        opened(safe(OA, TEXT, token="guessed"))


def test_another_appid_is_forged() -> None:
    with pytest.raises(Forged, match="另一个账号"):
        opened(safe(OA, TEXT, appid="wx00000000000000ff"))


def test_another_key_is_malformed() -> None:
    with pytest.raises((Malformed, Forged)):
        opened(safe(OA, TEXT, key=OTHER_KEY))


@pytest.mark.parametrize("late", [-601, 601, 86400])
def test_an_old_request_is_forged(late: int) -> None:
    with pytest.raises(Forged, match="过期"):
        opened(safe(OA, TEXT, now=NOW + timedelta(seconds=late)))


@pytest.mark.parametrize("late", [-600, 15, 600])
def test_a_repeat_within_the_window_opens(late: int) -> None:
    assert opened(safe(OA, TEXT, now=NOW + timedelta(seconds=late))).encrypted


def test_the_window_is_in_the_machines_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "_origin", clock.Origin(first_start=NOW, start=NOW, rate=100))
    assert opened(safe(OA, TEXT, now=NOW + timedelta(seconds=50_000))).encrypted
    with pytest.raises(Forged):
        opened(safe(OA, TEXT, now=NOW + timedelta(seconds=70_000)))


@pytest.mark.parametrize("stamp", ["0", "-1", "1_7", "١٧٠٠٠٠٠٠٠٠", " 1700000000", "9" * 400, "abc"])
def test_a_strange_timestamp_is_forged_even_if_signed(stamp: str) -> None:
    query = {"signature": signed(PLAIN.token, stamp, "n"), "timestamp": stamp, "nonce": "n"}
    with pytest.raises(Forged):
        open_callback(PLAIN, query=query, body=TEXT.encode(), now=NOW)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b" ",
        b"\xff\xfe<xml/>",
        "<xml>学</xml>".encode("gbk"),
        b"<xml>",
        b"<xml/>",
        b"<xml>text</xml>",
        b"<html><body/></html>",
        b"{",
        b"[]",
        b"{}",
        b'{"Encrypt": null}',
        b'{"Encrypt": ["a"]}',
        b'{"Encrypt": 1e999}',
        b'{"Encrypt": NaN}',
        b"{" * 60_000,
        b'{"a":' * 9_000,
        b"<a>" * 20_000,
        b"<xml>" + b"<a>" * 5_000 + b"</a>" * 5_000 + b"</xml>",
        b"<xml><Encrypt>a</Encrypt><Encrypt>b</Encrypt></xml>",
        b'<?xml version="1.0" encoding="utf-99"?><xml><a>1</a></xml>',
        b"x" * (BODY_BYTES_MAX + 1),
    ],
)
def test_a_broken_envelope_is_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        open_callback(OA, query=safe(OA, TEXT)[0], body=body, now=NOW)


def test_the_limit_is_on_bytes() -> None:
    query, body = safe(OA, TEXT)
    assert opened((query, body.ljust(BODY_BYTES_MAX))).encrypted
    with pytest.raises(Malformed):
        opened((query, body.ljust(BODY_BYTES_MAX + 1)))


BOMB = (
    '<!DOCTYPE xml [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    "<xml><Encrypt>&b;</Encrypt><Content>&b;</Content></xml>"
)
OUTSIDE = '<!DOCTYPE xml SYSTEM "file:///etc/passwd"><xml><Content>a</Content></xml>'


@pytest.mark.parametrize("xml", [BOMB, OUTSIDE, "<!DOCTYPE xml><xml><Content>a</Content></xml>"])
def test_a_dtd_is_refused_outside_and_inside(xml: str) -> None:
    with pytest.raises(Malformed):
        open_callback(OA, query=safe(OA, TEXT)[0], body=xml.encode(), now=NOW)
    with pytest.raises(Malformed):
        opened(safe(OA, xml))


def test_a_person_may_write_about_a_dtd() -> None:
    xml = "<xml><Content><![CDATA[<!DOCTYPE html> &amp; <!ENTITY]]></Content></xml>"
    assert opened(safe(OA, xml)).fields == {"Content": "<!DOCTYPE html> &amp; <!ENTITY"}


@pytest.mark.parametrize(
    "message",
    [
        "{",
        "<xml>",
        "",
        "plain",
        '{"a": "\\u0000"}',
        '{"\\ud800": 1}',
        '{"a": -1e999}',
        "<xml>" + "<a>" * 40 + "</a>" * 40 + "</xml>",
        '{"a": ' + "[" * 40 + "]" * 40 + "}",
    ],
)
def test_a_broken_message_is_malformed(message: str) -> None:
    with pytest.raises(Malformed):
        opened(safe(OA, message))


GOOD = b"r" * 16 + (5).to_bytes(4, "big") + b"<a/> " + OA.appid.encode()


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x00" * 32,
        b"\x20" * 32,
        GOOD[:40] + b"\x00" * 8,
        padded(GOOD, 5)[:-2] + b"\x06\x05",
        padded(GOOD[:-1], 0)[:32],
        b"r" * 16 + b"\xff\xff\xff\xff" + b"\x0c" * 12,
        b"r" * 15 + b"\x11" * 17,
    ],
)
def test_wrong_padding_and_length_are_refused(content: bytes) -> None:
    whole = content[: len(content) // 16 * 16]
    with pytest.raises(Malformed):
        opened(enclosed(OA.token, raw_sealed(whole)))


@pytest.mark.parametrize("sealed", ["", "=", "!!!!", "QUJD", "学", "QUJD" * 15_000])
def test_no_base64_and_no_aes_are_refused(sealed: str) -> None:
    with pytest.raises(Malformed):
        opened(enclosed(OA.token, sealed))


def test_plain_pushes_need_permission_and_a_signature() -> None:
    body = TEXT.encode()
    with pytest.raises(Forged):
        open_callback(OA, query=plain(OA), body=body, now=NOW)
    push = open_callback(PLAIN, query=plain(PLAIN), body=body, now=NOW)
    assert (push.encrypted, push.key_index) == (False, None)
    assert push.fields["Content"] == "学习 积分"
    with pytest.raises(Forged):
        open_callback(PLAIN, query=plain(PLAIN, signature="0" * 40), body=body, now=NOW)
    with pytest.raises(Forged):
        open_callback(PLAIN, query={}, body=body, now=NOW)
    late = plain(PLAIN, now=NOW - timedelta(seconds=601))
    with pytest.raises(Forged):
        open_callback(PLAIN, query=late, body=body, now=NOW)


def test_only_the_sealed_part_of_a_double_push_counts() -> None:
    query, body = safe(PLAIN, TEXT)
    both = body.replace(b"<Encrypt>", b"<Content>forged</Content><Encrypt>")
    assert opened((query, both), PLAIN).fields["Content"] == "学习 积分"
    with pytest.raises(Forged):
        opened((plain(PLAIN), both), PLAIN)
