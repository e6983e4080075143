"""Which group gets which push on which day: one row for each group and day, in one statement."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.content.models import Lesson
from app.content.queries import NEWEST_FIRST, ON_SHOW
from app.core.clock import TOWN, local_day
from app.editorial.models import Manuscript, ManuscriptVersion
from app.push.models import Delivery, Group

MISSED = "错过了当天的时间"
BATCH = 500
"""Deliveries given to the queue at a time: a minute's work for one worker."""
AGAIN = timedelta(minutes=5)
"""After that a delivery whose job came to nothing is given to the queue once more."""

# The nearest organisation is the deepest in the group's lineage. A row that nobody has claimed yet
# follows what changed since: a village's own push, new words, another hour, another channel. One
# that was skipped comes back with another push or other words, never with the same.
PLAN = text("""
with chosen as (
    select distinct on (g.id) g.id as group_id, m.id as manuscript_id, m.version,
        case when g.relayed_since is null then g.channel else 'relay' end as channel,
        (cast(:day as date) + g.send_at) at time zone :zone as due_at,
        (cast(:day as date) + g.deadline) at time zone :zone as deadline_at
    from learning_group g
    join organisation o on o.id = g.org_id
    join unnest(o.lineage) with ordinality as above (org_id, depth) on true
    join manuscript m on m.key = 'push:' || above.org_id || ':' || cast(:day as date)
        and m.kind = 'push' and m.state in ('scheduled', 'publishing')
        and m.withdrawn_at is null
    -- A group of this afternoon begins tomorrow.
    where g.ended_at is null and g.made_at <= (cast(:day as date) + g.send_at) at time zone :zone
    order by g.id, above.depth desc
)
insert into delivery
    (manuscript_id, version, group_id, local_day, channel, state, due_at, deadline_at,
     next_try_at, made_at)
select c.manuscript_id, c.version, c.group_id, :day, c.channel, 'planned', c.due_at, c.deadline_at,
    c.due_at, :now
from chosen c
left join delivery d on d.group_id = c.group_id and d.local_day = :day
-- The same as below: an insert that only meets a conflict uses up an id every minute.
where d.id is null
    or (d.state = 'planned'
        and (d.manuscript_id, d.version, d.channel, d.due_at, d.deadline_at)
        is distinct from (c.manuscript_id, c.version, c.channel, c.due_at, c.deadline_at))
    or (d.state = 'skipped' and d.claimed_at is null
        and (d.manuscript_id, d.version) <> (c.manuscript_id, c.version))
order by c.group_id
on conflict (group_id, local_day) do update
set manuscript_id = excluded.manuscript_id, version = excluded.version,
    channel = excluded.channel, state = 'planned', due_at = excluded.due_at,
    deadline_at = excluded.deadline_at, next_try_at = excluded.due_at, settled_at = null,
    detail = null, escalated_at = null
where (delivery.state = 'planned'
        and (delivery.manuscript_id, delivery.version, delivery.channel, delivery.due_at,
             delivery.deadline_at)
        is distinct from
        (excluded.manuscript_id, excluded.version, excluded.channel, excluded.due_at,
         excluded.deadline_at))
    or (delivery.state = 'skipped' and delivery.claimed_at is null
        and (delivery.manuscript_id, delivery.version)
        <> (excluded.manuscript_id, excluded.version))
returning id
""")


async def plan(session: AsyncSession, *, day: date, now: datetime) -> int:
    """Plan a day's deliveries from its scheduled pushes; returns how many rows are new or changed.

    A claimed delivery stays what it was, whatever is approved later.
    """
    assert day >= local_day(now), day
    made = await session.scalars(PLAN, {"day": day, "now": now, "zone": TOWN.key})
    return len(made.all())


async def drop_planned(
    session: AsyncSession, *, manuscript_id: int, why: str, now: datetime
) -> None:
    """Whatever a push had planned and nobody has claimed goes nowhere."""
    rows = update(Delivery).where(
        Delivery.manuscript_id == manuscript_id, Delivery.state == "planned"
    )
    await session.execute(rows.values(state="skipped", settled_at=now, detail=why))


async def take_due(session: AsyncSession, *, limit: int = BATCH, now: datetime) -> Sequence[int]:
    """Planned deliveries whose hour has come, in a group whose hours are open; then others' turn.

    Whatever a platform keeps waiting goes to the end of the line, behind all that wait for others.
    """
    clock = now.astimezone(TOWN).time()
    due = (
        select(Delivery.id)
        .join(Group, Group.id == Delivery.group_id)
        .where(
            Delivery.state == "planned",
            Delivery.due_at <= now,
            Delivery.next_try_at <= now,
            Delivery.local_day == local_day(now),
            Group.open_from <= clock,
            clock < Group.open_until,
        )
        .order_by(Delivery.next_try_at, Delivery.id)
        .limit(limit)
        .with_for_update(of=Delivery, skip_locked=True, key_share=True)
    )
    ids = (await session.scalars(due)).all()
    await session.execute(
        update(Delivery)
        .where(Delivery.id.in_(ids))
        .values(next_try_at=now + AGAIN)
        .execution_options(synchronize_session=False)
    )
    return ids


async def towns_with_groups(session: AsyncSession) -> list[int]:
    """The towns (or, above no town, the roots) that have a living group, by id."""
    rows = text("""
        select distinct coalesce(
            (select t.id from organisation t
             where t.id = any(o.lineage) and t.kind = 'town'
             order by cardinality(t.lineage) desc limit 1),
            o.lineage[1]) as org_id
        from learning_group g join organisation o on o.id = g.org_id
        where g.ended_at is null order by org_id
    """)
    return [int(one) for one in await session.scalars(rows)]


async def first_send_at(session: AsyncSession, *, org_id: int, day: date) -> datetime | None:
    """When the first group of this organisation or below it gets its push; None without groups."""
    rows = text("""
        select min((cast(:day as date) + g.send_at) at time zone :zone)
        from learning_group g join organisation o on o.id = g.org_id
        where g.ended_at is null and :org_id = any(o.lineage)
            and g.made_at <= (cast(:day as date) + g.send_at) at time zone :zone
    """)
    found: datetime | None = await session.scalar(
        rows, {"day": day, "zone": TOWN.key, "org_id": org_id}
    )
    return found


async def next_lesson_id(session: AsyncSession, *, org_id: int) -> int | None:
    """The oldest lesson on show that this organisation never pushed, else that pushed longest ago.

    None while nothing is on show.
    """
    last = (
        select(ManuscriptVersion.manuscript_id)
        .join(
            Manuscript,
            (Manuscript.id == ManuscriptVersion.manuscript_id)
            & (Manuscript.version == ManuscriptVersion.version),
        )
        .where(
            Manuscript.kind == "push",
            Manuscript.org_id == org_id,
            Manuscript.state != "withdrawn",
            ManuscriptVersion.body["lesson_id"].as_integer() == Lesson.id,
        )
        .order_by(ManuscriptVersion.manuscript_id.desc())
        .limit(1)
        .correlate(Lesson)
        .scalar_subquery()
    )
    oldest_first = [column.element.asc() for column in NEWEST_FIRST]
    rows = select(Lesson.id).where(ON_SHOW).order_by(last.asc().nulls_first(), *oldest_first)
    found: int | None = await session.scalar(rows.limit(1))
    return found
