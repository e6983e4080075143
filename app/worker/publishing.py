"""Publishing the weekly issue: claim, call, record, step by step; and the minute's look around."""

from dataclasses import asdict

from procrastinate import RetryStrategy

from app.core.clock import utcnow
from app.core.db import transaction
from app.core.errors import DomainError, NotFound
from app.core.jobs import Job, queue
from app.core.logging import get_logger
from app.flows import publishing, publishing_records, week_watch, weekly_issue
from app.flows.publishing_records import Answer, Told
from app.push.steps import AddDraft, Check, FindPublished, Step, Submit, UploadPicture
from app.wechat import drafts, freepublish, mass, materials
from app.wechat.client import WeChatClient
from app.worker.resources import Resources

log = get_logger()

DATABASE_AWAY = RetryStrategy(max_attempts=6, exponential_wait=3)
"""For our own hiccups only: what the platform answers is booked and comes back by `next_at`."""
STEPS_MAX = 200
"""Eight articles with twenty pictures each and then some: a loop has an end."""


class PictureLost(NotFound):
    title = "图片文件不在服务器上了"


@queue.task(name=Job.PUBLISH_ISSUE, queue="push", retry=DATABASE_AWAY)
async def publish_issue(manuscript_id: int) -> None:
    """Take one issue as far as it goes now."""
    outlet = weekly_issue.outlet()
    for _ in range(STEPS_MAX):
        async with transaction() as session:
            step = await publishing.next_step(
                session, manuscript_id=manuscript_id, outlet=outlet, now=utcnow()
            )
        if step is None or (isinstance(step, Submit) and utcnow() >= step.before):
            return
        try:
            answer = await perform(Resources.wechat, step)
        except DomainError as error:
            async with transaction() as session:
                await publishing_records.record_error(
                    session,
                    manuscript_id=manuscript_id,
                    outlet=outlet,
                    step=step,
                    error=error,
                    now=utcnow(),
                )
            log.info("issue.step_failed", step=type(step).__name__, error=error.code)
            continue
        async with transaction() as session:
            await publishing_records.record(
                session,
                manuscript_id=manuscript_id,
                outlet=outlet,
                step=step,
                answer=answer,
                now=utcnow(),
            )


async def perform(client: WeChatClient, step: Step) -> Answer:  # noqa: PLR0911  one a step
    """One call, outside any transaction."""
    match step:
        case UploadPicture():
            content = _read(step)
            upload = materials.upload_body_image if step.purpose == "body" else materials.add_cover
            return await upload(client, name=step.path.name, content=content)
        case AddDraft():
            articles = [drafts.Article(**asdict(page)) for page in step.pages]
            return await drafts.add_draft(client, articles)
        case Submit(method="mass"):
            return await mass.send_to_all(
                client,
                media_id=step.media_id,
                client_msg_id=step.client_msg_id,
                tag_id=step.tag_id,
            )
        case Submit():
            return await freepublish.submit(client, media_id=step.media_id)
        case Check(method="mass"):
            return Told(await mass.get_mass_status(client, msg_id=step.job_id))
        case Check():
            return _told(await freepublish.get_publication(client, publish_id=step.job_id))
        case FindPublished():
            found = await freepublish.find_published(client, source_url=step.source_url)
            return None if found is None else _told(found)


def _read(step: UploadPicture) -> bytes:
    """Below a megabyte, on our own disk."""
    try:
        return step.path.read_bytes()
    except OSError as error:
        raise PictureLost(sha256=step.sha256) from error


def _told(found: freepublish.Publication) -> Told:
    return Told(str(found.status), found.urls, found.article_id)


@queue.task(name=Job.TEND_ISSUES, queue="push", retry=DATABASE_AWAY)
async def tend_issues(due_at: str) -> None:
    """Every minute: what is due, claims of processes that died, and the week as a whole."""
    async with transaction() as session:
        set_on = await weekly_issue.due(session, now=utcnow())
    if set_on:
        log.info("issues.due", due_at=due_at, issues=set_on)
    # Apart, so that a reminder that fails holds up no issue.
    async with transaction() as session:
        await week_watch.watch_week(session, outlet=weekly_issue.outlet(), now=utcnow())
