"""What each job does: open a transaction, call one function. Every job may run twice unharmed."""

from procrastinate import RetryStrategy
from procrastinate.exceptions import UniqueViolation
from procrastinate.jobs import Status

from app.core.clock import utcnow
from app.core.db import read_together, transaction
from app.core.errors import DomainError
from app.core.jobs import Job, queue
from app.core.logging import get_logger
from app.core.settings import get_settings
from app.credit_bank import closing
from app.flows import auditing, followers, housekeeping
from app.push import letters
from app.ranking import freezing
from app.wechat import calls
from app.wechat.errors import WeChatUnavailable
from app.worker.resources import Resources

log = get_logger()

TRANSIENT = RetryStrategy(max_attempts=6, exponential_wait=3)
"""3, 9, 27, 81, 243 s: longer than PostgreSQL's or WeChat's usual hiccups, then it shows."""


@queue.task(name=Job.CLOSE_DAYS, retry=TRANSIENT)
async def close_days(due_at: str) -> None:
    async with transaction() as session:
        closes = await closing.close_days(session, now=utcnow())
    log.info("bank.closed", due_at=due_at, days=[str(close.local_day) for close in closes])


@queue.task(name=Job.AUDIT_BOOKS, retry=TRANSIENT)
async def audit_books(by_id: int) -> None:
    async with read_together() as (session, beside):
        report = await auditing.audit(session, beside=beside)
    async with transaction() as session:
        await auditing.note(session, report, by_id=by_id, now=utcnow())


@queue.task(name=Job.FREEZE_RANKINGS, retry=TRANSIENT)
async def freeze_rankings(due_at: str) -> None:
    async with transaction() as session:
        frozen = await freezing.freeze_closed(session, now=utcnow())
    log.info("ranking.frozen", due_at=due_at, boards=len(frozen))


@queue.task(name=Job.PURGE, retry=TRANSIENT)
async def purge(due_at: str) -> None:
    async with transaction() as session:
        removed = await housekeeping.purge(session, now=utcnow())
    await queue.job_manager.delete_old_jobs(nb_hours=72)
    log.info("house.purged", due_at=due_at, messages=removed)


@queue.task(name=Job.RETRY_STALLED)
async def retry_stalled(due_at: str) -> None:
    """Jobs of a worker that died: every job here is safe to run again.

    Without a lock of its own, or a stalled run of this very job would block it for ever
    (procrastinate#1408).
    """
    for job in await queue.job_manager.get_stalled_jobs():
        try:
            await queue.job_manager.retry_job(job)
        except UniqueViolation:
            # One with the same queueing lock waits already, and will do this one's work.
            await queue.job_manager.finish_job(job, Status.ABORTED, delete_job=False)
        log.warning("job.retried", stalled=job.task_name, due_at=due_at)
    async with transaction() as session:
        await letters.settle_lost_claims(session, now=utcnow())
        await letters.queue_again(session, now=utcnow())


@queue.task(name=Job.FETCH_UNIONID, queue="push", retry=TRANSIENT)
async def fetch_unionid(identity_id: int) -> None:
    """Ask WeChat for a follower's unionid, which joins the person's two identities."""
    appid = get_settings().wechat.oa.appid
    async with transaction() as session:
        openid = await followers.openid_of(session, identity_id=identity_id, appid=appid)
    if openid is None:
        return
    try:
        follower = await calls.get_user_info(Resources.wechat, openid=openid)
    except DomainError as error:
        if isinstance(error, WeChatUnavailable):
            raise
        log.info("follower.unknown", code=error.code)
        return
    if follower.unionid is None:
        return
    async with transaction() as session:
        await followers.learn_unionid(
            session, appid=appid, openid=openid, unionid=follower.unionid, now=utcnow()
        )
