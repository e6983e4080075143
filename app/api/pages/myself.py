"""我的: who I say I am, what I agree to, what I am told."""

from datetime import datetime
from typing import Annotated

from fastapi import Form as Field
from fastapi import Path, Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Cursor, Now, SessionDep, SettingsDep
from app.api.pages.doors import WebPerson, go
from app.api.pages.frame import render
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.errors import Invalid, NotFound
from app.core.settings import Settings
from app.people import consents, persons
from app.people import queries as people
from app.people.errors import GuardianNeeded, GuardianUnsuitable, NameUnsuitable
from app.people.models import Person
from app.people.policy import Actor
from app.people.rules import KINDS, NAME_LENGTH_MAX, VILLAGE_KINDS
from app.push import permits
from app.push.mailbox import list_letters

router = page_router("/me")
LETTERS = 15
UNITS = ("school", "department", "unit")
"""Chosen from a list; a family is joined by its code, which is told among its own."""
NOTICES = {
    "lesson": ("今日一课", "每天提醒学习，当天没学才提醒"),
    "activity": ("活动", "报了名的活动，前一天提醒"),
    "honour": ("荣誉", "得了称号或徽章"),
    "duty": ("待办", "有事要您办的时候"),
    "answer": ("答复", "您提的投诉建议有了答复"),
}
Purpose = Annotated[str, Path(max_length=64)]


@router.get("")
async def show_me(request: Request, person: WebPerson, session: SessionDep) -> Response:
    me = await people.get_person(session, person.person_id)
    home = None if me.org_id is None else await people.get_organisation(session, me.org_id)
    return render(
        request,
        "resident/me.html",
        home=home.name if home else "",
        unit=await people.unit_of(session, me),
        visible=me.rank_visible,
    )


@router.get("/profile")
async def show_profile(request: Request, person: WebPerson, session: SessionDep) -> Response:
    me = await people.get_person(session, person.person_id)
    return await _profile(request, session, me, typed=await _declared(session, me), errors={})


@router.post("/profile")
@once
async def save_profile(
    request: Request,
    person: WebPerson,
    session: SessionDep,
    now: Now,
    name: Annotated[str, Field(max_length=200)] = "",
    village: Annotated[str, Field(max_length=64)] = "",
    unit: Annotated[str, Field(max_length=64)] = "",
    family: Annotated[str, Field(max_length=64)] = "",
) -> Response:
    """An empty field takes the declaration back. A family goes before a unit."""
    me = await people.get_person(session, person.person_id)
    typed = {"name": name, "village": village, "unit": unit, "family": family}
    errors = {}
    try:
        await persons.declare(session, person_id=me.id, name=name.strip() or None, now=now)
    except NameUnsuitable as error:
        errors["name"] = error.title
    home = None if me.org_id is None else await people.get_organisation(session, me.org_id)
    # A group below the village, which the list does not show, is kept unless another is chosen.
    if village != (home.code if home else ""):
        try:
            await _declare_home(session, me, village, now)
        except (NotFound, Invalid) as error:
            errors["village"] = error.title
    try:
        wanted = family.strip() or unit
        await persons.declare(session, person_id=me.id, unit_code=wanted or None, now=now)
    except (NotFound, Invalid) as error:
        errors["family" if family.strip() else "unit"] = error.title
    if errors:
        return await _profile(request, session, me, typed=typed, errors=errors)
    return go(request, "/me")


@router.get("/consents")
async def show_consents(
    request: Request, person: WebPerson, session: SessionDep, now: Now
) -> Response:
    return await _consents(request, session, person_id=person.person_id, now=now)


@router.post("/consents/{purpose}/give")
@once
async def give_consent(
    request: Request,
    purpose: Purpose,
    person: WebPerson,
    session: SessionDep,
    version: Annotated[int, Field(ge=1)],
    now: Now,
    guardian_note: Annotated[str, Field(max_length=1000)] = "",
) -> Response:
    """To the version that was shown. A child's consent names where the guardian's paper is."""
    try:
        await consents.give(
            session,
            person_id=person.person_id,
            purpose=purpose,
            version=version,
            guardian_note=guardian_note.strip() or None,
            now=now,
        )
    except (GuardianNeeded, GuardianUnsuitable) as error:
        return await _consents(
            request, session, person_id=person.person_id, refused={purpose: error.detail}, now=now
        )
    return go(request, "/me/consents")


