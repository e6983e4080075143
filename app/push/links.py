"""Short signed links, one for each delivery: `{base_url}/g/{code}`. Pure.

The code is the delivery's number in base 62 and 8 characters (47 bits) of an HMAC-SHA256 over it:
short enough to be typed, and nobody can count clicks for a delivery whose link they never saw.
"""

import hashlib
import hmac
import string
from dataclasses import dataclass, field

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
BASE = len(ALPHABET)
TAG = 8
LOOK = "look"
"""In an address it means: only to see it. What a tutor is told to try counts for nothing."""
CODE_MAX = 19
"""The digits of a number below 2**63, and the tag."""


@dataclass(frozen=True)
class Links:
    """How this installation spells the addresses of a delivery: its page and its poster."""

    base_url: str
    secret: str = field(repr=False)

    def link(self, delivery_id: int) -> str:
        return f"{self.base_url}/g/{code_of(delivery_id, secret=self.secret)}"

    def poster(self, delivery_id: int) -> str:
        return f"{self.base_url}/posters/{code_of(delivery_id, secret=self.secret)}.png"


def code_of(delivery_id: int, *, secret: str) -> str:
    return _spell(delivery_id) + _tag(delivery_id, secret)


def read_code(code: str, *, secret: str) -> int | None:
    """The delivery's number; None for a code that we never made."""
    if not (TAG < len(code) <= CODE_MAX and code.isascii() and code.isalnum()):
        return None
    delivery_id = number_in(code)
    # The whole code, so that another spelling of the number (a leading zero) is none of ours.
    if not hmac.compare_digest(code, code_of(delivery_id, secret=secret)):
        return None
    return delivery_id if delivery_id < 2**63 else None


def number_in(code: str) -> int:
    """The number a code claims; whether it is ours, `read_code` says. ValueError if it is none."""
    number = 0
    for digit in code[:-TAG]:
        number = number * BASE + ALPHABET.index(digit)
    return number


def _spell(number: int) -> str:
    digits = ""
    while True:
        number, digit = divmod(number, BASE)
        digits = ALPHABET[digit] + digits
        if number == 0:
            return digits


def _tag(delivery_id: int, secret: str) -> str:
    mac = hmac.new(secret.encode(), b"delivery-link:%d" % delivery_id, hashlib.sha256).digest()
    return _spell(int.from_bytes(mac[:8]) % BASE**TAG).rjust(TAG, ALPHABET[0])
