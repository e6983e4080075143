"""The driver's second transaction: what came of a step. The first is app/flows/publishing.py."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.core.errors import DomainError, Unavailable
from app.editorial import steps as manuscripts
from app.flows import settling
from app.flows.publishing import GOING_ON, apply, is_going_on, no_quota
from app.flows.settling import Way
from app.push import media, publications, quotas
from app.push.outcomes import Meaning, advice_for
from app.push.outlets import Outlet
from app.push.steps import AddDraft, Check, FindPublished, Step, Submit, UploadPicture
from app.wechat.capability import NotOffered
from app.wechat.errors import (
    MassQuotaUsed,
    MediaInvalid,
    NotGranted,
    RepeatedTooSoon,
    UnexpectedRefusal,
    WeChatUnavailable,
)


@dataclass(frozen=True)
class Told:
    """The platform's word on a job; of an article found among the published ones, "0"."""

    status: str
    urls: tuple[str, ...] = ()
    article_id: str = ""


LOOKED_FOR = ("submitting", "by_hand", "unknown")
Answer = str | Told | None
"""A picture's reference, a draft's media_id, a job's id; what was told; nothing found."""


async def record(  # noqa: C901  one case a step
    session: AsyncSession,
    *,
    manuscript_id: int,
    outlet: Outlet,
    step: Step,
    answer: Answer,
    now: datetime,
) -> None:
    """Book the answer, unless the publication has meanwhile gone another way."""
    way = await _lock(session, manuscript_id, outlet)
    if isinstance(step, UploadPicture):
        reference = str(answer)
        await media.remember(session, appid=outlet.appid, step=step, reference=reference, now=now)
    if way is None:
        return
    one = way.publication
    match step:
        case UploadPicture() if one.state == "preparing":
            publications.go_on(one, "preparing", now=now)
        case AddDraft() if _is_ours(way, step):
            one.draft_media_id = str(answer)
            publications.go_on(one, "drafted", now=now)
        case Submit() if _is_mine(way, step):
            one.job_id, one.submitted_at = str(answer), now
            publications.go_on(one, "submitted", now=now)
            # Already told? Then the next step sees it; else there is nothing to ask yet.
            if await publications.latest_outcome(session, publication=one) is None:
                publications.back_off(one, now=now)
        case Check() if isinstance(answer, Told) and one.state == "submitted":
            if not await apply(session, way, answer.status, answer.urls, now=now):
                publications.back_off(one, now=now)
            elif answer.article_id:
                one.article_id = answer.article_id
        case FindPublished() if one.state in LOOKED_FOR:
            await _found(session, way, answer, now)


async def _found(session: AsyncSession, way: Way, answer: Answer, now: datetime) -> None:
    if not isinstance(answer, Told):
        _wait(way, now)
        return
    way.publication.status, way.publication.article_id = answer.status, answer.article_id
    way.publication.urls = list(answer.urls)
    await settling.publish(session, way, remarks="在已发表的图文中找到", now=now)


async def record_error(
    session: AsyncSession,
    *,
    manuscript_id: int,
    outlet: Outlet,
    step: Step,
    error: DomainError,
    now: datetime,
) -> None:
    """Not done and may be tried again, done or not (nobody knows), or refused for good."""
    way = await _lock(session, manuscript_id, outlet)
    if way is None:
        return
    one = way.publication
    match step:
        case Check() if one.state == "submitted":
            publications.back_off(one, now=now)
        case FindPublished() if one.state in LOOKED_FOR:
            publications.back_off(one, now=now)
        case UploadPicture() | AddDraft() if _is_ours(way, step):
            await _not_prepared(session, way, step, error, now)
        case Submit() if _is_mine(way, step):
            await _not_submitted(session, way, error, now)


