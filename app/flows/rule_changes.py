"""A new version of a credit rule: what it would have paid last month, and its publication."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day, period_of
from app.core.errors import Conflict, Invalid, NotFound
from app.credit_bank.queries import list_rules
from app.credit_bank.rulebook import Rulebook, RuleIn, load_rulebook, versions_of
from app.credit_bank.rules import Rule
from app.flows.replay import Replayed, replay
from app.learning import queries as learning
from app.people import staff_acts

REPLAYED_MAX = 20_000
"""Completed lessons that one request evaluates: a second or two. More: `shoushan bank replay`."""


class RuleNotFound(NotFound):
    title = "没有这条学分规则"


class RuleChangedMeanwhile(Conflict):
    """Facts: `version`, the newest one."""

    title = "这条规则刚刚有了新版本，请看过再改"


class RuleTooEarly(Invalid):
    title = "新版本最早从明天起生效：今天的学分已经按现在的规则计了"


class TooMuchToReplay(Conflict):
    title = "上个月的学习记录太多，请管理员用命令 shoushan bank replay 试算"


@dataclass(frozen=True)
class Trial:
    """What the rules in force and the changed ones would have paid on the days [since, until)."""

    since: date
    until: date
    now: dict[str, Replayed]
    then: dict[str, Replayed]


async def versions_by_code(session: AsyncSession) -> dict[str, list[Rule]]:
    """Rule → its versions, the oldest first; conversions are among them."""
    found: dict[str, list[Rule]] = {}
    for rule in await list_rules(session):
        found.setdefault(rule.code, []).append(rule)
    return found


async def newest(session: AsyncSession, *, code: str) -> Rule:
    """The last version there is, in force or not yet. Raises RuleNotFound."""
    versions = (await versions_by_code(session)).get(code, [])
    if not versions or versions[-1].formula["kind"] == "exchange":
        raise RuleNotFound(rule=code)
    return versions[-1]


async def publish(session: AsyncSession, *, entry: RuleIn, by_id: int, now: datetime) -> None:
    """Add this version; it succeeds the one its number follows.

    Raises RuleChangedMeanwhile, RuleTooEarly, RuleIsHistory, BadRulebook.
    """
    # Two administrators at once: the second one waits, and is told.
    lock = func.hashtextextended(f"rule:{entry.code}", 0)
    await session.execute(select(func.pg_advisory_xact_lock(lock)))
    last = await newest(session, code=entry.code)
    if entry.version != last.version + 1:
        raise RuleChangedMeanwhile(version=last.version)
    if entry.valid_from <= local_day(now):
        raise RuleTooEarly
    await load_rulebook(session, book=Rulebook(rule=[entry]))
    await staff_acts.note(
        session,
        person_id=by_id,
        act="rule.publish",
        subject=f"rule:{entry.code}",
        facts={"version": entry.version, "valid_from": entry.valid_from.isoformat()},
        now=now,
    )


async def try_out(session: AsyncSession, *, entry: RuleIn, now: datetime) -> Trial:
    """Last month again, as if this version had been in force all the time. Raises TooMuchToReplay.

    Books nothing.
    """
    first, _ = period_of("month", local_day(now))
    since, until = period_of("month", first - timedelta(days=1))
    if await learning.count_completed_on(session, since=since, until=until) > REPLAYED_MAX:
        raise TooMuchToReplay
    versions = await list_rules(session)
    others = [rule for rule in versions if rule.code != entry.code]
    tried = versions_of(Rulebook(rule=[entry.model_copy(update={"valid_from": since})]))
    return Trial(
        since=since,
        until=until,
        now=await replay(session, versions=versions, since=since, until=until),
        then=await replay(session, versions=[*others, *tried], since=since, until=until),
    )
