"""Activities in a place: announced by a tutor, signed in to by code, confirmed by a tutor.

A code can be forwarded, and a sign-in proves no presence (field notes, G24): so the sign-in is only
a note, and the tutor's confirmation of who was there is the evidence.
"""

import secrets
from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import BigInteger, delete, exists, extract, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import day_start
from app.core.errors import Conflict, Invalid, NotFound
from app.core.paging import Page, decode, encode
from app.learning.models import Activity, Attendance, SignUp

SIGN_IN_EARLY = timedelta(minutes=30)
"""How long before the beginning one may sign in."""


class ActivityNotFound(NotFound):
    title = "没有这个活动"


class NotOpenForSignIn(Conflict):
    title = "现在不在签到时间"


class NotYetBegun(Conflict):
    title = "活动还没有开始，不能确认到场"


class ActivityChanged(Conflict):
    title = "同一时间已有同名活动，但内容不同"


class SignUpOver(Conflict):
    title = "活动已经开始，不能再报名"


class BadActivity(Invalid):
    title = "活动信息有误"


async def announce(
    session: AsyncSession,
    *,
    title: str,
    platform: str,
    org_id: int,
    starts_at: datetime,
    ends_at: datetime,
    made_by_id: int,
) -> Activity:
    """An activity with a code of its own; it is worth its length, at most eight hours.

    The same title, place and beginning is the same activity: a repeated click makes no second one.
    Raises BadActivity, and ActivityChanged where the end or the platform differ.
    """
    minutes = (ends_at - starts_at) // timedelta(minutes=1)
    if not 1 <= minutes <= 8 * 60:
        raise BadActivity("活动时长要在 1 分钟到 8 小时之间")
    row = insert(Activity).values(
        code=f"act-{secrets.token_hex(5)}",
        title=title,
        platform=platform,
        org_id=org_id,
        starts_at=starts_at,
        ends_at=ends_at,
        minutes=minutes,
        made_by_id=made_by_id,
    )
    await session.execute(row.on_conflict_do_nothing())
    same = select(Activity).filter_by(org_id=org_id, title=title, starts_at=starts_at)
    activity = (await session.scalars(same)).one()
    if (activity.ends_at, activity.platform) != (ends_at, platform):
        raise ActivityChanged(activity_id=activity.id)
    return activity


async def sign_in(
    session: AsyncSession, *, code: str, person_id: int, now: datetime
) -> tuple[Activity, bool]:
    """Note that this person scanned the code; the flag is False for a repeat.

    Raises ActivityNotFound, NotOpenForSignIn.
    """
    activity = await session.scalar(select(Activity).where(Activity.code == code))
    if activity is None:
        raise ActivityNotFound
    if not activity.starts_at - SIGN_IN_EARLY <= now <= activity.ends_at:
        raise NotOpenForSignIn(activity_id=activity.id)
    row = insert(Attendance).values(activity_id=activity.id, person_id=person_id, signed_in_at=now)
    made = await session.scalar(row.on_conflict_do_nothing().returning(Attendance.id))
    return activity, made is not None


async def sign_up(
    session: AsyncSession, *, activity_id: int, person_id: int, now: datetime
) -> Activity:
    """Somebody means to come, until it begins; again changes nothing.

    Raises ActivityNotFound, SignUpOver.
    """
    activity = await get_activity(session, activity_id=activity_id)
    if now >= activity.starts_at:
        raise SignUpOver(activity_id=activity_id)
    row = insert(SignUp).values(activity_id=activity_id, person_id=person_id, made_at=now)
    await session.execute(
        row.on_conflict_do_update(
            index_elements=["activity_id", "person_id"],
            set_={"made_at": now, "cancelled_at": None},
            where=SignUp.cancelled_at.is_not(None),
        )
    )
    return activity


async def cancel_sign_up(
    session: AsyncSession, *, activity_id: int, person_ids: Sequence[int], now: datetime
) -> None:
    """Not coming after all; who had not signed up is not coming either. Raises ActivityNotFound."""
    await get_activity(session, activity_id=activity_id)
    await session.execute(
        update(SignUp)
        .where(
            SignUp.activity_id == activity_id,
            SignUp.person_id.in_(person_ids),
            SignUp.cancelled_at.is_(None),
        )
        .values(cancelled_at=now)
    )


