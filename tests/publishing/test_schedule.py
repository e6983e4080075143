"""When an issue goes out: the slot it gets, what comes in between, and whom a hand is asked of."""

import asyncio
from datetime import datetime, timedelta

import pytest
from sqlalchemy import func, select

from app.core import clock
from app.core.clock import local_day
from app.core.db import transaction
from app.core.errors import DomainError
from app.editorial.models import Manuscript
from app.flows import week_watch, weekly_issue
from app.push import plans
from app.push.models import Letter, Task
from app.push.steps import AddDraft
from app.sandbox import jobs
from app.worker import publishing
from tests.api.service import set_clock
from tests.publishing.conftest import Opens
from tests.publishing.newsroom import TUESDAY, Newsroom

DAY, HOUR, WEEK = timedelta(days=1), timedelta(hours=1), timedelta(weeks=1)
FRIDAY = TUESDAY + 3 * DAY


async def approved(newsroom: Newsroom) -> int:
    issue_id = await newsroom.write()
    async with transaction() as session:
        manuscript = await session.get_one(Manuscript, issue_id)
        manuscript.state, manuscript.scheduled_at = "approved", None
    return issue_id


async def schedule(newsroom: Newsroom, issue_id: int, at: datetime | None) -> datetime | str:
    """The instant it got, or the reason it got none."""
    try:
        async with transaction() as session:
            manuscript = await weekly_issue.schedule(
                session,
                manuscript_id=issue_id,
                by_id=newsroom.editor.id,
                at=at,
                now=clock.utcnow(),
            )
    except DomainError as error:
        return str(error.facts.get("why", error.code))
    assert manuscript.scheduled_at is not None
    return manuscript.scheduled_at


async def close(day: datetime) -> None:
    async with transaction() as session:
        plan = await plans.plan_of(session, outlet=weekly_issue.outlet())
        await plans.close_day(
            session, org_id=plan.org_id, day=local_day(day), reason="全县哀悼", by_id=None
        )


async def test_the_next_free_slot(newsroom: Newsroom) -> None:
    set_clock(TUESDAY - HOUR)
    got = [await schedule(newsroom, await approved(newsroom), None) for _ in range(3)]
    assert got == [TUESDAY, FRIDAY, TUESDAY + WEEK]
    await close(FRIDAY + WEEK)
    got = [await schedule(newsroom, await approved(newsroom), None)]
    assert got == [TUESDAY + 2 * WEEK]


async def test_a_time_that_does_not_do(newsroom: Newsroom) -> None:
    set_clock(TUESDAY - 5 * HOUR)
    one = await approved(newsroom)
    assert await schedule(newsroom, one, TUESDAY - 6 * HOUR) == "SlotPast"
    await close(TUESDAY)
    assert await schedule(newsroom, one, TUESDAY) == "closed"
    assert await schedule(newsroom, one, TUESDAY + DAY) == TUESDAY + DAY
    assert await schedule(newsroom, one, TUESDAY + DAY) == TUESDAY + DAY, "a repeated click"
    assert await schedule(newsroom, await approved(newsroom), TUESDAY + DAY + HOUR) == "day_full"
    assert await schedule(newsroom, await approved(newsroom), FRIDAY) == FRIDAY
    assert await schedule(newsroom, await approved(newsroom), FRIDAY + DAY) == "week_full"
    # The week's last minute, and the next one's first.
    sunday = clock.day_start(local_day(FRIDAY + 3 * DAY)) - timedelta(minutes=1)
    late = await approved(newsroom)
    assert await schedule(newsroom, late, sunday) == "week_full"
    assert await schedule(newsroom, late, sunday + timedelta(minutes=1)) != "week_full"


async def test_two_editors_at_once_do_not_overfill_a_week(newsroom: Newsroom) -> None:
    set_clock(TUESDAY - HOUR)
    issues = [await approved(newsroom) for _ in range(5)]
    times = [TUESDAY + n * DAY for n in range(5)]
    got = await asyncio.gather(
        *(schedule(newsroom, one, at) for one, at in zip(issues, times, strict=True))
    )
    assert sum(isinstance(one, datetime) for one in got) == 2
    assert got.count("week_full") == 3


