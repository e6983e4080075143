"""The numbers of an administrator's one look, of one branch of the tree."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import day_start, local_day, period_of
from app.ranking.spans import Branch

TREND_DAYS = 30
SILENT_DAYS = 7
DAY = timedelta(days=1)


@dataclass(frozen=True)
class OneDay:
    day: date
    learners: int
    credit: int
    """Hundredths of 学分: awards less reversals."""


@dataclass(frozen=True)
class Silent:
    """A village nobody of which completed a lesson in the last SILENT_DAYS days."""

    code: str
    name: str
    members: int


@dataclass(frozen=True)
class Numbers:
    joined: int
    joined_this_week: int
    learned_today: int
    learned_this_week: int
    credit_today: int
    credit_this_week: int
    credit_this_month: int
    trend: list[OneDay]
    silent: list[Silent]
    villages: int


# Who belongs to the branch today, by home or by unit; who declared nothing, to the roots.
BELONGS = """
    belongs AS (
        SELECT person.id, person.created_at FROM person
        WHERE person.merged_into_id IS NULL AND person.erased_at IS NULL
            AND (:root AND person.org_id IS NULL AND person.unit_id IS NULL OR EXISTS (
                SELECT FROM organisation own WHERE own.id IN (person.org_id, person.unit_id)
                    AND own.lineage @> ARRAY[cast(:org AS bigint)])))"""

COUNTS = f"""
    WITH {BELONGS},
    learned AS (
        SELECT study.person_id, study.completed_on FROM study JOIN belongs
            ON belongs.id = study.person_id
        WHERE study.completed_on >= :monday AND study.completed_on <= :today)
    SELECT (SELECT count(*) FROM belongs) AS joined,
        (SELECT count(*) FROM belongs WHERE created_at >= :week_start) AS joined_this_week,
        (SELECT count(DISTINCT person_id) FROM learned) AS learned_this_week"""

TREND = f"""
    WITH {BELONGS},
    learned AS (
        SELECT study.completed_on AS day, count(DISTINCT study.person_id) AS learners
        FROM study JOIN belongs ON belongs.id = study.person_id
        WHERE study.completed_on >= :first AND study.completed_on <= :today GROUP BY 1),
    issued AS (
        SELECT t.local_day AS day,
            sum(CASE WHEN t.reverses_id IS NULL THEN t.amount ELSE -t.amount END) AS credit
        FROM transfer t
        WHERE t.rule_id IS NOT NULL AND t.unit = 'credit'
            AND t.local_day >= :first AND t.local_day <= :today
            AND (:root AND t.village_id IS NULL AND t.unit_id IS NULL OR EXISTS (
                SELECT FROM organisation own WHERE own.id IN (t.village_id, t.unit_id)
                    AND own.lineage @> ARRAY[cast(:org AS bigint)]))
        GROUP BY 1)
    SELECT cast(days.day AS date) AS day, coalesce(learners, 0) AS learners,
        coalesce(credit, 0)::bigint AS credit
    FROM generate_series(cast(:first AS timestamp), cast(:today AS timestamp), '1 day') AS days(day)
    LEFT JOIN learned ON learned.day = cast(days.day AS date)
    LEFT JOIN issued ON issued.day = cast(days.day AS date)
    ORDER BY 1"""

VILLAGES = """
    WITH awake AS (
        SELECT DISTINCT person.org_id FROM study JOIN person ON person.id = study.person_id
        WHERE study.completed_on >= :since AND study.completed_on <= :today
            AND person.org_id IS NOT NULL)
    SELECT o.code, o.name, count(person.id) AS members,
        bool_or(awake.org_id IS NOT NULL) AS learned
    FROM organisation o JOIN organisation home ON home.lineage @> ARRAY[o.id]
    LEFT JOIN awake ON awake.org_id = home.id
    LEFT JOIN person ON person.org_id = home.id
        AND person.merged_into_id IS NULL AND person.erased_at IS NULL
    WHERE o.kind IN ('village', 'community') AND o.lineage @> ARRAY[cast(:org AS bigint)]
    GROUP BY o.id ORDER BY o.code"""


async def get_numbers(session: AsyncSession, *, branch: Branch, now: datetime) -> Numbers:
    """Three statements."""
    today = local_day(now)
    monday, first_of_month = period_of("week", today)[0], period_of("month", today)[0]
    trend_from = today - DAY * (TREND_DAYS - 1)
    facts = {
        "org": branch.org_id,
        "root": branch.is_root,
        "today": today,
        "monday": monday,
        "week_start": day_start(monday),
        "first": min(trend_from, first_of_month),
        "since": today - DAY * (SILENT_DAYS - 1),
    }
    counts = (await session.execute(text(COUNTS), facts)).mappings().one()
    days = [OneDay(*row) for row in await session.execute(text(TREND), facts)]
    villages = (await session.execute(text(VILLAGES), facts)).mappings().all()
    return Numbers(
        joined=counts["joined"],
        joined_this_week=counts["joined_this_week"],
        learned_today=days[-1].learners,
        learned_this_week=counts["learned_this_week"],
        credit_today=days[-1].credit,
        credit_this_week=sum(one.credit for one in days if one.day >= monday),
        credit_this_month=sum(one.credit for one in days if one.day >= first_of_month),
        trend=[one for one in days if one.day >= trend_from],
        silent=[
            Silent(one["code"], one["name"], one["members"])
            for one in villages
            if not one["learned"]
        ],
        villages=len(villages),
    )
