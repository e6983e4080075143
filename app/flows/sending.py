"""A delivery's story around its call: claimed, then told, handed over, or shown to somebody.

Locks in one order: manuscript, delivery, group (app/push/deliveries.py).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.core.jobs import Job, defer
from app.editorial import desk, steps
from app.editorial import queries as editorial
from app.flows import delivery_alerts, group_owners, notices, push_alerts
from app.flows.delivery_alerts import key_of
from app.flows.group_owners import Asked
from app.people import queries as people
from app.push import deliveries, groups, reach, tasks
from app.push.channels import says_a_picture
from app.push.deliveries import Outcome, Parcel
from app.push.links import Links
from app.push.models import Delivery
from app.push.notice_values import describe
from app.push.posters import Poster, poster_of
from app.push.texts import task_text

RELAY = "relay"
OPEN = ("planned", "claimed", "handed_over")
FIRST_LOOK = timedelta(minutes=2)
NO_SENDER = "群主还没有绑定企业微信账号，改为人工转发"
REFUSED_TO_SPEAK = "QQ 不允许机器人主动发言，改为人工转发"


@dataclass(frozen=True)
class Errand:
    """What a worker has to call; `sender` is the owner's userid, for a customer group.

    `poster` is to be drawn where the picture is the message.
    """

    parcel: Parcel
    sender: str | None
    poster: Poster | None = None


async def claim(
    session: AsyncSession, *, delivery_id: int, links: Links, corp_id: str | None, now: datetime
) -> Errand | None:
    """Take a delivery for its call; None if there is none to make.

    A relayed one is handed over here and now: it needs no call, so it cannot get lost in one.
    """
    manuscript, delivery = await deliveries.lock(session, delivery_id=delivery_id)
    parcel = await deliveries.claim(session, delivery_id=delivery_id, links=links, now=now)
    if parcel is None:
        if (delivery.state, delivery.detail) == ("skipped", deliveries.LESSON_GONE):
            await push_alerts.lesson_gone(session, manuscript=manuscript, now=now)
        await conclude(session, manuscript_id=manuscript.id, now=now)
        return None
    if manuscript.state == "scheduled":
        await desk.begin(session, manuscript_id=manuscript.id, now=now)
    sender = None
    if parcel.channel == "wecom_customer_group":
        sender = await userid_of(session, person_id=parcel.owner_id, corp_id=corp_id)
        if sender is None:
            await hand_over(session, parcel=parcel, links=links, why=NO_SENDER, now=now)
            return None
    if parcel.channel == RELAY:
        await hand_over(session, parcel=parcel, links=links, why=None, now=now)
        return None
    poster = await _poster_of(session, parcel) if says_a_picture(parcel.channel) else None
    return Errand(parcel=parcel, sender=sender, poster=poster)


async def finish(session: AsyncSession, *, parcel: Parcel, outcome: Outcome, now: datetime) -> None:
    """Record what became of a call, and tell whoever has to know."""
    delivery = await deliveries.record(session, parcel=parcel, outcome=outcome, now=now)
    if delivery is None:
        return
    match delivery.state:
        case "failed":
            await delivery_alerts.failed(session, delivery=delivery, now=now)
        case "unknown":
            await delivery_alerts.in_doubt(session, delivery=delivery, now=now)
            if delivery.channel == "wecom_customer_group":
                await check_later(session, delivery=delivery, at=now + FIRST_LOOK)
        case "handed_over":
            await _wait_for_confirmation(session, parcel, delivery, now)
        case ended:
            reason = "已送达" if ended == "sent" else "推送已撤回"
            await tasks.close_tasks(
                session, delivery_id=delivery.id, by_id=None, reason=reason, done=True, now=now
            )
    await conclude(session, manuscript_id=delivery.manuscript_id, now=now)


async def hand_over(
    session: AsyncSession, *, parcel: Parcel, links: Links, why: str | None, now: datetime
) -> None:
    """Give the owner the ready text, the link and the poster: by a letter, and as a task."""
    outcome = Outcome("handed_over", detail=why)
    delivery = await deliveries.record(session, parcel=parcel, outcome=outcome, now=now)
    if delivery is None:
        return
    delivery.channel = RELAY
    if delivery.state != "handed_over":
        await conclude(session, manuscript_id=delivery.manuscript_id, now=now)
        return
    poster = links.poster(parcel.delivery_id)
    text = task_text(parcel.notice, group=parcel.group_name, poster=poster)
    title = f"转发到“{parcel.group_name}”：{parcel.notice.title}"
    asked = await group_owners.find(
        session, owner_id=parcel.owner_id, org_id=parcel.org_id, now=now
    )
    if asked.role is not None:
        await group_owners.tell_of_change(session, parcel=parcel, now=now)
    for person_id in asked.told:
        await notices.tell(
            session,
            key=f"{key_of(RELAY, delivery)}:{person_id}",
            person_id=person_id,
            kind="duty",
            text=text,
            values=describe(what=title, when=delivery.deadline_at, note="打开待办，复制文字并转发"),
            now=now,
        )
    await _open_relay_task(session, parcel, delivery, asked, title=title, text=text, now=now)


async def relay_instead(
    session: AsyncSession, *, parcel: Parcel, links: Links, now: datetime
) -> None:
    """The platform lets nobody speak first in this group: a person forwards, from now on."""
    await deliveries.lock(session, delivery_id=parcel.delivery_id)
    await groups.relay_from_now(session, group_id=parcel.group_id, now=now)
    await hand_over(session, parcel=parcel, links=links, why=REFUSED_TO_SPEAK, now=now)


async def conclude(session: AsyncSession, *, manuscript_id: int, now: datetime) -> None:
    """Settle a push once none of its deliveries is open: published if any group got it."""
    manuscript = await steps.lock(session, manuscript_id=manuscript_id)
    if manuscript.state not in {"publishing", "failed", "unknown"}:
        return
    count = await reach.count_states(session, manuscript_id=manuscript_id)
    if any(count.get(state) for state in OPEN):
        return
    state: desk.Outcome = "failed"
    if count.get("sent"):
        state = "published"
    elif count.get("unknown"):
        state = "unknown"
    await desk.settle(
        session, manuscript_id=manuscript_id, state=state, outcome=count, by_id=None, now=now
    )
    await tasks.close_tasks(
        session, kind=push_alerts.LATE, manuscript_id=manuscript_id, by_id=None,
        reason="没有等待发送的群了", done=True, now=now,
    )  # fmt: skip


async def check_later(session: AsyncSession, *, delivery: Delivery, at: datetime | None) -> None:
    """Ask WeCom about a customer group's task; one question that waits already is enough."""
    await defer(
        session,
        Job.CHECK_GROUP_TASK,
        dedupe=f"check:{delivery.id}",
        at=at,
        delivery_id=delivery.id,
    )


