"""Who tries the API in `openapi`, what was there before, and what each may change."""

import asyncio
from dataclasses import dataclass

from sqlalchemy import select

from app.content.importing import import_lessons
from app.core import clock, db
from app.core.settings import PROJECT, MiniProgram
from app.flows.meeting import meet
from app.people import offices, tokens
from app.people.models import Organisation
from app.people.organisations import import_organisations
from app.people.rules import Role
from drills.one_service import Ground

OWN = frozenset({
    "account", "attempt", "attention", "consent", "lesson_plan", "permit", "person", "person_token",
    "prior_learning", "request_key", "sign_up", "study", "study_day", "transfer",
    "procrastinate_jobs", "procrastinate_events", "sign_in_ticket", "rank_booking", "rank_change",
})  # fmt: skip
"""Tables in which a resident has rows of her own; those of others are compared by `others`."""
OTHERS = {
    "person": "SELECT t::text FROM person t WHERE id <> %s",
    "person_token": "SELECT t::text FROM person_token t WHERE person_id <> %s",
    "consent": "SELECT t::text FROM consent t WHERE person_id <> %s",
    "attention": "SELECT t::text FROM attention t WHERE person_id <> %s",
    "study": "SELECT t::text FROM study t WHERE person_id <> %s",
    "sign_up": "SELECT t::text FROM sign_up t WHERE person_id <> %s",
    "rank_booking": "SELECT t::text FROM rank_booking t WHERE person_id <> %s",
    "rank_change": "SELECT t::text FROM rank_change t WHERE person_id <> %s",
    "prior_learning": "SELECT t::text FROM prior_learning t WHERE person_id <> %s",
    "account": "SELECT t::text FROM account t WHERE person_id IS NOT NULL AND person_id <> %s",
    "transfer": """
        SELECT t::text FROM transfer t WHERE kind = 'reversal' OR NOT EXISTS (
            SELECT FROM account a WHERE a.id IN (t.debit_id, t.credit_id) AND a.person_id = %s)""",
}
"""What somebody else has, by table: the rows that this person may never touch."""


@dataclass(frozen=True)
class Person:
    """`may_change` None: an office is held, so the tables do not tell what is right."""

    kind: str
    token: str | None
    id: int
    may_change: frozenset[str] | None = None


def people(here: Ground, url: str) -> list[Person]:
    """In the order in which they try: those who make things first."""
    admin, tutor, resident, other = asyncio.run(_settle(here))
    _leave_things(url, admin, tutor, other)
    return [
        admin,
        tutor,
        Person("nobody", None, 0, frozenset()),
        Person("resident", resident.token, resident.id, OWN),
    ]


async def _settle(here: Ground) -> list[Person]:
    now = clock.utcnow()
    async with db.connected(db.make_engine(here.database_url, pool_size=2)):
        async with db.transaction() as session:
            for name in ("shuanghuai-villages.csv", "shuanghuai-units.csv"):
                content = (PROJECT / "data" / name).read_bytes()
                await import_organisations(session, content=content)
            await import_lessons(session, directory=PROJECT / "content", publish=True, now=now)
            rows = select(Organisation.code).where(Organisation.kind == "village")
            village = (await session.scalars(rows.order_by(Organisation.code))).first()
            town = await session.scalar(
                select(Organisation.code).where(Organisation.kind == "town")
            )
            assert village is not None
            assert town is not None
        return [
            await _person("administrator", "admin", town),
            await _person("tutor", "tutor", village),
            await _person("resident", None, village),
            await _person("another resident", None, village),
        ]


async def _person(kind: str, role: Role | None, org_code: str) -> Person:
    now = clock.utcnow()
    async with db.transaction() as session:
        found = await meet(
            session, appid=MiniProgram().appid, openid=f"o-{kind}", unionid=None, now=now
        )
        person_id = found.person.id
        token, _ = await tokens.issue(session, person_id=person_id, now=now)
        if role is not None:
            await offices.grant(
                session,
                person_id=person_id,
                role=role,
                org_code=org_code,
                granted_by_id=None,
                since_on=clock.local_day(now),
                now=now,
            )
    return Person(kind, token, person_id)


def _leave_things(url: str, admin: Person, tutor: Person, other: Person) -> None:
    """Something of every kind with id 1, so that a wrong right would have something to hurt."""


def everything(here: Ground) -> dict[str, str]:
    """Every table's content as one digest."""
    names = here.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
    digest = "SELECT md5(coalesce(string_agg(t::text, chr(10) ORDER BY t::text), '')) FROM {} t"
    return {name: str(here.ask(digest.format(name))[0][0]) for (name,) in names}


def others(here: Ground, person: Person) -> dict[str, list[str]]:
    return {
        name: sorted(row for (row,) in here.ask(query, person.id)) for name, query in OTHERS.items()
    }
