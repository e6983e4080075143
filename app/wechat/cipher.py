"""AES of the callback: wechatpy's cipher, with the checks it leaves out.

AES-256-CBC, key = base64(EncodingAESKey + "="), IV = key[:16], PKCS#7 with blocks of 32; plaintext
= 16 random bytes, 4 bytes of length (big-endian), message, appid (developers.weixin.qq.com,
消息加解密说明; wechatpy.crypto).
"""

import base64
import hmac
import secrets
import string
import struct

from wechatpy.crypto import PrpCrypto

PAD_BYTES_MAX = 32
RANDOM_BYTES, LENGTH_BYTES = 16, 4
BROKEN = (ValueError, struct.error, IndexError, TypeError, AssertionError)
"""What base64, AES and struct raise on text that nobody encrypted."""


class Undecipherable(Exception):
    """Not made with this key, or damaged."""


class NotOurs(Exception):
    """Decrypts well, but names another appid."""


class _Cipher(PrpCrypto):  # type: ignore[misc]  # wechatpy has no types
    def get_random_string(self) -> str:
        # wechatpy takes random.sample, which is no generator for secrets.
        return "".join(secrets.choice(string.ascii_letters) for _ in range(RANDOM_BYTES))


class Crypto:
    """One EncodingAESKey at work."""

    def __init__(self, encoding_aes_key: str) -> None:
        self._cipher = _Cipher(base64.b64decode(encoding_aes_key + "="))

    def seal(self, message: str, appid: str) -> str:
        return str(self._cipher.encrypt(message, appid), "ascii")

    def open(self, sealed: str, appid: str) -> bytes:
        """The message. Raises Undecipherable or NotOurs."""
        try:
            padded = self._cipher.cipher.decrypt(base64.b64decode(sealed, validate=True))
            message, owner = _split(_unpadded(padded))
        except BROKEN as error:
            raise Undecipherable(type(error).__name__) from None
        if not hmac.compare_digest(owner, appid.encode()):
            raise NotOurs
        return message


def _unpadded(padded: bytes) -> bytes:
    # wechatpy cuts off as many bytes as the last one says, whatever they are.
    pad = padded[-1]
    if not 1 <= pad <= PAD_BYTES_MAX or padded[-pad:] != bytes([pad]) * pad:
        raise ValueError("padding")
    return padded[:-pad]


def _split(content: bytes) -> tuple[bytes, bytes]:
    rest = content[RANDOM_BYTES:]
    (length,) = struct.unpack(">I", rest[:LENGTH_BYTES])
    if length > len(rest) - LENGTH_BYTES:
        raise ValueError("length")
    end = LENGTH_BYTES + length
    return rest[LENGTH_BYTES:end], rest[end:]
