"""Oneself: profile, consent, export, erasure."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response
from pydantic import BaseModel, Field
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Now, PersonId, SessionDep, SettingsDep
from app.api.errors import problems
from app.api.schemas import Body, OrgOut, PageOut, org_out
from app.core.clock import local_day
from app.flows import erasure
from app.people import consents, offices, persons, tokens
from app.people import queries as people
from app.push import permits

router = APIRouter(prefix="/api/v1/me", tags=["me"])


class RoleOut(BaseModel):
    role: str = Field(description="admin, tutor, volunteer, lecturer, editor or chief_editor")
    org: OrgOut = Field(description="Where; rights cover everything below it")
    title: str | None = Field(description="The office held, e.g. 组长")


class PersonOut(BaseModel):
    id: int = Field(description="The person's number")
    name: str | None = Field(description="As the person wants to be called; null until said")
    org: OrgOut | None = Field(description="The village or unit declared; null until declared")
    unit: OrgOut | None = Field(description="School, department or other unit, if any")
    rank_visible: bool = Field(description="Whether this person chose to appear in rankings")
    roles: list[RoleOut] = Field(description="Offices held today")


class PersonPatch(Body):
    """What is left out stays; null takes a declaration back."""

    name: str | None = Field(default=None, max_length=100, description="1 to 20 characters")
    org_code: str | None = Field(
        default=None, max_length=64, description="Code of a village, community, school, …"
    )
    unit_code: str | None = Field(default=None, max_length=64, description="Code of a unit")
    rank_visible: bool | None = Field(
        default=None, description="Appear in the ranking of people, with a masked name"
    )


class ConsentIn(Body):
    purpose: str = Field(max_length=64, description="One of the purposes listed")
    version: int = Field(ge=1, description="The version of the text that was shown")
    guardian_note: str | None = Field(
        default=None, max_length=200, description="Where the guardian's paper is kept (under 14)"
    )


class NoticeOut(BaseModel):
    kind: str = Field(description="lesson, activity, honour or duty")
    template_id: str = Field(description="What the mini-program's popup asks for")
    left: int = Field(description="How many messages of this kind one still allows")


class PurposeOut(BaseModel):
    purpose: str = Field(description="Name of the purpose")
    title: str = Field(description="In Chinese")
    text: str = Field(description="What one agrees to")
    version: int = Field(description="Version of that text")
    given_at: datetime | None = Field(description="When this person agreed; null: not")


async def person_out(session: AsyncSession, *, person_id: int, now: datetime) -> PersonOut:
    person = await people.get_person(session, person_id)
    held = await offices.roles_of(session, person_id=person_id, day=local_day(now))
    return PersonOut(
        id=person.id,
        name=person.name,
        org=org_out(await people.shown_org(session, person)),
        unit=org_out(await people.unit_of(session, person)),
        rank_visible=person.rank_visible,
        roles=[
            RoleOut(
                role=office.role,
                org=OrgOut(code=office.org_code, name=office.org_name),
                title=office.title,
            )
            for office in held
        ],
    )


@router.get("", summary="Who I am", responses=problems(401, 429))
async def get_me(person_id: PersonId, session: SessionDep, now: Now) -> PersonOut:
    return await person_out(session, person_id=person_id, now=now)


@router.patch("", summary="Say who I am", responses=problems(400, 401, 403, 404, 409, 413, 429))
async def patch_me(
    body: PersonPatch, person_id: PersonId, session: SessionDep, now: Now
) -> PersonOut:
    """A village is one's own declaration, which its tutor may correct. No real name is needed."""
    said: dict[str, Any] = body.model_dump(exclude_unset=True)
    await persons.declare(session, person_id=person_id, now=now, **said)
    return await person_out(session, person_id=person_id, now=now)


@router.get("/export", summary="Everything held about me", responses=problems(401, 429))
async def export_me(person_id: PersonId, session: SessionDep) -> dict[str, Any]:
    return await erasure.export(session, person_id=person_id)


@router.delete(
    "", summary="Forget me", status_code=204, response_class=Response,
    responses=problems(401, 429),
)  # fmt: skip
async def erase_me(person_id: PersonId, session: SessionDep, now: Now) -> Response:
    """Identities, name, village, tokens and messages go; the books keep a bare number."""
    await erasure.erase(session, person_id=person_id, now=now)
    return Response(status_code=204)


@router.get("/consents", summary="What I agreed to", responses=problems(401, 429))
async def get_consents(person_id: PersonId, session: SessionDep) -> PageOut[PurposeOut]:
    out = []
    for name, purpose in consents.PURPOSES.items():
        given = await consents.current(session, person_id=person_id, purpose=name)
        out.append(
            PurposeOut(
                purpose=name,
                title=purpose.title,
                text=purpose.text,
                version=purpose.version,
                given_at=given.given_at if given else None,
            )
        )
    return PageOut(items=out, next=None)


@router.post("/consents", summary="Agree", responses=problems(400, 401, 403, 409, 413, 429))
async def give_consent(
    body: ConsentIn, person_id: PersonId, session: SessionDep, now: Now
) -> PageOut[PurposeOut]:
    await consents.give(
        session,
        person_id=person_id,
        purpose=body.purpose,
        version=body.version,
        guardian_note=body.guardian_note,
        now=now,
    )
    return await get_consents(person_id, session)


@router.delete(
    "/consents/{purpose}", summary="Take consent back", responses=problems(400, 401, 404, 429)
)
async def withdraw_consent(
    purpose: Annotated[str, Path(max_length=64, description="One of the purposes listed")],
    person_id: PersonId,
    session: SessionDep,
    now: Now,
) -> PageOut[PurposeOut]:
    await consents.withdraw(session, person_id=person_id, purpose=purpose, now=now)
    return await get_consents(person_id, session)


@router.get("/notices", summary="Which reminders I allowed", responses=problems(401, 429))
async def get_notices(
    person_id: PersonId, session: SessionDep, settings: SettingsDep
) -> PageOut[NoticeOut]:
    """For the popup of the mini-program: every accepted tap there allows one message more."""
    left = await permits.count(session, person_id=person_id, appid=settings.wechat.mini.appid)
    items = [
        NoticeOut(kind=kind, template_id=template_id, left=left.get(template_id, 0))
        for kind, template_id in sorted(settings.push.notice_templates.items())
    ]
    return PageOut(items=items, next=None)


@router.post(
    "/logout", summary="Revoke this token", status_code=204, response_class=Response,
    responses=problems(401, 429),
)  # fmt: skip
async def logout(
    person_id: PersonId,
    session: SessionDep,
    now: Now,
    authorization: Annotated[str, Header(include_in_schema=False)],
) -> Response:
    assert person_id
    await tokens.revoke(session, token=authorization.partition(" ")[2].strip(), now=now)
    return Response(status_code=204)
