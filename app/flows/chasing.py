"""What is late: reminded, shown to the administrator, ended at midnight. A batch in a transaction.

Each part returns how many it dealt with; the worker calls it again until there are none.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime
from itertools import groupby

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.jobs import Job, defer
from app.flows import delivery_alerts, group_owners, notices, push_alerts
from app.flows.delivery_alerts import key_of
from app.push import handed_over, overdue
from app.push.models import Delivery, Group

NAMED = 3
"""Groups that a letter names; the tasks name them all."""


async def remind(session: AsyncSession, *, now: datetime) -> int:
    """One letter for each owner, however many groups are theirs."""
    marked = await overdue.remind(session, now=now)
    for (owner_id, org_id), mine in _by_owner(marked):
        text = f"{_names(mine)}今天的学习内容还没有转发，请尽快转发，再回来点“已转发”。"
        asked = await group_owners.find(session, owner_id=owner_id, org_id=org_id, now=now)
        for person_id in asked.told:
            await notices.tell(
                session,
                key=f"{key_of('relay_reminder', mine[0][0])}:{person_id}",
                person_id=person_id,
                kind="duty",
                text=text,
                now=now,
            )
    for delivery, _ in marked:
        if delivery.channel == "wecom_customer_group":
            await _check(session, delivery, f"remind:{delivery.id}", remind=1)
    return len(marked)


async def escalate(session: AsyncSession, *, now: datetime) -> int:
    """A task for each group; who administers them gets one letter an hour."""
    marked = await overdue.escalate(session, now=now)
    for delivery, _ in marked:
        await delivery_alerts.overdue(session, delivery=delivery, now=now)
    return len(marked)


async def fail_forgotten(session: AsyncSession, *, now: datetime) -> int:
    return await _drop(session, await overdue.fail_forgotten(session, now=now), now)


async def tell_late(session: AsyncSession, *, now: datetime) -> int:
    """What should have gone out an hour ago, and a platform or a worker holds up."""
    marked = await overdue.mark_late(session, now=now)
    await _tell_of(session, marked, push_alerts.LATE, now)
    return len(marked)


async def skip_missed(session: AsyncSession, *, now: datetime) -> int:
    marked = await overdue.skip_missed(session, now=now)
    await _tell_of(session, marked, push_alerts.MISSED, now)
    return await _drop(session, marked, now)


async def stop(session: AsyncSession, *, in_hand: overdue.Marked, now: datetime) -> None:
    """Their push was withdrawn: their tasks are void, and each owner is told once."""
    ids = [delivery.id for delivery, _ in in_hand]
    await handed_over.drop_tasks(session, delivery_ids=ids, reason="推送已撤回", now=now)
    for (owner_id, org_id), mine in _by_owner(in_hand):
        text = f"{_names(mine)}今天的学习推送已撤回，请不要再转发；已经转发的，请在群里说明。"
        asked = await group_owners.find(session, owner_id=owner_id, org_id=org_id, now=now)
        for person_id in asked.told:
            await notices.tell(
                session,
                key=f"{key_of('withdrawn', mine[0][0])}:{person_id}",
                person_id=person_id,
                kind="duty",
                text=text,
                now=now,
            )


async def cancel_tasks(session: AsyncSession, *, now: datetime) -> None:
    """Nobody is to tap 「发送」 for what was given up, withdrawn or is of yesterday."""
    for delivery in await overdue.list_uncancelled(session, now=now):
        await _check(session, delivery, f"cancel:{delivery.id}", remind=0)


Part = Callable[..., Awaitable[int]]
PARTS: tuple[Part, ...] = (remind, escalate, fail_forgotten, tell_late, skip_missed)


async def _tell_of(session: AsyncSession, marked: overdue.Marked, kind: str, now: datetime) -> None:
    for manuscript_id in sorted({delivery.manuscript_id for delivery, _ in marked}):
        await push_alerts.not_sent(session, manuscript_id=manuscript_id, kind=kind, now=now)


async def _drop(session: AsyncSession, marked: overdue.Marked, now: datetime) -> int:
    ids = [delivery.id for delivery, _ in marked]
    await handed_over.drop_tasks(session, delivery_ids=ids, reason="当天已过", now=now)
    return len(marked)


async def _check(session: AsyncSession, delivery: Delivery, dedupe: str, *, remind: int) -> None:
    await defer(
        session,
        Job.CHECK_GROUP_TASK,
        dedupe=dedupe,
        delivery_id=delivery.id,
        remind=remind,
    )


def _by_owner(
    marked: overdue.Marked,
) -> Iterable[tuple[tuple[int, int], Sequence[tuple[Delivery, Group]]]]:
    """(owner, organisation) → theirs."""

    def place(one: tuple[Delivery, Group]) -> tuple[int, int]:
        return one[1].owner_id, one[1].org_id

    return [(key, list(mine)) for key, mine in groupby(sorted(marked, key=place), key=place)]


def _names(mine: Sequence[tuple[Delivery, Group]]) -> str:
    named = "".join(f"“{group.name}”" for _, group in mine[:NAMED])
    return named if len(mine) <= NAMED else f"{named}等 {len(mine)} 个群"
