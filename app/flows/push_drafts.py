"""Writing a day's push: by staff, or by the service on the evening before."""

from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.core.clock import local_day
from app.core.errors import Conflict, Invalid
from app.editorial import desk, keys, queries, steps
from app.editorial.errors import ManuscriptExists
from app.editorial.models import Manuscript
from app.flows import editorial, push_alerts
from app.flows.daily_push import push_key
from app.flows.push_alerts import NOT_APPROVED, missing_key
from app.push import planning
from app.push.texts import PUSH_TEXT_MAX

AHEAD = timedelta(days=60)
MOVABLE = ("draft", "first_review", "second_review", "final_review", "approved")
"""What is scheduled has its groups planned: it is withdrawn, and written anew for another day."""


class PushDateUnsuitable(Invalid):
    title = f"推送日期应在今天和 {AHEAD.days} 天之内"


class DayTaken(Conflict):
    """Facts: `date`."""

    title = "这一天已经有推送了，请换一天"


class PushTextUnsuitable(Invalid):
    title = f"推送语应为 1–{PUSH_TEXT_MAX} 个字"


async def write(
    session: AsyncSession,
    *,
    day: date,
    org_id: int,
    lesson_id: int,
    text: str,
    author_id: int | None,
    now: datetime,
) -> Manuscript:
    """The draft of an organisation's push of a day; the same again is the first.

    One that was withdrawn makes room. Raises LessonNotFound, PushDateUnsuitable,
    PushTextUnsuitable, ManuscriptExists.
    """
    body = await _body(session, day=day, lesson_id=lesson_id, text=text, now=now)
    await keys.release(session, key=push_key(org_id, day))
    return await desk.write(
        session,
        kind="push",
        key=push_key(org_id, day),
        org_id=org_id,
        author_id=author_id,
        body=body,
        flags=editorial.flags_of(body),
        now=now,
    )


async def change(
    session: AsyncSession,
    *,
    manuscript_id: int,
    lesson_id: int,
    text: str,
    by_id: int,
    based_on: str | None,
    now: datetime,
) -> Manuscript:
    """Another lesson or other words for the same day: back to draft, the reviews begin again.

    So does what was withdrawn before it reached anybody: a day has one push.
    """
    before = await queries.body_of(session, manuscript_id=manuscript_id)
    day = date.fromisoformat(before["date"])
    body = await _body(session, day=day, lesson_id=lesson_id, text=text, now=now)
    return await editorial.change(
        session, manuscript_id=manuscript_id, body=body, by_id=by_id, based_on=based_on, now=now
    )


async def move(
    session: AsyncSession,
    *,
    manuscript_id: int,
    day: date,
    by_id: int,
    based_on: str | None,
    now: datetime,
) -> Manuscript:
    """To another day that is free: the day was reviewed too, so the reviews begin again.

    Raises DayTaken, NotInThisState, DigestStale, LessonNotFound, PushDateUnsuitable.
    """
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    body = await queries.body_of(session, manuscript_id=manuscript_id)
    if body["date"] == day.isoformat():
        return manuscript
    steps.require(manuscript, MOVABLE)
    before = date.fromisoformat(body["date"])
    key = push_key(manuscript.org_id, day)
    await keys.release(session, key=key)
    moved = await _body(session, day=day, lesson_id=body["lesson_id"], text=body["text"], now=now)
    try:
        manuscript = await editorial.change(
            session,
            manuscript_id=manuscript_id,
            body=moved,
            by_id=by_id,
            based_on=based_on,
            key=key,
            now=now,
        )
    except ManuscriptExists as error:
        raise DayTaken(date=day.isoformat()) from error
    # It may have been scheduled for its old day before it became a draft again.
    why = f"改到 {day.month}月{day.day}日"
    await planning.drop_planned(session, manuscript_id=manuscript_id, why=why, now=now)
    if before >= local_day(now):
        await planning.plan(session, day=before, now=now)
    facts = {"from": before.isoformat(), "to": day.isoformat()}
    await editorial.note_act(session, manuscript, "issue.move", facts, by_id=by_id, now=now)
    return manuscript


async def list_undrafted(session: AsyncSession, *, day: date) -> list[int]:
    """The towns with groups whose push of this day nobody has written, by id."""
    written = select(Manuscript.key).where(
        Manuscript.kind == "push", Manuscript.key.like(f"push:%:{day.isoformat()}")
    )
    keys = set(await session.scalars(written))
    towns = await planning.towns_with_groups(session)
    return [org_id for org_id in towns if push_key(org_id, day) not in keys]


async def draft(session: AsyncSession, *, org_id: int, day: date, now: datetime) -> int | None:
    """An organisation's push of a day, submitted; None if there is one, or no lesson to push."""
    written = select(Manuscript.id).where(Manuscript.key == push_key(org_id, day))
    if await session.scalar(written) is not None:
        return None
    lesson_id = await planning.next_lesson_id(session, org_id=org_id)
    if lesson_id is None:
        await push_alerts.open_for_admin(
            session,
            key=missing_key(org_id, day),
            kind=NOT_APPROVED,
            org_id=org_id,
            day=day,
            title=f"{day.month}月{day.day}日没有可以推送的课程",
            text="请先发布课程，再写当天的推送。",
            manuscript_id=None,
            now=now,
        )
        return None
    lesson = await content.get_lesson(session, lesson_id=lesson_id)
    manuscript = await write(
        session,
        day=day,
        org_id=org_id,
        lesson_id=lesson_id,
        text=(lesson.summary or lesson.title)[:PUSH_TEXT_MAX],
        author_id=None,
        now=now,
    )
    # This also asks the editors for the first review.
    await editorial.submit(session, manuscript_id=manuscript.id, by_id=None, now=now)
    return manuscript.id


async def _body(
    session: AsyncSession, *, day: date, lesson_id: int, text: str, now: datetime
) -> dict[str, Any]:
    """Bound to the lesson's version on show now: another version is not what was reviewed."""
    text = text.strip()
    if not 0 < len(text) <= PUSH_TEXT_MAX:
        raise PushTextUnsuitable(limit=PUSH_TEXT_MAX)
    if not local_day(now) <= day <= local_day(now) + AHEAD:
        raise PushDateUnsuitable
    lesson = await content.get_lesson(session, lesson_id=lesson_id)
    return {
        "date": day.isoformat(),
        "lesson_id": lesson.id,
        "lesson_version_id": lesson.version_id,
        "text": text,
    }
