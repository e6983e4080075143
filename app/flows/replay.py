"""What other rules would have paid for what was really learned. Books nothing."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date

from sqlalchemy.ext.asyncio import AsyncSession

from app.content import queries as content
from app.core.clock import period_of
from app.credit_bank.rules import Rule, Spent, award_key, evaluate, rule_for
from app.flows.completion import claims_for
from app.learning import queries as learning


@dataclass(frozen=True)
class Replayed:
    """Per rule: how many awards and how much in all, and how many claims a cap left nothing of."""

    awards: int
    amount: int
    capped_to_zero: int


async def replay(
    session: AsyncSession, *, versions: list[Rule], since: date, until: date
) -> dict[str, Replayed]:
    """Evaluate every lesson completed on the days [since, until) under these rule versions.

    Caps and once-rules hold within the replayed span; activities and prior learning are left out.
    """
    seen: set[str] = set()
    paid: dict[tuple[int, str], list[tuple[date, int]]] = defaultdict(list)
    tally: dict[str, list[int]] = {}
    titles: dict[int, tuple[str, int]] = {}
    for study in await learning.list_completed(session, since=since, until=until):
        assert study.completed_on is not None, study.id
        day = study.completed_on
        if study.version_id not in titles:
            lesson = await content.get_lesson(
                session, lesson_id=study.lesson_id, version_id=study.version_id
            )
            titles[study.version_id] = (lesson.title, lesson.required_seconds)
        title, required = titles[study.version_id]
        for claim in claims_for(study, title=title, required_seconds=required):
            rule = rule_for(versions, claim.rule_code, day)
            if rule is None:
                continue
            key = award_key(rule, claim, person_id=study.person_id, day=day)
            if key in seen:
                continue
            before = paid[study.person_id, rule.code]
            grant = evaluate(rule, claim, _spent(before, day))
            count = tally.setdefault(rule.code, [0, 0, 0])
            if grant.amount == 0:
                count[2] += 1
                continue
            seen.add(key)
            before.append((day, grant.amount))
            count[0] += 1
            count[1] += grant.amount
    return {code: Replayed(*counts) for code, counts in sorted(tally.items())}


def _spent(paid: list[tuple[date, int]], day: date) -> Spent:
    def since(start: date) -> int:
        return sum(amount for on, amount in paid if on >= start)

    return Spent(
        day=since(day), week=since(period_of("week", day)[0]), year=since(period_of("year", day)[0])
    )
