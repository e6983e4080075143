"""What is left for people to do by hand (待办): opened once per key, closed by deed or tap."""

from collections.abc import Collection, Sequence
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    and_,
    extract,
    func,
    literal_column,
    not_,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict, NotFound
from app.core.paging import Page, decode, encode
from app.people.models import Organisation
from app.push.models import Task

DECISIONS = ("publish_by_hand", "publish_doubt", "publish_failed")
"""Kinds without which an issue would stay where it is for ever: somebody always has them."""
# Spelt out, because an index over the open ones is of no use to a parameter.
OPEN = Task.state == literal_column("'open'")
DUE = extract("epoch", Task.due_at).cast(BigInteger)


class TaskNotFound(NotFound):
    title = "没有这项待办"


class TaskClosed(Conflict):
    title = "这项待办已经结束"


async def open_task(
    session: AsyncSession,
    *,
    key: str,
    kind: str,
    org_id: int,
    person_id: int | None,
    role: str | None,
    title: str,
    text: str,
    due_at: datetime,
    manuscript_id: int | None = None,
    delivery_id: int | None = None,
    now: datetime,
) -> Task | None:
    """Leave something to do for a person, or for whoever holds `role`; None if the key exists."""
    row = insert(Task).values(
        key=key,
        kind=kind,
        org_id=org_id,
        person_id=person_id,
        role=role,
        title=title,
        text=text,
        due_at=due_at,
        manuscript_id=manuscript_id,
        delivery_id=delivery_id,
        made_at=now,
        state="open",
    )
    opened: Task | None = await session.scalar(row.on_conflict_do_nothing().returning(Task))
    return opened


async def raise_task(
    session: AsyncSession,
    *,
    key: str,
    kind: str,
    org_id: int,
    person_id: int | None,
    role: str | None,
    title: str,
    text: str,
    due_at: datetime,
    now: datetime,
) -> bool:
    """The task about something that comes and goes: opened, or opened again; whether it is news.

    What a person closed stays closed until it says something else.
    """
    row = insert(Task).values(
        key=key, kind=kind, org_id=org_id, person_id=person_id, role=role,
        title=title, text=text, due_at=due_at, made_at=now, state="open",
    )  # fmt: skip
    by_service = (Task.state != "open") & Task.closed_by_id.is_(None)
    again = row.on_conflict_do_update(
        index_elements=["key"],
        set_={
            "text": text, "due_at": due_at, "state": "open",
            "closed_at": None, "closed_by_id": None, "closed_reason": None,
        },
        where=by_service | (Task.text != text),
    )  # fmt: skip
    return await session.scalar(again.returning(Task.id)) is not None


async def close_tasks(
    session: AsyncSession,
    *,
    kind: str | None = None,
    manuscript_id: int | None = None,
    delivery_id: int | None = None,
    by_id: int | None,
    reason: str,
    done: bool,
    now: datetime,
) -> int:
    """Close the open tasks about a manuscript or a delivery; returns how many there were.

    `by_id` None is the service, which saw that it is done or needless.
    """
    about = [
        condition
        for given, condition in (
            (manuscript_id, Task.manuscript_id == manuscript_id),
            (delivery_id, Task.delivery_id == delivery_id),
        )
        if given is not None
    ]
    assert about, "of a manuscript or of a delivery, never all"
    if kind is not None:
        about.append(Task.kind == kind)
    return await _close(session, about, by_id=by_id, reason=reason, done=done, now=now)


async def close_task(
    session: AsyncSession, *, task_id: int, by_id: int, reason: str, done: bool, now: datetime
) -> Task:
    """Close one task; closed the same way already, it stays as it is. Raises TaskClosed."""
    await _close(session, [Task.id == task_id], by_id=by_id, reason=reason, done=done, now=now)
    task = await get_task(session, task_id=task_id)
    if task.state != ("done" if done else "dropped"):
        raise TaskClosed(task_id=task_id, state=task.state)
    return task


