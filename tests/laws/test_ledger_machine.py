"""Whatever happens in whatever order, the books stay true.

A hypothesis state machine plays days of a small town against the real database: every rule is one
transaction of the service, and after each of them the laws are asked of the database itself.
"""

from contextlib import suppress
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.credit_bank.audit import audit_books
from app.credit_bank.closing import close_days
from app.credit_bank.conversion import BalanceTooSmall, ConversionCapReached, convert
from app.credit_bank.ledger import reverse
from app.credit_bank.merging import carry_on
from app.credit_bank.models import DayClose, Transfer
from app.credit_bank.rules import Claim
from app.people.models import Merge, Person
from app.people.queries import resolve_alias
from tests.credit_bank.books import DAY, MONDAY, add_rule, held, join, part, pay, somebody
from tests.laws.rolled_back_town import Town

PEOPLE = 3
RULES = ("law.each", "law.object", "law.day", "law.ever", "law.time")
WHO = st.integers(0, PEOPLE - 1)
CODES = st.sets(st.sampled_from(RULES), min_size=1)
LESSON = st.integers(1, 2)

OWNERS_MIRROR_PROGRAMS = """
    SELECT unit, sum(change) FROM (
        SELECT account.unit, balance AS change FROM account WHERE program IS NULL
        UNION ALL
        SELECT account.unit, CASE WHEN account.id = credit_id THEN amount ELSE -amount END
        FROM account JOIN transfer ON account.id IN (debit_id, credit_id)
        WHERE program IS NOT NULL) moved
    GROUP BY unit HAVING sum(change) <> 0"""
STORED_IS_REBUILT = """
    SELECT account.id FROM account WHERE program IS NULL AND balance <>
        coalesce((SELECT sum(amount) FROM transfer WHERE credit_id = account.id), 0)
        - coalesce((SELECT sum(amount) FROM transfer WHERE debit_id = account.id), 0)"""
CAP_EXCEEDED = """
    SELECT credit_id, rule_code, local_day, sum(amount) FROM transfer award
    WHERE kind = 'award' AND NOT EXISTS (
        SELECT FROM transfer undone WHERE undone.reverses_id = award.id)
    GROUP BY credit_id, rule_code, local_day
    HAVING sum(amount) > (SELECT max(daily_cap) FROM credit_rule WHERE code = rule_code)"""
AWARDED_TWICE = """
    WITH RECURSIVE whole AS (
        SELECT id, id AS kept FROM person WHERE merged_into_id IS NULL
        UNION ALL
        SELECT person.id, whole.kept FROM person JOIN whole ON person.merged_into_id = whole.id)
    SELECT whole.kept, rule_code, subject, count(*) FROM transfer award
    JOIN account ON account.id = credit_id JOIN whole ON whole.id = account.person_id
    WHERE kind IN ('award', 'reinstatement') AND rule_code = 'law.object' AND NOT EXISTS (
        SELECT FROM transfer undone WHERE undone.reverses_id = award.id)
    GROUP BY whole.kept, rule_code, subject HAVING count(*) > 1"""
LEFT_ON_AN_ENDED_ACCOUNT = """
    SELECT account.id, balance FROM account JOIN person ON person.id = person_id
    WHERE merged_into_id IS NOT NULL AND balance <> 0"""
LAWS = {
    name: statement
    for name, statement in globals().items()
    if name.isupper() and isinstance(statement, str)
}


