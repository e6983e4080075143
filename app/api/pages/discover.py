"""发现: every lesson by words or platform, and what is coming in places."""

from typing import Annotated
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.activities import ActivityId
from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep, public
from app.api.pages.doors import MaybeVisit, WebPerson, go
from app.api.pages.frame import day, render, when
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.content import queries as content
from app.content.platforms import PLATFORM_NAMES, PLATFORMS
from app.content.rules import QUERY_LENGTH_MAX
from app.core.clock import TOWN, local_day
from app.learning import activities
from app.learning import queries as learning
from app.learning.models import Activity
from app.people import queries as people

router = page_router()
ROWS, COMING = 15, 3


@router.get("/discover")
@public
async def show_discover(
    request: Request,
    visit: MaybeVisit,
    session: SessionDep,
    now: Now,
    q: Annotated[str, Query(max_length=QUERY_LENGTH_MAX)] = "",
    platform: Annotated[str | None, Query(max_length=20), EmptyIsAbsent] = None,
    cursor: Cursor = None,
) -> Response:
    """Open to everybody; with one's own progress for who is signed in."""
    platform = platform if platform in PLATFORM_NAMES else None
    page = await content.list_lessons(session, platform=platform, q=q, cursor=cursor, limit=ROWS)
    mine: dict[int, learning.Progress] = {}
    coming: list[dict[str, object]] = []
    if visit is not None:
        person_id = visit.actor.person_id
        mine = await learning.list_progress(
            session, person_id=person_id, lesson_ids=[one.id for one in page.items]
        )
        if not (q or platform or cursor):
            coming, _ = await _coming(
                session, person_id=person_id, cursor=None, limit=COMING, now=now
            )
    chosen = {"q": q, "platform": platform or ""}
    return render(
        request,
        "resident/discover.html",
        q=q,
        q_length_max=QUERY_LENGTH_MAX,
        platforms=[
            (one, "/discover?" + urlencode({"q": q, "platform": one.name})) for one in PLATFORMS
        ],
        platform=next((one for one in PLATFORMS if one.name == platform), None),
        lessons=[(one, mine.get(one.id)) for one in page.items],
        coming=coming,
        first="/discover?" + urlencode(chosen) if cursor else "",
        further="/discover?" + urlencode({**chosen, "cursor": page.next}) if page.next else "",
    )


@router.get("/activities")
async def show_activities(
    request: Request, person: WebPerson, session: SessionDep, now: Now, cursor: Cursor = None
) -> Response:
    coming, more = await _coming(
        session, person_id=person.person_id, cursor=cursor, limit=ROWS, now=now
    )
    return render(
        request,
        "resident/activities.html",
        coming=coming,
        first="/activities" if cursor else "",
        further="/activities?" + urlencode({"cursor": more}) if more else "",
    )


@router.post("/activities/{activity_id}/sign-up")
@once
async def sign_up(
    request: Request, activity_id: ActivityId, person: WebPerson, session: SessionDep, now: Now
) -> Response:
    await activities.sign_up(session, activity_id=activity_id, person_id=person.person_id, now=now)
    return go(request, "/activities")


@router.post("/activities/{activity_id}/cancel")
@once
async def cancel(
    request: Request, activity_id: ActivityId, person: WebPerson, session: SessionDep, now: Now
) -> Response:
    selves = await people.list_selves(session, person.person_id)
    await activities.cancel_sign_up(session, activity_id=activity_id, person_ids=selves, now=now)
    return go(request, "/activities")


async def _coming(
    session: AsyncSession, *, person_id: int, cursor: str | None, limit: int, now: Now
) -> tuple[list[dict[str, object]], str | None]:
    page = await activities.list_upcoming(
        session,
        person_ids=await people.list_selves(session, person_id),
        cursor=cursor,
        limit=limit,
        now=now,
    )
    rows = []
    for activity, signed_up in page.items:
        place = await people.get_organisation(session, activity.org_id)
        rows.append(
            {
                "id": activity.id,
                "title": activity.title,
                "platform": activity.platform,
                "place": place.name,
                "time": span_of(activity),
                "minutes": activity.minutes,
                "signed_up": signed_up,
                "begun": activity.starts_at <= now,
            }
        )
    return rows, page.next


def span_of(activity: Activity) -> str:
    """11月25日 周三 19:30–21:00."""
    start, end = activity.starts_at.astimezone(TOWN), activity.ends_at.astimezone(TOWN)
    same = local_day(activity.starts_at) == local_day(activity.ends_at)
    until = f"{end:%H:%M}" if same else when(activity.ends_at)
    return f"{day(start.date())} {start:%H:%M}–{until}"
