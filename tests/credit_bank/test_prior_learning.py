import asyncio
import hashlib
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from app.core.db import transaction
from app.credit_bank.audit import audit_books
from app.credit_bank.awards import Awarded
from app.credit_bank.ledger import Stamp
from app.credit_bank.models import PriorLearning, Transfer
from app.credit_bank.prior_learning import (
    ApplicationNotFound,
    BadApplication,
    DocumentAlreadyUsed,
    NotAtThisStep,
    TwoPeopleNeeded,
    apply,
    approve,
    confirm,
    list_applications,
    refuse,
)
from tests.credit_bank.books import DAY, MONDAY, held, join, somebody


async def file(
    session: AsyncSession, person_id: int, document: str = "证书", **facts: Any
) -> PriorLearning:
    wanted: dict[str, Any] = {
        "title": "老年大学书法班",
        "institution": "合川老年大学",
        "hours_hundredths": 150,
        "achieved_on": date(2026, 6, 1),
        "document_name": "结业证",
        "document_sha256": hashlib.sha256(document.encode()).hexdigest(),
        "now": MONDAY,
    }
    return await apply(session, person_id=person_id, **wanted | facts)


async def pass_on(
    session: AsyncSession, application: PriorLearning, tutor: int, chief: int
) -> list[Awarded]:
    await confirm(session, application_id=application.id, by_id=tutor, now=MONDAY)
    _, awards = await approve(
        session, application_id=application.id, by_id=chief, stamp=Stamp(), now=MONDAY + DAY
    )
    return awards


@pytest.fixture
async def three(session: AsyncSession) -> tuple[int, int, int]:
    one, tutor, chief = [await somebody(session, name) for name in ("one", "tutor", "chief")]
    return one, tutor, chief


async def test_two_people_make_it_credit(
    session: AsyncSession, three: tuple[int, int, int]
) -> None:
    one, tutor, chief = three
    made = await file(session, one)
    assert (made.state, made.applied_at) == ("applied", MONDAY)
    (awarded,) = await pass_on(session, made, tutor, chief)
    assert awarded.transfer is not None
    assert (awarded.amount, awarded.transfer.evidence) == (150, f"prior_learning:{made.id}")
    assert awarded.transfer.subject == f"document:{made.document_sha256}"
    assert (made.state, made.confirmed_by_id, made.approved_by_id) == ("approved", tutor, chief)
    assert (made.confirmed_at, made.approved_at) == (MONDAY, MONDAY + DAY)
    assert await held(session, one) == {"credit": 150}
    assert (await audit_books(session)).findings == []


async def test_not_by_oneself_and_not_twice_by_the_same(
    session: AsyncSession, three: tuple[int, int, int]
) -> None:
    one, tutor, chief = three
    made = await file(session, one)
    for step in (
        confirm(session, application_id=made.id, by_id=one, now=MONDAY),
        refuse(session, application_id=made.id, by_id=one, remarks="不想要了", now=MONDAY),
    ):
        with pytest.raises(TwoPeopleNeeded):
            await step
    await confirm(session, application_id=made.id, by_id=tutor, now=MONDAY)
    for by_id in (one, tutor):
        with pytest.raises(TwoPeopleNeeded):
            await approve(session, application_id=made.id, by_id=by_id, stamp=Stamp(), now=MONDAY)
    assert made.state == "confirmed"
    assert await held(session, one) == {}
    await approve(session, application_id=made.id, by_id=chief, stamp=Stamp(), now=MONDAY)


async def test_another_account_of_oneself_is_oneself(
    session: AsyncSession, three: tuple[int, int, int]
) -> None:
    one, tutor, chief = three
    made = await file(session, one)
    await join(session, tutor, one)
    with pytest.raises(TwoPeopleNeeded):
        await confirm(session, application_id=made.id, by_id=tutor, now=MONDAY)
    # Nor does it help to review it under the account that ended.
    old = await file(session, tutor, "另一张")
    with pytest.raises(TwoPeopleNeeded):
        await confirm(session, application_id=old.id, by_id=one, now=MONDAY)
    await confirm(session, application_id=made.id, by_id=chief, now=MONDAY)
    again = await somebody(session, "again")
    await join(session, again, chief)
    with pytest.raises(TwoPeopleNeeded):
        await approve(session, application_id=made.id, by_id=again, stamp=Stamp(), now=MONDAY)


async def test_the_database_wants_two_people_too(
    session: AsyncSession, three: tuple[int, int, int]
) -> None:
    one, tutor, _ = three
    made = await file(session, one)
    for columns in (
        {"confirmed_by_id": one},
        {"approved_by_id": one},
        {"confirmed_by_id": tutor, "approved_by_id": tutor},
        {"state": "lost"},
        {"hours_hundredths": 0},
    ):
        with pytest.raises(IntegrityError):
            async with session.begin_nested():
                await session.execute(
                    update(PriorLearning).where(PriorLearning.id == made.id).values(**columns)
                )


async def test_each_step_once_and_in_order(
    session: AsyncSession, three: tuple[int, int, int]
) -> None:
    one, tutor, chief = three
    made = await file(session, one)
    with pytest.raises(NotAtThisStep):
        await approve(session, application_id=made.id, by_id=chief, stamp=Stamp(), now=MONDAY)
    await pass_on(session, made, tutor, chief)
    for step in (
        confirm(session, application_id=made.id, by_id=tutor, now=MONDAY),
        approve(session, application_id=made.id, by_id=chief, stamp=Stamp(), now=MONDAY),
        refuse(session, application_id=made.id, by_id=tutor, remarks="晚了", now=MONDAY),
    ):
        with pytest.raises(NotAtThisStep):
            await step
    with pytest.raises(ApplicationNotFound):
        await confirm(session, application_id=10**9, by_id=tutor, now=MONDAY)
    assert await held(session, one) == {"credit": 150}


