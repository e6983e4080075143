from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from app.core.errors import Conflict
from app.credit_bank.accounts import ISSUER, Owner
from app.credit_bank.closing import close_days
from app.credit_bank.ledger import (
    Entry,
    KeyUsedOtherwise,
    ReversalRefused,
    Stamp,
    TransferNotFound,
    reverse,
    transfer,
)
from app.credit_bank.models import Account, Transfer
from app.people.models import Organisation
from tests.credit_bank.books import DAY, MONDAY, claim, earned, held, join, part, pay_one, somebody
from tests.people.factories import make_town

ENTRY = Entry(
    key="gift:1", unit="points", amount=5, kind="award", subject="gift", evidence="paper:1"
)
ISSUED = Owner(program=ISSUER)


async def count(session: AsyncSession) -> int:
    return await session.scalar(select(func.count()).select_from(Transfer)) or 0


async def give(session: AsyncSession, person_id: int, entry: Entry = ENTRY) -> Transfer:
    owner = Owner(person_id=person_id)
    return await transfer(session, debit=ISSUED, credit=owner, entry=entry, now=MONDAY)


async def test_a_transfer_moves_the_amount_and_keeps_both_balances(session: AsyncSession) -> None:
    one, two = await somebody(session, "one"), await somebody(session, "two")
    await give(session, one)
    moved = await transfer(
        session,
        debit=Owner(person_id=one),
        credit=Owner(person_id=two),
        entry=replace(ENTRY, key="gift:2", amount=3),
        now=MONDAY + timedelta(hours=14),
    )
    assert (moved.debit_after, moved.credit_after) == (2, 3)
    assert (await held(session, one), await held(session, two)) == ({"points": 2}, {"points": 3})
    # 16:00 UTC is midnight in town.
    assert (str(moved.local_day), moved.made_at) == ("2026-11-24", MONDAY + timedelta(hours=14))
    # No rule awarded it, so no title goes by it.
    assert await earned(session, two) == {}
    issuer = await session.scalar(select(Account).where(Account.program == ISSUER))
    assert issuer is not None
    assert (issuer.balance, issuer.earned) == (None, None)


async def test_an_organisation_may_hold_an_account(session: AsyncSession) -> None:
    await make_town(session)
    org_id = await session.scalar(select(Organisation.id).where(Organisation.code == "T-1"))
    owner = Owner(organisation_id=org_id)
    made = await transfer(session, debit=ISSUED, credit=owner, entry=ENTRY, now=MONDAY)
    assert made.credit_after == 5


async def test_the_same_key_and_content_is_the_first_transfer_again(session: AsyncSession) -> None:
    one = await somebody(session)
    first = await give(session, one)
    again = await transfer(
        session, debit=ISSUED, credit=Owner(person_id=one), entry=ENTRY, now=MONDAY + 3 * DAY
    )
    assert (again.id, again.made_at) == (first.id, MONDAY)
    assert await held(session, one) == {"points": 5}
    assert await count(session) == 1


@pytest.mark.parametrize(
    "other",
    [
        {"amount": 6},
        {"subject": "theft"},
        {"evidence": "paper:2"},
        {"facts": {"title": "x"}},
        {"kind": "merge"},
        {"unit": "credit"},
    ],
)
async def test_the_same_key_with_other_content_is_a_conflict(
    session: AsyncSession, other: dict[str, object]
) -> None:
    one = await somebody(session)
    await give(session, one)
    with pytest.raises(KeyUsedOtherwise):
        await give(session, one, replace(ENTRY, **other))  # type: ignore[arg-type]
    assert await held(session, one) == {"points": 5}


async def test_the_same_key_between_other_accounts_is_a_conflict(session: AsyncSession) -> None:
    one, two = await somebody(session, "one"), await somebody(session, "two")
    await give(session, one)
    with pytest.raises(KeyUsedOtherwise):
        await give(session, two)
    with pytest.raises(KeyUsedOtherwise):
        await transfer(session, debit=Owner(person_id=one), credit=ISSUED, entry=ENTRY, now=MONDAY)
    assert issubclass(KeyUsedOtherwise, Conflict)
    assert await count(session) == 1


async def test_a_reversal_mirrors_its_original_once(session: AsyncSession) -> None:
    one, clerk = await somebody(session), await somebody(session, "clerk")
    first = await pay_one(session, one, claim())
    assert await earned(session, one) == {"points": 2}

    async def undo(reason: str = "课程有误", by: int | None = clerk) -> Transfer:
        return await reverse(
            session, transfer_id=first.id, reason=reason, ordered_by_id=by, now=MONDAY + DAY
        )

    made = await undo(" 课程有误 ")
    assert (made.debit_id, made.credit_id) == (first.credit_id, first.debit_id)
    assert (made.amount, made.rule_id, made.facts) == (first.amount, first.rule_id, first.facts)
    assert (made.reverses_id, made.reason, made.ordered_by_id) == (first.id, "课程有误", clerk)
    assert (await held(session, one), await earned(session, one)) == ({}, {})
    assert (await undo()).id == made.id
    for repeat in (undo("别的原因"), undo(by=one), undo(by=None)):
        with pytest.raises(KeyUsedOtherwise):
            await repeat
    assert await count(session) == 2


