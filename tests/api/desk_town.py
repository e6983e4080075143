"""The town's villages and schools with residents and booked credit, for the pages of the desk."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.core import clock
from app.core.db import transaction
from app.core.settings import PROJECT
from app.people.models import Organisation, Person
from app.people.organisations import import_organisations
from tests.api.service import Resident, Service
from tests.factories.bank import pay, take_back
from tests.factories.people import make_person

VILLAGES, UNITS = "shuanghuai-villages.csv", "shuanghuai-units.csv"
DAY = timedelta(days=1)
NAMES = ("竹青", "松涛", "槐小花", "欧阳秋菊", "石榴", "向阳大爷", "稻花")


@dataclass(frozen=True)
class Desk:
    """The administrator of the whole town, and somebody who studied a lesson for real."""

    admin: Resident
    learner: Resident
    town: str


async def furnish(service: Service) -> Desk:
    """Real organisations, invented residents: most of them learned something in two months."""
    now = clock.utcnow()
    async with transaction() as session:
        for name in (VILLAGES, UNITS):
            await import_organisations(session, content=(PROJECT / "data" / name).read_bytes())
        town = (
            await session.scalars(
                select(Organisation).where(Organisation.kind == "town", Organisation.code != "T")
            )
        ).one()
        await _residents(session, town, now)
    admin = await service.officer("admin", town.code)
    await service.ask("PATCH", "/me", admin, json={"name": "管理员松涛"})
    learner = await service.villager("500117126217")
    await service.ask("PATCH", "/me", learner, json={"name": "槐花婆婆", "rank_visible": True})
    await service.study(learner, await service.lesson())
    return Desk(admin, learner, town.code)


async def _residents(session: AsyncSession, town: Organisation, now: datetime) -> None:
    rows = select(Organisation).where(Organisation.lineage.contains([town.id]))
    places = list(await session.scalars(rows.order_by(Organisation.code)))
    homes = [one for one in places if one.kind in {"village", "community"}]
    works = [one for one in places if one.kind in {"school", "department", "unit"}]
    # The last two villages never learned anything.
    for number, home in enumerate(homes):
        for count in range(1 + number % 3):
            person = await make_person(
                session,
                NAMES[(number + count) % len(NAMES)],
                home=home,
                unit=works[number % len(works)] if count == 0 else None,
                visible=count != 1,
                now=now - 20 * DAY,
            )
            if number < len(homes) - 2:
                await _learn(session, person, number + count, now)


async def _learn(session: AsyncSession, person: Person, size: int, now: datetime) -> None:
    paid = None
    for back in range(0, 45, 23 + size % 7):
        paid = await pay(session, person, 5 + 3 * (size + back) % 40, now=now - back * DAY)
    if size % 5 == 0 and paid is not None:
        await take_back(session, paid, now=now)


async def many(session: AsyncSession, count: int, *, home_code: str, now: datetime) -> None:
    """Thousands of residents who chose to appear, each with one award, by three statements."""
    facts = {"count": count, "code": home_code, "now": now, "day": clock.local_day(now)}
    await session.execute(
        text("""
        WITH home AS (SELECT id FROM organisation WHERE code = :code),
        people AS (
            INSERT INTO person (name, org_id, rank_visible, created_at)
            SELECT '乡亲' || number, home.id, true, :now
            FROM home, generate_series(1, :count) number RETURNING id, org_id),
        accounts AS (
            INSERT INTO account (unit, person_id, balance, earned)
            SELECT 'credit', id, 5 + id % 100, 5 + id % 100 FROM people RETURNING id, person_id),
        issuer AS (SELECT id FROM account WHERE program = 'issuer' AND unit = 'credit'),
        rule AS (SELECT id, code FROM credit_rule WHERE code = 'lesson.credit' LIMIT 1)
        INSERT INTO transfer (key, unit, debit_id, credit_id, amount, kind, rule_id, rule_code,
            subject, evidence, village_id, credit_after, local_day, made_at)
        SELECT 'many:' || accounts.person_id, 'credit', issuer.id, accounts.id,
            5 + accounts.person_id % 100, 'award', rule.id, rule.code, 'lesson:0', 'many:0',
            home.id, 5 + accounts.person_id % 100, :day, :now
        FROM accounts, issuer, rule, home"""),
        facts,
    )
