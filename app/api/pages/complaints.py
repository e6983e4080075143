"""投诉和建议: a few words to the administrators, and what they answered."""

from typing import Annotated

from fastapi import Form as Field
from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import Now, SessionDep
from app.api.pages.doors import WebPerson, go
from app.api.pages.frame import render
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.flows import complaints as flow
from app.people import queries as people
from app.push import complaints

router = page_router("/me/complaints")
SHOWN = 20


@router.get("")
async def show_complaints(request: Request, person: WebPerson, session: SessionDep) -> Response:
    return await _page(request, session, person_id=person.person_id)


@router.post("")
@once
async def complain(
    request: Request,
    person: WebPerson,
    session: SessionDep,
    now: Now,
    once: Annotated[str, Field(min_length=8, max_length=100)],
    about: Annotated[str, Field(max_length=20)] = "",
    text: Annotated[str, Field(max_length=5000)] = "",
) -> Response:
    try:
        await flow.complain(
            session, person_id=person.person_id, about=about, text=text, key=once, now=now
        )
    except (complaints.ComplaintUnsuitable, complaints.TooManyComplaints) as error:
        return await _page(
            request,
            session,
            person_id=person.person_id,
            typed={"about": about, "text": text},
            error=error.title,
        )
    return go(request, "/me/complaints")


async def _page(
    request: Request,
    session: AsyncSession,
    *,
    person_id: int,
    typed: dict[str, str] | None = None,
    error: str = "",
) -> Response:
    selves = await people.list_selves(session, person_id)
    return render(
        request,
        "resident/complaints.html",
        status=422 if error else 200,
        abouts=list(complaints.ABOUT.items()),
        typed=typed or {"about": "", "text": ""},
        error=error,
        length_max=complaints.TEXT_LENGTH_MAX,
        days=complaints.TERM.days,
        asked=await complaints.list_complaints(session, person_ids=selves, limit=SHOWN),
    )
