"""What many residents, phones and clerks do to the books at one moment, on real connections."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.core.db import transaction
from app.credit_bank import merging as credit
from app.credit_bank.accounts import ISSUER, Owner
from app.credit_bank.audit import audit_books
from app.credit_bank.awards import Awarded
from app.credit_bank.conversion import BalanceTooSmall, convert
from app.credit_bank.ledger import Entry, KeyUsedOtherwise, reverse, transfer
from app.credit_bank.models import Account, Transfer
from app.credit_bank.rules import Claim
from app.people import merging
from app.people.models import Person
from tests.credit_bank.books import MONDAY, add_rule, claim, held, pay, pay_one

pytestmark = pytest.mark.usefixtures("database")

AT_ONCE = 24
T = TypeVar("T")
Work = Callable[[AsyncSession], Awaitable[T]]


async def alone(work: Work[T]) -> T:
    async with transaction() as session:
        return await work(session)


async def together(works: list[Work[T]]) -> list[T | BaseException]:
    """All at once, as far as the pool's connections go."""
    connections = asyncio.Semaphore(AT_ONCE)

    async def one(work: Work[T]) -> T:
        async with connections:
            return await alone(work)

    return await asyncio.gather(*(one(work) for work in works), return_exceptions=True)


async def people(number: int) -> list[int]:
    async with transaction() as session:
        made = [Person(created_at=MONDAY) for _ in range(number)]
        session.add_all(made)
        await session.flush()
        return [one.id for one in made]


def paying(person_id: int, *claims: Claim) -> Work[list[Awarded]]:
    async def work(session: AsyncSession) -> list[Awarded]:
        return await pay(session, person_id, *claims)

    return work


async def holdings(*person_ids: int) -> list[dict[str, int]]:
    """Everybody's balances, after making sure that the books are true."""
    async with transaction() as session:
        assert (await audit_books(session)).findings == []
        return [await held(session, one) for one in person_ids]


async def transfers() -> int:
    async with transaction() as session:
        return await session.scalar(select(func.count()).select_from(Transfer)) or 0


async def test_fifty_awards_of_one_claim_are_one_transfer() -> None:
    (one,) = await people(1)
    results = await together([paying(one, claim(1), claim(1, "lesson.credit", seconds=60))] * 50)
    assert not [result for result in results if isinstance(result, BaseException)], results
    seen = {
        tuple(awarded.transfer.id for awarded in result if awarded.transfer)
        for result in results
        if not isinstance(result, BaseException)
    }
    assert len(seen) == 1
    assert await transfers() == 2
    assert await holdings(one) == [{"points": 2, "credit": 2}]


async def test_a_cap_is_reached_exactly_by_twenty_lessons_at_once() -> None:
    await alone(lambda session: add_rule(session, "test.cap", daily_cap=7))
    (one,) = await people(1)
    results = await together([paying(one, claim(n, "test.cap")) for n in range(20)])
    assert not [result for result in results if isinstance(result, BaseException)], results
    amounts = sorted(result[0].amount for result in results if isinstance(result, list))
    assert amounts == [0] * 16 + [1, 2, 2, 2]
    assert await holdings(one) == [{"points": 7}]


async def test_the_same_reversal_twice_at_once_is_one() -> None:
    (one,) = await people(1)
    made = await alone(lambda session: pay_one(session, one, claim(1)))

    def undo(reason: str) -> Work[Transfer]:
        async def work(session: AsyncSession) -> Transfer:
            return await reverse(
                session, transfer_id=made.id, reason=reason, ordered_by_id=None, now=MONDAY
            )

        return work

    results = await together([undo("课程有误")] * 10)
    assert len({result.id for result in results if isinstance(result, Transfer)}) == 1, results
    assert not [result for result in results if isinstance(result, BaseException)], results
    others = await together([undo("别的原因")] * 3)
    assert all(isinstance(result, KeyUsedOtherwise) for result in others), others
    assert await transfers() == 2
    assert await holdings(one) == [{}]


async def test_reversals_for_different_reasons_at_once_leave_one() -> None:
    (one,) = await people(1)
    made = await alone(lambda session: pay_one(session, one, claim(1)))

    def undo(reason: str) -> Work[Transfer]:
        async def work(session: AsyncSession) -> Transfer:
            return await reverse(
                session, transfer_id=made.id, reason=reason, ordered_by_id=None, now=MONDAY
            )

        return work

    results = await together([undo(f"原因 {number}") for number in range(8)])
    assert sum(isinstance(result, Transfer) for result in results) == 1, results
    assert sum(isinstance(result, KeyUsedOtherwise) for result in results) == 7, results
    assert await holdings(one) == [{}]


async def test_opposite_transfers_do_not_wait_for_each_other() -> None:
    # Not even the first ones, which open the accounts.
    one, two = await people(2)

    def give(number: int) -> Work[Transfer]:
        ids = (one, two) if number % 2 else (two, one)

        async def work(session: AsyncSession) -> Transfer:
            return await transfer(
                session,
                debit=Owner(person_id=ids[0]),
                credit=Owner(person_id=ids[1]),
                entry=Entry(f"gift:{number}", "points", 1 + number % 2, "merge", "gift", "gift"),
                now=MONDAY,
            )

        return work

    results = await together([give(number) for number in range(80)])
    assert all(isinstance(result, Transfer) for result in results), results
    assert await holdings(one, two) == [{"points": -40}, {"points": 40}]