async def list_upcoming(
    session: AsyncSession,
    *,
    person_ids: Sequence[int],
    cursor: str | None,
    limit: int,
    now: datetime,
) -> Page[tuple[Activity, bool]]:
    """What is still to end, the next first, each with whether one of these persons signed up."""
    mine = exists().where(
        SignUp.activity_id == Activity.id,
        SignUp.person_id.in_(person_ids),
        SignUp.cancelled_at.is_(None),
    )
    begins = extract("epoch", Activity.starts_at).cast(BigInteger)
    asked = select(Activity, mine, begins).where(Activity.ends_at > now)
    if cursor is not None:
        asked = asked.where(tuple_(begins, Activity.id) > tuple_(*decode(cursor, int, int)))
    rows = (await session.execute(asked.order_by(begins, Activity.id).limit(limit + 1))).all()
    more = encode(rows[limit - 1][2], rows[limit - 1][0].id) if len(rows) > limit else None
    return Page([(activity, bool(signed_up)) for activity, signed_up, _ in rows[:limit]], more)


async def list_of_places(
    session: AsyncSession, *, org_ids: Sequence[int], cursor: str | None, limit: int
) -> Page[tuple[Activity, int, int]]:
    """Activities of these organisations, the latest first: (activity, signed in, confirmed)."""
    came = select(func.count()).where(Attendance.activity_id == Activity.id).correlate(Activity)
    sure = came.where(Attendance.confirmed_at.is_not(None))
    begins = extract("epoch", Activity.starts_at).cast(BigInteger)
    asked = select(Activity, came.scalar_subquery(), sure.scalar_subquery(), begins).where(
        Activity.org_id.in_(org_ids)
    )
    if cursor is not None:
        asked = asked.where(tuple_(begins, Activity.id) < tuple_(*decode(cursor, int, int)))
    asked = asked.order_by(begins.desc(), Activity.id.desc()).limit(limit + 1)
    rows = (await session.execute(asked)).all()
    more = encode(rows[limit - 1][3], rows[limit - 1][0].id) if len(rows) > limit else None
    return Page(
        [(activity, signed, confirmed) for activity, signed, confirmed, _ in rows[:limit]], more
    )


async def list_guests(
    session: AsyncSession, *, day: date, after: tuple[int, int], limit: int
) -> list[tuple[Activity, int]]:
    """Who signed up for an activity that begins on `day`, by activity and person, after a key."""
    begins, ends = day_start(day), day_start(day + timedelta(days=1))
    rows = await session.execute(
        select(Activity, SignUp.person_id)
        .join(SignUp, SignUp.activity_id == Activity.id)
        .where(
            Activity.starts_at >= begins,
            Activity.starts_at < ends,
            SignUp.cancelled_at.is_(None),
            tuple_(Activity.id, SignUp.person_id) > after,
        )
        .order_by(Activity.id, SignUp.person_id)
        .limit(limit)
    )
    return [(activity, person_id) for activity, person_id in rows]


async def forget(session: AsyncSession, *, person_ids: Sequence[int]) -> None:
    """Erasure: an intention serves nobody; an attendance stays, since credit stands on it."""
    await session.execute(delete(SignUp).where(SignUp.person_id.in_(person_ids)))


async def forget_past_sign_ups(session: AsyncSession, *, before: datetime) -> None:
    """Who meant to come is of no use once it is long over."""
    over = select(Activity.id).where(Activity.ends_at < before)
    await session.execute(delete(SignUp).where(SignUp.activity_id.in_(over)))


async def get_activity(session: AsyncSession, *, activity_id: int) -> Activity:
    found = await session.get(Activity, activity_id)
    if found is None:
        raise ActivityNotFound(activity_id=activity_id)
    return found


async def list_attendance(session: AsyncSession, *, activity_id: int) -> list[Attendance]:
    asked = select(Attendance).where(Attendance.activity_id == activity_id)
    return list(await session.scalars(asked.order_by(Attendance.id)))


async def confirm(
    session: AsyncSession, *, activity_id: int, person_ids: list[int], by_id: int, now: datetime
) -> list[Attendance]:
    """The tutor says who was there: returns the sign-ins confirmed by this very call.

    Raises ActivityNotFound, NotYetBegun.
    """
    activity = await get_activity(session, activity_id=activity_id)
    if now < activity.starts_at:
        raise NotYetBegun(activity_id=activity_id)
    rows = await session.scalars(
        update(Attendance)
        .where(
            Attendance.activity_id == activity_id,
            Attendance.person_id.in_(person_ids),
            Attendance.person_id != by_id,
            Attendance.confirmed_at.is_(None),
        )
        .values(confirmed_at=now, confirmed_by_id=by_id)
        .returning(Attendance)
    )
    return sorted(rows, key=lambda row: row.person_id)
