"""Saying that something was done by hand: what it means depends on what it was."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, Invalid
from app.flows import complaints, delivery_acts, weekly_issue
from app.flows.weekly_issue import DecideFirst
from app.people import staff_acts
from app.push import tasks
from app.push.models import Task

DONE, FORWARDED = "已办理", "已转发"


class ReviewFirst(Conflict):
    """A review is closed by being given: a tap alone reviews nothing."""

    title = "请打开稿件审阅：通过或退回以后，这项待办自己会关闭"


class AnswerNeeded(Invalid):
    title = "请写明怎么办的：提意见的居民会看到这句话"


async def finish(
    session: AsyncSession,
    *,
    task_id: int,
    by_id: int,
    reason: str | None,
    url: str | None,
    now: datetime,
) -> Task:
    """Close a task as done, with what follows from it; a repeated tap changes nothing.

    The deed is booked before the task, in the order in which all others lock them.
    Raises TaskNotFound, TaskClosed, ReviewFirst, DecideFirst, AnswerNeeded, and whatever
    forbids the deed.
    """
    task = await tasks.get_task(session, task_id=task_id)
    said = reason or (FORWARDED if task.kind == "relay" else DONE)
    if task.state == "open":
        if task.kind == "review":
            raise ReviewFirst(task_id=task_id)
        if task.asked_by_id is not None:
            if not reason:
                raise AnswerNeeded(task_id=task_id)
            await complaints.answer(session, task, words=said, now=now)
        elif task.kind == "relay" and task.delivery_id is not None:
            await delivery_acts.mark_sent(
                session, delivery_id=task.delivery_id, by_id=by_id, reason=said, now=now
            )
        elif task.kind == "publish_by_hand" and task.manuscript_id is not None:
            await weekly_issue.published_by_hand(
                session, manuscript_id=task.manuscript_id, by_id=by_id, url=url, now=now
            )
        else:
            await _require_decided(session, task)
        await _note(session, task, "done", by_id=by_id, now=now)
    return await tasks.close_task(
        session, task_id=task_id, by_id=by_id, reason=said, done=True, now=now
    )


async def drop(
    session: AsyncSession, *, task_id: int, by_id: int, reason: str, now: datetime
) -> Task:
    """Nobody need do it; what it was about stays as it is.

    Not where that would leave an issue on its way for ever, with nobody asked: DecideFirst.
    """
    task = await tasks.get_task(session, task_id=task_id)
    if task.state == "open":
        await _require_decided(session, task)
        if task.asked_by_id is not None:
            await complaints.answer(session, task, words=reason, now=now)
        await _note(session, task, "dropped", by_id=by_id, now=now)
    return await tasks.close_task(
        session, task_id=task_id, by_id=by_id, reason=reason, done=False, now=now
    )


async def _note(
    session: AsyncSession, task: Task, state: str, *, by_id: int, now: datetime
) -> None:
    facts = {"kind": task.kind, "state": state}
    await staff_acts.note(
        session, person_id=by_id, act="task.close", subject=f"task:{task.id}", facts=facts, now=now
    )


async def _require_decided(session: AsyncSession, task: Task) -> None:
    if task.kind not in tasks.DECISIONS or task.manuscript_id is None:
        return
    if await weekly_issue.awaits_decision(session, manuscript_id=task.manuscript_id):
        raise DecideFirst(task_id=task.id)
