"""Persons, what WeChat calls them, where they belong and what they may do.

All personal data of the service stands in these tables; other packages keep person ids only.
"""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    Text,
    UniqueConstraint,
    text,
)
from sqlalchemy import Identity as Numbered
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Model
from app.people.rules import KINDS, ROLES


class Organisation(Model):
    """A node of the tree, of any depth. `lineage` holds the ids from the root down to itself."""

    __tablename__ = "organisation"
    __table_args__ = (
        CheckConstraint(f"kind in {tuple(KINDS)}", name="kind"),
        CheckConstraint("char_length(name) between 1 and 50", name="name"),
        # Empty only between the two statements of an import.
        CheckConstraint(
            "cardinality(lineage) = 0 or lineage[cardinality(lineage)] = id", name="lineage"
        ),
        Index(None, "lineage", postgresql_using="gin"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    code: Mapped[str] = mapped_column(Text, unique=True)
    name: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    # As imported: the parent itself may arrive later.
    parent_code: Mapped[str | None] = mapped_column(Text)
    lineage: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))


class Person(Model):
    """Someone, known by as little as possible. After erasure the id alone is left."""

    __tablename__ = "person"
    __table_args__ = (
        CheckConstraint("char_length(name) between 1 and 20", name="name"),
        CheckConstraint("birth_year between 1900 and 2999", name="birth_year"),
        CheckConstraint("merged_into_id <> id", name="not_into_itself"),
        CheckConstraint(
            "erased_at is null or (name is null and org_id is null and unit_id is null"
            " and birth_year is null and not rank_visible)",
            name="erased",
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    org_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    # Who said where this person lives: NULL for the person, else the tutor who corrected it.
    org_stated_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    org_stated_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    rank_visible: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    birth_year: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    erased_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class Identity(Model):
    """One openid of one account, and whether its holder follows it."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("appid", "openid"),)

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    appid: Mapped[str] = mapped_column(Text)
    openid: Mapped[str] = mapped_column(Text)
    unionid: Mapped[str | None] = mapped_column(Text, index=True)
    subscribed: Mapped[bool] = mapped_column(default=False, server_default=text("false"))
    subscribed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    unsubscribed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    # Their last message to us, which lets us write to them for 48 hours.
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))


class Merge(Model):
    """Two persons found to be one; `identity_ids` and `taken` are what an undoing gives back."""

    __tablename__ = "merge"
    __table_args__ = (
        CheckConstraint("kept_id <> merged_id", name="two_persons"),
        Index(
            "merge_standing_key",
            "merged_id",
            unique=True,
            postgresql_where=text("undone_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    kept_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    merged_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    identity_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger))
    # The columns of person that were empty in the kept one and filled from the other.
    taken: Mapped[list[str]] = mapped_column(ARRAY(Text))
    reason: Mapped[str] = mapped_column(Text)
    # NULL: automatic, by unionid.
    ordered_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    undone_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    undone_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))


class Office(Model):
    """A role somebody holds at an organisation on the days [since_on, until_on)."""

    __tablename__ = "office"
    __table_args__ = (
        CheckConstraint(f"role in {tuple(ROLES)}", name="role"),
        CheckConstraint("until_on >= since_on", name="term"),
        Index(
            "office_open_key",
            "person_id",
            "role",
            "org_id",
            unique=True,
            postgresql_where=text("until_on is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    role: Mapped[str] = mapped_column(Text)
    org_id: Mapped[int] = mapped_column(ForeignKey("organisation.id"), index=True)
    title: Mapped[str | None] = mapped_column(Text)
    since_on: Mapped[date]
    until_on: Mapped[date | None]
    # NULL: by the operator's command line.
    granted_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    granted_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    ended_by_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    ended_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    ended_reason: Mapped[str | None] = mapped_column(Text)


class Consent(Model):
    """What somebody agreed to, in which version, and until when."""

    __tablename__ = "consent"
    __table_args__ = (
        CheckConstraint("guardian_id <> person_id", name="guardian"),
        Index(
            "consent_open_key",
            "person_id",
            "purpose",
            "version",
            unique=True,
            postgresql_where=text("withdrawn_at is null"),
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    purpose: Mapped[str] = mapped_column(Text)
    version: Mapped[int]
    given_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    withdrawn_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    guardian_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    # Where a consent on paper is kept, when the guardian is not a user.
    guardian_note: Mapped[str | None] = mapped_column(Text)


class Session(Model):
    """A signed-in device: an `api` token or a `web` cookie. Only the secret's SHA-256 is kept."""

    __tablename__ = "person_token"
    __table_args__ = (
        CheckConstraint("kind in ('api', 'web')", name="kind"),
        CheckConstraint("octet_length(digest) = 32", name="digest"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    # What the browser calls itself: shown to its owner as a device's name.
    user_agent: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    last_used_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class SignInTicket(Model):
    """A way to be signed in once. Only the secret's SHA-256 is kept.

    `link` and `web_view` are made for a person. A `scan` belongs to a browser, which holds the
    secret; `code` is what its picture shows, and `person_id` who scanned it.
    """

    __tablename__ = "sign_in_ticket"
    __table_args__ = (
        CheckConstraint("kind in ('link', 'web_view', 'scan')", name="kind"),
        CheckConstraint("state in ('waiting', 'confirmed', 'used')", name="state"),
        CheckConstraint("octet_length(digest) = 32", name="digest"),
        CheckConstraint("(kind = 'scan') = (code is not null)", name="code"),
        CheckConstraint(
            "person_id is not null or (kind = 'scan' and state = 'waiting')", name="person"
        ),
    )

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    code: Mapped[str | None] = mapped_column(Text, unique=True)
    kind: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"), index=True)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), index=True)
    expires_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    confirmed_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    used_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))


class StaffAct(Model):
    """The audit log: what somebody with an office did. A trigger refuses every change of a row."""

    __tablename__ = "staff_act"
    __table_args__ = (Index(None, "person_id", "id"), Index(None, "subject", "id"))

    id: Mapped[int] = mapped_column(BigInteger, Numbered(), primary_key=True)
    # NULL: by the operator's command line.
    person_id: Mapped[int | None] = mapped_column(ForeignKey("person.id"))
    act: Mapped[str] = mapped_column(Text)
    # `kind:id`, e.g. person:7. Ids only: the row outlasts an erasure.
    subject: Mapped[str] = mapped_column(Text)
    facts: Mapped[dict[str, Any]] = mapped_column(JSONB)
    made_at: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    request_id: Mapped[str | None] = mapped_column(Text)