async def userid_of(session: AsyncSession, *, person_id: int, corp_id: str | None) -> str | None:
    """What WeCom calls this person: the identity whose appid is the company's id."""
    kept_id = await people.resolve_alias(session, person_id)
    identities = await people.list_identities(session, kept_id)
    return next((one.openid for one in identities if one.appid == corp_id), None)


async def _poster_of(session: AsyncSession, parcel: Parcel) -> Poster:
    body = await editorial.body_of(session, manuscript_id=parcel.manuscript_id)
    lesson = await content.get_lesson(
        session, lesson_id=body["lesson_id"], version_id=body["lesson_version_id"]
    )
    place = await people.get_organisation(session, parcel.org_id)
    return poster_of(parcel.notice, place=place.name, platform=lesson.platform)


async def _wait_for_confirmation(
    session: AsyncSession, parcel: Parcel, delivery: Delivery, now: datetime
) -> None:
    """A customer group's owner confirms in WeCom; the answer is asked for until the deadline."""
    await _open_relay_task(
        session,
        parcel,
        delivery,
        Asked(parcel.owner_id, None, (parcel.owner_id,)),
        title=f"在企业微信确认群发：{parcel.group_name}",
        text="请打开企业微信，在“客户联系—群发助手”里点“发送”。系统会自动看到结果。",
        now=now,
    )
    await check_later(session, delivery=delivery, at=now + FIRST_LOOK)


async def _open_relay_task(
    session: AsyncSession,
    parcel: Parcel,
    delivery: Delivery,
    asked: Asked,
    *,
    title: str,
    text: str,
    now: datetime,
) -> None:
    await tasks.open_task(
        session,
        key=key_of(RELAY, delivery),
        kind=RELAY,
        org_id=parcel.org_id,
        person_id=asked.person_id,
        role=asked.role,
        title=title,
        text=text,
        due_at=delivery.deadline_at,
        delivery_id=delivery.id,
        now=now,
    )
