"""Signing and sealing of callbacks, written from the platform's description alone.

It shares no code with the service and none with wechatpy, so that a misunderstanding shows up.
Source: 消息加解密说明 (developers.weixin.qq.com; wechat-platform.md §1.1–1.2).
"""

import base64
import binascii
import hashlib
import hmac
import secrets

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

BLOCK = 32
"""PKCS#7 here pads to 32 bytes, not to the 16 of AES."""
RANDOM_BYTES, LENGTH_BYTES = 16, 4


class BadEnvelope(Exception):
    """The sealed answer cannot be opened; the text says why."""


def sign(*parts: str) -> str:
    """SHA-1 over the parts in lexicographic order, lower-case hex."""
    return hashlib.sha1("".join(sorted(parts)).encode(), usedforsecurity=False).hexdigest()


def is_signed(signature: str, *parts: str) -> bool:
    return hmac.compare_digest(sign(*parts).encode(), signature.encode())


def seal(aes_key: str, appid: str, message: str) -> str:
    """random(16) ‖ length(4, big-endian) ‖ message ‖ appid, AES-256-CBC, base64."""
    key, body = _key(aes_key), message.encode()
    content = (
        secrets.token_bytes(RANDOM_BYTES)
        + len(body).to_bytes(LENGTH_BYTES, "big")
        + body
        + appid.encode()
    )
    padding = BLOCK - len(content) % BLOCK
    encryptor = Cipher(AES256(key), CBC(key[:16])).encryptor()
    sealed = encryptor.update(content + bytes([padding]) * padding) + encryptor.finalize()
    return base64.b64encode(sealed).decode()


def unseal(aes_key: str, appid: str, sealed: str) -> str:
    """The message inside. Raises BadEnvelope for anything but our own account's message."""
    key = _key(aes_key)
    try:
        raw = base64.b64decode(sealed, validate=True)
        decryptor = Cipher(AES256(key), CBC(key[:16])).decryptor()
        padded = decryptor.update(raw) + decryptor.finalize()
    except (binascii.Error, ValueError) as error:
        raise BadEnvelope(f"密文无法解密：{error}") from error
    if not padded or not 1 <= padded[-1] <= BLOCK:
        raise BadEnvelope("填充长度不在 1 到 32 之间")
    content = padded[: -padded[-1]]
    start = RANDOM_BYTES + LENGTH_BYTES
    end = start + int.from_bytes(content[RANDOM_BYTES:start], "big")
    if content[end:] != appid.encode():
        raise BadEnvelope("密文末尾的 AppID 不是本账号")
    return content[start:end].decode()


def _key(aes_key: str) -> bytes:
    return base64.b64decode(aes_key + "=")
