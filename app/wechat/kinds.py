"""The kinds of message WeChat pushes, as frozen facts. How they are read: messages.py."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Message:
    """`account_id` is ToUserName (gh_…), `openid` FromUserName; `key` is unique within an appid."""

    appid: str
    account_id: str
    openid: str
    created_at: datetime
    key: str
    unionid: str | None


@dataclass(frozen=True, kw_only=True)
class Text(Message):
    content: str


@dataclass(frozen=True, kw_only=True)
class Media(Message):
    """A message of any other type: image, voice, video, shortvideo, location, link, …"""

    kind: str


@dataclass(frozen=True, kw_only=True)
class Subscribe(Message):
    scene: str | None


@dataclass(frozen=True, kw_only=True)
class Unsubscribe(Message):
    pass


@dataclass(frozen=True, kw_only=True)
class Scan(Message):
    """A parametric code, scanned by somebody who already follows."""

    scene: str


@dataclass(frozen=True, kw_only=True)
class Click(Message):
    menu_key: str


@dataclass(frozen=True, kw_only=True)
class View(Message):
    url: str


@dataclass(frozen=True, kw_only=True)
class AuthorizationRevoked(Message):
    """The person took the consent back, or closed the WeChat account (`info` = "cancellation").

    The platform demands erasure (WxJava WxConsts). The sender need not be that person.
    """

    revoked_openid: str
    info: str


@dataclass(frozen=True, kw_only=True)
class UserInfoModified(Message):
    modified_openid: str
    info: str


@dataclass(frozen=True, kw_only=True)
class SubscribeChoices(Message):
    """What a person answered (popup) or set later (change), by template."""

    kind: Literal["popup", "change"]
    choices: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class SentResult:
    template_id: str
    msg_id: str
    error_code: int
    error_status: str


@dataclass(frozen=True, kw_only=True)
class SubscribeSent(Message):
    results: tuple[SentResult, ...]


@dataclass(frozen=True, kw_only=True)
class PublishFinished(Message):
    """What became of a publication (…/api_freepublish_get).

    `status`: 0 published, 2 refused as not original, 3 failed, 4 refused by the platform, 5 deleted
    by the account afterwards, 6 banned afterwards.
    """

    publish_id: str
    status: int
    article_id: str
    urls: tuple[str, ...]
    failed_indexes: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class MassSendFinished(Message):
    """`status`: "send success", "send fail" or "err(…)" (WxJava WxConsts.MassMsgStatus)."""

    msg_id: str
    status: str
    total: int
    filtered: int
    sent: int
    errors: int
    urls: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TemplateSendFinished(Message):
    msg_id: str
    status: str


@dataclass(frozen=True, kw_only=True)
class MediaChecked(Message):
    trace_id: str
    suggest: Literal["pass", "review", "risky"]
    label: int | None


@dataclass(frozen=True, kw_only=True)
class EnterSession(Message):
    session_from: str


@dataclass(frozen=True, kw_only=True)
class OtherEvent(Message):
    """An event nobody here answers to; the inbox keeps its fields."""

    event: str