async def test_a_reversal_keeps_the_stamp_of_what_it_undoes(session: AsyncSession) -> None:
    await make_town(session)
    org_id = await session.scalar(select(Organisation.id).where(Organisation.code == "T-1"))
    one = await somebody(session)
    first = await give(session, one, replace(ENTRY, stamp=Stamp(org_id, org_id)))
    made = await reverse(
        session, transfer_id=first.id, reason="有误", ordered_by_id=None, now=MONDAY
    )
    assert (made.village_id, made.unit_id) == (org_id, org_id)


async def test_what_cannot_be_reversed(session: AsyncSession) -> None:
    one = await somebody(session)
    first = await pay_one(session, one, claim())

    async def undo(transfer_id: int, reason: str = "有误") -> Transfer:
        return await reverse(
            session, transfer_id=transfer_id, reason=reason, ordered_by_id=None, now=MONDAY
        )

    with pytest.raises(TransferNotFound):
        await undo(10**9)
    with pytest.raises(ReversalRefused, match="原因"):
        await undo(first.id, "  ")
    made = await undo(first.id)
    with pytest.raises(ReversalRefused, match="不能再冲正"):
        await undo(made.id)


async def test_only_what_was_awarded_is_reversed_by_itself(session: AsyncSession) -> None:
    # The opposite of a merge is its undoing; half a conversion back would leave the other half.
    kept, merged = await somebody(session, "one"), await somebody(session, "two")
    await pay_one(session, merged, claim())
    made = await join(session, kept, merged)
    await part(session, made)
    for kind in ("merge", "unmerge"):
        found = await session.scalar(select(Transfer.id).where(Transfer.kind == kind))
        assert found is not None
        with pytest.raises(ReversalRefused, match="学习所得"):
            await reverse(session, transfer_id=found, reason="有误", ordered_by_id=None, now=MONDAY)


async def test_a_reversal_may_leave_less_than_nothing(session: AsyncSession) -> None:
    one, two = await somebody(session, "one"), await somebody(session, "two")
    first = await pay_one(session, one, claim())
    await transfer(
        session,
        debit=Owner(person_id=one),
        credit=Owner(person_id=two),
        entry=replace(ENTRY, amount=2),
        now=MONDAY,
    )
    made = await reverse(
        session, transfer_id=first.id, reason="课程有误", ordered_by_id=None, now=MONDAY
    )
    assert made.debit_after == -2
    assert await held(session, one) == {"points": -2}


@pytest.mark.parametrize("table", ["transfer", "credit_rule", "day_close"])
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE {0} SET {1} = {1}",
        "DELETE FROM {0}",
        "TRUNCATE {0} CASCADE",
    ],
)
async def test_the_database_refuses_to_change_history(
    session: AsyncSession, table: str, statement: str
) -> None:
    await pay_one(session, await somebody(session), claim(), now=MONDAY - DAY)
    await close_days(session, now=MONDAY)
    column = {"transfer": "amount", "credit_rule": "name", "day_close": "digest"}[table]
    with pytest.raises(IntegrityError, match="append-only"):
        async with session.begin_nested():
            await session.execute(text(statement.format(table, column)))
    rows = select(func.count()).select_from(Transfer.metadata.tables[table])
    assert await session.scalar(rows)


COPY = """
    INSERT INTO transfer (key, unit, debit_id, credit_id, amount, kind, subject, evidence, reason,
        local_day, made_at)
    SELECT 'copy', unit, debit_id, {credit_id}, {amount}, kind, subject, evidence, {reason},
        local_day, made_at
    FROM transfer"""


@pytest.mark.parametrize(
    "edit", [{"amount": "0"}, {"amount": "-1"}, {"credit_id": "debit_id"}, {"reason": "'why'"}]
)
async def test_the_database_refuses_impossible_transfers(
    session: AsyncSession, edit: dict[str, str]
) -> None:
    await pay_one(session, await somebody(session), claim())
    sound = {"credit_id": "credit_id", "amount": "amount", "reason": "reason"}
    with pytest.raises(IntegrityError, match="violates check constraint"):
        async with session.begin_nested():
            await session.execute(text(COPY.format(**sound | edit)))
    await session.execute(text(COPY.format(**sound)))
    with pytest.raises(IntegrityError, match="transfer_key_key"):
        await session.execute(text(COPY.format(**sound)))


async def test_an_account_has_exactly_one_owner(session: AsyncSession) -> None:
    one = await somebody(session)
    for person_id, program, balance in (
        (one, ISSUER, 0),
        (None, None, 0),
        (one, None, None),
        (None, "games", 0),
    ):
        facts = {"person_id": person_id, "program": program, "balance": balance}
        with pytest.raises(IntegrityError, match="violates check constraint"):
            async with session.begin_nested():
                await session.execute(
                    insert(Account).values(unit="points", earned=balance, **facts)
                )
