"""How many mass sends an account has left, counted by ourselves: a refusal costs a day.

Verified subscription account: one a day. Service account: to all followers, one a day and four a
calendar month; by tag the platform counts per follower, which we cannot
(developers.weixin.qq.com/doc/subscription/guide/product/message/Batch_Sends.md).
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import delete, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day, period_of
from app.push.account_models import QuotaUse
from app.push.outlets import Outlet

Shortage = Literal["day", "month"]
DAY_MAX, MONTH_MAX = 1, 4


@dataclass(frozen=True)
class Limits:
    """None: the platform does not limit the account so."""

    day: int | None
    month: int | None


def limits_of(outlet: Outlet) -> Limits:
    if outlet.kind == "subscription":
        return Limits(DAY_MAX, None)
    return Limits(DAY_MAX, MONTH_MAX) if outlet.tag_id is None else Limits(None, None)


async def reserve(
    session: AsyncSession, *, outlet: Outlet, key: str, now: datetime
) -> Shortage | None:
    """Count one mass send now, under its clientmsgid; what is missing, if it is too many.

    The same key again is the same mass send. Two issues at once wait for each other.
    """
    lock = func.hashtextextended(f"quota:{outlet.appid}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    if await session.get(QuotaUse, (outlet.appid, key)) is not None:
        return None
    missing = await shortage(session, outlet=outlet, day=local_day(now))
    if missing is None:
        await _count(session, outlet.appid, key, local_day(now), now)
    return missing


async def shortage(session: AsyncSession, *, outlet: Outlet, day: date) -> Shortage | None:
    """Whether the day's or the month's mass sends are used up."""
    limits = limits_of(outlet)
    mine = select(func.count()).where(QuotaUse.appid == outlet.appid)
    of_month = await session.scalar(mine.where(QuotaUse.local_month == period_of("month", day)[0]))
    if limits.month is not None and (of_month or 0) >= limits.month:
        return "month"
    of_day = await session.scalar(mine.where(QuotaUse.local_day == day))
    return "day" if limits.day is not None and (of_day or 0) >= limits.day else None


async def used_up_days(
    session: AsyncSession, *, outlet: Outlet, months: bool, since: date
) -> frozenset[date]:
    """Days on which no mass send is left; with `months` all those of a month that is used up."""
    limits = limits_of(outlet)
    if limits.day is None:
        return frozenset()
    rows = select(QuotaUse.local_day, QuotaUse.local_month).where(
        QuotaUse.appid == outlet.appid, QuotaUse.local_month >= period_of("month", since)[0]
    )
    uses = (await session.execute(rows)).all()
    days = {day for day, _ in uses}
    used = [month for _, month in uses] if months else []
    for month in set(used):
        if limits.month is not None and used.count(month) >= limits.month:
            end = period_of("month", month)[1]
            days |= {month + timedelta(days=n) for n in range((end - month).days)}
    return frozenset(days)


async def release(session: AsyncSession, *, appid: str, key: str) -> None:
    """It was not sent after all: whether it counts is the platform's to say, by 45028."""
    await session.execute(delete(QuotaUse).where(QuotaUse.appid == appid, QuotaUse.key == key))


async def note_by_hand(session: AsyncSession, *, appid: str, day: date, now: datetime) -> None:
    """45028 told us of a mass send that we did not make."""
    await _count(session, appid, f"hand:{day.isoformat()}", day, now)


async def _count(session: AsyncSession, appid: str, key: str, day: date, now: datetime) -> None:
    row = insert(QuotaUse).values(
        appid=appid, key=key, local_day=day, local_month=period_of("month", day)[0], made_at=now
    )
    await session.execute(row.on_conflict_do_nothing())
