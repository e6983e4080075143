"""Looks through logs for every secret of an installation, whoever made it.

What the service hands out itself it does not keep: of tokens, cookies and sign-in links the
database has only the SHA-256. So every word of the logs that could be one is hashed and looked for.
What the platforms hand out is found by its form, which nothing harmless has; the rest by its value.
"""

import re
from collections.abc import Iterable, Iterator
from hashlib import sha256
from urllib.parse import quote_plus

TOKEN_LENGTH = 43
"""32 bytes as URL-safe base64 (app/people/tokens.py)."""
WORD = re.compile(rf"[\w-]{{{TOKEN_LENGTH},}}", re.ASCII)
PLATFORMS = {
    "an access token, refresh token or media id": re.compile(r"(?=[\w-]*\d)[\w-]{100,}", re.ASCII),
    "a session key": re.compile(r"(?<![\w+/%])[\w+/]{22}(?:==|%3D%3D)", re.ASCII),
    "an access token in an address": re.compile(r"access_token=(?!…)\w"),
}
"""512 hex digits of WeChat, 107 to 214 characters of QQ, OAuth and WeCom; 16 bytes in base64."""


def leaks(log: str, *, digests: Iterable[bytes], values: dict[str, str]) -> Iterator[str]:
    """What kind of secret stands in which line. `values`: the secret itself → what it is."""
    known = set(digests)
    for line in log.splitlines():
        for word in WORD.findall(line):
            starts = range(len(word) - TOKEN_LENGTH + 1)
            windows = (word[start : start + TOKEN_LENGTH] for start in starts)
            if any(sha256(one.encode()).digest() in known for one in windows):
                yield f"a token, a cookie or a sign-in link: {line}"
        for what, form in PLATFORMS.items():
            if form.search(line):
                yield f"{what}: {line}"
        for value, what in values.items():
            if value in line or quote_plus(value) in line:
                yield f"{what}: {line}"
