"""Chat groups of every kind, with what their members see in them.

An ordinary WeChat group has no API at all: what stands in it was put there by a member's hand.
"""

import hashlib
import secrets
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

GroupKind = Literal["ordinary", "wecom_robot", "wecom_customer_group", "qq_bot"]
Speaker = Literal["member", "robot", "owner"]


@dataclass(frozen=True)
class Said:
    """One message in a group. A QQ bot answers by its `msg_id`."""

    id: int
    msg_id: str
    at: datetime
    sender: str
    by: Speaker
    type: str
    content: dict[str, Any]
    image: bytes | None = None


@dataclass
class Group:
    """`address`: the robot's key, the chat id, or the group's openid; nothing for an ordinary one.

    `removed`: the robot or bot is out of the group, or the customer group is dissolved.
    """

    id: str
    kind: GroupKind
    name: str
    address: str
    members: list[str]
    owner: str | None = None
    allow_proactive: bool = False
    removed: bool = False
    chat: deque[Said] = field(default_factory=lambda: deque(maxlen=1000))
    spoken_at: deque[datetime] = field(default_factory=lambda: deque(maxlen=1000))
    """When the robot spoke, on the machine's clock: for its limit a minute."""
    heard_at: dict[str, datetime] = field(default_factory=dict)
    """msg_id → when a member said it, on the machine's clock: for the bot's five minutes."""
    answered: dict[str, list[int]] = field(default_factory=dict)
    """msg_id → the msg_seq of each answer of the bot."""
    tasks_received: list[datetime] = field(default_factory=list)
    """When owners sent tasks here, on the service's clock: for the limit a month."""


def make_group(
    kind: GroupKind,
    *,
    name: str,
    address: str | None,
    members: Iterable[str] = (),
    owner: str | None = None,
    allow_proactive: bool = False,
) -> Group:
    """The same kind and address give the same id for ever, also after a restart."""
    address = address or _new_address(kind)
    digest = hashlib.sha256(f"{kind}:{address}".encode()).hexdigest()
    return Group(
        id="g" + digest[:12],
        kind=kind,
        name=name,
        address=address,
        members=list(members),
        owner=owner,
        allow_proactive=allow_proactive,
    )


def find_group(groups: Iterable[Group], kind: GroupKind, address: str) -> Group | None:
    """Also a removed one."""
    return next((one for one in groups if one.kind == kind and one.address == address), None)


def _new_address(kind: GroupKind) -> str:
    match kind:
        case "wecom_robot":
            parts = (4, 2, 2, 2, 6)
            return "-".join(secrets.token_hex(size) for size in parts)
        case "wecom_customer_group":
            return "wr" + secrets.token_urlsafe(22)
        case _:
            return secrets.token_hex(16).upper()
