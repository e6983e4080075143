"""All that the stand-in remembers: accounts, residents, codes, and what has happened.

It lives in memory and in one process; what each part does is in the file of its noun.
"""

import base64
import hashlib
import secrets
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from typing import Any, Literal

import httpx

from app.core import clock
from app.core.errors import NotFound
from app.core.settings import Settings
from app.sandbox.accounts import AccessToken, Account, mini_program, official_account
from app.sandbox.corp import Bot, Corp
from app.sandbox.faults import FaultBook
from app.sandbox.groups import Group
from app.sandbox.press import Consent, Press

CodeKind = Literal["mini", "phone", "oauth"]
REMEMBERED = 5000
"""Calls and callbacks kept for the inspector and for assertions; older ones are forgotten."""


@dataclass(frozen=True)
class Following:
    since: datetime
    scene: str | None


@dataclass
class Window:
    """Customer-service messages the account may still send to one follower."""

    kind: Literal["message", "event"]
    closes_at: datetime
    left: int


@dataclass(frozen=True)
class Bubble:
    """One thing in the chat, as the resident sees it."""

    id: int
    at: datetime
    sender: Literal["user", "account", "system"]
    type: str
    content: dict[str, Any]


@dataclass
class User:
    """A resident with a phone: one openid per appid, one unionid."""

    id: str
    name: str
    base: str
    phone: str
    has_unionid: bool = True
    blocked: bool = False
    duty: str | None = None
    """What one of the demo town's staff does, in a sentence; None for residents."""
    opens: str = "/"
    """The page of the service their work begins at."""
    following: Following | None = None
    session_key: str = ""
    mini_active_at: datetime | None = None
    windows: dict[str, Window] = field(default_factory=dict)
    consents: dict[str, Consent] = field(default_factory=dict)
    """template_id → what it may still send."""
    chat: deque[Bubble] = field(default_factory=lambda: deque(maxlen=1000))

    def openid(self, appid: str) -> str:
        return _digest(f"{appid}:{self.base}")

    @property
    def unionid(self) -> str:
        return _digest(f"open-platform:{self.base}")


@dataclass
class Code:
    """A one-time code of wx.login, getPhoneNumber or the OAuth page."""

    value: str
    kind: CodeKind
    appid: str
    user: User
    made_at: datetime
    scope: str = ""
    snapshot: bool = False
    used: bool = False


@dataclass(frozen=True)
class CallRecord:
    number: int
    at: datetime
    method: str
    path: str
    appid: str | None
    errcode: int
    note: str
    ms: int


@dataclass
class CallbackRecord:
    number: int
    at: datetime
    appid: str
    user_id: str
    label: str
    message: Mapping[str, Any]
    """What is inside, before it is sealed."""
    outcome: str = "sending"
    """reply, success, empty, garbage, timeout, connection, HTTP nnn, url_not_verified."""
    tries: int = 0
    ms: int = 0
    request: httpx.Request | None = None
    """The last one sent, byte for byte, for a replay."""
    answer: str = ""
    reply: dict[str, Any] | None = None
    error: str | None = None


@dataclass
class World:
    settings: Settings
    http: httpx.AsyncClient
    accounts: dict[str, Account]
    users: dict[str, User] = field(default_factory=dict)
    openids: dict[tuple[str, str], User] = field(default_factory=dict)
    tokens: dict[str, AccessToken] = field(default_factory=dict)
    codes: dict[str, Code] = field(default_factory=dict)
    oauth_tokens: dict[str, Code] = field(default_factory=dict)
    used_quota: dict[tuple[str, str, str], tuple[int, int]] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    corp: Corp = field(default_factory=Corp)
    bot: Bot = field(default_factory=Bot)
    faults: FaultBook = field(default_factory=FaultBook)
    press: Press = field(default_factory=Press)
    calls: deque[CallRecord] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    callbacks: deque[CallbackRecord] = field(default_factory=lambda: deque(maxlen=REMEMBERED))
    sequence: Iterator[int] = field(default_factory=lambda: count(1))
    msg_ids: Iterator[int] = field(
        # 64-bit, growing, and never repeated by a sandbox that starts again.
        default_factory=lambda: count(int(clock.real_now().timestamp() * 1000) << 20)
    )

    @property
    def oa(self) -> Account:
        return self.accounts[self.settings.wechat.oa.appid]

    @property
    def mini(self) -> Account:
        return self.accounts[self.settings.wechat.mini.appid]

    def reset(self) -> None:
        """Forget everything, as after a restart."""
        self.press.stop()
        fresh = make_world(self.settings, self.http)
        self.__dict__.update(fresh.__dict__)

    def get_account(self, appid: str) -> Account:
        if appid not in self.accounts:
            raise NotFound("没有这个账号", appid=appid)
        return self.accounts[appid]

    def get_user(self, user_id: str) -> User:
        if user_id not in self.users:
            raise NotFound("没有这位居民", user=user_id)
        return self.users[user_id]

    def get_group(self, group_id: str) -> Group:
        if group_id not in self.groups:
            raise NotFound("没有这个群", group=group_id)
        return self.groups[group_id]

    def say(self, user: User, sender: Literal["user", "account", "system"], **content: Any) -> None:
        """Put a bubble into the resident's chat with the official account."""
        kind = content.pop("type")
        user.chat.append(Bubble(next(self.sequence), clock.utcnow(), sender, kind, content))


def make_world(settings: Settings, http: httpx.AsyncClient) -> World:
    both = (official_account(settings), mini_program(settings))
    return World(settings, http, {account.appid: account for account in both})


def make_user(world: World, *, name: str, base: str | None, phone: str | None) -> User:
    """The same `base` gives the same openids for ever, also after a restart."""
    base = base or secrets.token_hex(8)
    digest = hashlib.sha256(base.encode())
    user = User(
        id="u" + digest.hexdigest()[:12],
        name=name,
        base=base,
        # 100 is no prefix of a Chinese mobile number: nobody's phone is ever imitated.
        phone=phone or f"100{int.from_bytes(digest.digest()[:6]) % 10**8:08d}",
    )
    world.users[user.id] = user
    for appid in world.accounts:
        world.openids[appid, user.openid(appid)] = user
    return user


def make_code(world: World, kind: CodeKind, appid: str, user: User, *, scope: str = "") -> Code:
    code = Code(secrets.token_urlsafe(24), kind, appid, user, clock.real_now(), scope)
    world.codes[code.value] = code
    if len(world.codes) > 2 * REMEMBERED:
        for old in list(world.codes)[:REMEMBERED]:
            del world.codes[old]
    return code


def _digest(seed: str) -> str:
    """28 characters that look like an openid: `o` and base64url."""
    raw = base64.urlsafe_b64encode(hashlib.sha256(seed.encode()).digest())
    return "o" + raw.decode()[:27]