async def drop_tasks_of(
    session: AsyncSession, *, person_ids: Sequence[int], reason: str, now: datetime
) -> None:
    """Nobody is left to do what only these persons were asked for.

    A decision about an issue passes to the administrators.
    """
    mine = [Task.person_id.in_(person_ids)]
    await session.execute(
        update(Task)
        .where(Task.state == "open", Task.kind.in_(DECISIONS), *mine)
        .values(person_id=None, role="admin")
    )
    await _close(session, mine, by_id=None, reason=reason, done=False, now=now)


async def count_open(session: AsyncSession) -> dict[str, int]:
    """Kind → how many wait."""
    rows = await session.execute(
        select(Task.kind, func.count())
        .where(Task.state == "open")
        .group_by(Task.kind)
        .order_by(Task.kind)
    )
    return dict(rows.all())


async def count_overdue(session: AsyncSession, *, now: datetime) -> int:
    asked = select(func.count()).where(Task.state == "open", Task.due_at < now)
    return int(await session.scalar(asked) or 0)


async def export(session: AsyncSession, *, person_ids: Sequence[int]) -> list[dict[str, str]]:
    rows = await session.scalars(
        select(Task).where(Task.person_id.in_(person_ids)).order_by(Task.id)
    )
    return [
        {
            "kind": one.kind,
            "title": one.title,
            "text": one.text,
            "state": one.state,
            "made_at": one.made_at.isoformat(),
        }
        for one in rows
    ]


async def get_task(session: AsyncSession, *, task_id: int) -> Task:
    """As it stands in the database now. Raises TaskNotFound."""
    task = await session.get(Task, task_id, populate_existing=True)
    if task is None:
        raise TaskNotFound(task_id=task_id)
    return task


async def list_open(
    session: AsyncSession,
    *,
    person_ids: Collection[int],
    org_roles: Collection[tuple[str, int]],
    org_ids: Collection[int] = (),
    cursor: str | None,
    limit: int,
) -> Page[Task]:
    """The tasks of these persons and of these offices (role, organisation): open and closed.

    An office covers everything below its organisation; `org_ids` adds whatever is to be done below
    these, whoever is to do it. Open ones come first, the most urgent first of all; then the closed
    ones, the newest first. These pile up for years: each half is read in the order of its index.
    """
    mine: list[ColumnElement[bool]] = [Task.person_id.in_(person_ids)]
    mine += [
        and_(Task.role == role, Organisation.lineage.contains([org_id]))
        for role, org_id in sorted(org_roles)
    ]
    mine += [Organisation.lineage.contains([org_id]) for org_id in sorted(org_ids)]
    place = Task.org_id == Organisation.id
    asked = select(Task, DUE).join(Organisation, place).where(or_(*mine)).limit(limit + 1)
    urgent = asked.where(OPEN).order_by(DUE, Task.id)
    newest = asked.where(not_(OPEN)).order_by(Task.id.desc())
    among_closed: int | str = 0
    if cursor is not None:
        among_closed, due, last_id = decode(cursor, int, int, int)
        if among_closed:
            newest = newest.where(Task.id < last_id)
        else:
            urgent = urgent.where(tuple_(DUE, Task.id) > tuple_(due, last_id))
    rows = [] if among_closed else list((await session.execute(urgent)).all())
    if len(rows) <= limit:
        rows += (await session.execute(newest)).all()
    items = [task for task, _ in rows[:limit]]
    if len(rows) <= limit:
        return Page(items, None)
    last, was_due = rows[limit - 1]
    return Page(items, encode(int(last.state != "open"), was_due, last.id))


async def _close(
    session: AsyncSession,
    which: Sequence[ColumnElement[bool]],
    *,
    by_id: int | None,
    reason: str,
    done: bool,
    now: datetime,
) -> int:
    closed = await session.scalars(
        update(Task)
        .where(Task.state == "open", *which)
        .values(
            state="done" if done else "dropped",
            closed_at=now,
            closed_by_id=by_id,
            closed_reason=reason,
        )
        .returning(Task.id)
    )
    return len(list(closed))
