"""Reminders that people asked for: today's lesson, an activity of tomorrow.

Each works through one batch at a time, so that a town of a million is many short transactions, and
a repetition (keys!) leaves nothing twice.
"""

from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day, local_text
from app.flows.notices import NOTES, PAGE, ROUTES, Kind
from app.learning import activities
from app.people import queries as people
from app.people.models import Person
from app.push import letters, notice_values, reminding

BATCH = 5000
"""Ids of persons in one transaction: a quarter of a second."""
ANY_LESSON = "今日一课"

# One statement a batch: whom it concerns, which lesson is theirs (the nearest place's, as
# `lessons.planned_for` has it), who has not learned it, and their letters. The bounds are told of
# persons and of identities, too, or each would be looked up alone. What is the same for a village
# is put together once. The letters' ids are drawn before the slow part, so that those of one batch
# lie together where another is written beside it.
REMIND = text("""
with askers as materialized (
    select p.id, p.org_id, p.unit_id from person p
    where p.id > :after and p.id <= :until and exists (
        select from identity i join permit on permit.identity_id = i.id
        where i.person_id = p.id and i.person_id > :after and i.person_id <= :until
            and i.appid = :appid and permit.template_id = :template_id
            and permit.used_at is null and permit.withdrawn_at is null)
), planned as materialized (
    select place.org_id, place.unit_id, chosen.lesson_id, coalesce(chosen.title, :any) as title,
        jsonb_build_object('what', coalesce(chosen.title, :any), 'when', cast(:when as text),
            'note', cast(:note as text)) as values
    from (select distinct org_id, unit_id from askers) place
    left join organisation home on home.id = place.org_id
    left join organisation unit on unit.id = place.unit_id
    left join lateral (
        select lesson.id as lesson_id, version.title
        from lesson_plan plan
        join lesson on lesson.id = plan.lesson_id
            and lesson.published_at is not null and lesson.withdrawn_at is null
        join lesson_version version on version.id = lesson.current_id
        cross join lateral (select array_position(home.lineage, plan.org_id) as at_home,
            array_position(unit.lineage, plan.org_id) as at_unit) depth
        where plan.local_day = :day
            and (plan.org_id is null or at_home is not null or at_unit is not null)
        -- Without a plan of its own, everybody's; at one depth the home before the unit.
        order by coalesce(at_home, at_unit) desc nulls last, at_home is null limit 1
    ) chosen on true
), told as (
    select a.id as person_id, p.title, p.values
    from askers a join planned p
        on coalesce(p.org_id, 0) = coalesce(a.org_id, 0)
        and coalesce(p.unit_id, 0) = coalesce(a.unit_id, 0)
    where not exists (
        select from study s where s.person_id = a.id and s.completed_at is not null
        -- Without a plan anything learned today is today's lesson.
        and case when p.lesson_id is null then s.completed_on = :day
            else s.lesson_id = p.lesson_id end)
    order by a.id
), drafted as materialized (select nextval('letter_id_seq') as id, told.* from told
), made as (
    insert into letter (id, key, person_id, kind, text, routes, page, values, state, made_at)
    select id, 'lesson-reminder:' || cast(:day as date) || ':' || person_id, person_id, 'lesson',
        '今天的课还没有学：' || title, cast(:routes as text[]), :page, values, 'waiting', :now
    from drafted order by id
    on conflict (key) do nothing returning id
)
select id from made order by id
""")


async def list_batches(session: AsyncSession) -> range:
    """Where each batch of everybody begins, for `remind_learners`."""
    return range(0, await session.scalar(select(func.max(Person.id))) or 0, BATCH)


async def remind_learners(
    session: AsyncSession, *, appid: str, template_id: str, after: int, now: datetime
) -> None:
    """Who allowed it and has not learned today's lesson gets one notice about it.

    `appid` is the mini-program's; the persons are those with the next BATCH ids after `after`.
    """
    values = notice_values.describe(what="", when=now, note=NOTES["lesson"])
    facts = {
        "appid": appid,
        "template_id": template_id,
        "after": after,
        "until": after + BATCH,
        "day": local_day(now),
        "any": ANY_LESSON,
        "routes": list(ROUTES["lesson"]),
        "page": PAGE,
        "when": values["when"],
        "note": values["note"],
        "now": now,
    }
    made = (await session.scalars(REMIND, facts)).all()
    await reminding.queue_many(session, letter_ids=made)


async def remind_guests(
    session: AsyncSession, *, after: tuple[int, int] = (0, 0), now: datetime
) -> tuple[int, int] | None:
    """Who signed up for an activity of tomorrow is reminded of it, once."""
    tomorrow = local_day(now + timedelta(days=1))
    guests = await activities.list_guests(session, day=tomorrow, after=after, limit=BATCH)
    kept = await people.resolve_aliases(session, [person_id for _, person_id in guests])
    drafts = {
        (activity.id, kept[guest]): _draft(
            "activity",
            key=f"activity-reminder:{activity.id}:{kept[guest]}",
            person_id=kept[guest],
            text=f"您报名的活动「{activity.title}」将于{local_text(activity.starts_at)}开始。",
            what=activity.title,
            when=activity.starts_at,
        )
        for activity, guest in guests
    }
    await letters.write_many(session, list(drafts.values()), now=now)
    return (guests[-1][0].id, guests[-1][1]) if len(guests) == BATCH else None


def _draft(
    kind: Kind, *, key: str, person_id: int, text: str, what: str, when: datetime
) -> letters.Draft:
    values = notice_values.describe(what=what, when=when, note=NOTES[kind])
    return letters.Draft(key, person_id, kind, text, ROUTES[kind], PAGE, values)
