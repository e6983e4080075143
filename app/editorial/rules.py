"""The life of a manuscript as data: its states, its reviews, what may follow what. Pure."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal["issue", "push"]
KINDS = ("issue", "push")
State = Literal[
    "draft",
    "first_review",
    "second_review",
    "final_review",
    "approved",
    "scheduled",
    "publishing",
    "published",
    "failed",
    "unknown",
    "withdrawn",
]
STATES = (
    "draft",
    "first_review",
    "second_review",
    "final_review",
    "approved",
    "scheduled",
    "publishing",
    "published",
    "failed",
    "unknown",
    "withdrawn",
)
STEPS = (
    "write",
    "change",
    "submit",
    "first_review",
    "second_review",
    "final_review",
    "schedule",
    "publish",
    "settle",
    "withdraw",
)
DECISIONS = ("approve", "return")
REVIEWS: dict[str, tuple[Literal["editor", "chief_editor", "admin"], str]] = {
    "first_review": ("editor", "second_review"),
    "second_review": ("chief_editor", "final_review"),
    "final_review": ("admin", "approved"),
}
"""Review → (the role it takes, the state after approval). 三审三校: three different people, none of
them the author (field notes E6: 长治市 2022, 安仁镇 2023)."""
CHANGEABLE = ("draft", "first_review", "second_review", "final_review", "approved", "scheduled")
"""States in which the content may be changed; any change goes back to draft and voids reviews."""
WITHDRAWABLE = (*CHANGEABLE, "failed", "unknown")
REMARKS_MIN = 2
"""Characters of a reason: enough for 错字."""


def digest_of(body: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of the content in one canonical spelling: sorted keys, UTF-8, no spaces."""
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