@router.post("/consents/{purpose}/withdraw")
@once
async def withdraw_consent(
    request: Request, purpose: Purpose, person: WebPerson, session: SessionDep, now: Now
) -> Response:
    await consents.withdraw(session, person_id=person.person_id, purpose=purpose, now=now)
    return go(request, "/me/consents")


@router.get("/reminders")
async def show_reminders(
    request: Request, person: WebPerson, session: SessionDep, settings: SettingsDep
) -> Response:
    agreed = await consents.current(session, person_id=person.person_id, purpose="notices")
    return render(
        request,
        "resident/reminders.html",
        agreed=agreed is not None,
        version=consents.PURPOSES["notices"].version,
        offered=await _offered(session, settings, person),
    )


@router.get("/letters")
async def show_letters(
    request: Request, person: WebPerson, session: SessionDep, cursor: Cursor = None
) -> Response:
    page = await list_letters(session, person_id=person.person_id, cursor=cursor, limit=LETTERS)
    return render(
        request,
        "resident/letters.html",
        letters=page.items,
        kinds=NOTICES,
        first="/me/letters" if cursor else "",
        further=f"/me/letters?cursor={page.next}" if page.next else "",
    )


async def _declare_home(session: AsyncSession, me: Person, village: str, now: datetime) -> None:
    if village:
        await persons.declare(session, person_id=me.id, org_code=village, now=now)
        return
    # `org_code` None takes the unit back, too: what was said of it is said again.
    unit = await people.unit_of(session, me)
    await persons.declare(session, person_id=me.id, org_code=None, now=now)
    if unit is not None:
        await persons.declare(session, person_id=me.id, unit_code=unit.code, now=now)


async def _declared(session: AsyncSession, me: Person) -> dict[str, str]:
    home = None if me.org_id is None else await people.get_organisation(session, me.org_id)
    unit = await people.unit_of(session, me)
    is_family = unit is not None and unit.kind == "family"
    return {
        "name": me.name or "",
        "village": home.code if home else "",
        "unit": unit.code if unit and not is_family else "",
        "family": unit.code if unit and is_family else "",
    }


async def _profile(
    request: Request,
    session: AsyncSession,
    me: Person,
    *,
    typed: dict[str, str],
    errors: dict[str, str],
) -> Response:
    villages, units = [("", "还没有选")], [("", "没有")]
    for one in await people.list_organisations(session, kind=None):
        if one.kind in VILLAGE_KINDS or one.id == me.org_id:
            villages.append((one.code, one.name))
        if one.kind in UNITS:
            units.append((one.code, f"{one.name}（{KINDS[one.kind]}）"))
    return render(
        request,
        "resident/profile.html",
        status=422 if errors else 200,
        typed=typed,
        errors=errors,
        villages=villages,
        units=units,
        name_length_max=NAME_LENGTH_MAX,
        corrected=me.org_stated_by_id is not None,
    )


async def _consents(
    request: Request,
    session: AsyncSession,
    *,
    person_id: int,
    refused: dict[str, str] | None = None,
    now: datetime,
) -> Response:
    me = await people.get_person(session, person_id)
    rows = []
    for name, purpose in consents.PURPOSES.items():
        given = await consents.current(session, person_id=person_id, purpose=name)
        rows.append((name, purpose, given, given is not None and given.version != purpose.version))
    return render(
        request,
        "resident/consents.html",
        status=403 if refused else 200,
        rows=rows,
        refused=refused or {},
        is_child=consents.is_childs(me, now),
    )


async def _offered(
    session: AsyncSession, settings: Settings, person: Actor
) -> list[tuple[str, str, int]]:
    appid = settings.wechat.mini.appid
    left = await permits.count(session, person_id=person.person_id, appid=appid)
    return [
        (*NOTICES[kind], left.get(template_id, 0))
        for kind, template_id in settings.push.notice_templates.items()
        if kind in NOTICES and (kind != "duty" or person.offices)
    ]
