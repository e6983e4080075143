"""WeChat's signatures: made and checked, the check in constant time.

signature = sha1(sorted(token, timestamp, nonce)); msg_signature has Encrypt as a fourth part.
Sorted as bytes, joined without a separator, lower-case hex (developers.weixin.qq.com, 接入概述 and
消息加解密说明; wechatpy.utils.WeChatSigner).
"""

import hashlib
import hmac
from collections.abc import Sequence


def sign(token: str, *parts: str) -> str:
    """The signature of these parts under a token."""
    joined = b"".join(sorted(_bytes(part) for part in (token, *parts)))
    return hashlib.sha1(joined, usedforsecurity=False).hexdigest()


def matches(tokens: Sequence[str], *parts: str, given: str) -> bool:
    """Whether `given` signs the parts under one of the tokens; any text may be given."""
    # All are tried before the answer, so its time does not tell which one fitted.
    found = [hmac.compare_digest(sign(token, *parts).encode(), _bytes(given)) for token in tokens]
    return any(found)


def _bytes(part: str) -> bytes:
    # A query string may decode to lone surrogates; they sign to something, but never to a match.
    return part.encode("utf-8", "surrogatepass")
