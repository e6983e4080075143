"""Writing a day's push: by staff, or by the service on the evening before."""

from datetime import date, datetime, time, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.core.clock import TOWN, local_day
from app.core.errors import Conflict, Invalid
from app.editorial import desk, queries, steps
from app.editorial.errors import ManuscriptExists
from app.editorial.models import Manuscript
from app.flows import editorial, notices
from app.flows.daily_push import DAY, NOT_APPROVED, list_pushes, push_key
from app.people import queries as people
from app.push import planning, tasks
from app.push.texts import PUSH_TEXT_MAX

AHEAD = timedelta(days=60)
EVENING = time(20, 30)
"""By then tomorrow's push has its three reviews, or the administrator hears of it."""
LAST_CALL = timedelta(hours=1)
"""Before the first group's hour."""
IN_REVIEW = ("draft", "first_review", "second_review", "final_review")
MOVABLE = (*IN_REVIEW, "approved")
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
    await desk.release_key(session, key=push_key(org_id, day))
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
    """Another lesson or other words for the same day: back to draft, the reviews begin again."""
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
    await desk.release_key(session, key=key)
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


async def draft_tomorrow(session: AsyncSession, *, due_at: datetime, now: datetime) -> list[int]:
    """For every town with groups whose push of the next day nobody has written: one, submitted.

    A run that comes only on the day itself still drafts for it; a later one is void.
    """
    day = local_day(due_at) + DAY
    if day < local_day(now):
        return []
    drafted = []
    for org_id in await planning.towns_with_groups(session):
        written = select(Manuscript.id).where(Manuscript.key == push_key(org_id, day))
        if await session.scalar(written) is not None:
            continue
        lesson_id = await planning.next_lesson_id(session, org_id=org_id)
        if lesson_id is None:
            await _nothing_to_push(session, org_id, day, now=now)
            continue
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
        drafted.append(manuscript.id)
    return drafted


async def warn_unapproved(session: AsyncSession, *, now: datetime) -> None:
    """The administrator gets a task in the evening before, and one more in the last hour."""
    today = local_day(now)
    if now.astimezone(TOWN).time() >= EVENING:
        for manuscript_id in await list_pushes(session, day=today + DAY, states=IN_REVIEW):
            await _warn(session, manuscript_id, today + DAY, "evening", now=now)
    for manuscript_id in await list_pushes(session, day=today, states=IN_REVIEW):
        manuscript = await queries.get(session, manuscript_id)
        first = await planning.first_send_at(session, org_id=manuscript.org_id, day=today)
        if first is not None and now >= first - LAST_CALL:
            await _warn(session, manuscript_id, today, "morning", now=now)


async def _warn(
    session: AsyncSession, manuscript_id: int, day: date, when: str, *, now: datetime
) -> None:
    manuscript = await queries.get(session, manuscript_id)
    org = await people.get_organisation(session, manuscript.org_id)
    title = f"{org.name} {day.month}月{day.day}日的学习推送还没有通过三审"
    text = "请督促审稿；不通过，当天的群就没有推送。"
    await _ask(
        session,
        key=f"{NOT_APPROVED}:{manuscript_id}:{when}",
        org_id=manuscript.org_id,
        day=day,
        title=title,
        text=text,
        manuscript_id=manuscript_id,
        now=now,
    )


async def _nothing_to_push(session: AsyncSession, org_id: int, day: date, *, now: datetime) -> None:
    await _ask(
        session,
        key=f"{NOT_APPROVED}:{org_id}:{day}",
        org_id=org_id,
        day=day,
        title=f"{day.month}月{day.day}日没有可以推送的课程",
        text="请先发布课程，再写当天的推送。",
        manuscript_id=None,
        now=now,
    )


async def _ask(
    session: AsyncSession,
    *,
    key: str,
    org_id: int,
    day: date,
    title: str,
    text: str,
    manuscript_id: int | None,
    now: datetime,
) -> None:
    first = await planning.first_send_at(session, org_id=org_id, day=day)
    opened = await tasks.open_task(
        session,
        key=key,
        kind=NOT_APPROVED,
        org_id=org_id,
        person_id=None,
        role="admin",
        title=title,
        text=text,
        due_at=first or now,
        manuscript_id=manuscript_id,
        now=now,
    )
    if opened is not None:
        await notices.tell_role(
            session, key=key, role="admin", org_id=org_id, text=f"{title}\n{text}", now=now
        )


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
