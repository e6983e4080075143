"""Mass sends, counted by rows: one a day, and for a service account four a month to all."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.db import transaction
from app.core.settings import Settings
from app.push import quotas
from app.push.outlets import Outlet, method_of, outlet_of
from app.wechat.capability import (
    UNVERIFIED_SERVICE,
    UNVERIFIED_SUBSCRIPTION,
    VERIFIED_SERVICE,
    VERIFIED_SUBSCRIPTION,
    Capability,
)

DAY = timedelta(days=1)
MIDNIGHT = datetime(2026, 11, 30, 16, 0, tzinfo=UTC)
"""1 December begins in town."""
SERVICE = outlet_of(Settings(_env_file=None))
SUBSCRIPTION = replace(SERVICE, kind="subscription", capability=VERIFIED_SUBSCRIPTION)
TAGGED = replace(SERVICE, tag_id=100)


async def reserve(
    session: AsyncSession, outlet: Outlet, key: str, now: datetime
) -> quotas.Shortage | None:
    return await quotas.reserve(session, outlet=outlet, key=key, now=now)


async def test_one_a_civil_day(session: AsyncSession) -> None:
    before = MIDNIGHT - timedelta(seconds=1)
    assert await reserve(session, SUBSCRIPTION, "a", before - 10 * timedelta(hours=1)) is None
    assert await reserve(session, SUBSCRIPTION, "b", before) == "day"
    assert await reserve(session, SUBSCRIPTION, "a", before) is None, "the same send"
    assert await reserve(session, SUBSCRIPTION, "b", MIDNIGHT) is None, "another day"


async def test_four_a_calendar_month_to_all(session: AsyncSession) -> None:
    first = MIDNIGHT - 5 * DAY
    for n in range(4):
        assert await reserve(session, SERVICE, f"i-{n}", first + n * DAY) is None
    assert await reserve(session, SERVICE, "i-4", first + 4 * DAY) == "month"
    assert await reserve(session, SERVICE, "i-4", MIDNIGHT) is None, "another month"
    assert await reserve(session, TAGGED, "i-5", MIDNIGHT - DAY) is None, "by tag nobody counts"


async def test_what_was_not_sent_is_given_back(session: AsyncSession) -> None:
    assert await reserve(session, SUBSCRIPTION, "a", MIDNIGHT) is None
    await quotas.release(session, appid=SUBSCRIPTION.appid, key="a")
    assert await reserve(session, SUBSCRIPTION, "b", MIDNIGHT) is None


async def test_a_send_by_hand_counts_once(session: AsyncSession) -> None:
    for _ in range(2):
        await quotas.note_by_hand(
            session, appid=SERVICE.appid, day=local_day(MIDNIGHT), now=MIDNIGHT
        )
    assert await quotas.shortage(session, outlet=SERVICE, day=local_day(MIDNIGHT)) == "day"
    used = await quotas.used_up_days(
        session, outlet=SERVICE, months=True, since=local_day(MIDNIGHT)
    )
    assert used == {local_day(MIDNIGHT)}


async def test_a_month_that_is_used_up_has_no_day_left(session: AsyncSession) -> None:
    for n in range(4):
        await reserve(session, SERVICE, f"i-{n}", MIDNIGHT + n * DAY)
    since = local_day(MIDNIGHT + 10 * DAY)
    used = await quotas.used_up_days(session, outlet=SERVICE, months=True, since=since)
    assert len(used) == 31
    used = await quotas.used_up_days(session, outlet=SERVICE, months=False, since=since)
    assert len(used) == 4


@pytest.mark.usefixtures("database")
async def test_two_issues_at_once_take_one_place() -> None:
    async def one(key: str) -> quotas.Shortage | None:
        async with transaction() as session:
            return await reserve(session, SUBSCRIPTION, key, MIDNIGHT)

    got = await asyncio.gather(*(one(f"i-{n}") for n in range(8)))
    assert sorted(got, key=str).count(None) == 1


@pytest.mark.parametrize(
    ("capability", "publish_by", "month_left", "method"),
    [
        (VERIFIED_SUBSCRIPTION, None, True, "mass"),
        (VERIFIED_SERVICE, None, True, "mass"),
        (VERIFIED_SERVICE, None, False, "freepublish"),
        (VERIFIED_SERVICE, "mass", False, "mass"),
        (VERIFIED_SERVICE, "hand", True, "hand"),
        (UNVERIFIED_SUBSCRIPTION, None, True, "hand"),
        (UNVERIFIED_SERVICE, None, True, "hand"),
        (replace(VERIFIED_SERVICE, mass_send=False), None, True, "freepublish"),
        (replace(VERIFIED_SERVICE, freepublish=False), None, False, "mass"),
    ],
)
def test_the_best_that_the_account_may_do(
    capability: Capability, publish_by: str | None, month_left: bool, method: str
) -> None:
    outlet = replace(SERVICE, capability=capability, publish_by=publish_by)  # type: ignore[arg-type]  # from the table
    assert method_of(outlet, month_left=month_left) == method
