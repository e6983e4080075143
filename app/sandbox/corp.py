"""The company in WeCom, and the bot in QQ, as Tencent remembers them."""

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from app.sandbox.groups import Said

TaskState = Literal["waiting", "sent", "refused", "cancelled"]


@dataclass
class Member:
    """Somebody of the company, with what our app wrote to them."""

    userid: str
    name: str
    messages: deque[Said] = field(default_factory=lambda: deque(maxlen=1000))


@dataclass(frozen=True)
class Result:
    status: Literal[0, 1, 2, 3]
    sent_at: datetime | None = None


@dataclass
class Task:
    """What add_msg_template made: the sender has to confirm it in the app."""

    msg_id: str
    sender: str
    text: str
    attachments: list[dict[str, Any]]
    made_at: datetime
    results: dict[str, Result]
    """chat id → what became of it there."""
    state: TaskState = "waiting"
    settled_at: datetime | None = None
    reminded_at: list[datetime] = field(default_factory=list)


@dataclass(frozen=True)
class Upload:
    """A file of one robot (its key), for three days."""

    key: str
    name: str
    type: str
    made_at: datetime


@dataclass
class PlatformToken:
    value: str
    expires_at: datetime


@dataclass
class Corp:
    trusted: bool = True
    """False: our address is not among the app's trusted ones, so all its calls are 60020."""
    token_seconds: int = 7200
    token: PlatformToken | None = None
    members: dict[str, Member] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)
    shown: dict[tuple[str, str], datetime] = field(default_factory=dict)
    """(userid, content) → when our app last said it, for enable_duplicate_check."""

    def add_member(self, userid: str, name: str | None = None) -> Member:
        """The same member again if known."""
        return self.members.setdefault(userid, Member(userid, name or userid))


@dataclass
class Bot:
    token_seconds: int = 7200
    tokens: list[PlatformToken] = field(default_factory=list)
    """The latest last; the one before it lives on for the rest of its time."""