async def test_a_day_that_is_closed_after_all(newsroom: Newsroom) -> None:
    issue_id = await newsroom.write(at=TUESDAY)
    await close(TUESDAY)
    await close(TUESDAY + DAY)
    await newsroom.drive(issue_id)
    assert (await newsroom.manuscript(issue_id)).scheduled_at == TUESDAY + 2 * DAY
    assert newsroom.press.drafts == {}, "nothing was begun"
    async with transaction() as session:
        letters = list(await session.scalars(select(Letter.text)))
    assert len(letters) == 1
    assert "当天停止发布，已改到 11月26日 18:00" in letters[0]


async def test_an_hour_that_was_missed_is_another_days(newsroom: Newsroom) -> None:
    """A service that was down until midnight wakes nobody up."""
    issue_id = await newsroom.write(at=TUESDAY)
    set_clock(TUESDAY + 6 * HOUR)
    await newsroom.drive(issue_id)
    assert (await newsroom.manuscript(issue_id)).scheduled_at == TUESDAY + DAY


async def test_around_midnight_at_the_weeks_end(newsroom: Newsroom) -> None:
    """Due a minute before Monday, but the platform is in the way until after midnight."""
    monday = clock.day_start(local_day(FRIDAY + 3 * DAY))
    last_minute = monday - timedelta(minutes=1)
    set_clock(last_minute)
    issue_id = await newsroom.write(at=last_minute)
    # The week that begins is full already.
    for at in (monday + DAY, monday + 3 * DAY):
        await newsroom.write(at=at)
    real = publishing.perform

    async def slow(client: object, step: object) -> object:
        answer = await real(client, step)  # type: ignore[arg-type]  # handed through
        if isinstance(step, AddDraft):
            set_clock(monday + timedelta(seconds=1))
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "perform", slow)
        await newsroom.drive(issue_id)
    assert newsroom.posts == []
    manuscript = await newsroom.manuscript(issue_id)
    # Another week in which there is room, at the same minute.
    assert (manuscript.state, manuscript.scheduled_at) == ("scheduled", last_minute + 8 * DAY)
    await newsroom.finish(issue_id, hours=24 * 9)
    assert (await newsroom.state(issue_id), len(newsroom.posts)) == ("published", 1)


async def test_what_is_changed_after_approval_does_not_go_out(newsroom: Newsroom) -> None:
    """Put off with its draft made, then changed: neither the old draft nor the unreviewed text."""
    issue_id = await newsroom.write(at=TUESDAY)
    real = publishing.perform

    async def changed(client: object, step: object) -> object:
        async with transaction() as session:
            manuscript = await session.get_one(Manuscript, issue_id)
            # As if it had been unscheduled by hand in the database: no command allows it.
            manuscript.version, manuscript.state = 2, "draft"
        return await real(client, step)  # type: ignore[arg-type]  # handed through

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(publishing, "perform", changed)
        await newsroom.drive(issue_id)
    await newsroom.drive(issue_id)
    assert newsroom.press.masses == {}
    assert (await newsroom.publication(issue_id)).next_at is None


async def test_a_hand_is_asked_reminded_and_heard(open_newsroom: Opens) -> None:
    async with open_newsroom(verified=False) as newsroom:
        leader = await newsroom.service.officer("admin", "T")
        newsroom.next_week()
        issue_id = await newsroom.write()
        await newsroom.drive(issue_id)
        [task] = await newsroom.tasks(issue_id)
        assert (task.kind, task.person_id) == ("publish_by_hand", newsroom.editor.id)
        assert task.due_at - clock.utcnow() <= 2 * HOUR
        assert "先问一问" in task.text, "the whole text: the account may not even make a draft"
        assert newsroom.calls_of("/cgi-bin/draft/add") == 0
        newsroom.service.forward(hours=2, seconds=1)
        for _ in range(2):
            await watch()
        assert await letters_to(leader.id) == 2, "that it is overdue, and what of the week"
        await newsroom.service.ask("POST", f"/tasks/{task.id}/done", newsroom.editor, json={})
        assert await newsroom.state(issue_id) == "published"
        assert await newsroom.tasks(issue_id) == []