async def test_two_hundred_persons_awards_do_not_wait_for_the_issuer(
    database: AsyncEngine,
) -> None:
    ids = await people(201)
    # The issuer's account is there already.
    await alone(paying(ids.pop(), claim(0)))
    issuer = select(Account).where(Account.program == ISSUER)
    async with database.connect() as holder:
        # As if an award held the issuer. Not a plain FOR UPDATE, which would stop the transfers'
        # foreign keys, whoever asks for no lock at all.
        await holder.execute(issuer.with_for_update(key_share=True, nowait=True))
        results = await together([paying(one, claim(1)) for one in ids])
        assert not [result for result in results if isinstance(result, BaseException)], results
        await holder.rollback()
    assert await holdings() == []
    async with transaction() as session:
        paid = select(func.count()).where(Account.person_id.in_(ids), Account.balance == 2)
        assert await session.scalar(paid) == 200


async def test_an_award_and_a_reversal_under_way_do_not_hold_the_issuer(
    database: AsyncEngine,
) -> None:
    one, two = await people(2)
    await alone(paying(one, claim(0)))
    issuer = select(Account).where(Account.program == ISSUER)
    async with transaction() as session:
        made = await pay_one(session, two, claim(1))
        await reverse(session, transfer_id=made.id, reason="有误", ordered_by_id=None, now=MONDAY)
        async with database.connect() as other:
            held_rows = await other.execute(issuer.with_for_update(key_share=True, nowait=True))
            assert len(held_rows.all()) == 1


async def test_first_awards_ever_open_the_issuer_once() -> None:
    ids = await people(20)
    wanted = (claim(1), claim(1, "lesson.credit", seconds=60))
    results = await together(
        [paying(one, *(wanted if one % 2 else reversed(wanted))) for one in ids]
    )
    assert not [result for result in results if isinstance(result, BaseException)], results
    assert await holdings(*ids) == [{"points": 2, "credit": 2}] * 20
    async with transaction() as session:
        issuers = list(await session.scalars(select(Account).where(Account.program == ISSUER)))
        assert sorted(account.unit for account in issuers) == ["credit", "points"]


async def test_a_balance_is_converted_once() -> None:
    await alone(
        lambda session: add_rule(
            session, "test.rich", unit="credit", formula={"kind": "fixed", "amount": 3600}
        )
    )
    (one,) = await people(1)
    await alone(paying(one, claim(1, "test.rich")))

    def wish(key: str) -> Work[tuple[Transfer, Transfer]]:
        async def work(session: AsyncSession) -> tuple[Transfer, Transfer]:
            return await convert(
                session, person_id=one, code="credit.to.course_credit", lots=1, key=key, now=MONDAY
            )

        return work

    # Both accounts are there already: nothing but their lock keeps the wishes apart.
    await alone(wish("first"))
    results = await together([wish("same")] * 5 + [wish(f"other {n}") for n in range(5)])
    done = [result for result in results if isinstance(result, tuple)]
    refused = [result for result in results if isinstance(result, BalanceTooSmall)]
    assert len(done) + len(refused) == 10, results
    assert len({gave.id for gave, _ in done}) == 1
    assert await holdings(one) == [{"credit": 400, "course_credit": 200}]


@pytest.mark.parametrize("known", [True, False])
async def test_no_award_is_lost_to_a_merge_at_the_same_moment(*, known: bool) -> None:
    ids = await people(12)
    pairs = list(zip(ids[::2], ids[1::2], strict=True))
    if known:
        await together([paying(one, claim(1)) for one in ids])

    def joining(kept: int, merged: int) -> Work[None]:
        async def work(session: AsyncSession) -> None:
            made = await merging.merge(
                session, kept_id=kept, merged_id=merged, reason="", ordered_by_id=None, now=MONDAY
            )
            await asyncio.sleep(0.02)  # Let the awards come in between.
            await credit.merge_credit(
                session, merge_id=made.id, kept_id=kept, merged_id=merged, now=MONDAY
            )

        return work

    works: list[Work[object]] = []
    for kept, merged in pairs:
        works += [joining(kept, merged), paying(merged, claim(2)), paying(kept, claim(3))]
    results = await together(works)
    assert not [result for result in results if isinstance(result, BaseException)], results
    expected = {"points": 6 if known else 4}
    assert await holdings(*ids) == [expected, {}] * 6


@pytest.mark.parametrize("known", [True, False])
async def test_an_award_that_waited_for_a_merge_goes_to_whom_was_kept(
    database: AsyncEngine, *, known: bool
) -> None:
    kept, merged = await people(2)
    if known:
        await alone(paying(merged, claim(1)))
    async with database.connect() as watcher:
        async with transaction() as session:
            made = await merging.merge(
                session, kept_id=kept, merged_id=merged, reason="", ordered_by_id=None, now=MONDAY
            )
            await credit.merge_credit(
                session, merge_id=made.id, kept_id=kept, merged_id=merged, now=MONDAY
            )
            award = asyncio.create_task(alone(paying(merged, claim(2))))
            while not await watcher.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                assert not award.done(), "the award did not wait"
                await asyncio.sleep(0.01)
        await award
    assert await holdings(kept, merged) == [{"points": 4 if known else 2}, {}]
