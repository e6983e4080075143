"""Jobs of the daily push: each delivery is claimed, called and recorded; every minute it is tended.

A call whose answer is lost is never made again: the delivery is in doubt, and a person decides.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from app.core.clock import local_day, utcnow
from app.core.db import transaction
from app.core.errors import DomainError
from app.core.exchange import PlatformUnavailable
from app.core.jobs import Job, defer, queue
from app.core.logging import get_logger
from app.core.settings import get_settings
from app.flows import chasing, daily_push, group_tasks, push_drafts, push_watch, sending
from app.flows.group_tasks import Check
from app.flows.sending import Errand
from app.push import deliveries, posters, texts
from app.push.deliveries import Outcome
from app.push.links import Links
from app.qq.errors import ProactiveRefused, QQAudited, QQRateLimited
from app.qq.groups import send_group_text
from app.wecom.errors import GroupTaskGone, WeComBusy, WeComRateLimited
from app.wecom.groups import (
    add_group_task,
    cancel_group_task,
    find_group_task,
    get_group_results,
    remind_group_task,
)
from app.wecom.robot import send_robot
from app.worker.resources import Resources
from app.worker.tasks import TRANSIENT

log = get_logger()
LATER = (WeComBusy, WeComRateLimited, QQRateLimited)
"""Refusals that mean nothing but "not now": it is planned again, and the next minute tries."""
NO_ANSWER = "没有收到平台的答复，是否送达未知"
AUDITED = "QQ 正在审核这条消息，是否送达未知"
TENDING: tuple[Callable[..., Awaitable[object]], ...] = (
    daily_push.settle_lost,
    daily_push.schedule_approved,
    daily_push.queue_due,
    *chasing.PARTS,
    chasing.cancel_tasks,
    daily_push.conclude_all,
    push_watch.warn_unapproved,
)
SLACK = timedelta(minutes=10)
"""How far the platform's clock may be from ours when a lost task is looked for."""


def links_of_settings() -> Links:
    settings = get_settings()
    return Links(base_url=settings.base_url, secret=settings.secret_key)


@queue.task(name=Job.SEND_DELIVERY, queue="push", retry=TRANSIENT)
async def send_delivery(delivery_id: int) -> None:
    """Claim, call, record. Raises where it is certain that nothing was sent: the queue repeats."""
    links, corp_id = links_of_settings(), get_settings().wecom.corp_id
    async with transaction() as session:
        errand = await sending.claim(
            session, delivery_id=delivery_id, links=links, corp_id=corp_id, now=utcnow()
        )
    if errand is None:
        return
    try:
        outcome = await _carry(errand)
    except ProactiveRefused:
        async with transaction() as session:
            await sending.relay_instead(session, parcel=errand.parcel, links=links, now=utcnow())
        return
    except LATER as error:
        async with transaction() as session:
            await deliveries.put_back(session, parcel=errand.parcel, why=_told(error), now=utcnow())
        log.info("delivery.later", delivery_id=delivery_id, error=error.code)
        return
    except PlatformUnavailable as error:
        if not error.maybe_done:
            async with transaction() as session:
                await deliveries.put_back(
                    session, parcel=errand.parcel, why=_told(error), now=utcnow()
                )
            raise
        why = AUDITED if isinstance(error, QQAudited) else NO_ANSWER
        outcome = await _look_for(errand, why=why)
    except DomainError as error:
        outcome = Outcome("failed", detail=_told(error))
    async with transaction() as session:
        await sending.finish(session, parcel=errand.parcel, outcome=outcome, now=utcnow())


async def _carry(errand: Errand) -> Outcome:
    parcel, notice = errand.parcel, errand.parcel.notice
    match parcel.channel:
        case "wecom_robot":
            assert parcel.address is not None
            message = await _robot_message(errand)
            await send_robot(Resources.wecom, key=parcel.address, message=message)
            return Outcome("sent", proof="企业微信已接受")
        case "wecom_customer_group":
            assert parcel.address is not None
            assert errand.sender is not None
            task = await add_group_task(
                Resources.wecom,
                sender=errand.sender,
                chat_ids=[parcel.address],
                text=texts.customer_group_text(notice),
                link=texts.customer_group_link(notice),
            )
            if parcel.address in task.failed:
                return Outcome("failed", detail="该客户群不属于群主，或本月已收满群发")
            return Outcome("handed_over", detail="等待群主确认", platform_ref=task.msg_id)
        case "qq_bot":
            assert parcel.address is not None
            said = await send_group_text(
                Resources.qq,
                group_openid=parcel.address,
                text=texts.qq_text(notice),
                msg_id=None,
                msg_seq=1,
            )
            return Outcome("sent", proof="QQ 已接受", platform_ref=said)
        case channel:
            assert channel == "console", channel
            log.info("delivery.console", group=parcel.group_id, said=texts.console_text(notice))
            return Outcome("sent", proof="已写入日志")


async def _robot_message(errand: Errand) -> dict[str, Any]:
    if errand.poster is None:
        return texts.robot_message(errand.parcel.notice)
    # The processor's work: not on the loop.
    directory = get_settings().data_dir / "posters"
    return texts.robot_picture(
        await asyncio.to_thread(posters.drawn, errand.poster, directory=directory)
    )


