"""The two accounts as Tencent knows them, with their tokens, codes, menu and the admin's knobs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import httpx

from app.core.settings import Settings
from app.sandbox.permissions import Power, Profile, may, profile_of

Mode = Literal["safe", "compatible", "plain"]


@dataclass
class AccessToken:
    value: str
    appid: str
    expires_at: datetime
    dead_at: datetime | None = None
    """When a newer token pushes this one out; None while it is the latest."""


@dataclass
class TokenFamily:
    """The tokens of one account from one end point: the latest, and the one before it."""

    latest: AccessToken | None = None
    previous: AccessToken | None = None
    forced_at: datetime | None = None


@dataclass(frozen=True)
class QrCode:
    ticket: str
    scene: str
    url: str
    made_at: datetime
    expires_at: datetime | None
    """On the service's clock; None for a permanent code."""


@dataclass(frozen=True)
class Push:
    """One message or event on its way to the service's callback."""

    appid: str
    user_id: str
    fields: Mapping[str, Any]
    """As the service will read them after decryption, ToUserName to the last."""

    @property
    def is_message(self) -> bool:
        return bool(self.fields["MsgType"] != "event")

    @property
    def label(self) -> str:
        return str(self.fields["Event" if not self.is_message else "MsgType"])


@dataclass
class Account:
    """An official account or mini-program as Tencent knows it, with the admin's knobs."""

    appid: str
    secret: str
    token: str
    aes_key: str
    original_id: str
    name: str
    kind: Literal["oa", "mini"]
    profile: Profile
    oauth_host: str
    mode: Mode = "safe"
    format: Literal["xml", "json"] = "xml"
    unionid: bool = True
    token_seconds: int = 7200
    allowed_ips: list[str] | None = None
    double_redirect: bool = False
    snapshot: bool = False
    holding: bool = False
    url_verified: bool = False
    held: list[Push] = field(default_factory=list)
    legacy: TokenFamily = field(default_factory=TokenFamily)
    stable: TokenFamily = field(default_factory=TokenFamily)
    menu: dict[str, Any] | None = None
    qrcodes: dict[str, QrCode] = field(default_factory=dict)

    def has(self, power: Power) -> bool:
        return may(self.profile, power)


def official_account(settings: Settings) -> Account:
    oa = settings.wechat.oa
    return Account(
        appid=oa.appid,
        secret=oa.secret,
        token=oa.token,
        aes_key=oa.aes_key,
        original_id=oa.original_id,
        name="首善双槐",
        kind="oa",
        profile=profile_of(oa),
        oauth_host=_host_of(settings),
    )


def mini_program(settings: Settings) -> Account:
    mini = settings.wechat.mini
    return Account(
        appid=mini.appid,
        secret=mini.secret,
        token=mini.token,
        aes_key=mini.aes_key,
        # The settings need no original id of the mini-program; Tencent has one all the same.
        original_id=f"gh_{hashlib.sha256(mini.appid.encode()).hexdigest()[:12]}",
        name="首善学堂",
        kind="mini",
        profile="mini",
        oauth_host=_host_of(settings),
    )


def _host_of(settings: Settings) -> str:
    return httpx.URL(settings.base_url).netloc.decode()
