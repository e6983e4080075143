"""My groups: where the daily push goes, and week by week what it reached. Counts, never names."""

from datetime import date, timedelta
from typing import Annotated

from fastapi import Query, Request, Response

from app.api.bank import NotYourBranch
from app.api.deps import Cursor, EmptyIsAbsent, Now, SessionDep
from app.api.pages.doors import StudioPerson
from app.api.pages.router import page_router
from app.api.pages.studio_home import totals_of
from app.api.pages.studio_scope import Id, overseen, show
from app.core.clock import local_day
from app.people import policy
from app.people import queries as people
from app.push import groups, reach
from app.push.channels import CHANNEL_TITLES, masked
from app.push.planner import monday_of
from app.push.reach import Reached, WeekReached

router = page_router("/studio/groups")
FIRST, LAST = date(2000, 1, 10), date(2999, 12, 1)
WEEKS_SHOWN, GROUPS_SHOWN = 6, 100


@router.get("")
async def list_groups(
    request: Request,
    actor: StudioPerson,
    session: SessionDep,
    now: Now,
    week: Annotated[date | None, Query(ge=FIRST, le=LAST), EmptyIsAbsent] = None,
    cursor: Cursor = None,
) -> Response:
    this = monday_of(local_day(now))
    monday = monday_of(week or this)
    page = await groups.list_groups(
        session, org_ids=overseen(actor), cursor=cursor, limit=GROUPS_SHOWN
    )
    found: dict[int, Reached] = {}
    for org_id in overseen(actor):
        rows = await reach.reach_of_groups(
            session, org_id=org_id, since=monday, until=monday + timedelta(days=7)
        )
        found |= {one.id: one for one in rows}
    places = {
        one.org_id: (await people.get_organisation(session, one.org_id)).name for one in page.items
    }
    names = await people.names_of(session, {one.owner_id for one in page.items})
    return show(
        request,
        "groups.html",
        groups=page.items,
        next_cursor=page.next,
        reached=found,
        totals=totals_of(list(found.values())),
        place_names=places,
        names=names,
        channels=CHANNEL_TITLES,
        monday=monday,
        sunday=monday + timedelta(days=6),
        before=monday - timedelta(days=7),
        after=monday + timedelta(days=7) if monday < this else None,
    )


@router.get("/{group_id}")
async def show_group(
    request: Request, group_id: Id, actor: StudioPerson, session: SessionDep, now: Now
) -> Response:
    group = await groups.get_group(session, group_id=group_id)
    if not policy.can_see_pushing(actor, await people.lineage_of(session, group.org_id)):
        raise NotYourBranch
    this = monday_of(local_day(now))
    since = this - timedelta(weeks=WEEKS_SHOWN - 1)
    rows = {
        one.monday: one
        for one in await reach.weeks_of_group(session, group_id=group_id, since=since)
    }
    weeks = [
        rows.get(one, WeekReached(one, 0, 0, 0, 0))
        for one in (since + timedelta(weeks=number) for number in range(WEEKS_SHOWN))
    ]
    names = await people.names_of(session, [group.owner_id])
    return show(
        request,
        "group.html",
        group=group,
        weeks=weeks,
        place=await people.get_organisation(session, group.org_id),
        owner=names.get(group.owner_id),
        channel=CHANNEL_TITLES[group.channel],
        address=masked(group.address),
    )
