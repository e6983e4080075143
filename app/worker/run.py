"""The worker process: the queue, and the minute tick that puts due jobs into it."""

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from procrastinate import JobContext
from procrastinate.worker import Worker
from prometheus_client import start_http_server
from psycopg_pool import AsyncConnectionPool

from app.core import clock, db, installation
from app.core.jobs import queue
from app.core.logging import get_logger
from app.core.metrics import JOBS
from app.core.schedule import due_runs
from app.core.settings import Settings
from app.qq.client import QQClient
from app.ranking import folding
from app.wechat.client import WeChatClient
from app.wecom.client import WeComClient
from app.worker import deliveries, notices, publishing, tasks
from app.worker.resources import Resources
from app.worker.schedules import SCHEDULES

log = get_logger()

REGISTERED = (tasks, notices, deliveries, publishing)
"""The modules whose jobs this worker does: importing one registers them."""
TICK_SECONDS = 60
FOLD_SECONDS = 1.0
"""How many notes lie about decides what a rank costs, not whether it is right."""
CONCURRENCY = 8
SHUTDOWN_SECONDS = 15
RESTART_SECONDS = 2
RECONNECT_SECONDS = 5
STATEMENT_SECONDS = 120
"""A daily close or a freeze may take longer than a request."""


async def tick() -> None:
    """Defer what is due."""
    async with db.transaction() as session:
        await due_runs(session, SCHEDULES, now=clock.utcnow())


async def fold() -> None:
    """Add up what the boards' read model has notes of; the first time, build it."""
    while True:
        async with db.transaction() as session:
            folded = await folding.fold(session)
        if folded < folding.BATCH:
            return


async def for_ever(work: Callable[[], Awaitable[None]], *, seconds: Callable[[], float]) -> None:
    while True:
        try:
            await work()
        except Exception as error:  # noqa: BLE001  whatever it is, the next turn catches up
            log.warning("turn.failed", of=work.__name__, error=type(error).__name__)
        await asyncio.sleep(seconds())


def tick_seconds() -> float:
    """A fast clock ticks faster, but never more than five times a real second."""
    return max(0.2, clock.real_seconds(TICK_SECONDS))


async def observed(call_next: Callable[[], Awaitable[Any]], context: JobContext, _: Worker) -> Any:
    """Around every job: its id in the log, its outcome in the metrics."""
    job = context.job.task_name
    tokens = structlog.contextvars.bind_contextvars(job=job, job_id=context.job.id)
    try:
        result = await call_next()
    except Exception as error:
        JOBS.labels(job, "failed").inc()
        log.warning("job.failed", error=type(error).__name__, attempt=context.job.attempts + 1)
        raise
    else:
        JOBS.labels(job, "done").inc()
        return result
    finally:
        structlog.contextvars.reset_contextvars(**tokens)


async def work(settings: Settings, *, url: str) -> None:
    """Run until SIGTERM or SIGINT; jobs under way get SHUTDOWN_SECONDS to end."""
    engine = db.make_engine(url, pool_size=CONCURRENCY + 3, statement_seconds=STATEMENT_SECONDS)
    place = db.locate(url)
    pool: AsyncConnectionPool[Any] = AsyncConnectionPool(
        place.conninfo,
        min_size=1,
        max_size=4,
        open=False,
        kwargs=place.arguments,
        check=AsyncConnectionPool.check_connection,
        # Its own patience doubles its pauses: after a long outage it would sleep for minutes more.
        reconnect_timeout=RECONNECT_SECONDS,
    )
    async with db.connected(engine), pool:
        async with db.transaction() as session:
            await installation.settle_clock(session, settings)
        if settings.worker_metrics_port is not None:
            start_http_server(settings.worker_metrics_port, settings.host)
        Resources.wechat = WeChatClient(settings.wechat)
        Resources.wecom, Resources.qq = WeComClient(settings.wecom), QQClient(settings.qq)
        await queue.open_async(pool)
        ticking = asyncio.gather(
            for_ever(tick, seconds=tick_seconds), for_ever(fold, seconds=lambda: FOLD_SECONDS)
        )
        log.info("worker.started")
        try:
            await _until_stopped(listen=not place.pooled)
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking
            for client in (Resources.wechat, Resources.wecom, Resources.qq):
                await client.aclose()
            log.info("worker.stopped")


async def _until_stopped(*, listen: bool) -> None:
    """Work; when the database goes away the queue's worker ends, and a new one takes its place.

    Nobody can listen through a pooler in transaction mode; then jobs are found by asking.
    """
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stopping.set)
    while not stopping.is_set():
        running = asyncio.create_task(
            queue.run_worker_async(
                concurrency=CONCURRENCY,
                listen_notify=listen,
                fetch_job_polling_interval=1.0,
                shutdown_graceful_timeout=SHUTDOWN_SECONDS,
                install_signal_handlers=False,
                worker_middleware=[observed],
            )
        )
        stop = asyncio.create_task(stopping.wait())
        await asyncio.wait({running, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if not running.done():
            running.cancel()  # The queue's own way to stop it: it lets running jobs end first.
        try:
            await running
        except asyncio.CancelledError:
            return
        except Exception as error:  # noqa: BLE001  whatever ended it, work goes on
            log.warning("worker.interrupted", error=type(error).__name__)
            await asyncio.sleep(RESTART_SECONDS)
