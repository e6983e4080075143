"""Reminders that people asked for: today's lesson, an activity of tomorrow.

Each works through one batch and says where the next begins, so that a town of a million is many
short transactions and a repetition (keys!) leaves nothing twice.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.core.clock import local_day, local_text
from app.flows.lessons import planned_for
from app.flows.notices import NOTES, PAGE, ROUTES, Kind
from app.learning import activities
from app.learning import queries as learning
from app.people import queries as people
from app.push import letters, notice_values, permits

BATCH = 500
ANY_LESSON = "今日一课"


async def remind_learners(
    session: AsyncSession, *, appid: str, template_id: str, after: int = 0, now: datetime
) -> int | None:
    """Who allowed it and has not learned today's lesson gets one notice about it.

    `appid` is the mini-program's; `after` the last person of the batch before; None: no more.
    """
    today = local_day(now)
    askers = await permits.list_askers(
        session, appid=appid, template_id=template_id, after=after, limit=BATCH
    )
    planned = await _planned({one.places for one in askers}, session, now)
    wanted = {one.person_id: planned[one.places] for one in askers}
    learned = await learning.who_learned(
        session,
        person_ids=list(wanted),
        day=today,
        lesson_ids=[lesson[0] for lesson in planned.values() if lesson is not None],
    )
    drafts = [
        _draft(
            "lesson",
            key=f"lesson-reminder:{today}:{person_id}",
            person_id=person_id,
            text=f"今天的课还没有学：{lesson[1] if lesson else ANY_LESSON}",
            what=lesson[1] if lesson else ANY_LESSON,
            when=now,
        )
        for person_id, lesson in wanted.items()
        # Without a plan anything learned today is today's lesson.
        if (person_id, lesson[0] if lesson else None) not in learned
    ]
    await letters.write_many(session, drafts, now=now)
    return askers[-1].person_id if len(askers) == BATCH else None


async def remind_guests(
    session: AsyncSession, *, after: tuple[int, int] = (0, 0), now: datetime
) -> tuple[int, int] | None:
    """Who signed up for an activity of tomorrow is reminded of it, once."""
    tomorrow = local_day(now + timedelta(days=1))
    guests = await activities.list_guests(session, day=tomorrow, after=after, limit=BATCH)
    kept = await people.resolve_aliases(session, [person_id for _, person_id in guests])
    drafts = {
        (activity.id, kept[guest]): _draft(
            "activity",
            key=f"activity-reminder:{activity.id}:{kept[guest]}",
            person_id=kept[guest],
            text=f"您报名的活动「{activity.title}」将于{local_text(activity.starts_at)}开始。",
            what=activity.title,
            when=activity.starts_at,
        )
        for activity, guest in guests
    }
    await letters.write_many(session, list(drafts.values()), now=now)
    return (guests[-1][0].id, guests[-1][1]) if len(guests) == BATCH else None


async def _planned(
    places: Iterable[tuple[int | None, int | None]], session: AsyncSession, now: datetime
) -> dict[tuple[int | None, int | None], tuple[int, str] | None]:
    """(home, unit) → today's planned lesson, with its title."""
    found: dict[tuple[int | None, int | None], tuple[int, str] | None] = {}
    for place in places:
        lesson_id = await planned_for(session, org_ids=place, now=now)
        found[place] = None
        if lesson_id is not None:
            lesson = await content.get_lesson(session, lesson_id=lesson_id)
            found[place] = (lesson_id, lesson.title)
    return found


def _draft(
    kind: Kind, *, key: str, person_id: int, text: str, what: str, when: datetime
) -> letters.Draft:
    values = notice_values.describe(what=what, when=when, note=NOTES[kind])
    return letters.Draft(key, person_id, kind, text, ROUTES[kind], PAGE, values)
