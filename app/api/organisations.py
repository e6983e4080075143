"""The organisations one may declare to belong to."""

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.api.deps import EmptyIsAbsent, PersonId, SessionDep
from app.api.errors import problems
from app.api.schemas import PageOut
from app.people import queries as people

router = APIRouter(prefix="/api/v1/organisations", tags=["me"])


class OrganisationOut(BaseModel):
    code: str = Field(description="Goes into `org_code` of PATCH /api/v1/me")
    name: str = Field(description="Its name")
    kind: str = Field(description="village, community, school, department, …")
    parent_code: str | None = Field(description="The organisation above it")


@router.get("", summary="Villages, communities and units to choose from",
            responses=problems(401, 429))  # fmt: skip
async def list_organisations(
    person_id: PersonId,
    session: SessionDep,
    kind: Annotated[
        str | None,
        Query(max_length=20, description="Only this kind"),
        EmptyIsAbsent,
    ] = None,
) -> PageOut[OrganisationOut]:
    assert person_id
    rows = await people.list_organisations(session, kind=kind)
    items = [OrganisationOut.model_validate(row, from_attributes=True) for row in rows]
    return PageOut(items=items, next=None)