class Ledger(RuleBasedStateMachine):
    url = ""

    def __init__(self) -> None:
        super().__init__()
        self.town = Town(self.url)
        self.now = MONDAY
        self.people: list[int] = []
        self.versions = dict.fromkeys(RULES, 1)
        self.booked: list[tuple[int, int, Claim, datetime]] = []
        self.seals: dict[date, str] = {}

    def teardown(self) -> None:
        self.town.close()

    @initialize()
    def begin(self) -> None:
        async def work(session: AsyncSession) -> None:
            self.people = [await somebody(session, f"p{one}") for one in range(PEOPLE)]
            for code, once in zip(RULES, ("each", "object", "day", "ever", "each"), strict=True):
                per_hour = {"kind": "per_hour", "amount": 1600, "minimum": 0}
                await add_rule(
                    session,
                    code,
                    once=once,
                    daily_cap=3 if code != "law.time" else 2000,
                    unit="credit" if code == "law.time" else "points",
                    formula=per_hour if code == "law.time" else {"kind": "fixed", "amount": 2},
                )
            # All have learned the first lesson: whoever is merged was paid for it twice.
            for who, person_id in enumerate(self.people):
                learned = [
                    Claim(code, "lesson:1", f"study:{who}-1-1", "一课", 1800) for code in RULES
                ]
                await pay(session, person_id, *learned, now=MONDAY - DAY)

        self.town.run(work)

    async def _transfer_ids(self, session: AsyncSession, kind: str) -> list[int]:
        asked = select(Transfer.id).where(Transfer.kind == kind).order_by(Transfer.id)
        return list(await session.scalars(asked))

    @rule(who=WHO, number=LESSON, proof=st.integers(1, 2), codes=CODES)
    def award(self, who: int, number: int, proof: int, codes: set[str]) -> None:
        # A proof stands for one person's one study, and is worth the same each time.
        evidence = f"study:{who}-{number}-{proof}"
        wanted = [
            Claim(code, f"lesson:{number}", evidence, "一课", seconds=1800 * number)
            for code in sorted(codes)
        ]

        async def work(session: AsyncSession) -> None:
            outcomes = await pay(session, self.people[who], *wanted, now=self.now)
            paid = {one.rule.code for one in outcomes if one.transfer is not None}
            kept_id = await resolve_alias(session, self.people[who])
            self.booked += [
                (who, kept_id, one, self.now) for one in wanted if one.rule_code in paid
            ]

        self.town.run(work)

    @precondition(lambda self: self.booked)
    @rule(data=st.data())
    def repeat(self, data: Any) -> None:
        who, kept_id, wanted, then = data.draw(st.sampled_from(self.booked))
        if wanted.rule_code == "law.day" and local_day(then) != local_day(self.now):
            return  # Another day is another award.

        async def work(session: AsyncSession) -> None:
            if kept_id not in {self.people[who], await resolve_alias(session, self.people[who])}:
                return  # It was earned by whom this person was taken for, and stays there.
            before = await self._transfer_ids(session, "award")
            await pay(session, self.people[who], wanted, now=self.now)
            assert await self._transfer_ids(session, "award") == before

        self.town.run(work)

    @rule(data=st.data())
    def reverse(self, data: Any) -> None:
        async def work(session: AsyncSession) -> None:
            ids = await self._transfer_ids(session, "award")
            ids += await self._transfer_ids(session, "reinstatement")
            if not ids:
                return
            undone = set(
                await session.scalars(
                    select(Transfer.reverses_id).where(Transfer.reverses_id.is_not(None))
                )
            )
            chosen = data.draw(st.sampled_from(sorted(ids)))
            if chosen in undone:
                return
            for _ in range(2):
                made = await reverse(
                    session, transfer_id=chosen, reason="有误", ordered_by_id=None, now=self.now
                )
                await carry_on(session, after=made, now=self.now)

        self.town.run(work)

    @rule(data=st.data())
    def merge(self, data: Any) -> None:
        """Two of the living become one; sometimes it is undone and found to be right after all."""

        async def work(session: AsyncSession) -> None:
            living = select(Person.id).where(Person.merged_into_id.is_(None)).order_by(Person.id)
            ids = list(await session.scalars(living))
            if len(ids) > 1:
                kept, merged = data.draw(st.permutations(ids))[:2]
                before = [await held(session, one) for one in self.people]
                made = await join(session, kept, merged, now=self.now)
                if data.draw(st.booleans()):
                    await part(session, made, now=self.now)
                    assert [await held(session, one) for one in self.people] == before
                    await join(session, kept, merged, now=self.now)

        self.town.run(work)

    @rule()
    def unmerge(self) -> None:
        """The last merge that stands: undoing an earlier one is refused while a later one does."""

        async def work(session: AsyncSession) -> None:
            standing = select(Merge).where(Merge.undone_at.is_(None)).order_by(Merge.id.desc())
            made = await session.scalar(standing.limit(1))
            if made is not None:
                await part(session, made, now=self.now)

        self.town.run(work)

    @rule(who=WHO, lots=st.integers(1, 2), key=st.sampled_from(["a", "b"]))
    def convert(self, who: int, lots: int, key: str) -> None:
        async def work(session: AsyncSession) -> None:
            person = await session.get_one(Person, self.people[who])
            if person.merged_into_id is None:
                await convert(
                    session,
                    person_id=person.id,
                    code="credit.to.course_credit",
                    lots=lots,
                    key=f"{key}{lots}",
                    now=self.now,
                )

        with suppress(BalanceTooSmall, ConversionCapReached):
            self.town.run(work)

    @rule(days=st.integers(1, 3))
    def midnight(self, days: int) -> None:
        self.now += days * DAY

    @rule()
    def close(self) -> None:
        closes = self.town.run(lambda session: close_days(session, now=self.now))
        for close in closes:
            assert close.local_day not in self.seals
            self.seals[close.local_day] = close.digest
        assert self.town.run(lambda session: close_days(session, now=self.now)) == []

    @rule(code=st.sampled_from(RULES[:4]), amount=st.integers(1, 4), cap=st.integers(1, 9))
    def new_version(self, code: str, amount: int, cap: int) -> None:
        """From tomorrow on; what was paid stays paid."""
        self.versions[code] += 1
        once = ("each", "object", "day", "ever")[RULES.index(code)]
        self.town.run(
            lambda session: add_rule(
                session,
                code,
                version=self.versions[code],
                valid_from=local_day(self.now) + timedelta(days=1),
                once=once,
                daily_cap=cap,
                formula={"kind": "fixed", "amount": amount},
            )
        )

    @invariant()
    def the_books_are_true(self) -> None:
        async def work(session: AsyncSession) -> None:
            for name, statement in LAWS.items():
                assert (await session.execute(text(statement))).all() == [], name
            assert (await audit_books(session)).findings == []
            rows = await session.execute(select(DayClose.local_day, DayClose.digest))
            assert {(day, digest) for day, digest in rows} == set(self.seals.items())

        self.town.run(work)


def test_no_interleaving_makes_the_books_untrue(rolled_back_url: str) -> None:
    assert len(LAWS) == 5
    machine = type("LedgerOnTheDatabase", (Ledger,), {"url": rolled_back_url})
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=10,
            stateful_step_count=16,
            deadline=None,
            database=None,
            # A failing run is shown as it happened: to shrink it would take minutes.
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        ),
    )
