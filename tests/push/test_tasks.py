"""What there is to do by hand: opened once, seen by whom it concerns, closed once."""

from datetime import timedelta

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.push import tasks
from app.push.models import Task
from app.push.tasks import TaskClosed, TaskNotFound
from tests.factories.people import NOW, Town, make_person, make_town

HOUR = timedelta(hours=1)


async def open_one(
    session: AsyncSession,
    key: str,
    org_id: int,
    *,
    person_id: int | None = None,
    role: str | None = None,
    hours: int = 1,
) -> Task:
    task = await tasks.open_task(
        session, key=key, kind="relay", org_id=org_id, person_id=person_id, role=role,
        title=key, text="转发", due_at=NOW + hours * HOUR, now=NOW,
    )  # fmt: skip
    assert task is not None
    return task


async def keys(session: AsyncSession, **whose: object) -> list[str]:
    asked: dict[str, object] = {"person_ids": [], "org_roles": [], **whose}
    found: list[str] = []
    cursor: str | None = None
    while True:
        page = await tasks.list_open(session, cursor=cursor, limit=2, **asked)  # type: ignore[arg-type]
        found += [task.key for task in page.items]
        cursor = page.next
        if cursor is None:
            return found


@pytest.fixture
async def town(session: AsyncSession) -> Town:
    return await make_town(session)


async def test_a_task_is_opened_once_per_key(session: AsyncSession, town: Town) -> None:
    await open_one(session, "a", town.west.id, role="tutor")
    again = await tasks.open_task(
        session, key="a", kind="other", org_id=town.town.id, person_id=None, role="admin",
        title="", text="", due_at=NOW, now=NOW,
    )  # fmt: skip
    assert again is None
    with pytest.raises(TaskNotFound):
        await tasks.get_task(session, task_id=10**9)


async def test_tasks_are_seen_by_the_person_and_by_offices_above(
    session: AsyncSession, town: Town
) -> None:
    person = await make_person(session)
    await open_one(session, "mine", town.west.id, person_id=person.id, hours=3)
    await open_one(session, "west", town.west.id, role="tutor", hours=2)
    await open_one(session, "group", town.group.id, role="tutor", hours=1)
    await open_one(session, "east", town.east.id, role="tutor")
    await open_one(session, "town", town.town.id, role="admin")
    assert await keys(session, person_ids=[person.id]) == ["mine"]
    assert await keys(session, org_roles=[("tutor", town.west.id)]) == ["group", "west"]
    both = await keys(session, person_ids=[person.id], org_roles=[("tutor", town.west.id)])
    assert both == ["group", "west", "mine"]
    assert set(await keys(session, org_roles=[("tutor", town.town.id)])) == {
        "group", "west", "east",
    }  # fmt: skip
    assert await keys(session, org_ids=[town.west.id]) == ["group", "west", "mine"]
    assert await keys(session) == []


async def test_open_ones_come_first_and_a_closing_is_final(
    session: AsyncSession, town: Town
) -> None:
    person = await make_person(session)
    first = await open_one(session, "first", town.west.id, person_id=person.id)
    await open_one(session, "second", town.west.id, person_id=person.id, hours=2)
    for _ in range(2):
        closed = await tasks.close_task(
            session, task_id=first.id, by_id=person.id, reason="好了", done=True, now=NOW
        )
        assert (closed.state, closed.closed_reason) == ("done", "好了")
    with pytest.raises(TaskClosed):
        await tasks.close_task(
            session, task_id=first.id, by_id=person.id, reason="不用", done=False, now=NOW
        )
    assert await keys(session, person_ids=[person.id]) == ["second", "first"]


async def test_the_closed_ones_follow_the_newest_first(session: AsyncSession, town: Town) -> None:
    """On any page, from either half to the other."""
    person = await make_person(session)
    for number in range(7):
        one = await open_one(session, str(number), town.west.id, person_id=person.id, hours=number)
        if number % 2:
            await tasks.close_task(
                session, task_id=one.id, by_id=person.id, reason="好了", done=True, now=NOW
            )
    assert await keys(session, person_ids=[person.id]) == [*"0246", *"531"]


async def test_open_tasks_are_read_by_their_index(session: AsyncSession, town: Town) -> None:
    """A parameter instead of the word would hide the index from the plan."""
    assert town
    query = select(Task.id).where(tasks.OPEN, Task.org_id == 1)
    words = str(query.compile(compile_kwargs={"literal_binds": True}))
    await session.execute(text("SET LOCAL enable_seqscan = off"))
    plan = "\n".join(await session.scalars(text(f"EXPLAIN {words}")))
    assert "task_open_idx" in plan
    assert list(query.compile().params) == ["org_id_1"]


async def raise_one(session: AsyncSession, town: Town, said: str) -> bool:
    return await tasks.raise_task(
        session, key="week", kind="week_at_risk", org_id=town.town.id, person_id=None,
        role="admin", title="本周", text=said, due_at=NOW + HOUR, now=NOW,
    )  # fmt: skip


async def test_what_comes_back_is_raised_again(session: AsyncSession, town: Town) -> None:
    person = await make_person(session)
    assert await raise_one(session, town, "没有稿子")
    assert not await raise_one(session, town, "没有稿子"), "once is news"
    [task] = await session.scalars(select(Task))
    await session.execute(update(Task).values(state="dropped", closed_at=NOW, closed_reason="好了"))
    assert await raise_one(session, town, "没有稿子"), "the service closed it, and it is back"
    await tasks.close_task(
        session, task_id=task.id, by_id=person.id, reason="知道了", done=False, now=NOW
    )
    assert not await raise_one(session, town, "没有稿子"), "a person has heard it"
    assert await raise_one(session, town, "有一期没有发出"), "this one not yet"
    await session.refresh(task)
    assert (task.state, task.text, task.closed_at) == ("open", "有一期没有发出", None)


async def test_tasks_of_who_is_gone_are_dropped(session: AsyncSession, town: Town) -> None:
    person, other = await make_person(session), await make_person(session)
    mine = await open_one(session, "mine", town.west.id, person_id=person.id)
    theirs = await open_one(session, "theirs", town.west.id, person_id=other.id)
    issue = await open_one(session, "issue", town.west.id, person_id=person.id)
    issue.kind = "publish_by_hand"
    await session.flush()
    await tasks.drop_tasks_of(session, person_ids=[person.id], reason="本人注销", now=NOW)
    states = [
        (await tasks.get_task(session, task_id=one.id)).state for one in (mine, theirs, issue)
    ]
    assert states == ["dropped", "open", "open"]
    assert (issue.person_id, issue.role) == (None, "admin")