async def _not_prepared(
    session: AsyncSession,
    way: Way,
    step: UploadPicture | AddDraft,
    error: DomainError,
    now: datetime,
) -> None:
    one = way.publication
    if isinstance(error, NotOffered | NotGranted):
        await settling.hand_over(session, way, "这个公众号不能通过接口新建图文草稿", now=now)
    elif isinstance(error, MediaInvalid) and isinstance(step, AddDraft) and one.checks == 0:
        await media.forget_covers(session, appid=one.appid, step=step)
        one.detail, one.checks, one.next_at = error.title, 1, now
    elif _may_be_tried_again(error):
        one.detail = error.title
        publications.back_off(one, now=now)
    else:
        await _refused(session, way, error, now)


async def _not_submitted(
    session: AsyncSession, way: Way, error: DomainError, now: datetime
) -> None:
    one = way.publication
    if isinstance(error, RepeatedTooSoon) or (
        isinstance(error, WeChatUnavailable) and error.maybe_done
    ):
        if one.state == "submitting":
            one.status, one.checks = publications.UNANSWERED, 0
            one.next_at = now + publications.BACK_OFF[0]
        return
    if one.status == publications.UNANSWERED or one.state == "unknown":
        # The first call may have been carried out; that this one was not says nothing about it.
        if _may_be_tried_again(error) and one.state == "submitting":
            publications.back_off(one, now=now)
        elif one.state == "submitting":
            await settling.doubt(session, way, f"再次提交时：{error.title}", now=now)
        return
    key = publications.client_msg_id(one)
    await quotas.release(session, appid=one.appid, key=key)
    if isinstance(error, MassQuotaUsed):
        await quotas.note_by_hand(session, appid=one.appid, day=local_day(now), now=now)
        short = await quotas.shortage(session, outlet=way.outlet, day=local_day(now))
        await no_quota(session, way, short or "day", now=now)
    elif isinstance(error, NotOffered | NotGranted):
        await settling.hand_over(session, way, "这个公众号不能通过接口发表", now=now)
    elif _may_be_tried_again(error):
        one.state, one.claimed_at, one.detail = "drafted", None, error.title
        publications.back_off(one, now=now)
    else:
        await _refused(session, way, error, now)


async def _refused(session: AsyncSession, way: Way, error: DomainError, now: datetime) -> None:
    code = error.facts.get("errcode")
    reason = error.title if code is None else f"{error.title}（{code}）"
    way.publication.status = error.code
    if isinstance(error, MediaInvalid):
        way.publication.draft_media_id = None
    meaning = Meaning("failed", reason, advice_for(error.code), "publish_failed")
    await settling.fail(session, way, meaning, now=now)


def _may_be_tried_again(error: DomainError) -> bool:
    """Something that passes; a code without a name does not."""
    return isinstance(error, Unavailable) and not isinstance(error, UnexpectedRefusal)


def _is_ours(way: Way, step: UploadPicture | AddDraft) -> bool:
    """Who slept through a change of the content brings the old wording's draft."""
    one = way.publication
    same = not isinstance(step, AddDraft) or step.version == one.version
    return one.state == "preparing" and same


def _is_mine(way: Way, step: Submit) -> bool:
    """A call that began before everybody gave it up still tells the truth about its attempt."""
    one = way.publication
    if way.manuscript.state not in GOING_ON:
        return False
    return one.attempt == step.attempt and one.state in {"submitting", "unknown"}


def _wait(way: Way, now: datetime) -> None:
    one = way.publication
    if one.state == "unknown":
        one.next_at = None
        return
    if one.state == "by_hand":
        overdue = now - (way.manuscript.scheduled_at or now) > publications.BY_HAND_WITHIN
        one.next_at = now + (settling.LOOK_SELDOM if overdue else settling.LOOK_EVERY)
        return
    if one.status != publications.NOT_FOUND:
        one.status, one.checks = publications.NOT_FOUND, 0
    publications.back_off(one, now=now)


async def _lock(session: AsyncSession, manuscript_id: int, outlet: Outlet) -> Way | None:
    manuscript = await manuscripts.lock(session, manuscript_id=manuscript_id)
    publication = await publications.lock(session, manuscript_id=manuscript_id)
    if publication is None:
        return None
    way = Way(manuscript, publication, outlet)
    return way if is_going_on(way) else None
