"""When an issue may go out: in a slot, never on a closed day, never too often. Pure.

Weeks are ISO weeks of the town: a week belongs to one Monday, also across the year's end.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

from app.core.clock import TOWN, local_day, local_text, period_of

Obstacle = Literal["closed", "week_full", "day_full"]
OBSTACLES: dict[Obstacle, str] = {
    "closed": "当天停止发布",
    "week_full": "本周已排满",
    "day_full": "当天的群发次数已用完",
}
HORIZON = timedelta(days=400)
"""Nobody closes more than a year."""
AT_RISK_WITHIN = timedelta(hours=48)
READY = ("scheduled", "publishing", "published")


@dataclass(frozen=True)
class Rhythm:
    """`weekdays` (1 = Monday) at `at`, town time; from `week_min` to `week_max` issues a week."""

    weekdays: frozenset[int] = frozenset({2, 5})
    at: time = time(18, 0)
    week_min: int = 1
    week_max: int = 2


@dataclass(frozen=True)
class Calendar:
    """`closed` days with the reason, the instants already `taken`, days without a mass send left.

    `once_a_day`: the account's followers can be notified once a civil day.
    """

    closed: Mapping[date, str] = field(default_factory=dict)
    taken: Sequence[datetime] = ()
    used_up: frozenset[date] = frozenset()
    once_a_day: bool = False


def monday_of(day: date) -> date:
    return period_of("week", day)[0]


def instant_of(day: date, at: time) -> datetime:
    return datetime.combine(day, at, tzinfo=TOWN).astimezone(UTC)


def slots_of(rhythm: Rhythm, monday: date) -> list[datetime]:
    """The slots of one ISO week, closed days included."""
    days = (monday + timedelta(days=weekday - 1) for weekday in sorted(rhythm.weekdays))
    return [instant_of(day, rhythm.at) for day in days]


def obstacle_to(rhythm: Rhythm, calendar: Calendar, at: datetime) -> Obstacle | None:
    """Why nothing more may go out at this instant; None if it may."""
    day = local_day(at)
    if day in calendar.closed:
        return "closed"
    days = [local_day(one) for one in calendar.taken]
    if sum(monday_of(one) == monday_of(day) for one in days) >= rhythm.week_max:
        return "week_full"
    if day in calendar.used_up or (calendar.once_a_day and day in days):
        return "day_full"
    return None


def next_free_slot(rhythm: Rhythm, calendar: Calendar, *, after: datetime) -> datetime | None:
    """The first slot after this instant that is not taken and that nothing stands in the way of."""
    taken_days = {local_day(one) for one in calendar.taken}
    monday = monday_of(local_day(after))
    while instant_of(monday, time()) < after + HORIZON:
        for slot in slots_of(rhythm, monday):
            free = local_day(slot) not in taken_days
            if slot > after and free and obstacle_to(rhythm, calendar, slot) is None:
                return slot
        monday += timedelta(days=7)
    return None


def next_day_for(
    rhythm: Rhythm, calendar: Calendar, *, at: datetime, after: datetime
) -> datetime | None:
    """The hour of `at` on the next day, after `after`, that nothing stands in the way of."""
    hour, day = at.astimezone(TOWN).time(), local_day(at)
    while instant_of(day, time()) < after + HORIZON:
        day += timedelta(days=1)
        found = instant_of(day, hour)
        if found > after and obstacle_to(rhythm, calendar, found) is None:
            return found
    return None


@dataclass(frozen=True)
class Slot:
    """`closed`: the reason, or None. `taken`: an issue is scheduled, or went out, on this day."""

    at: datetime
    closed: str | None
    taken: bool


@dataclass(frozen=True)
class Week:
    """One ISO week; `counts` of issues by state, `risks` in Chinese (none: not at risk)."""

    monday: date
    slots: tuple[Slot, ...]
    counts: Mapping[str, int]
    risks: tuple[str, ...]


def week_of(
    rhythm: Rhythm,
    calendar: Calendar,
    *,
    monday: date,
    counts: Mapping[str, int],
    overdue: int = 0,
    now: datetime,
) -> Week:
    """`counts` holds the issues of this week, and the approved ones that wait for a slot.

    `overdue` of those being published wait for a person's hand, beyond its time.
    """
    taken_days = {local_day(one) for one in calendar.taken}
    slots = tuple(
        Slot(at, calendar.closed.get(local_day(at)), local_day(at) in taken_days)
        for at in slots_of(rhythm, monday)
    )
    return Week(monday, slots, counts, tuple(_risks(rhythm, slots, counts, overdue, now)))


def _risks(
    rhythm: Rhythm,
    slots: Sequence[Slot],
    counts: Mapping[str, int],
    overdue: int,
    now: datetime,
) -> list[str]:
    ready = sum(counts.get(state, 0) for state in READY) - overdue
    if ready >= rhythm.week_min:
        return []
    risks = ["有一期等人手工发表，已经逾期"] if overdue else []
    if counts.get("failed", 0) + counts.get("unknown", 0):
        risks.append("有一期没有发出，或不能确认是否发出")
    left = [slot.at for slot in slots if slot.closed is None and slot.at > now]
    if not left:
        risks.append(f"本周已没有可用的发布时段，只有 {ready} 期，少于 {rhythm.week_min} 期")
    elif left[-1] - now < AT_RISK_WITHIN and not counts.get("approved", 0):
        risks.append(f"本周最后一个发布时段（{local_text(left[-1])}）将到，还没有审定的内容")
    elif left[-1] - now < AT_RISK_WITHIN:
        risks.append(f"有审定的内容，还没有排期；本周最后一个发布时段是 {local_text(left[-1])}")
    return risks


def empty_slots(
    rhythm: Rhythm, calendar: Calendar, *, approved: int, within: timedelta, now: datetime
) -> list[datetime]:
    """The slots in (now, now + within] for which nothing is approved or scheduled.

    Approved issues without a time fill the earliest ones.
    """
    taken_days = {local_day(one) for one in calendar.taken}
    found, monday = [], monday_of(local_day(now))
    while instant_of(monday, time()) <= now + within:
        found += [
            slot
            for slot in slots_of(rhythm, monday)
            if now < slot <= now + within
            and local_day(slot) not in taken_days
            and obstacle_to(rhythm, calendar, slot) is None
        ]
        monday += timedelta(days=7)
    return found[approved:]
