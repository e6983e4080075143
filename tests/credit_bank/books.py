"""Short ways to fill the books. All names are invented."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.credit_bank import merging as credit
from app.credit_bank.awards import Awarded, award
from app.credit_bank.ledger import Stamp
from app.credit_bank.models import Transfer
from app.credit_bank.queries import list_balances
from app.credit_bank.rulebook import Loaded, Rulebook, load_rulebook
from app.credit_bank.rules import Claim
from app.people import merging
from app.people.models import Merge
from tests.people.factories import make_person

MONDAY = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""Ten in the morning in town."""
DAY = timedelta(days=1)


async def somebody(session: AsyncSession, openid: str = "one") -> int:
    return (await make_person(session, openid)).id


def claim(
    number: int = 1, rule: str = "lesson.points", *, seconds: int = 0, title: str = "防骗一课"
) -> Claim:
    return Claim(rule, f"lesson:{number}", f"study:{number}", title, seconds=seconds)


async def pay(
    session: AsyncSession,
    person_id: int,
    *claims: Claim,
    now: datetime = MONDAY,
    stamp: Stamp | None = None,
) -> list[Awarded]:
    return await award(
        session, person_id=person_id, claims=list(claims), stamp=stamp or Stamp(), now=now
    )


async def pay_one(
    session: AsyncSession, person_id: int, one: Claim, *, now: datetime = MONDAY
) -> Transfer:
    (awarded,) = await pay(session, person_id, one, now=now)
    assert awarded.transfer is not None
    return await session.get_one(Transfer, awarded.transfer.id)


async def held(session: AsyncSession, person_id: int) -> dict[str, int]:
    """Balances that are not zero."""
    rows = await list_balances(session, person_id=person_id)
    return {row.unit: row.balance for row in rows if row.balance}


async def earned(session: AsyncSession, person_id: int) -> dict[str, int]:
    rows = await list_balances(session, person_id=person_id)
    return {row.unit: row.earned for row in rows if row.earned}


async def join(
    session: AsyncSession, kept_id: int, merged_id: int, *, now: datetime = MONDAY
) -> Merge:
    made = await merging.merge(
        session, kept_id=kept_id, merged_id=merged_id, reason="核实", ordered_by_id=None, now=now
    )
    await credit.merge_credit(
        session, merge_id=made.id, kept_id=kept_id, merged_id=merged_id, now=now
    )
    return made


async def part(session: AsyncSession, made: Merge, *, now: datetime = MONDAY) -> None:
    await merging.unmerge(session, merge_id=made.id, by_id=made.kept_id, now=now)
    await credit.unmerge_credit(
        session, merge_id=made.id, kept_id=made.kept_id, merged_id=made.merged_id, now=now
    )


def rulebook(code: str, **facts: object) -> Rulebook:
    """A file with one rule; by default two points for each evidence, without a cap."""
    rule = {
        "code": code,
        "version": 1,
        "valid_from": datetime(2020, 1, 1, tzinfo=UTC).date(),
        "unit": "points",
        "name": "试行",
        "explanation": "每次 2 积分",
        "formula": {"kind": "fixed", "amount": 2},
        "once": "each",
    }
    return Rulebook.model_validate({"rule": [rule | facts]})


async def add_rule(session: AsyncSession, code: str, **facts: object) -> Loaded:
    return await load_rulebook(session, book=rulebook(code, **facts))


async def tamper(session: AsyncSession, statement: str, **binds: object) -> None:
    """What a vandal with the database's own password could do: no trigger stops it."""
    await session.flush()
    await session.execute(text("SET LOCAL session_replication_role = replica"))
    await session.execute(text(statement), binds)
    await session.execute(text("SET LOCAL session_replication_role = origin"))
    session.expunge_all()