async def test_a_draft_that_a_person_publishes_is_found(open_newsroom: Opens) -> None:
    async with open_newsroom(publish_by="hand") as newsroom:
        newsroom.next_week()
        issue_id = await newsroom.write()
        await newsroom.drive(issue_id)
        [draft] = newsroom.press.drafts.values()
        answer = await newsroom.service.phone.post(
            "/_sandbox/publications/by-hand", json={"media_id": draft.media_id}
        )
        assert answer.status_code == 200, answer.text
        await newsroom.finish(issue_id)
        assert await newsroom.state(issue_id) == "published"
        assert await newsroom.tasks(issue_id) == []
        assert ((await newsroom.manuscript(issue_id)).outcome or {})["urls"] != []


async def watch() -> None:
    async with transaction() as session:
        await week_watch.watch_week(session, outlet=weekly_issue.outlet(), now=clock.utcnow())


async def letters_to(person_id: int) -> int:
    async with transaction() as session:
        rows = select(func.count()).select_from(Letter).where(Letter.person_id == person_id)
        return await session.scalar(rows) or 0


async def test_nobody_has_to_remember_the_week(newsroom: Newsroom) -> None:
    tuesday, friday = TUESDAY + WEEK, FRIDAY + WEEK
    leader = await newsroom.service.officer("admin", "T")

    async def at(instant: datetime) -> tuple[int, int, list[str]]:
        """Letters to the editor and to the leader, and the risks that stand open."""
        set_clock(instant)
        for _ in range(2):
            await publishing.tend_issues(due_at="…")
        async with transaction() as session:
            open_ = select(Task.text).where(Task.kind == "week_at_risk", Task.state == "open")
            risks = list(await session.scalars(open_))
        return await letters_to(newsroom.editor.id), await letters_to(leader.id), risks

    editor, boss, risks = await at(tuesday - 49 * HOUR)
    assert (editor, boss, len(risks)) == (0, 1, 1), "the week before ends without an issue"
    assert (await at(tuesday - 47 * HOUR))[:2] == (1, 1)
    assert await at(tuesday - 23 * HOUR) == (1, 2, [])
    assert await at(friday - 49 * HOUR) == (1, 2, [])
    editor, boss, risks = await at(friday - 23 * HOUR)
    assert (editor, boss, len(risks)) == (2, 4, 1), "of the slot, and of the week"
    issue_id = await approved(newsroom)
    assert await schedule(newsroom, issue_id, None) == friday
    assert await at(friday - 22 * HOUR) == (2, 4, []), "all is well again"
    async with transaction() as session:
        (await session.get_one(Manuscript, issue_id)).state = "failed"
    editor, boss, risks = await at(friday + HOUR)
    assert (boss, len(risks)) == (5, 1), "and not so well after all"


async def test_withdrawn_before_its_time(newsroom: Newsroom) -> None:
    issue_id = await newsroom.write(at=TUESDAY + HOUR)
    async with transaction() as session:
        await weekly_issue.withdraw(
            session,
            manuscript_id=issue_id,
            by_id=newsroom.editor.id,
            reason="不发了",
            now=clock.utcnow(),
        )
    newsroom.service.forward(hours=2)
    await newsroom.drive(issue_id)
    async with transaction() as session:
        assert await weekly_issue.due(session, now=clock.utcnow()) == []
    assert newsroom.press.drafts == {}


async def test_through_the_queue_from_approval_to_the_reader(newsroom: Newsroom) -> None:
    """As the worker does it: the minute's look, the jobs, the platform's event, the address."""
    set_clock(TUESDAY - HOUR)
    issue_id = await approved(newsroom)
    service = newsroom.service
    await service.ask("POST", f"/issues/{issue_id}/schedule", newsroom.editor, json={})
    follower = await service.user("槐小花", followed=True)
    set_clock(TUESDAY)
    await publishing.tend_issues(due_at="…")
    await service.run_jobs()
    await jobs.settle(service.world)
    await service.run_jobs()
    issue = await service.ask("GET", f"/issues/{issue_id}", newsroom.editor)
    assert issue["state"] == "published"
    [url] = issue["outcome"]["urls"]
    answer = await service.client.get(f"/a/{issue_id}-1/0")
    assert (answer.status_code, answer.headers["location"]) == (302, url)
    [mass] = newsroom.press.masses.values()
    assert mass.received_by == [follower["id"]]
    assert "<img" in mass.articles[0].content
    week = await service.ask("GET", "/weeks", newsroom.editor)
    assert (week["counts"], week["at_risk"]) == ({"published": 1}, False)
