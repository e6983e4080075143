"""The demo town: organisations and lessons of this project, and, beside the stand-in, residents.

Everything goes the way it goes in life: files through the import, followers through callbacks.
The stand-in forgets at every restart, so menu, codes and followers are put there each time.
"""

from typing import Any

import click
import httpx

from app.cli.wechat import create_codes, create_menu
from app.content.importing import import_lessons
from app.core import clock, db
from app.core.errors import DomainError
from app.core.settings import PROJECT, Settings
from app.flows.meeting import meet
from app.people import offices
from app.people.organisations import import_organisations
from app.people.queries import find_person_by_identity

ORGANISATIONS = ("shuanghuai-villages.csv", "shuanghuai-units.csv")

# Invented people; the name says what one may try with them. The base makes stable openids.
RESIDENTS = (
    ("槐花婆婆", "demo-1", "500117126219", None),
    ("黄土大伯", "demo-2", "500117126217", None),
    ("石碑幺妹", "demo-3", "500117126218", None),
    ("青龙老师", "demo-4", "500117126216", ("tutor", "500117126216")),
    ("演示管理员", "demo-5", "500117126001", ("admin", "500117126")),
)


async def settle_town(settings: Settings, *, stand_in: str | None) -> None:
    """Load what is missing; safe at every start."""
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
        await _residents(settings, stand_in)


async def _residents(settings: Settings, stand_in: str) -> None:
    appid = settings.wechat.oa.appid
    async with httpx.AsyncClient(base_url=stand_in, timeout=20) as phone:
        for name, base, village, office in RESIDENTS:
            user = await _post(phone, "/_sandbox/users", name=name, openid_base=base)
            openid = str(user["openids"][appid])
            async with db.transaction() as session:
                known = await find_person_by_identity(session, appid=appid, openid=openid)
            if known is not None:
                await _post(phone, "/_sandbox/users", name=name, openid_base=base, followed=True)
            else:
                path = f"/_sandbox/users/{user['id']}/follow"
                await _post(phone, path, scene=f"v:{village}")
            if office is not None:
                await _grant(appid, openid, *office)


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


async def _post(phone: httpx.AsyncClient, path: str, **body: Any) -> dict[str, Any]:
    response = await phone.post(path, json=body)
    response.raise_for_status()
    answer: dict[str, Any] = response.json()
    return answer
