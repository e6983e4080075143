"""The protocol's two tables: the access token that processes share, and the inbox."""

from datetime import datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    Identity,
    Index,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model


class AccessToken(Model):
    """One account's token; times are the machine's.

    `expires_at` is when we stop using it, some time before it dies; `refreshing_until` is the lease
    of the one process that asks for a new one. stable_token says to store 512 characters or more.
    """

    __tablename__ = "wechat_token"

    appid: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str | None] = mapped_column(Text)
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    refreshing_until: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Inbound(Model):
    """One push from WeChat, once. `fields` is the decrypted message, kept to be replayed."""

    __tablename__ = "wechat_inbox"
    __table_args__ = (
        UniqueConstraint("appid", "key"),
        CheckConstraint("state in ('received', 'answered', 'failed')", name="state"),
        CheckConstraint("(state = 'received') = (settled_at is null)", name="settled"),
        Index("wechat_inbox_failed_idx", "id", postgresql_where=text("state = 'failed'")),
        Index("wechat_inbox_openid_idx", "openid"),
        Index("wechat_inbox_received_at_idx", "received_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    appid: Mapped[str]
    key: Mapped[str]
    openid: Mapped[str]
    kind: Mapped[str]
    fields: Mapped[dict[str, Any]] = mapped_column(JSONB)
    state: Mapped[str] = mapped_column(default="received")
    reply: Mapped[str | None] = mapped_column(Text)
    error: Mapped[str | None] = mapped_column(Text)
    attempts: Mapped[int] = mapped_column(default=0)
    received_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
