"""A letter's way out: by which route, to which address, with which words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Self

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.settings import Settings
from app.people import queries as people
from app.people.models import Identity
from app.push import letters, notice_values, routes
from app.push.models import Letter
from app.push.rules import Route


@dataclass(frozen=True)
class Senders:
    """Through whom letters go: the appids, the company, and the mini-program's templates by kind.

    `keys` are a template's own keys for what, when and note, where they are not the usual ones.
    """

    oa: str
    mini: str
    corp: str | None = None
    templates: Mapping[str, str] = field(default_factory=dict)
    keys: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        return cls(
            oa=settings.wechat.oa.appid,
            mini=settings.wechat.mini.appid,
            corp=settings.wecom.corp_id,
            templates=settings.push.notice_templates,
            keys=settings.push.notice_keys,
        )


@dataclass(frozen=True)
class Envelope:
    """One call to make. `address` is an openid, or a member's userid at WeCom.

    `template_id`, `page` and `values` are those of a notice; the other routes carry `text`.
    """

    letter_id: int
    route: Route
    address: str
    text: str
    template_id: str | None = None
    page: str = ""
    values: Mapping[str, str] = field(default_factory=dict)


async def claim(
    session: AsyncSession, *, letter_id: int, senders: Senders, now: datetime
) -> Envelope | None:
    """Take a letter for sending by its first open route; None if it is not to be sent (now)."""
    letter = await session.get(Letter, letter_id)
    if letter is None:
        return None
    person_id = await people.resolve_alias(session, letter.person_id)
    known = await people.list_identities(session, person_id)
    newest = _wrote_last(known, senders.oa)
    member = next((one for one in known if one.appid == senders.corp), None)
    ways = routes.Ways(
        window_opened_at=newest.last_seen_at if newest else None,
        identity_ids=[one.id for one in known if one.appid == senders.mini],
        template_id=senders.templates.get(letter.kind),
        wecom=member is not None,
    )
    claimed = await letters.claim(session, letter_id=letter_id, ways=ways, now=now)
    if claimed is None:
        return None
    words = claimed.letter.text
    if claimed.route == "custom" and newest is not None:
        return Envelope(letter_id, "custom", newest.openid, words)
    if claimed.route == "wecom_app" and member is not None:
        return Envelope(letter_id, "wecom_app", member.openid, words)
    allowed = next(one for one in known if one.id == claimed.identity_id)
    keys = senders.keys.get(letter.kind, notice_values.KEYS)
    return Envelope(
        letter_id,
        "notice",
        allowed.openid,
        words,
        template_id=ways.template_id,
        page=letter.page or "",
        values=notice_values.fill(letter.values or {}, keys),
    )


def _wrote_last(known: Sequence[Identity], appid: str) -> Identity | None:
    """The follower who wrote to this account last: their window is the longest open."""
    followed = [one for one in known if one.appid == appid and one.subscribed]
    return max(
        (one for one in followed if one.last_seen_at is not None),
        key=lambda one: one.last_seen_at or one.created_at,
        default=None,
    )
