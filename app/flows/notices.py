"""Telling a person something: which routes a kind of letter may take, and whom a role means."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.people import offices
from app.push import letters, notice_values
from app.push.letters import Draft
from app.push.models import Letter
from app.push.rules import Route

Kind = Literal["duty", "lesson", "activity", "honour", "answer"]
ROUTES: Mapping[Kind, tuple[Route, ...]] = {
    "duty": ("custom", "notice", "wecom_app"),
    "lesson": ("notice",),
    "activity": ("notice", "custom"),
    "honour": ("custom", "notice"),
    "answer": ("custom",),
}
"""A reminder to learn goes only where it was asked for; what costs no consent comes first, except
for an activity, where the consent was given for this very reminder."""
PAGE = "pages/index/index"
NOTES: Mapping[Kind, str] = {
    "duty": "请打开首善学堂，查看待办",
    "lesson": "几分钟就能学完",
    "activity": "请准时参加",
    "honour": "继续学习，天天进步",
    "answer": "请打开首善学堂查看",
}


async def tell(
    session: AsyncSession,
    *,
    key: str,
    person_id: int,
    kind: Kind,
    text: str,
    page: str | None = None,
    values: dict[str, str] | None = None,
    now: datetime,
) -> Letter | None:
    """Leave a letter by the routes of its kind; None if one with this key was left before.

    `values` (what, when, note: `notice_values.describe`) are what a subscription message can hold
    of it; absent, the text's first line stands for it.
    """
    draft = letter(
        key=key, person_id=person_id, kind=kind, text=text, page=page, values=values, now=now
    )
    return await letters.write(session, **vars(draft), now=now)


def letter(
    *,
    key: str,
    person_id: int,
    kind: Kind,
    text: str,
    page: str | None = None,
    values: dict[str, str] | None = None,
    now: datetime,
) -> Draft:
    """What `tell` leaves, for those who tell many at once (`letters.write_many`)."""
    return Draft(
        key=key,
        person_id=person_id,
        kind=kind,
        text=text,
        routes=ROUTES[kind],
        page=page or PAGE,
        values=values or in_short(kind, text, now),
    )


async def tell_role(
    session: AsyncSession, *, key: str, role: str, org_id: int, text: str, now: datetime
) -> list[int]:
    """A duty for everybody who holds this role over the organisation; their ids, nearest first."""
    holders = await offices.holders_of(session, role=role, org_id=org_id, day=local_day(now))
    for person_id in holders:
        await tell(
            session, key=f"{key}:{person_id}", person_id=person_id, kind="duty", text=text, now=now
        )
    return holders


def in_short(kind: Kind, text: str, now: datetime) -> dict[str, str]:
    first = next((line for line in text.splitlines() if line.strip()), "")
    return notice_values.describe(what=first, when=now, note=NOTES[kind])
