"""What the account has uploaded, drafted, published and sent, and the admin's knobs for it."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

FinishEvent = Literal["once", "twice", "never", "before_answer"]
MassState = Literal["waiting", "sending", "sent", "failed", "deleted"]
PUBLISHED, PUBLISHING, NOT_ORIGINAL, FAILED, REFUSED, DELETED, BANNED = range(7)
"""publish_status (…/api_freepublish_get)."""


@dataclass
class Knobs:
    publish_seconds: float = 3
    mass_seconds: float = 3
    """From acceptance to the end, on the service's clock."""
    finish_event: FinishEvent = "once"
    next_publish_status: int = PUBLISHED
    next_submit_errcode: int = 0
    next_mass_status: str = "send success"
    """The three `next_…` are used up by one submit or send."""
    admin_confirms: bool = False
    repeat_seconds: float = 0
    """A clientmsgid repeated within so many of the machine's seconds is refused with 45066."""


@dataclass(frozen=True)
class Image:
    name: str
    kind: str
    """png, jpeg, gif or bmp."""
    content: bytes
    path: str


@dataclass(frozen=True)
class Material:
    media_id: str
    image: Image
    expires_at: datetime | None
    """None for a permanent one."""


@dataclass(frozen=True)
class Article:
    """As kept, after the platform has taken out what it does not allow."""

    title: str
    author: str
    digest: str
    content: str
    source_url: str
    thumb_media_id: str
    cover_path: str
    kind: Literal["news", "newspic"] = "news"
    slug: str = field(default_factory=lambda: secrets.token_urlsafe(16))


@dataclass
class Draft:
    media_id: str
    articles: list[Article]
    made_at: datetime
    changed_at: datetime


@dataclass
class Post:
    """Articles out in the world; `article_id` names them all."""

    article_id: str
    articles: list[Article]
    at: datetime
    how: Literal["publish", "mass"]
    deleted: set[int] = field(default_factory=set)
    """Indexes from 0."""
    banned: bool = False

    @property
    def visible(self) -> list[Article]:
        if self.banned:
            return []
        return [one for index, one in enumerate(self.articles) if index not in self.deleted]


@dataclass
class Publication:
    publish_id: str
    media_id: str
    articles: list[Article]
    outcome: int
    made_at: datetime
    status: int = PUBLISHING
    post: Post | None = None


@dataclass
class Mass:
    msg_id: int
    media_id: str
    articles: list[Article]
    client_msg_id: str
    to_all: bool
    tag_id: int | None
    outcome: str
    made_at: datetime
    real_at: datetime
    """The machine's instant, for the minute of 45066."""
    by_hand: bool = False
    state: MassState = "waiting"
    status: str = ""
    """As the event says it."""
    total: int = 0
    received_by: list[str] = field(default_factory=list)
    """The ids of the residents it reached."""
    post: Post | None = None


@dataclass
class Consent:
    """What a resident allows one template to send; `left` counts one-time consents."""

    left: int = 0
    long_term: bool = False


@dataclass(frozen=True)
class Template:
    template_id: str
    title: str
    names: dict[str, str]
    """key → what the phone shows before the value; empty: any keys."""


@dataclass
class Job:
    """Something that ends by itself; `hurry` ends it now."""

    finish: Callable[[], Awaitable[None]]
    ends_at: datetime
    patient: bool
    hurry: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass
class Press:
    knobs: Knobs = field(default_factory=Knobs)
    images: dict[str, Image] = field(default_factory=dict)
    materials: dict[str, Material] = field(default_factory=dict)
    drafts: dict[str, Draft] = field(default_factory=dict)
    publications: dict[str, Publication] = field(default_factory=dict)
    masses: dict[int, Mass] = field(default_factory=dict)
    posts: list[Post] = field(default_factory=list)
    tags: dict[int, set[str]] = field(default_factory=dict)
    templates: dict[str, Template] = field(default_factory=dict)
    jobs: dict[asyncio.Task[None], Job] = field(default_factory=dict)

    def stop(self) -> None:
        for task in list(self.jobs):
            task.cancel()