def _told(error: DomainError) -> str:
    return f"{error.title}（{error.code}）"


async def _look_for(errand: Errand, *, why: str) -> Outcome:
    """What can be found out after a lost answer: only a customer group's task has a text."""
    parcel = errand.parcel
    if parcel.channel != "wecom_customer_group" or errand.sender is None:
        return Outcome("unknown", detail=why)
    text = texts.customer_group_text(parcel.notice)
    msg_id = await _find(errand.sender, text, parcel.claimed_at)
    if msg_id is None:
        return Outcome("unknown", detail=why)
    return Outcome("handed_over", detail="等待群主确认", platform_ref=msg_id)


async def _find(sender: str, text: str, since: datetime) -> str | None:
    try:
        return await find_group_task(
            Resources.wecom,
            sender=sender,
            text=text,
            since=since - SLACK,
            until=max(utcnow(), since) + SLACK,
        )
    except DomainError as error:
        log.info("delivery.not_found", error=error.code)
        return None


@queue.task(name=Job.CHECK_GROUP_TASK, queue="push", retry=TRANSIENT)
async def check_group_task(delivery_id: int, remind: int = 0) -> None:
    """Ask what became of a customer group's task until its owner has decided, or the day is over.

    With `remind`, WeCom knocks at the owner's door once more. Where the delivery is over, the task
    is cancelled.
    """
    links, corp_id = links_of_settings(), get_settings().wecom.corp_id
    async with transaction() as session:
        check = await group_tasks.look_at(
            session, delivery_id=delivery_id, links=links, corp_id=corp_id, now=utcnow()
        )
    if check is None:
        return
    if check.cancel:
        await _cancel(check)
        return
    assert check.sender is not None
    msg_id = check.msg_id or await _find(check.sender, check.text, check.claimed_at)
    if msg_id is None:
        return  # In doubt it stays: a person has the task.
    status = None
    try:
        status = await _status_of(check, msg_id)
        if remind and status == group_tasks.WAITING:
            await remind_group_task(Resources.wecom, msg_id=msg_id)
    except DomainError as error:
        log.info("delivery.not_checked", delivery_id=delivery_id, error=error.code)
    async with transaction() as session:
        again = await group_tasks.settle(
            session, check=check, msg_id=msg_id, status=status, now=utcnow()
        )
        if again is not None:
            await defer(
                session,
                Job.CHECK_GROUP_TASK,
                dedupe=f"check:{delivery_id}",
                at=again,
                delivery_id=delivery_id,
            )


async def _status_of(check: Check, msg_id: str) -> int | None:
    if check.sender is None:
        return None
    results = await get_group_results(Resources.wecom, msg_id=msg_id, userid=check.sender)
    return next((one.status for one in results if one.chat_id == check.chat_id), None)


async def _cancel(check: Check) -> None:
    """Once it is cancelled nobody can send it: only then its status is final."""
    assert check.msg_id is not None
    status = None
    try:
        await cancel_group_task(Resources.wecom, msg_id=check.msg_id)
        status = await _status_of(check, check.msg_id)
    except GroupTaskGone:
        pass
    except DomainError as error:
        # The next minute tries again (flows/chasing.py); until then nobody may make another.
        log.info("delivery.not_cancelled", delivery_id=check.delivery_id, error=error.code)
        return
    async with transaction() as session:
        await group_tasks.cancelled(session, check=check, status=status, now=utcnow())


@queue.task(name=Job.TEND_PUSHES, retry=TRANSIENT)
async def tend_pushes(due_at: str) -> None:
    """Each part in transactions of its own: one that fails keeps no other from its work."""
    now, failures = utcnow(), []
    for part in TENDING:
        try:
            more: object = True
            while more:
                async with transaction() as session:
                    more = await part(session, now=now)
                more = more and part in chasing.PARTS
        except Exception as error:  # noqa: BLE001  told below, once all the others have run
            log.warning("push.not_tended", part=part.__name__, due_at=due_at)
            failures.append(error)
    if failures:
        raise failures[0]


@queue.task(name=Job.DRAFT_TOMORROW, retry=TRANSIENT)
async def draft_tomorrow(due_at: str) -> None:
    """A transaction for each town: one that fails keeps no other from its push.

    A run that comes only on the day itself still drafts for it; a later one is void.
    """
    now, failures, drafted = utcnow(), [], []
    day = local_day(datetime.fromisoformat(due_at)) + timedelta(days=1)
    if day < local_day(now):
        return
    async with transaction() as session:
        towns = await push_drafts.list_undrafted(session, day=day)
    for org_id in towns:
        try:
            async with transaction() as session:
                drafted.append(await push_drafts.draft(session, org_id=org_id, day=day, now=now))
        except Exception as error:  # noqa: BLE001  told below, once all the others have theirs
            log.warning("push.not_drafted", org_id=org_id, due_at=due_at)
            failures.append(error)
    log.info("push.drafted", due_at=due_at, pushes=[one for one in drafted if one is not None])
    if failures:
        raise failures[0]
