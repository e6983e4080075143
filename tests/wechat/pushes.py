"""Pushes as Tencent sends them, made with wechatpy and not with the code under test."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import HealthCheck, settings
from wechatpy.crypto import PrpCrypto, WeChatCrypto
from wechatpy.utils import WeChatSigner

from app.core.settings import Account, MiniProgram, OfficialAccount
from app.wechat.envelope import Opened, open_callback

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
OA, MINI = OfficialAccount(), MiniProgram()
PLAIN = OfficialAccount(allow_plain=True)
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""
OTHER_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
TEXT = (
    "<xml><ToUserName><![CDATA[gh_0000000000a1]]></ToUserName>"
    "<FromUserName><![CDATA[o-resident-1]]></FromUserName>"
    f"<CreateTime>{int(NOW.timestamp())}</CreateTime>"
    "<MsgType><![CDATA[text]]></MsgType><Content><![CDATA[学习 积分]]></Content>"
    "<MsgId>24012345678901234</MsgId></xml>"
)


def signed(*parts: str) -> str:
    signer = WeChatSigner()
    signer.add_data(*parts)
    return str(signer.signature)


def plain(account: Account, *, now: datetime = NOW, **query: str) -> dict[str, str]:
    """The query of a push in plain mode, or of a verification."""
    stamp = str(int(now.timestamp()))
    signature = signed(account.token, stamp, "1320562132")
    return {"signature": signature, "timestamp": stamp, "nonce": "1320562132", **query}


def safe(
    account: Account,
    message: str,
    *,
    token: str | None = None,
    key: str | None = None,
    appid: str | None = None,
    now: datetime = NOW,
    as_json: bool = False,
) -> tuple[dict[str, str], bytes]:
    """Query and body of a push in safe mode."""
    crypto = WeChatCrypto(token or account.token, key or account.aes_key, appid or account.appid)
    sealed = PrpCrypto(crypto.key).encrypt(message, crypto.app_id).decode()
    return enclosed(token or account.token, sealed, now=now, as_json=as_json)


def enclosed(
    token: str, sealed: str, *, now: datetime = NOW, as_json: bool = False
) -> tuple[dict[str, str], bytes]:
    stamp, nonce = str(int(now.timestamp())), "1320562132"
    query = {
        "signature": signed(token, stamp, nonce),
        "timestamp": stamp,
        "nonce": nonce,
        "encrypt_type": "aes",
        "msg_signature": signed(token, stamp, nonce, sealed),
    }
    if as_json:
        return query, json.dumps({"ToUserName": "gh_b2", "Encrypt": sealed}).encode()
    body = (
        "<xml><ToUserName><![CDATA[gh_a1]]></ToUserName>"
        f"<Encrypt><![CDATA[{sealed}]]></Encrypt></xml>"
    )
    return query, body.encode()


def event(name: str, **fields: Any) -> dict[str, Any]:
    """The fields of an event, as the envelope gives them."""
    return {
        "ToUserName": "gh_0000000000a1",
        "FromUserName": "o-resident-1",
        "CreateTime": str(int(NOW.timestamp())),
        "MsgType": "event",
        "Event": name,
        **fields,
    }


def opened(push: tuple[dict[str, str], bytes], account: Account = OA) -> Opened:
    query, body = push
    return open_callback(account, query=query, body=body, now=NOW)


def raw_sealed(padded: bytes, key: str = OA.aes_key) -> str:
    """Encrypted without wechatpy's padding, so that it can be wrong."""
    secret = base64.b64decode(key + "=")
    encryptor = Cipher(algorithms.AES(secret), modes.CBC(secret[:16])).encryptor()
    return base64.b64encode(encryptor.update(padded) + encryptor.finalize()).decode()


def padded(content: bytes, pad: int) -> bytes:
    return content + bytes([pad]) * pad
