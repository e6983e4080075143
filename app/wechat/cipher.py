"""AES of the callback, with the checks that wechatpy leaves out.

AES-256-CBC, key = base64(EncodingAESKey + "="), IV = key[:16], PKCS#7 with blocks of 32; plaintext
= 16 random bytes, 4 bytes of length (big-endian), message, appid (developers.weixin.qq.com,
消息加解密说明; wechatpy.crypto).
"""

import base64
import hmac
import secrets
import struct
from functools import lru_cache

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CBC

PAD_BYTES_MAX = 32
RANDOM_BYTES, LENGTH_BYTES, IV_BYTES = 16, 4, 16
NOISE_BYTES = 12
"""So many become the sixteen random ones by base64."""
BROKEN = (ValueError, struct.error, IndexError, TypeError, AssertionError)
"""What base64, AES and struct raise on text that nobody encrypted."""


class Undecipherable(Exception):
    """Not made with this key, or damaged."""


class NotOurs(Exception):
    """Decrypts well, but names another appid."""


class Crypto:
    """One EncodingAESKey at work."""

    def __init__(self, encoding_aes_key: str) -> None:
        key = base64.b64decode(encoding_aes_key + "=")
        self._cipher = Cipher(AES256(key), CBC(key[:IV_BYTES]))

    def seal(self, message: str, appid: str) -> str:
        text = message.encode()
        # As letters: the platform's own examples take no other bytes.
        noise = base64.b64encode(secrets.token_bytes(NOISE_BYTES))
        content = noise + struct.pack(">I", len(text)) + text + appid.encode()
        pad = PAD_BYTES_MAX - len(content) % PAD_BYTES_MAX
        encryptor = self._cipher.encryptor()
        sealed = encryptor.update(content + bytes([pad]) * pad) + encryptor.finalize()
        return base64.b64encode(sealed).decode()

    def open(self, sealed: str, appid: str) -> bytes:
        """The message. Raises Undecipherable or NotOurs."""
        try:
            decryptor = self._cipher.decryptor()
            padded = decryptor.update(base64.b64decode(sealed, validate=True))
            padded += decryptor.finalize()
            message, owner = _split(_unpadded(padded))
        except BROKEN as error:
            raise Undecipherable(type(error).__name__) from None
        if not hmac.compare_digest(owner, appid.encode()):
            raise NotOurs
        return message


@lru_cache(maxsize=8)
def crypto_of(encoding_aes_key: str) -> Crypto:
    """The cipher of a key, made once."""
    return Crypto(encoding_aes_key)


def _unpadded(padded: bytes) -> bytes:
    # Others cut off as many bytes as the last one says, whatever they are.
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
