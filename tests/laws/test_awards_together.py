"""A batch of awards comes to exactly what its claims come to one by one, whoever claims what."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.credit_bank.accounts import Owner, open_account
from app.credit_bank.audit import audit_books
from app.credit_bank.awards import Awarded, Earner, award_all
from app.credit_bank.ledger import Stamp, reverse
from app.credit_bank.models import Account, Transfer
from app.credit_bank.rules import Claim
from tests.credit_bank.books import DAY, MONDAY, add_rule, join, pay_one, somebody
from tests.laws.rolled_back_town import Town

PEOPLE = 4
"""The third was merged into the first; both had earned before, and something was reversed."""
RULES: dict[str, dict[str, Any]] = {
    "law.each": {"once": "each", "daily_cap": 5, "weekly_cap": 7},
    "law.object": {"once": "object", "daily_cap": 3},
    "law.day": {"once": "day", "yearly_cap": 5},
    "law.ever": {"once": "ever"},
    "law.free": {"once": "each"},
}
# Where it was counted in points, it is counted in credit from the second day on.
MOVED = "law.moved"
CLAIMS = st.builds(
    # A proof is of one object, or it would be another claim under one key.
    lambda rule, lesson, proof: Claim(rule, f"lesson:{lesson}", f"study:{lesson}-{proof}", "一课"),
    st.sampled_from([*RULES, MOVED, "law.unknown"]),
    st.integers(1, 2),
    st.integers(1, 2),
)
EARNERS = st.lists(
    st.tuples(
        st.integers(0, PEOPLE - 1),
        st.lists(CLAIMS, min_size=1, max_size=4),
        st.sampled_from([-1, 0, 0, 1, 3]),
    ),
    min_size=1,
    max_size=8,
)


async def prepare(session: AsyncSession) -> list[int]:
    for code, facts in RULES.items():
        await add_rule(session, code, **facts)
    await add_rule(session, MOVED, once="object", daily_cap=3)
    tomorrow = local_day(MONDAY) + timedelta(days=1)
    await add_rule(
        session, MOVED, version=2, unit="credit", once="object", daily_cap=3, valid_from=tomorrow
    )
    people = [await somebody(session, f"p{number}") for number in range(PEOPLE)]
    for who, rule in [(0, "law.each"), (2, "law.each"), (2, "law.object"), (2, "law.ever")]:
        earlier = Claim(rule, "lesson:1", f"study:1-{1 + who // 2}", "一课")
        made = await pay_one(session, people[who], earlier)
    await reverse(session, transfer_id=made.id, reason="有误", ordered_by_id=None, now=MONDAY)
    await join(session, people[0], people[2])
    # One has accounts already, the other gets them by the first award.
    await open_account(session, owner=Owner(person_id=people[1]), unit="points")
    return people


def told(outcomes: Sequence[Awarded]) -> Any:
    return [
        (one.rule.code, one.rule.version, one.grant, one.amount)
        + (one.transfer[1:] if one.transfer else ())
        for one in outcomes
    ]


async def state(session: AsyncSession) -> Any:
    """Everything that awards write, but for numbers and what depends on the order of booking."""
    names = (
        "key",
        "unit",
        "amount",
        "rule_id",
        "subject",
        "evidence",
        "facts",
        "local_day",
        "made_at",
    )
    transfers = await session.execute(
        select(Account.person_id, *(getattr(Transfer, name) for name in names)).join(
            Account, Account.id == Transfer.credit_id
        )
    )
    owned = (Account.person_id, Account.unit, Account.balance, Account.earned)
    accounts = await session.execute(select(*owned))
    return sorted(map(str, transfers)), sorted(map(str, accounts))


async def tried(session: AsyncSession, earners: list[Earner], *, together: bool) -> Any:
    """What each earner was answered and what stands in the books, undone again."""
    async with session.begin_nested() as savepoint:
        found: list[Any] = []
        for some in [earners] if together else [[one] for one in earners]:
            found += map(told, await award_all(session, some))
        assert (await audit_books(session)).findings == []
        found.append(await state(session))
        await savepoint.rollback()
        return found


def test_together_and_one_by_one_come_to_the_same(rolled_back_url: str) -> None:
    town = Town(rolled_back_url)

    @settings(
        max_examples=25,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(asked=EARNERS)
    def law(asked: list[tuple[int, list[Claim], int]]) -> None:
        async def work(session: AsyncSession) -> None:
            earners = [
                Earner(people[who], claims, Stamp(), MONDAY + days * DAY)
                for who, claims, days in asked
            ]
            one_by_one = await tried(session, earners, together=False)
            assert await tried(session, earners, together=True) == one_by_one

        town.run(work)

    try:
        people = town.run(prepare)
        law()
    finally:
        town.close()
