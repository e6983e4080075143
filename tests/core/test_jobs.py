"""A job belongs to the transaction that leaves it."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.core.db import transaction
from app.core.jobs import PATIENT, Job, defer, defer_many


async def waiting(session: AsyncSession) -> list[tuple[str, dict[str, object], str | None]]:
    asked = "SELECT task_name, args, queueing_lock FROM procrastinate_jobs ORDER BY id"
    return [(name, args, lock) for name, args, lock in await session.execute(text(asked))]


async def test_a_job_waits_with_its_arguments(session: AsyncSession) -> None:
    assert await defer(session, Job.DELIVER_LETTER, dedupe="letter:7", letter_id=7)
    assert await waiting(session) == [("push.deliver", {"letter_id": 7}, "letter:7")]


@pytest.mark.usefixtures("database")
async def test_a_job_is_left_with_the_transaction_or_not_at_all() -> None:
    async def work(*, fail: bool) -> None:
        async with transaction() as session:
            await defer(session, Job.DELIVER_LETTER, letter_id=1 if fail else 2)
            if fail:
                raise OSError

    with pytest.raises(OSError):  # noqa: PT011  the one raised above
        await work(fail=True)
    await work(fail=False)
    async with transaction() as session:
        assert [args for _, args, _ in await waiting(session)] == [{"letter_id": 2}]


async def test_the_same_job_does_not_wait_twice_and_the_transaction_lives_on(
    session: AsyncSession,
) -> None:
    assert await defer(session, Job.FETCH_UNIONID, dedupe="unionid:1", identity_id=1)
    assert not await defer(session, Job.FETCH_UNIONID, dedupe="unionid:1", identity_id=1)
    assert await defer(session, Job.FETCH_UNIONID, dedupe="unionid:2", identity_id=2)
    assert [lock for _, _, lock in await waiting(session)] == ["unionid:1", "unionid:2"]


async def test_a_job_without_dedupe_waits_as_often_as_it_is_left(session: AsyncSession) -> None:
    assert await defer(session, Job.DELIVER_LETTER, letter_id=1)
    assert await defer(session, Job.DELIVER_LETTER, letter_id=1)
    assert len(await waiting(session)) == 2


async def test_what_has_its_hour_is_taken_before_a_million_reminders(session: AsyncSession) -> None:
    await defer_many(
        session, Job.DELIVER_LETTER, [{"letter_id": one} for one in (1, 2)], priority=PATIENT
    )
    await defer(session, Job.CHECK_WORDS, manuscript_id=1, version=1)
    await defer(session, Job.DELIVER_LETTER, letter_id=3)
    for job in (Job.TEND_PUSHES, Job.PUBLISH_ISSUE, Job.SEND_DELIVERY):
        await defer(session, job)
    fetch = text("SELECT task_name FROM procrastinate_fetch_job_v2(NULL, NULL)")
    assert [await session.scalar(fetch) for _ in range(7)] == [
        "push.tend_pushes", "push.publish_issue", "push.send_delivery",
        "editorial.check_words", "push.deliver", "push.deliver", "push.deliver",
    ]  # fmt: skip


async def test_at_is_an_instant_of_the_services_clock(session: AsyncSession) -> None:
    first = datetime(2026, 3, 1, tzinfo=UTC)
    start = datetime(2027, 1, 1, tzinfo=UTC)
    clock.settle(clock.Origin(first_start=first, start=start, rate=60))
    await defer(session, Job.DELIVER_LETTER, at=start + timedelta(hours=1), letter_id=1)
    at = await session.scalar(text("SELECT scheduled_at FROM procrastinate_jobs"))
    assert at == first + timedelta(minutes=1)
