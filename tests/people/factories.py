"""Short ways to make what a test of this package starts from. All names are invented."""

from datetime import UTC, date, datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from app.core.clock import local_day
from app.people.models import Identity, Office, Person
from app.people.offices import grant
from app.people.organisations import OrgReport, import_organisations
from app.people.persons import person_of
from app.people.rules import Role

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
TODAY: date = local_day(NOW)
DAY = timedelta(days=1)
APP = "wx00000000000000a1"
MINI = "wx00000000000000b2"

TOWN = """\
code,name,kind,parent_code
T,双槐镇,town,C
T-1,文坪村,village,T
T-2,双新社区,community,T
T-1-G,文坪村一组,group,T-1
T-1-F,第一家庭,family,T-1-G
T-S,渭溪中学,school,T
T-D,司法所,department,T
"""
COUNTY = "code,name,kind,parent_code\nC,合川区,district,\n"


async def make_town(session: AsyncSession, text: str = TOWN) -> OrgReport:
    return await import_organisations(session, content=text.encode())


async def make_identity(
    session: AsyncSession,
    openid: str,
    *,
    appid: str = APP,
    unionid: str | None = None,
    now: datetime = NOW,
) -> Identity:
    found = await person_of(session, appid=appid, openid=openid, unionid=unionid, now=now)
    return found.identity


async def make_person(
    session: AsyncSession,
    openid: str = "o-one",
    *,
    now: datetime = NOW,
    birth_year: int | None = None,
) -> Person:
    found = await person_of(session, appid=APP, openid=openid, now=now)
    found.person.birth_year = birth_year
    await session.flush()
    return found.person


async def make_office(
    session: AsyncSession,
    person: Person,
    role: Role,
    org_code: str,
    *,
    until_on: date | None = None,
    title: str | None = None,
) -> Office:
    return await grant(
        session,
        person_id=person.id,
        role=role,
        org_code=org_code,
        title=title,
        granted_by_id=None,
        since_on=TODAY,
        until_on=until_on,
        now=NOW,
    )
