"""The demo town: organisations and lessons of this project; beside the stand-in, its people too.

Everything goes the way it goes in life: files through the import, followers through callbacks.
The stand-in forgets at every restart, so menu, codes and followers are put there each time.
"""

from datetime import timedelta
from typing import Any

import click
import httpx

from app.cli.life import Town
from app.cli.running import Failed
from app.cli.staff import WEEK_DAYS, Office, dice, open_rooms, prepare_week, read_script
from app.cli.wechat import create_codes, create_menu
from app.cli.week import ADMINISTRATOR
from app.content.importing import import_lessons
from app.core import clock, db
from app.core.errors import DomainError
from app.core.settings import PROJECT, Settings
from app.flows.meeting import meet
from app.people import offices, persons
from app.people.organisations import import_organisations
from app.people.queries import find_person_by_identity

ORGANISATIONS = ("shuanghuai-villages.csv", "shuanghuai-units.csv")

# Invented people; the name says where they live. The base makes stable openids.
RESIDENTS = (
    ("槐花婆婆", "demo-1", "500117126219"),
    ("黄土大伯", "demo-2", "500117126217"),
    ("石碑幺妹", "demo-3", "500117126218"),
)

DEADLINE_HOUR = 18
"""Of the demo town's groups (data/demo-week.toml)."""


async def settle_town(
    settings: Settings, *, service: str, stand_in: str | None, week: bool
) -> None:
    """Load what is missing; safe at every start. `week`: let the staff prepare one, too."""
    async with db.transaction() as session:
        for name in ORGANISATIONS:
            await import_organisations(session, content=(PROJECT / "data" / name).read_bytes())
        report = await import_lessons(
            session, directory=PROJECT / "content", publish=True, now=clock.utcnow()
        )
    for error in report.errors:
        click.echo(str(error), err=True)
    if stand_in is not None:
        try:
            await create_menu(settings)
            await create_codes(settings, org_code=settings.town_code)
        except DomainError as error:
            # Another server may stand in for Tencent, and know less than ours.
            click.echo(f"menu and codes were not created: {error.code}: {error.detail}", err=True)
        script = read_script()
        await _residents(settings, stand_in, script)
        if not week:
            return
        try:
            await _week(settings, service, stand_in, script)
        except (DomainError, Failed) as error:
            click.echo(f"the week was not prepared 一周的推送没有备好: {error}", err=True)


async def _week(settings: Settings, service: str, stand_in: str, script: dict[str, Any]) -> None:
    """The groups on the stand-in each time; what goes into them once, for the days from today."""
    async with (
        httpx.AsyncClient(base_url=service, timeout=20) as api,
        httpx.AsyncClient(base_url=stand_in, timeout=20) as phone,
    ):
        town = Town(api, phone, settings.clock_rate, {}, dice())
        office = Office(town, script)
        await office.sign_in()
        await open_rooms(office)
        if (await office.call(ADMINISTRATOR, "GET", "/groups?limit=1"))["items"]:
            return
        now = clock.utcnow()
        today = clock.local_day(now)
        # A group that is registered after its deadline begins tomorrow.
        late = now.astimezone(clock.TOWN).hour >= DEADLINE_HOUR
        await prepare_week(office, today + timedelta(days=late), WEEK_DAYS)


async def _residents(settings: Settings, stand_in: str, script: dict[str, Any]) -> None:
    appid = settings.wechat.oa.appid
    async with httpx.AsyncClient(base_url=stand_in, timeout=20) as phone:
        for name, base, village in RESIDENTS:
            await _meet(phone, appid, name, base, village)
        for one in script["staff"]:
            openid = await _meet(phone, appid, one["name"], one["base"], one["village"])
            shown = {"name": one["name"], "openid_base": one["base"]}
            await _post(phone, "/_sandbox/users", **shown, duty=one["duty"], opens=one["opens"])
            for role, org_code in one["roles"]:
                await _grant(appid, openid, role, org_code)
            if "wecom" in one and settings.wecom.corp_id is not None:
                await _attach(appid, openid, settings.wecom.corp_id, one["wecom"])


async def _meet(phone: httpx.AsyncClient, appid: str, name: str, base: str, village: str) -> str:
    """The person's openid; they follow by their village's code, once."""
    user = await _post(phone, "/_sandbox/users", name=name, openid_base=base)
    openid = str(user["openids"][appid])
    async with db.transaction() as session:
        known = await find_person_by_identity(session, appid=appid, openid=openid)
    if known is not None:
        await _post(phone, "/_sandbox/users", name=name, openid_base=base, followed=True)
    else:
        await _post(phone, f"/_sandbox/users/{user['id']}/follow", scene=f"v:{village}")
    return openid


async def _grant(appid: str, openid: str, role: str, org_code: str) -> None:
    now = clock.utcnow()
    async with db.transaction() as session:
        met = await meet(session, appid=appid, openid=openid, now=now)
        held = await offices.roles_of(session, person_id=met.person.id, day=clock.local_day(now))
        if any((one.role, one.org_code) == (role, org_code) for one in held):
            return
        await offices.grant(
            session,
            person_id=met.person.id,
            role=role,
            org_code=org_code,
            granted_by_id=None,
            since_on=clock.local_day(now),
            now=now,
        )


async def _attach(appid: str, openid: str, corp_id: str, userid: str) -> None:
    now = clock.utcnow()
    async with db.transaction() as session:
        met = await meet(session, appid=appid, openid=openid, now=now)
        await persons.attach(
            session, person_id=met.person.id, appid=corp_id, openid=userid, now=now
        )


async def _post(phone: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    response = await phone.post(path, json=body)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
