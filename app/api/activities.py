"""Activities in a place: announced and confirmed by tutors, signed in to by scanning their code."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from pydantic import AwareDatetime, BaseModel, Field

from app.api.bank import NotYourBranch
from app.api.deps import (
    CurrentPerson,
    Cursor,
    Limit,
    Now,
    PersonId,
    PersonIdFirst,
    SessionDep,
    WeChatDep,
)
from app.api.errors import problems
from app.api.schemas import Body, OrgOut, PageOut
from app.content.platforms import PLATFORM_NAMES
from app.core import clock
from app.core.clock import local_day
from app.core.db import transaction
from app.core.errors import Invalid
from app.core.paging import LIMIT_DEFAULT
from app.flows.activities import confirm_attendance
from app.learning import activities
from app.learning.models import Activity
from app.people import offices, policy
from app.people import queries as people
from app.wechat.calls import QR_SECONDS_MAX, QR_SECONDS_MIN, create_qr_code

router = APIRouter(prefix="/api/v1/activities", tags=["activities"])
ActivityId = Annotated[int, Path(ge=1, lt=2**63, description="The activity's id")]


Instant = Annotated[
    AwareDatetime, Field(ge=datetime(2000, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))
]
"""Well inside what a datetime holds, in whatever zone it is read."""


class NoSuchPlatform(Invalid):
    title = "没有这个学习平台"


class ActivityIn(Body):
    title: str = Field(min_length=2, max_length=60, description="What it is called")
    platform: str = Field(max_length=20, description="One of the six platforms")
    org_code: str = Field(max_length=64, description="Whose activity it is")
    starts_at: Instant = Field(description="Beginning, with a time zone")
    ends_at: Instant = Field(description="End, with a time zone")


class ActivityOut(BaseModel):
    id: int = Field(description="The activity's id")
    code: str = Field(description="The scene of its sign-in code")
    title: str = Field(description="What it is called")
    platform: str = Field(description="Its platform")
    starts_at: datetime = Field(description="Beginning")
    ends_at: datetime = Field(description="End")
    minutes: int = Field(description="What it is worth, in minutes")


class UpcomingOut(BaseModel):
    """Without the code: that is shown at the door."""

    id: int = Field(description="The activity's id")
    title: str = Field(description="What it is called")
    platform: str = Field(description="Its platform")
    org: OrgOut = Field(description="Whose it is")
    starts_at: datetime = Field(description="Beginning")
    ends_at: datetime = Field(description="End")
    minutes: int = Field(description="What it is worth, in minutes")
    signed_up: bool = Field(description="Whether I mean to come")


class CodeOut(BaseModel):
    scene: str = Field(description="What the code carries")
    url: str = Field(description="What a scanner reads: draw it as a QR code")
    picture_url: str = Field(description="WeChat's own picture of it")
    seconds: int = Field(description="How long it works")


class AttendanceOut(BaseModel):
    person_id: int = Field(description="Who signed in")
    name: str | None = Field(description="As this person wants to be called")
    signed_in_at: datetime = Field(description="When the code was scanned")
    confirmed_at: datetime | None = Field(description="When a tutor confirmed it; null: not yet")


class ConfirmIn(Body):
    person_ids: list[Annotated[int, Field(ge=1, lt=2**63)]] = Field(
        min_length=1, max_length=500, description="Who was really there"
    )


@router.get("", summary="What is coming, the next first", responses=problems(400, 401, 429))
async def list_upcoming(
    person_id: PersonId,
    session: SessionDep,
    now: Now,
    cursor: Cursor = None,
    limit: Limit = LIMIT_DEFAULT,
) -> PageOut[UpcomingOut]:
    """For everybody signed in; what is going on at the moment included."""
    page = await activities.list_upcoming(
        session,
        person_ids=await people.list_selves(session, person_id),
        now=now,
        cursor=cursor,
        limit=limit,
    )
    items = [await _upcoming(session, activity, signed_up=mine) for activity, mine in page.items]
    return PageOut(items=items, next=page.next)


@router.post(
    "/{activity_id}/sign-up",
    summary="I mean to come: remind me the day before",
    responses=problems(401, 404, 409, 429),
)
async def sign_up(
    activity_id: ActivityId, person_id: PersonId, session: SessionDep, now: Now
) -> UpcomingOut:
    """Again changes nothing. It is no sign-in, and earns nothing."""
    activity = await activities.sign_up(
        session, activity_id=activity_id, person_id=person_id, now=now
    )
    return await _upcoming(session, activity, signed_up=True)


@router.delete(
    "/{activity_id}/sign-up", summary="I am not coming", status_code=204, response_class=Response,
    responses=problems(401, 404, 429),
)  # fmt: skip
async def cancel_sign_up(
    activity_id: ActivityId, person_id: PersonId, session: SessionDep, now: Now
) -> Response:
    selves = await people.list_selves(session, person_id)
    await activities.cancel_sign_up(session, activity_id=activity_id, person_ids=selves, now=now)
    return Response(status_code=204)


@router.post(
    "", summary="Announce an activity", status_code=201,
    responses=problems(400, 401, 403, 404, 413, 429),
)  # fmt: skip
async def announce(body: ActivityIn, actor: CurrentPerson, session: SessionDep) -> ActivityOut:
    organisation = await people.org_by_code(session, body.org_code)
    if not policy.can_tutor(actor, organisation.lineage):
        raise NotYourBranch
    if body.platform not in PLATFORM_NAMES:
        raise NoSuchPlatform(platforms=list(PLATFORM_NAMES))
    activity = await activities.announce(
        session,
        title=body.title,
        platform=body.platform,
        org_id=organisation.id,
        starts_at=body.starts_at,
        ends_at=body.ends_at,
        made_by_id=actor.person_id,
    )
    return ActivityOut.model_validate(activity, from_attributes=True)


@router.get(
    "/{activity_id}/code",
    summary="The QR code to sign in with, made by WeChat",
    responses=problems(401, 403, 404, 409, 429),
)
async def get_code(
    activity_id: ActivityId,
    person_id: PersonIdFirst,
    wechat: WeChatDep,
    now: Now,
) -> CodeOut:
    """For a poster at the door. Accounts that may not make codes say so (NotOffered)."""
    async with transaction() as session:
        actor = await offices.actor_of(session, person_id=person_id, day=local_day(now))
        activity = await _of_my_branch(session, actor, activity_id)
    # Outside any transaction. The machine's time: the code's life is counted by WeChat.
    left = clock.real_seconds((activity.ends_at - now).total_seconds())
    seconds = int(min(max(left, QR_SECONDS_MIN), QR_SECONDS_MAX))
    code = await create_qr_code(wechat, scene=activity.code, seconds=seconds)
    return CodeOut(scene=activity.code, url=code.url, picture_url=code.show_url, seconds=seconds)


@router.get(
    "/{activity_id}/attendance", summary="Who signed in", responses=problems(401, 403, 404, 429)
)
async def list_attendance(
    activity_id: ActivityId, actor: CurrentPerson, session: SessionDep
) -> PageOut[AttendanceOut]:
    await _of_my_branch(session, actor, activity_id)
    rows = await activities.list_attendance(session, activity_id=activity_id)
    items = [
        AttendanceOut(
            person_id=row.person_id,
            name=(await people.get_person(session, row.person_id)).name,
            signed_in_at=row.signed_in_at,
            confirmed_at=row.confirmed_at,
        )
        for row in rows
    ]
    return PageOut(items=items, next=None)


@router.post(
    "/{activity_id}/confirm", summary="Say who was there: books their credit",
    responses=problems(401, 403, 404, 409, 413, 429),
)  # fmt: skip
async def confirm(
    activity_id: ActivityId, body: ConfirmIn, actor: CurrentPerson, session: SessionDep, now: Now
) -> PageOut[AttendanceOut]:
    """Only who signed in can be confirmed; one's own sign-in is for another tutor."""
    await _of_my_branch(session, actor, activity_id)
    await confirm_attendance(
        session,
        activity_id=activity_id,
        person_ids=body.person_ids,
        by_id=actor.person_id,
        now=now,
    )
    return await list_attendance(activity_id, actor, session)


async def _upcoming(session: SessionDep, activity: Activity, *, signed_up: bool) -> UpcomingOut:
    place = await people.get_organisation(session, activity.org_id)
    return UpcomingOut(
        id=activity.id,
        title=activity.title,
        platform=activity.platform,
        org=OrgOut(code=place.code, name=place.name),
        starts_at=activity.starts_at,
        ends_at=activity.ends_at,
        minutes=activity.minutes,
        signed_up=signed_up,
    )


async def _of_my_branch(session: SessionDep, actor: CurrentPerson, activity_id: int) -> Activity:
    activity = await activities.get_activity(session, activity_id=activity_id)
    if not policy.can_tutor(actor, await people.lineage_of(session, activity.org_id)):
        raise NotYourBranch
    return activity
