"""Manuscripts in any state, and pictures, for tests. Names are made up."""

import io
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from PIL import Image
from sqlalchemy.ext.asyncio import AsyncSession

from app.editorial import desk
from app.editorial.models import Manuscript
from app.editorial.rules import Kind

NUMBERS = count(1)
REVIEWS = ("first_review", "second_review", "final_review")


def article(**facts: Any) -> dict[str, Any]:
    usual = {"title": "反诈三问", "author": "", "digest": "", "markdown": "先问一问。", "cover": 1}
    return {**usual, **facts}


def issue(*articles: dict[str, Any]) -> dict[str, Any]:
    return {"articles": list(articles or [article()])}


def picture(
    kind: str = "PNG", size: tuple[int, int] = (8, 6), colour: str = "red", **parts: Any
) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, colour).save(out, kind, **parts)
    return out.getvalue()


async def make_manuscript(
    session: AsyncSession,
    state: str = "draft",
    *,
    org_id: int,
    author_id: int,
    reviewers: tuple[int, int, int],
    kind: Kind = "issue",
    body: dict[str, Any] | None = None,
    now: datetime,
) -> Manuscript:
    """One that went the usual way to this state, reviewed by these three."""
    made = await desk.write(
        session,
        kind=kind,
        key=f"{kind}:{next(NUMBERS)}",
        org_id=org_id,
        author_id=author_id,
        body=body or issue(),
        now=now,
    )
    which: dict[str, Any] = {"manuscript_id": made.id}
    if state == "withdrawn":
        await desk.withdraw(session, **which, by_id=author_id, reason="不发了", now=now)
    if state in {"draft", "withdrawn"}:
        return made
    await desk.submit(session, **which, by_id=author_id, now=now)
    for due, reviewer in zip(REVIEWS, reviewers, strict=True):
        if state == due:
            return made
        await desk.review(
            session, **which, by_id=reviewer, decision="approve", digest=made.digest, now=now
        )
    if state == "approved":
        return made
    await desk.schedule(session, **which, by_id=author_id, at=now + timedelta(hours=1), now=now)
    if state == "scheduled":
        return made
    await desk.begin(session, **which, now=now)
    if state in {"published", "failed", "unknown"}:
        await desk.settle(session, **which, state=state, outcome={}, by_id=None, now=now)  # type: ignore[arg-type]  # the test names it
    return made
