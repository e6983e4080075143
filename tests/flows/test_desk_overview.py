"""What waits for an administrator, of one branch, and nothing of another's."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.credit_bank.closing import close_days
from app.flows.desk_overview import OneLook, look
from app.people import offices
from app.people.models import Organisation, Person
from app.push import tasks
from app.ranking.spans import Branch
from tests.factories.bank import pay
from tests.factories.content import make_lesson
from tests.factories.learning import complete_lesson
from tests.factories.people import NOW, make_office, make_person, make_town

DAY = timedelta(days=1)


async def glance(
    session: AsyncSession, who: Person, org: Organisation, *, now: datetime = NOW
) -> OneLook:
    actor = await offices.actor_of(session, person_id=who.id, day=local_day(now))
    branch = Branch(org_id=org.id, is_root=org.parent_id is None)
    return await look(session, actor=actor, branch=branch, now=now)


async def open_task(session: AsyncSession, org: Organisation, kind: str, role: str) -> None:
    await tasks.open_task(
        session,
        key=f"{kind}:{org.id}:{role}",
        kind=kind,
        org_id=org.id,
        person_id=None,
        role=role,
        title="待办",
        text="",
        due_at=NOW + DAY,
        now=NOW,
    )


async def test_tasks_and_risks_are_those_of_the_branch(session: AsyncSession) -> None:
    town = await make_town(session)
    boss, west = [await make_person(session) for _ in range(2)]
    await make_office(session, boss, "admin", town.town)
    await make_office(session, west, "admin", town.west)
    await open_task(session, town.town, "week_at_risk", "admin")
    await open_task(session, town.west, "review", "admin")
    await open_task(session, town.east, "review", "editor")
    mine, theirs = await glance(session, boss, town.town), await glance(session, west, town.west)
    assert [one.kind for one in mine.risks] == ["week_at_risk"]
    assert len(mine.tasks) == 2
    assert (len(theirs.tasks), list(theirs.risks)) == (1, [])
    assert (mine.inbox_failed, theirs.inbox_failed) == (0, None)


async def test_a_village_falls_silent_after_seven_days(session: AsyncSession) -> None:
    town = await make_town(session)
    boss = await make_person(session)
    await make_office(session, boss, "admin", town.town)
    # A group of villagers counts for its village.
    learner = await make_person(session, home=town.group)
    lesson = await make_lesson(session)
    await complete_lesson(session, learner.id, lesson.id, now=NOW)
    for days, silent in ((0, ["east"]), (6, ["east"]), (7, ["east", "west"])):
        seen = await glance(session, boss, town.town, now=NOW + days * DAY)
        assert [one.name for one in seen.numbers.silent] == silent, days
    today = (await glance(session, boss, town.town)).numbers
    assert (today.learned_today, today.learned_this_week, today.joined) == (1, 1, 2)
    assert len(today.trend) == 30
    assert today.trend[-1].learners == 1


async def test_a_missed_close_is_told(session: AsyncSession) -> None:
    town = await make_town(session)
    boss = await make_person(session)
    await make_office(session, boss, "admin", town.town)
    assert (await glance(session, boss, town.town)).last_close is None
    await pay(session, boss, 5, now=NOW)
    await close_days(session, now=NOW + DAY)
    for days, late in ((1, False), (2, False), (3, True)):
        seen = await glance(session, boss, town.town, now=NOW + days * DAY)
        assert seen.close_is_late is late, days
