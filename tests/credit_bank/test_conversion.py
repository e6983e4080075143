from datetime import date

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank.audit import audit_books
from app.credit_bank.conversion import (
    BalanceTooSmall,
    ConversionCapReached,
    NoSuchConversion,
    NotAMultiple,
    convert,
)
from app.credit_bank.ledger import KeyUsedOtherwise, ReversalRefused, reverse
from app.credit_bank.models import Transfer
from app.credit_bank.rulebook import ConversionIn, Rulebook, load_rulebook
from tests.credit_bank.books import DAY, MONDAY, add_rule, claim, earned, held, join, pay, somebody

CODE = "credit.to.course_credit"


async def rich(session: AsyncSession, openid: str = "one", *, amount: int = 10_000) -> int:
    await add_rule(session, "test.rich", unit="credit", formula={"kind": "fixed", "amount": 10_000})
    person_id = await somebody(session, openid)
    await pay(session, person_id, claim(1, "test.rich"))
    assert await held(session, person_id) == {"credit": amount}
    return person_id


async def exchange(
    session: AsyncSession, person_id: int, lots: int = 1, *, key: str = "wish", days: int = 0
) -> tuple[Transfer, Transfer]:
    return await convert(
        session, person_id=person_id, code=CODE, lots=lots, key=key, now=MONDAY + days * DAY
    )


async def count(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Transfer)) or 0


def numbers(pair: tuple[Transfer, Transfer]) -> list[int]:
    return [one.id for one in pair]


async def test_one_unit_is_given_for_another(session: AsyncSession) -> None:
    one = await rich(session)
    gave, took = await exchange(session, one, 2)
    assert (gave.unit, gave.amount, gave.debit_after) == ("credit", 3200, 6800)
    assert (took.unit, took.amount, took.credit_after) == ("course_credit", 200, 200)
    assert (gave.evidence, took.evidence) == (took.key, gave.key)
    assert await held(session, one) == {"credit": 6800, "course_credit": 200}
    # It costs no title and makes none.
    assert await earned(session, one) == {"credit": 10_000}
    assert (await audit_books(session)).findings == []


async def test_a_repeat_is_the_first_conversion_again(session: AsyncSession) -> None:
    one = await rich(session)
    first = await exchange(session, one, 2)
    assert numbers(await exchange(session, one, 2, days=3)) == numbers(first)
    assert await count(session) == 3
    with pytest.raises(KeyUsedOtherwise):
        await exchange(session, one, 1)
    # Even when the rate is another one by now.
    dearer = ConversionIn(
        code=CODE,
        version=2,
        valid_from=date(2026, 12, 1),
        name="更贵",
        explanation="",
        from_unit="credit",
        from_amount=3200,
        to_unit="course_credit",
        to_amount=100,
    )
    await load_rulebook(session, book=Rulebook(conversion=[dearer]))
    assert numbers(await exchange(session, one, 2, days=9)) == numbers(first)
    gave, _ = await exchange(session, one, key="another", days=9)
    assert gave.amount == 3200


async def test_a_key_is_each_persons_own(session: AsyncSession) -> None:
    one, two = await rich(session, "one"), await rich(session, "two")
    assert (await exchange(session, one))[0].id != (await exchange(session, two))[0].id


async def test_what_is_not_there_is_not_converted(session: AsyncSession) -> None:
    one = await rich(session)
    poor = await somebody(session, "poor")
    with pytest.raises(BalanceTooSmall) as refused:
        await exchange(session, poor)
    assert refused.value.facts == {"needed": 1600, "balance": 0}
    with pytest.raises(BalanceTooSmall):
        await exchange(session, one, 7)
    for lots in (0, -1):
        with pytest.raises(NotAMultiple):
            await exchange(session, one, lots)
    for code in ("no.such", "lesson.credit"):
        with pytest.raises(NoSuchConversion):
            await convert(session, person_id=one, code=code, lots=1, key="x", now=MONDAY)
    assert await held(session, one) == {"credit": 10_000}


async def test_the_yearly_cap_counts_what_was_received(session: AsyncSession) -> None:
    one = await rich(session)
    await exchange(session, one, 3)
    with pytest.raises(ConversionCapReached) as refused:
        await exchange(session, one, 2, key="more")
    assert refused.value.facts == {"cap": 400, "converted": 300}
    await exchange(session, one, 1, key="last")
    with pytest.raises(ConversionCapReached):
        await exchange(session, one, 1, key="too much", days=38)
    await exchange(session, one, 1, key="new year", days=39)


async def test_the_cap_is_one_for_merged_accounts(session: AsyncSession) -> None:
    one, two = await rich(session, "one"), await rich(session, "two")
    await exchange(session, two, 4)
    await join(session, one, two)
    with pytest.raises(ConversionCapReached):
        await exchange(session, one, 1)


async def test_half_a_conversion_is_not_reversed(session: AsyncSession) -> None:
    one = await rich(session)
    for half in await exchange(session, one):
        with pytest.raises(ReversalRefused):
            await reverse(
                session, transfer_id=half.id, reason="有误", ordered_by_id=None, now=MONDAY
            )
