"""Everything on its way out, and what became of it: letters, tasks, groups, deliveries, issues."""

from datetime import date, datetime, time

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Text,
    UniqueConstraint,
)
from sqlalchemy import (
    text as sql,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model
from app.push.rules import CHANNELS, DELIVERY_STATES, METHODS, PUBLICATION_STATES, ROUTES


class Letter(Model):
    """A text for one person, sent at most once per key, by the first of its routes that is open.

    `waiting → claimed → sent | refused | skipped | unknown`; `skipped` means that no route was
    open, `unknown` that nobody can tell whether it arrived: it is never sent again. `route` is the
    one being tried, or that it went by; `values` fill a subscription message of this `kind`.
    """

    __tablename__ = "letter"
    __table_args__ = (
        CheckConstraint(
            "state IN ('waiting', 'claimed', 'sent', 'refused', 'skipped', 'unknown')",
            name="state",
        ),
        CheckConstraint(f"route is null or route in {ROUTES}", name="route"),
        Index("letter_person_idx", "person_id", "sent_at"),
        Index(
            "letter_open_idx",
            "made_at",
            postgresql_where=sql("state in ('waiting', 'claimed')"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    kind: Mapped[str]
    text: Mapped[str]
    routes: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=sql("'{custom}'"))
    route: Mapped[str | None]
    page: Mapped[str | None]
    values: Mapped[dict[str, str] | None] = mapped_column(JSONB)
    state: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    claimed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    sent_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    detail: Mapped[str | None]


class Permit(Model):
    """One accepted subscription message: one row, one message (一次性订阅). `key` names the tap."""

    __tablename__ = "permit"
    __table_args__ = (
        Index(
            "permit_unused_idx",
            "identity_id",
            "template_id",
            postgresql_where=sql("used_at is null and withdrawn_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    identity_id: Mapped[int] = mapped_column(ForeignKey("identity.id"))
    template_id: Mapped[str] = mapped_column(Text)
    given_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    letter_id: Mapped[int | None] = mapped_column(ForeignKey("letter.id"))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Task(Model):
    """Something a named person, or whoever holds `role` at `org_id`, has to do by hand (待办)."""

    __tablename__ = "task"
    __table_args__ = (
        CheckConstraint("state in ('open', 'done', 'dropped')", name="state"),
        CheckConstraint("(state = 'open') = (closed_at is null)", name="closed"),
        CheckConstraint("person_id is not null or role is not null", name="somebody"),
        Index("task_open_idx", "org_id", postgresql_where=sql("state = 'open'")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    key: Mapped[str] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    org_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"))
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str | None] = mapped_column(Text)
    title: Mapped[str] = mapped_column(Text)
    text: Mapped[str] = mapped_column(Text)
    manuscript_id: Mapped[int | None] = mapped_column(ForeignKey("manuscript.id"), index=True)
    delivery_id: Mapped[int | None] = mapped_column(ForeignKey("delivery.id"), index=True)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    state: Mapped[str] = mapped_column(Text)
    closed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    closed_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    closed_reason: Mapped[str | None] = mapped_column(Text)


class Group(Model):
    """A learning group: where its daily push goes, when, and who answers for it.

    `address` is the robot's key (a secret: never shown or logged), the chat id or the group's
    openid; `send_at`, `deadline` and the quiet hours are town time.
    """

    __tablename__ = "learning_group"
    __table_args__ = (
        CheckConstraint(f"channel in {CHANNELS}", name="channel"),
        CheckConstraint("send_at < deadline", name="hours"),
        CheckConstraint("open_from < open_until", name="open"),
        CheckConstraint("address is not null or channel in ('relay', 'console')", name="address"),
        Index(
            "learning_group_name_key",
            "org_id",
            "name",
            unique=True,
            postgresql_where=sql("ended_at is null"),
        ),
        Index(
            "learning_group_address_key",
            "channel",
            "address",
            unique=True,
            postgresql_where=sql("ended_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    name: Mapped[str] = mapped_column(Text)
    org_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    channel: Mapped[str] = mapped_column(Text)
    address: Mapped[str | None] = mapped_column(Text)
    send_at: Mapped[time]
    deadline: Mapped[time]
    open_from: Mapped[time]
    open_until: Mapped[time]
    # What the platform has taken away: a QQ group that refuses proactive messages is relayed.
    relayed_since: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_reason: Mapped[str | None] = mapped_column(Text)


class Delivery(Model):
    """One group's message of one day: sent at most once, whatever happens.

    `planned → claimed → sent | handed_over | failed | unknown`, `planned → skipped`;
    `handed_over` waits for a person (a forwarding tutor, a confirming owner) until `deadline_at`.
    `version` is the wording that was planned or sent; a planned one waits until `next_try_at`.
    `clicks` and `learned` count; who came from which group is not stored.
    """

    __tablename__ = "delivery"
    __table_args__ = (
        CheckConstraint(f"state in {DELIVERY_STATES}", name="state"),
        CheckConstraint(f"channel in {CHANNELS}", name="channel"),
        CheckConstraint("clicks >= 0 and learned >= 0", name="counts"),
        # A village's own push replaces the town's: never two messages a day.
        UniqueConstraint("group_id", "local_day"),
        Index("delivery_due_idx", "next_try_at", postgresql_where=sql("state = 'planned'")),
        Index("delivery_state_idx", "state", "claimed_at"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    manuscript_id: Mapped[int] = mapped_column(ForeignKey("manuscript.id"), index=True)
    version: Mapped[int] = mapped_column(default=1, server_default=sql("1"))
    group_id: Mapped[int] = mapped_column(ForeignKey("learning_group.id"))
    local_day: Mapped[date]
    channel: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    due_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    deadline_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    next_try_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    claimed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # The platform's own name of it: a task's msgid, a message's id.
    platform_ref: Mapped[str | None] = mapped_column(Text)
    proof: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)
    reminded_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    escalated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    clicks: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    learned: Mapped[int] = mapped_column(default=0, server_default=sql("0"))


class DeliveryAct(Model):
    """What a person ordered about a delivery, with the reason. Append-only."""

    __tablename__ = "delivery_act"
    __table_args__ = (CheckConstraint("act in ('sent', 'retry', 'give_up')", name="act"),)

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    delivery_id: Mapped[int] = mapped_column(ForeignKey("delivery.id"), index=True)
    act: Mapped[str] = mapped_column(Text)
    from_state: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"))
    reason: Mapped[str] = mapped_column(Text)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Publication(Model):
    """The way of one issue through one account; every state is one from which the job goes on.

    `preparing → drafted → submitting → submitted → published | failed | unknown`, or
    `drafted → by_hand → published | failed`. `submitting` after a crash is in doubt: app/push/
    publications.py says how it is settled without publishing twice. `checks` counts the polls.
    """

    __tablename__ = "publication"
    __table_args__ = (
        CheckConstraint(f"state in {PUBLICATION_STATES}", name="state"),
        CheckConstraint(f"method in {METHODS}", name="method"),
        UniqueConstraint("appid", "job_id"),
        Index("publication_next_idx", "next_at", postgresql_where=sql("next_at is not null")),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    manuscript_id: Mapped[int] = mapped_column(ForeignKey("manuscript.id"), unique=True)
    version: Mapped[int]
    appid: Mapped[str] = mapped_column(Text)
    method: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    # 0 for the first try; a person's "try again" begins the next one, with another clientmsgid.
    attempt: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    draft_media_id: Mapped[str | None] = mapped_column(Text)
    job_id: Mapped[str | None] = mapped_column(Text)
    article_id: Mapped[str | None] = mapped_column(Text)
    urls: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=sql("'{}'"))
    status: Mapped[str | None] = mapped_column(Text)
    detail: Mapped[str | None] = mapped_column(Text)
    claimed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    submitted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    settled_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    checks: Mapped[int] = mapped_column(default=0, server_default=sql("0"))
    next_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
