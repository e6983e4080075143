"""Opening and sealing a callback: size, signature, time, AES, XML or JSON. Meaning: messages.py.

In safe mode only `msg_signature` binds the content; `signature` covers the token, the timestamp
and the nonce, so whoever captured one address can send any plain body under it. Hence plain bodies
are refused unless the account allows them (developers.weixin.qq.com, 消息加解密说明).
"""

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from app.core import clock
from app.core.errors import Forbidden, Invalid
from app.core.settings import Account
from app.wechat import signature
from app.wechat.cipher import NotOurs, Undecipherable, crypto_of
from app.wechat.wire import Unreadable, read_fields

BODY_BYTES_MAX = 64 * 1024
"""No push comes near it: a text has at most 2048 bytes (MamaShip/Observer#77), and the longest
event, a finished mass sending, lists eight addresses; AES and base64 add a third. It bounds what a
stranger can make us parse before the signature is known."""
STAMP_SECONDS_MAX = 600
"""The platform documents no window; three tries of 5 s each and a skewed clock fit into this one
(…/Passive_user_reply_message.html). What is repeated inside it, the inbox knows by its key."""
STAMP = re.compile(r"[1-9][0-9]{9}")
"""Ten digits, because the parts are signed without separators: a timestamp of free length could
take digits from the nonce and still fit the signature."""
ECHO = re.compile(r"[0-9A-Za-z+/=_-]{1,128}")


class Forged(Forbidden):
    title = "请求未通过微信签名校验"


class Malformed(Invalid):
    title = "微信推送的内容无法识别"


@dataclass(frozen=True)
class Opened:
    """What WeChat pushed. `key_index`: 0 the current AES key, 1 the previous, None plain mode."""

    fields: dict[str, Any] = field(repr=False)
    encrypted: bool
    key_index: int | None


def open_callback(
    account: Account, *, query: Mapping[str, str], body: bytes, now: datetime
) -> Opened:
    """The pushed fields, if the push is genuine. Raises Forged or Malformed, nothing else."""
    if len(body) > BODY_BYTES_MAX:
        raise Malformed(limit=BODY_BYTES_MAX)
    if query.get("encrypt_type") != "aes" and "msg_signature" not in query:
        return _open_plain(account, query, body, now)
    # In 兼容模式 the plain fields stand beside Encrypt: nothing signs them, so they are dropped.
    sealed = _fields(body).get("Encrypt")
    if not isinstance(sealed, str):
        raise Malformed("推送中没有密文")
    _check(account, query, now, sealed, given=query.get("msg_signature"))
    message, key_index = _decrypt(account, sealed)
    return Opened(_fields(message), encrypted=True, key_index=key_index)


def answer_echo(account: Account, query: Mapping[str, str], now: datetime) -> str:
    """What the verifying GET wants to hear: echostr itself, as text/plain without quotes.

    It is signed like a plain push in every mode (developers.weixin.qq.com, 接入概述).
    """
    _check(account, query, now, given=query.get("signature"))
    echo = query.get("echostr", "")
    # The signature does not cover echostr, so nothing that a browser could run is sent back.
    if ECHO.fullmatch(echo) is None:
        raise Malformed("echostr 无效")
    return echo


def seal(account: Account, xml: str, *, now: datetime) -> str:
    """An encrypted passive reply, always under the newest token and key.

    <xml><Encrypt/><MsgSignature/><TimeStamp/><Nonce/></xml> (消息加解密说明).
    """
    sealed = crypto_of(account.aes_key).seal(xml, account.appid)
    stamp = str(int(now.timestamp()))
    nonce = secrets.token_hex(8)
    signed = signature.sign(account.token, stamp, nonce, sealed)
    return (
        f"<xml><Encrypt><![CDATA[{sealed}]]></Encrypt>"
        f"<MsgSignature><![CDATA[{signed}]]></MsgSignature>"
        f"<TimeStamp>{stamp}</TimeStamp><Nonce><![CDATA[{nonce}]]></Nonce></xml>"
    )


def _open_plain(account: Account, query: Mapping[str, str], body: bytes, now: datetime) -> Opened:
    if not account.allow_plain:
        raise Forged("只接受安全模式的推送")
    _check(account, query, now, given=query.get("signature"))
    fields = _fields(body)
    if "Encrypt" in fields:
        # A push of 兼容模式 from whose address somebody took msg_signature away.
        raise Forged("密文没有签名")
    return Opened(fields, encrypted=False, key_index=None)


def _check(
    account: Account, query: Mapping[str, str], now: datetime, *sealed: str, given: str | None
) -> None:
    """Signature, then time: an old request stays genuine, but is a replay.

    WeChat's own retries reuse the request with its timestamp, and fit into the window.
    """
    stamp, nonce = query.get("timestamp", ""), query.get("nonce", "")
    tokens = [account.token, *filter(None, [account.previous_token])]
    if given is None or not signature.matches(tokens, stamp, nonce, *sealed, given=given):
        raise Forged
    if STAMP.fullmatch(stamp) is None:
        raise Forged("时间戳无效")
    sent_at = datetime.fromtimestamp(int(stamp), UTC)
    # In the machine's time, because a development clock may run faster than Tencent's retries.
    if clock.real_seconds(abs((now - sent_at).total_seconds())) > STAMP_SECONDS_MAX:
        raise Forged("请求已过期")


def _decrypt(account: Account, sealed: str) -> tuple[bytes, int]:
    """The message, and the index of the key that opened it.

    After a change the platform may go on with the old key for a while, and token and key need not
    change together.
    """
    foreign = False
    for index, key in enumerate(filter(None, [account.aes_key, account.previous_aes_key])):
        try:
            return crypto_of(key).open(sealed, account.appid), index
        except NotOurs:
            foreign = True
        except Undecipherable:
            continue
    if foreign:
        raise Forged("推送属于另一个账号")
    raise Malformed("密文无法解开")


def _fields(body: bytes) -> dict[str, Any]:
    try:
        return read_fields(body)
    except Unreadable as error:
        raise Malformed(reason=str(error)) from None
