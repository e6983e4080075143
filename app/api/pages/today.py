"""The first page: today's lesson and one button; for who is not signed in, what this is."""

from datetime import datetime, timedelta
from typing import NamedTuple

from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Now, SessionDep, public
from app.api.pages.doors import MaybeVisit
from app.api.pages.frame import WEEKDAYS, day, render, when
from app.api.pages.purse import promised, purse_of
from app.api.pages.router import page_router
from app.content import queries as content
from app.core.clock import TOWN, local_day, period_of
from app.credit_bank.statements import duration_text
from app.flows.lessons import todays_lesson
from app.learning import activities
from app.learning import queries as learning
from app.learning import rules as learning_rules
from app.people import consents
from app.people import queries as people
from app.push.mailbox import list_letters

router = page_router()
GREETINGS = (
    (5, "夜深了"),
    (9, "早上好"),
    (12, "上午好"),
    (14, "中午好"),
    (18, "下午好"),
    (24, "晚上好"),
)
"""Until this hour."""
FRESH = timedelta(days=3)
SHOWN_LESSONS = 6


class Told(NamedTuple):
    """Something to know now, and where it leads."""

    icon: str
    title: str
    text: str
    path: str
    link: str


@router.get("/")
@public
async def show_today(
    request: Request, visit: MaybeVisit, session: SessionDep, now: Now
) -> Response:
    if visit is None:
        page = await content.list_lessons(session, limit=SHOWN_LESSONS)
        return render(
            request, "resident/welcome.html", lessons=page.items, more=page.next is not None
        )
    person_id, today = visit.actor.person_id, local_day(now)
    opened = await todays_lesson(session, person_id=person_id, now=now)
    progress = learning.progress_of(opened.study) if opened else None
    next_id = None
    if opened and progress and progress.completed_at:
        learned = await learning.learned_lesson_ids(session, person_id=person_id)
        found = await content.newest_unlearned_id(session, learned=learned)
        next_id = None if found in learned else found
    monday, _ = period_of("week", today)
    days = set(
        await learning.learned_days(session, person_id=person_id, since=today - timedelta(days=100))
    )
    week = [
        (WEEKDAYS[index], monday + timedelta(days=index) in days, index == today.weekday())
        for index in range(7)
    ]
    return render(
        request,
        "resident/today.html",
        greeting=greeting(now),
        today=day(today),
        lesson=opened.lesson if opened else None,
        progress=progress,
        time_said=duration_text(progress.seconds) if progress else "",
        worth=await _worth(session, opened.lesson.required_seconds if opened else 0, now),
        next_id=next_id,
        week=week,
        learned=sum(done for _, done, _ in week),
        streak=learning_rules.streak(days, today),
        purse=await purse_of(session, person_id=person_id),
        told=await told_to(session, person_id=person_id, now=now),
    )


@router.get("/about")
@public
async def show_about(request: Request, visit: MaybeVisit) -> Response:
    """Who answers for this, what is kept of whom, where to complain."""
    return render(request, "resident/about.html", signed_in=visit is not None)


def greeting(now: datetime) -> str:
    hour = now.astimezone(TOWN).hour
    return next(words for until, words in GREETINGS if hour < until)


async def told_to(session: AsyncSession, *, person_id: int, now: datetime) -> list[Told]:
    """At most three things, the most pressing first."""
    told = []
    selves = await people.list_selves(session, person_id)
    coming = await activities.list_upcoming(
        session, person_ids=selves, cursor=None, limit=20, now=now
    )
    for activity, signed_up in coming.items:
        if signed_up and activity.starts_at < now + FRESH:
            text = f"{when(activity.starts_at)} 开始，您报了名。"
            told.append(Told("calendar", activity.title, text, "/activities", "看活动"))
    person = await people.get_person(session, person_id)
    if person.org_id is None and person.unit_id is None:
        text = "选好以后，您学到的也算进村（社区）里。"
        told.append(Told("home", "还没有选您住的村（社区）", text, "/me/profile", "去选"))
    agreed = await consents.current(session, person_id=person_id, purpose="service")
    if agreed is None or agreed.version != consents.PURPOSES["service"].version:
        text = "看一看，同意的点一下；随时可以收回。"
        told.append(Told("check", "我们保存您的什么，请您过目", text, "/me/consents", "去看"))
    letters = await list_letters(session, person_id=person_id, cursor=None, limit=1)
    told += [
        Told("certificate", first_line(letter.text), "", "/me/letters", "看通知")
        for letter in letters.items
        if letter.made_at > now - FRESH
    ]
    return told[:3]


def first_line(text: str) -> str:
    """Without the picture that it begins with in a chat."""
    return text.strip().splitlines()[0].lstrip("🎉 ")


async def _worth(session: AsyncSession, seconds: int, now: datetime) -> str:
    return await promised(session, seconds=seconds, day=local_day(now)) if seconds else ""
