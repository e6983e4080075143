"""Lists in pages: a cursor holds the sort key of the last row, so pages stay stable."""

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Generic, TypeVar

from app.core.errors import Invalid

T = TypeVar("T")
LIMIT_DEFAULT, LIMIT_MAX = 20, 100


class BadCursor(Invalid):
    title = "翻页参数无效，请从第一页重新查看"


@dataclass(frozen=True)
class Page(Generic[T]):
    items: list[T]
    next: str | None


def encode(*key: int | str) -> str:
    raw = json.dumps(key, ensure_ascii=False, separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def decode(cursor: str, *kinds: type) -> list[int | str]:
    """The key that `encode` was given. Raises BadCursor on anything else."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        key = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
    except (ValueError, binascii.Error, RecursionError) as error:
        raise BadCursor from error
    if not isinstance(key, list) or [type(part) for part in key] != list(kinds):
        raise BadCursor
    if not all(_storable(part) for part in key):
        raise BadCursor
    return key


def _storable(part: int | str) -> bool:
    """Whether PostgreSQL's bigint or text can hold it: no NUL, no lone surrogate."""
    if isinstance(part, int):
        return abs(part) < 2**63
    return "\x00" not in part and part == part.encode("utf-8", "ignore").decode()