async def test_either_reviewer_may_refuse_saying_why(
    session: AsyncSession, three: tuple[int, int, int]
) -> None:
    one, tutor, chief = three
    fresh, seen = await file(session, one), await file(session, one, "另一张")
    await confirm(session, application_id=seen.id, by_id=tutor, now=MONDAY)
    with pytest.raises(BadApplication, match="原因"):
        await refuse(session, application_id=fresh.id, by_id=tutor, remarks=" ", now=MONDAY)
    await refuse(session, application_id=fresh.id, by_id=tutor, remarks=" 看不清 ", now=MONDAY)
    await refuse(session, application_id=seen.id, by_id=chief, remarks="不是本人", now=MONDAY)
    assert (fresh.state, fresh.remarks, fresh.refused_by_id) == ("refused", "看不清", tutor)
    assert (seen.state, seen.remarks, seen.refused_by_id) == ("refused", "不是本人", chief)
    with pytest.raises(NotAtThisStep):
        await confirm(session, application_id=fresh.id, by_id=tutor, now=MONDAY)
    assert await held(session, one) == {}


async def test_a_document_serves_once_whoever_files_it(
    session: AsyncSession, three: tuple[int, int, int]
) -> None:
    one, other, tutor = three
    made = await file(session, one)
    with pytest.raises(DocumentAlreadyUsed):
        await file(session, one, document_sha256=made.document_sha256.upper(), title="换个名字")
    with pytest.raises(DocumentAlreadyUsed):
        await file(session, other)
    await refuse(session, application_id=made.id, by_id=tutor, remarks="看不清", now=MONDAY)
    assert made.refused_at == MONDAY
    again = await file(session, one)
    with pytest.raises(DocumentAlreadyUsed):
        await file(session, other)
    rows = await list_applications(session, person_ids=None, states=("applied",), limit=9)
    assert [row.id for row in rows] == [again.id]
    mine = await list_applications(session, person_ids=[one], states=None, limit=9)
    assert [row.id for row in mine] == [again.id, made.id]
    assert len(await list_applications(session, person_ids=None, states=None, limit=1)) == 1


async def test_two_who_file_one_paper_at_once_are_one_who_did(database: AsyncEngine) -> None:
    assert database.pool is not None
    async with transaction() as session:
        one, other = [await somebody(session, name) for name in ("one", "other")]

    async def filing(person_id: int) -> bool:
        async with transaction() as session:
            try:
                await file(session, person_id)
            except DocumentAlreadyUsed:
                return False
            return True

    assert sorted(await asyncio.gather(filing(one), filing(other))) == [False, True]


async def test_a_document_serves_once_to_two_accounts_of_a_person(
    session: AsyncSession, three: tuple[int, int, int]
) -> None:
    one, tutor, chief = three
    old = await somebody(session, "old")
    await pass_on(session, await file(session, old), tutor, chief)
    await join(session, one, old)
    with pytest.raises(DocumentAlreadyUsed):
        await file(session, one)
    assert await held(session, one) == {"credit": 150}


async def test_the_years_cap(session: AsyncSession, three: tuple[int, int, int]) -> None:
    one, tutor, chief = three
    paid = []
    for number in range(3):
        made = await file(session, one, f"第 {number} 张", hours_hundredths=1200)
        (awarded,) = await pass_on(session, made, tutor, chief)
        paid.append((awarded.amount, awarded.grant.bound_by))
    assert paid == [(1200, None), (800, "year"), (0, "year")]
    assert await session.scalar(select(func.count()).select_from(Transfer)) == 2


@pytest.mark.parametrize(
    "facts",
    [
        {"hours_hundredths": 0},
        {"hours_hundredths": -5},
        {"hours_hundredths": 40_001},
        {"document_sha256": "ab"},
        {"achieved_on": date(2026, 11, 24)},
    ],
)
async def test_what_cannot_be_applied_for(session: AsyncSession, facts: dict[str, Any]) -> None:
    one = await somebody(session)
    with pytest.raises(BadApplication):
        await file(session, one, **facts)


async def test_today_is_the_towns_today(session: AsyncSession) -> None:
    one, at_one = await somebody(session), datetime(2026, 11, 23, 17, tzinfo=UTC)
    await file(session, one, achieved_on=date(2026, 11, 24), now=at_one)


async def test_who_read_the_application_before_another_decided_it_is_told(
    database: AsyncEngine,
) -> None:
    assert database.pool is not None
    async with transaction() as session:
        one, tutor, chief = [await somebody(session, name) for name in ("one", "tutor", "chief")]
        application_id = (await file(session, one)).id
        await confirm(session, application_id=application_id, by_id=tutor, now=MONDAY)
    async with transaction() as slow:
        seen = await slow.get_one(PriorLearning, application_id)
        assert seen.state == "confirmed"
        async with transaction() as quick:
            await refuse(
                quick, application_id=application_id, by_id=chief, remarks="不是本人", now=MONDAY
            )
        with pytest.raises(NotAtThisStep):
            await approve(
                slow, application_id=application_id, by_id=chief, stamp=Stamp(), now=MONDAY
            )
