from datetime import time

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.people.models import Organisation
from app.push import planning
from app.push.models import Delivery, Group
from tests.factories.content import make_lesson
from tests.factories.people import NOW, make_office, make_org, make_person, make_town
from tests.factories.pushing import (
    TODAY,
    TOMORROW,
    at,
    make_group,
    make_push,
)


async def planned(session: AsyncSession) -> dict[int, Delivery]:
    rows = await session.scalars(select(Delivery).execution_options(populate_existing=True))
    return {one.group_id: one for one in rows}


async def plan(session: AsyncSession) -> int:
    return await planning.plan(session, day=TOMORROW, now=NOW)


async def test_a_group_gets_the_push_of_the_nearest_organisation(session: AsyncSession) -> None:
    town = await make_town(session)
    owner = await make_person(session)
    in_west = await make_group(session, town.group, owner)
    in_east = await make_group(session, town.east, owner, send_at=time(8), deadline=time(10))
    lesson = await make_lesson(session)
    wide = await make_push(session, town.town, lesson, day=TOMORROW)
    assert await plan(session) == 2
    assert await plan(session) == 0
    near = await make_push(session, town.west, lesson, day=TOMORROW)
    assert await plan(session) == 1
    rows = await planned(session)
    assert rows[in_west.id].manuscript_id == near.id
    one = rows[in_east.id]
    assert (one.manuscript_id, one.state, one.local_day) == (wide.id, "planned", TOMORROW)
    assert (one.due_at, one.deadline_at) == (at(8, day=TOMORROW), at(10, day=TOMORROW))


async def test_what_is_claimed_already_is_never_replaced(session: AsyncSession) -> None:
    town = await make_town(session)
    group = await make_group(session, town.west, await make_person(session))
    lesson = await make_lesson(session)
    wide = await make_push(session, town.town, lesson, day=TOMORROW)
    await plan(session)
    for state in ("claimed", "sent", "handed_over", "unknown", "failed", "skipped"):
        row = (await planned(session))[group.id]
        row.state, row.claimed_at = state, NOW
        await session.flush()
        await make_push(session, town.west, lesson, day=TOMORROW)
        assert await plan(session) == 0, state
        assert (await planned(session))[group.id].manuscript_id == wide.id


async def test_only_scheduled_pushes_of_living_groups_are_planned(session: AsyncSession) -> None:
    town = await make_town(session)
    owner = await make_person(session)
    await make_group(session, town.west, owner, ended_at=NOW)
    await make_group(session, town.west, owner, made_at=at(9, 1, day=TOMORROW))
    living = await make_group(session, town.west, owner)
    lesson = await make_lesson(session)
    push = await make_push(session, town.town, lesson, day=TOMORROW, state="approved")
    assert await plan(session) == 0
    push.state = "scheduled"
    await session.flush()
    await plan(session)
    assert list(await planned(session)) == [living.id]


async def test_a_planned_delivery_follows_its_group(session: AsyncSession) -> None:
    town = await make_town(session)
    group = await make_group(session, town.west, await make_person(session), "qq_bot", "Q" * 32)
    await make_push(session, town.town, await make_lesson(session), day=TOMORROW)
    await plan(session)
    group.send_at, group.relayed_since = time(10), NOW
    await session.flush()
    assert await plan(session) == 1
    row = (await planned(session))[group.id]
    assert (row.due_at, row.channel) == (at(10, day=TOMORROW), "relay")


async def test_thousands_of_groups_are_planned_in_one_statement(session: AsyncSession) -> None:
    town = await make_town(session)
    owner = await make_person(session)
    await session.execute(
        text("""
            insert into learning_group (name, org_id, owner_id, channel, send_at, deadline,
                open_from, open_until, made_at)
            select 'g' || n, :org_id, :owner_id, 'relay', '07:40', '12:00', '07:30', '21:00', :at
            from generate_series(1, 5000) n
        """),
        {"org_id": town.group.id, "owner_id": owner.id, "at": at(0)},
    )
    lesson = await make_lesson(session)
    await make_push(session, town.town, lesson, day=TOMORROW)
    assert await plan(session) == 5000
    await make_push(session, town.west, lesson, day=TOMORROW)
    assert await plan(session) == 5000
    assert await session.scalar(select(func.count()).select_from(Delivery)) == 5000
    due = await planning.take_due(session, now=at(8, day=TOMORROW))
    assert len(due) == planning.BATCH
    # They have their jobs: it is others' turn.
    following = await planning.take_due(session, now=at(8, day=TOMORROW))
    assert (len(following), set(due) & set(following)) == (planning.BATCH, set())


async def test_the_next_lesson_was_never_pushed_or_longest_ago(session: AsyncSession) -> None:
    town = await make_town(session)
    assert await planning.next_lesson_id(session, org_id=town.town.id) is None
    lessons = [await make_lesson(session, now=at(hour)) for hour in (6, 7, 8)]
    pushed = [lessons[0], lessons[2], lessons[1]]
    for number, lesson in enumerate(pushed):
        day = TODAY.replace(day=number + 1)
        expected = next(one for one in lessons if one not in pushed[:number])
        assert await planning.next_lesson_id(session, org_id=town.town.id) == expected.id
        await make_push(session, town.town, lesson, day=day)
        # Another organisation's pushes say nothing about this one's.
        assert await planning.next_lesson_id(session, org_id=town.east.id) == lessons[0].id
    assert await planning.next_lesson_id(session, org_id=town.town.id) == pushed[0].id


async def test_a_county_has_many_towns(session: AsyncSession) -> None:
    county = await make_org(session, "county", "county")
    owner = await make_person(session)
    towns: list[Organisation] = []
    for number in range(3):
        town = await make_org(session, f"town-{number}", "town", parent=county)
        village = await make_org(session, f"village-{number}", parent=town)
        towns.append(town)
        await make_office(session, owner, "tutor", town)
        if number:
            await make_group(session, village, owner)
    office = await make_org(session, "office", "department", parent=county)
    await make_group(session, office, owner)
    assert await planning.towns_with_groups(session) == [county.id, towns[1].id, towns[2].id]
    first = await planning.first_send_at(session, org_id=county.id, day=TOMORROW)
    assert first == at(9, day=TOMORROW)
    assert await planning.first_send_at(session, org_id=towns[0].id, day=TOMORROW) is None
    assert await session.scalar(select(func.count()).select_from(Group)) == 3
