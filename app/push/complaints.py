"""投诉和建议: what a resident asks of the administrators is a task, and its closing the answer.

The words are the person's own, so they go with an erasure; that something was asked stays.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Invalid, TooMany
from app.push.models import Task
from app.push.tasks import open_task

KIND = "complaint"
ABOUT = {
    "credit": "学分记错了",
    "content": "内容有错",
    "service": "不好用",
    "staff": "办事和服务",
    "other": "其他",
}
TEXT_LENGTH_MIN, TEXT_LENGTH_MAX = 4, 500
TERM = timedelta(days=7)
OPEN_MAX = 5
"""Of one person: who is not answered need not ask a sixth time, and nobody floods the list."""
FORGOTTEN = "（本人已注销）"


class ComplaintUnsuitable(Invalid):
    title = f"请写清楚是什么事（{TEXT_LENGTH_MIN}–{TEXT_LENGTH_MAX} 个字）"


class TooManyComplaints(TooMany):
    title = f"您还有 {OPEN_MAX} 件在办，等答复以后再提"


async def complain(
    session: AsyncSession,
    *,
    person_ids: Sequence[int],
    org_id: int,
    about: str,
    text: str,
    key: str,
    now: datetime,
) -> Task | None:
    """Ask the administrators of `org_id`; None if this key has asked before.

    `person_ids`: one person with all merged accounts, who is asking first.
    Raises ComplaintUnsuitable, TooManyComplaints.
    """
    said = "\n".join(line.strip() for line in text.splitlines() if line.strip())
    if about not in ABOUT or not TEXT_LENGTH_MIN <= len(said) <= TEXT_LENGTH_MAX:
        raise ComplaintUnsuitable
    waiting = select(func.count()).where(
        Task.kind == KIND, Task.state == "open", Task.asked_by_id.in_(person_ids)
    )
    if (await session.scalar(waiting) or 0) >= OPEN_MAX:
        raise TooManyComplaints
    opened = await open_task(
        session,
        key=f"{KIND}:{person_ids[0]}:{key}",
        kind=KIND,
        org_id=org_id,
        person_id=None,
        role="admin",
        title=f"居民投诉建议：{ABOUT[about]}",
        text=said,
        due_at=now + TERM,
        now=now,
    )
    if opened is not None:
        opened.asked_by_id = person_ids[0]
        await session.flush()
    return opened


async def list_complaints(
    session: AsyncSession, *, person_ids: Sequence[int], limit: int
) -> list[Task]:
    """What these persons asked, newest first; `closed_reason` is what they were answered."""
    asked = select(Task).where(Task.kind == KIND, Task.asked_by_id.in_(person_ids))
    return list(await session.scalars(asked.order_by(Task.id.desc()).limit(limit)))


async def export(session: AsyncSession, *, person_ids: Sequence[int]) -> list[dict[str, object]]:
    rows = await session.scalars(
        select(Task).where(Task.asked_by_id.in_(person_ids)).order_by(Task.id)
    )
    return [
        {
            "title": one.title,
            "text": one.text,
            "made_at": one.made_at.isoformat(),
            "state": one.state,
            "answer": one.closed_reason,
        }
        for one in rows
    ]


async def forget(session: AsyncSession, *, person_ids: Sequence[int], now: datetime) -> None:
    """Erasure: the words go, and nobody is left to be answered."""
    mine = update(Task).where(Task.asked_by_id.in_(person_ids))
    await session.execute(
        mine.where(Task.state == "open").values(
            state="dropped", closed_at=now, closed_reason=FORGOTTEN
        )
    )
    await session.execute(mine.values(text=FORGOTTEN, closed_reason=FORGOTTEN))
