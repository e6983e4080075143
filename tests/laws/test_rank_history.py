"""Whatever happened in whatever order, and whatever of it is folded: the boards are the same.

The read model, with and without notes that are not in it yet, against the transfers themselves.
"""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import NullPool
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from app.core import db
from app.core.clock import local_day
from app.core.errors import DomainError
from app.credit_bank.closing import close_days
from app.credit_bank.models import Transfer
from app.people.erasure import erase
from app.people.merging import merge, unmerge
from app.people.models import Merge, Organisation, Person
from app.ranking.folding import fold, fold_all
from app.ranking.freezing import freeze_closed
from tests.factories.bank import pay, take_back
from tests.factories.people import NOW, make_person, make_town
from tests.ranking.readings import read_board

PEOPLE = 5
WHO = st.integers(0, PEOPLE - 1)
ORG = st.sampled_from([None, 0, 1, 2, 3])
DEEDS = st.one_of(
    st.tuples(st.just("pay"), WHO, st.sampled_from([1, 2, 2, 255, 256, 600])),
    st.tuples(st.just("pay"), WHO, st.sampled_from([1, 2, 2, 255, 256, 600])),
    st.tuples(st.just("take_back"), st.integers(0, 30)),
    st.tuples(st.just("merge"), WHO, WHO),
    st.tuples(st.just("unmerge")),
    st.tuples(st.just("move"), WHO, ORG, ORG),
    st.tuples(st.just("show"), WHO, st.booleans()),
    st.tuples(st.just("erase"), WHO),
    st.tuples(st.just("replant"), st.booleans()),
    st.tuples(st.just("pass_days"), st.sampled_from([1, 1, 8])),
    st.tuples(st.just("freeze")),
    st.tuples(st.just("fold"), st.sampled_from([1, 3, 100])),
)
ASKED = st.tuples(
    st.sampled_from(["people", "people", "people", "villages", "units"]),
    st.sampled_from(["day", "week", "month", "all"]),
    ORG,
    WHO,
    st.sampled_from([1, 2, 10]),
)


@dataclass
class History:
    """A town of five, and what was done in it."""

    session: AsyncSession
    people: list[Person] = field(default_factory=list)
    orgs: list[Organisation] = field(default_factory=list)
    paid: list[Transfer] = field(default_factory=list)
    merges: list[Merge] = field(default_factory=list)
    now: datetime = NOW

    async def begin(self) -> None:
        town = await make_town(self.session)
        self.orgs = [town.town, town.west, town.group, town.school, town.east]
        for number in range(PEOPLE):
            self.people.append(
                await make_person(
                    self.session, f"乡亲{number}", home=self.orgs[number % 3], visible=number > 0
                )
            )

    async def pay(self, who: int, amount: int) -> None:
        self.paid.append(await pay(self.session, self.people[who], amount, now=self.now))

    async def take_back(self, number: int) -> None:
        if self.paid:
            await take_back(self.session, self.paid[number % len(self.paid)], now=self.now)

    async def merge(self, one: int, other: int) -> None:
        kept, merged = self.people[one].id, self.people[other].id
        facts: dict[str, Any] = {"reason": "", "ordered_by_id": None, "now": self.now}
        self.merges.append(await merge(self.session, kept_id=kept, merged_id=merged, **facts))

    async def unmerge(self) -> None:
        if self.merges:
            made = self.merges.pop()
            await unmerge(self.session, merge_id=made.id, by_id=self.people[0].id, now=self.now)

    async def move(self, who: int, home: int | None, unit: int | None) -> None:
        if self.people[who].erased_at is None:
            self.people[who].org_id = None if home is None else self.orgs[home].id
            self.people[who].unit_id = None if unit is None else self.orgs[unit].id

    async def show(self, who: int, visible: bool) -> None:
        if self.people[who].erased_at is None:
            self.people[who].rank_visible = visible

    async def erase(self, who: int) -> None:
        await erase(self.session, person_id=self.people[who].id, now=self.now)

    async def replant(self, away: bool) -> None:
        """The western village goes to another town, or comes back, with its group."""
        town, west, group = self.orgs[:3]
        west.lineage = [west.id] if away else [town.id, west.id]
        group.lineage = [*west.lineage, group.id]

    async def pass_days(self, days: int) -> None:
        self.now += timedelta(days=days)

    async def freeze(self) -> None:
        await close_days(self.session, now=self.now)
        await freeze_closed(self.session, now=self.now)

    async def fold(self, limit: int) -> None:
        await fold(self.session, limit=limit)


async def play(url: str, deeds: list[Any], questions: list[Any]) -> None:
    engine = create_async_engine(db.sqlalchemy_url(url), poolclass=NullPool)
    async with engine.connect() as connection:
        await connection.begin()
        async with AsyncSession(
            connection, expire_on_commit=False, join_transaction_mode="create_savepoint"
        ) as session:
            await fold_all(session)
            history = History(session)
            await history.begin()
            for name, *facts in deeds:
                with suppress(DomainError):
                    await getattr(history, name)(*facts)
                await session.flush()
            for board, period, org, who, limit in questions:
                await ask(history, board, period, org, who, limit)
        await connection.rollback()
    await engine.dispose()


async def ask(history: History, board: str, period: str, org: int | None, *rest: int) -> None:
    """The first three pages."""
    (who, limit), cursor = rest, None
    me = history.people[who]
    for _ in range(3):
        found = await read_board(
            history.session,
            board,
            period=period,
            day=local_day(history.now),
            org_id=None if org is None else history.orgs[org].id,
            person_id=me.id,
            my_org_ids=[me.org_id] if me.org_id else [],
            cursor=cursor,
            limit=limit,
            around=1,
            now=history.now,
        )
        cursor = found.next
        if cursor is None:
            break


def test_the_read_model_is_what_the_transfers_say(rolled_back_url: str) -> None:
    @settings(
        max_examples=6,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(st.lists(DEEDS, min_size=5, max_size=25), st.lists(ASKED, min_size=2, max_size=3))
    def hold(deeds: list[Any], questions: list[Any]) -> None:
        asyncio.run(play(rolled_back_url, deeds, questions))

    hold()
