"""What each job does, on a database of its own, with a stand-in for WeChat behind httpx."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

import procrastinate
import psycopg
import pytest
from procrastinate.exceptions import ConnectorException
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.core import clock
from app.core.db import transaction
from app.core.jobs import Job, defer, queue
from app.credit_bank.models import DayClose
from app.people.models import Identity, Person
from app.ranking.models import FrozenRanking
from app.wechat.models import Inbound
from app.worker import run, tasks
from app.worker.resources import Resources
from app.worker.schedules import SCHEDULES
from tests.factories.bank import pay
from tests.factories.people import MINI, NOW, make_identity, make_person
from tests.wechat.server import Server, refused

pytestmark = pytest.mark.usefixtures("database", "_at_ten")
DAY = timedelta(days=1)


@pytest.fixture
def _at_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    set_clock(monkeypatch, timedelta(0))


def set_clock(monkeypatch: pytest.MonkeyPatch, ahead: timedelta) -> None:
    monkeypatch.setattr(clock, "real_now", lambda: NOW + ahead)


@pytest.fixture
async def _open_queue(database_url_of_its_own: str) -> AsyncIterator[None]:
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        database_url_of_its_own, min_size=1, max_size=2, open=False
    )
    # A connector of its own: one that was opened once keeps its pool.
    with queue.replace_connector(procrastinate.PsycopgConnector()):
        async with pool:
            await queue.open_async(pool)
            yield


@pytest.fixture
def wechat() -> Iterator[Server]:
    """Answers `ok` unless told otherwise."""
    server = Server([{"errcode": 0, "errmsg": "ok"}])
    Resources.wechat = server.client()
    yield server
    del Resources.wechat


def test_every_job_has_its_task() -> None:
    ours = {name for name in queue.tasks if "procrastinate." not in name}
    assert ours == set(Job)
    assert {schedule.job for schedule in SCHEDULES} <= set(Job)
    names = [schedule.name for schedule in SCHEDULES]
    assert len(names) == len(set(names))


async def test_days_are_closed_and_rankings_frozen(monkeypatch: pytest.MonkeyPatch) -> None:
    async with transaction() as session:
        await pay(session, await make_person(session), 5, now=NOW)
    set_clock(monkeypatch, 2 * DAY)
    for _ in range(2):  # every job may run twice unharmed
        await tasks.close_days(due_at="2026-11-24T16:05:00+00:00")
        await tasks.freeze_rankings(due_at="2026-11-24T16:30:00+00:00")
    async with transaction() as session:
        assert await session.scalar(select(func.count()).select_from(DayClose)) == 2
        assert await session.scalar(select(func.count()).select_from(FrozenRanking)) == 12


@pytest.mark.usefixtures("_open_queue")
async def test_what_need_not_be_kept_is_purged(monkeypatch: pytest.MonkeyPatch) -> None:
    async with transaction() as session:
        row = {"appid": "wx", "openid": "o", "kind": "Text", "fields": {}, "received_at": NOW}
        session.add(Inbound(key="old", **row))
        await session.flush()
    set_clock(monkeypatch, 191 * DAY)
    await tasks.purge(due_at="…")
    async with transaction() as session:
        assert await session.scalar(select(func.count()).select_from(Inbound)) == 0


async def test_a_followers_unionid_is_fetched_and_joins(wechat: Server) -> None:
    wechat.answers = [{"subscribe": 1, "openid": "o-one", "unionid": "u-1"}]
    async with transaction() as session:
        user = await make_person(session)
        await make_identity(session, user, "m-one", appid=MINI, unionid="u-1")
        follower = await make_person(session, now=NOW + timedelta(minutes=1))
        identity = await make_identity(session, follower, "o-one", subscribed=True)
    for _ in range(2):
        await tasks.fetch_unionid(identity_id=identity.id)
    assert len(wechat.requests) == 1, "known by now"
    async with transaction() as session:
        found = await session.get_one(Identity, identity.id)
        assert (found.unionid, found.person_id) == ("u-1", user.id)
        merged = await session.get_one(Person, follower.id)
        assert merged.merged_into_id == user.id


@pytest.mark.parametrize(
    "answer", [{"subscribe": 0, "openid": "o-one"}, refused(40003, "invalid openid")]
)
async def test_a_unionid_that_is_not_told_is_left(wechat: Server, answer: Any) -> None:
    wechat.answers = [answer]
    async with transaction() as session:
        identity = await make_identity(session, await make_person(session), "o-one")
    await tasks.fetch_unionid(identity_id=identity.id)
    async with transaction() as session:
        assert (await session.get_one(Identity, identity.id)).unionid is None


STALLED = """
    WITH dead AS (
        INSERT INTO procrastinate_workers (last_heartbeat)
        VALUES (now() - interval '10 minutes') RETURNING id)
    UPDATE procrastinate_jobs SET status = 'doing', worker_id = (SELECT id FROM dead)
    WHERE id = ANY(%s)"""


async def leave(dedupe: str, letter_id: int) -> int:
    async with transaction() as session:
        await defer(session, Job.DELIVER_LETTER, dedupe=dedupe, letter_id=letter_id)
        return int(await session.scalar(text("SELECT max(id) FROM procrastinate_jobs")) or 0)


def stall(url: str, *job_ids: int) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(STALLED, (list(job_ids),))


async def statuses() -> dict[int, str]:
    async with transaction() as session:
        rows = await session.execute(text("SELECT id, status::text FROM procrastinate_jobs"))
        return {int(job_id): status for job_id, status in rows}


@pytest.mark.usefixtures("_open_queue")
async def test_jobs_of_a_worker_that_died_run_again(database_url_of_its_own: str) -> None:
    job_id = await leave("letter:1", 1)
    alive = await leave("letter:2", 2)
    stall(database_url_of_its_own, job_id)
    await tasks.retry_stalled(due_at="…")
    assert await statuses() == {job_id: "todo", alive: "todo"}


@pytest.mark.usefixtures("_open_queue")
async def test_a_stalled_job_whose_successor_waits_does_not_stop_the_others(
    database_url_of_its_own: str,
) -> None:
    first = await leave("letter:1", 1)
    stall(database_url_of_its_own, first)
    successor = await leave("letter:1", 1)
    other = await leave("letter:2", 2)
    stall(database_url_of_its_own, other)
    await tasks.retry_stalled(due_at="…")
    found = await statuses()
    assert (found[successor], found[other]) == ("todo", "todo")


async def test_a_tick_defers_what_is_due_once() -> None:
    for _ in range(2):
        await run.tick()
    async with transaction() as session:
        rows = await session.scalars(text("SELECT task_name FROM procrastinate_jobs ORDER BY 1"))
        # At ten in the morning: what was due in the night, and this minute's.
        assert rows.all() == [
            "bank.close",
            "house.purge",
            "house.retry_stalled",
            "push.tend_issues",
            "push.tend_pushes",
            "ranking.freeze",
        ]


@pytest.mark.parametrize(
    "error",
    [
        OperationalError("SELECT", {}, Exception("gone")),
        OSError("no route"),
        PoolTimeoutError("no connection free"),
        ConnectorException("gone while deferring"),
    ],
)
async def test_ticking_goes_on_after_an_error(
    monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    ticks: list[int] = []

    class EnoughError(BaseException):
        pass

    async def tick() -> None:
        ticks.append(1)
        if len(ticks) == 3:
            raise EnoughError
        raise error

    async def no_sleep(_: float) -> None:
        pass

    monkeypatch.setattr("app.worker.run.asyncio.sleep", no_sleep)
    with pytest.raises(EnoughError):
        await run.for_ever(tick, seconds=run.tick_seconds)
    assert len(ticks) == 3
