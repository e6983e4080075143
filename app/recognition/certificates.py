"""The number of a certificate, and what it looks like on paper and as a picture.

A number is the honour's year and number with eight characters (40 bits) of an HMAC-SHA256 over
them: nobody finds another one by counting. Letters and digits that look alike are left out.
"""

import hashlib
import hmac
import re
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Literal

from app.core.typesetting import printed_code, typeset

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
TAG = 8
NUMBER = re.compile(rf"SS([0-9]{{4}})-([0-9]{{6,19}})-[{ALPHABET}]{{{TAG}}}")
CARD_WIDTH, CARD_HEIGHT = 1080, 1440
PIXELS_PER_INCH = 72
"""One pixel a point, and the card is as many points."""


@dataclass(frozen=True)
class Certificate:
    """What stands on it. `link` leads to its public verification, as the QR code does."""

    number: str
    kind: Literal["title", "badge"]
    honour: str
    meaning: str
    holder: str
    granted_on: date
    issuer: str
    link: str


def number_of(honour_id: int, granted_on: date, *, secret: str) -> str:
    return _spell(honour_id, granted_on.year, secret)


def read_number(number: str, *, secret: str) -> int | None:
    """The honour's id; None for a number that we never gave."""
    found = NUMBER.fullmatch(number.strip().upper())
    if found is None:
        return None
    honour_id = int(found[2])
    # The whole of it, so that another spelling (a leading zero) is none of ours.
    if not hmac.compare_digest(found[0], _spell(honour_id, int(found[1]), secret)):
        return None
    return honour_id if honour_id < 2**63 else None


def pdf(certificate: Certificate) -> bytes:
    """A4, lying. Takes a twentieth of a second of a core: not on the loop."""
    return _drawn("certificate.typ", certificate, "pdf")


def card(certificate: Certificate) -> bytes:
    """A PNG of CARD_WIDTH × CARD_HEIGHT to show to others."""
    return _drawn("share_card.typ", certificate, "png")


def _drawn(template: str, certificate: Certificate, kind: Literal["pdf", "png"]) -> bytes:
    day = certificate.granted_on
    facts = {
        **{name: str(value) for name, value in asdict(certificate).items()},
        "day": f"{day.year}年{day.month}月{day.day}日",
        "word": "称号" if certificate.kind == "title" else "徽章",
        "code": printed_code(certificate.link),
    }
    path = Path(__file__).with_name(template)
    return typeset(path, facts, kind=kind, ppi=PIXELS_PER_INCH)


def _spell(honour_id: int, year: int, secret: str) -> str:
    return f"SS{year:04d}-{honour_id:06d}-{_tag(honour_id, year, secret)}"


def _tag(honour_id: int, year: int, secret: str) -> str:
    mac = hmac.new(secret.encode(), b"certificate:%d:%d" % (year, honour_id), hashlib.sha256)
    bits = int.from_bytes(mac.digest()[:5])
    return "".join(ALPHABET[bits >> shift & 31] for shift in range(35, -1, -5))
