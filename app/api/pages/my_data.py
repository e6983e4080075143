"""The rights of the person: a copy of everything, and to be forgotten, asked twice."""

import json
from typing import Annotated

from fastapi import Form as Field
from fastapi import Request, Response

from app.api.deps import Now, SessionDep, public
from app.api.pages import cookies
from app.api.pages.doors import WebPerson, go
from app.api.pages.frame import render
from app.api.pages.router import page_router
from app.flows import erasure

router = page_router()
SURE = "注销"
"""What is typed by who really means it."""


@router.get("/me/export")
async def show_export(request: Request, person: WebPerson) -> Response:
    assert person
    return render(request, "resident/export.html")


@router.get("/me/export.json")
async def download_export(person: WebPerson, session: SessionDep) -> Response:
    held = await erasure.export(session, person_id=person.person_id)
    headers = {"Content-Disposition": 'attachment; filename="shoushan-my-data.json"'}
    text = json.dumps(held, ensure_ascii=False, indent=2, default=str)
    return Response(text, media_type="application/json", headers=headers)


@router.get("/me/erase")
async def show_erasure(request: Request, person: WebPerson) -> Response:
    """First step: what goes, what stays."""
    return render(request, "resident/erase.html", has_offices=bool(person.offices))


@router.get("/me/erase/confirm")
async def confirm_erasure(request: Request, person: WebPerson) -> Response:
    assert person
    return render(request, "resident/erase_confirm.html", sure=SURE, error="")


@router.post("/me/erase")
async def erase(
    request: Request,
    person: WebPerson,
    session: SessionDep,
    now: Now,
    sure: Annotated[str, Field(max_length=50)] = "",
) -> Response:
    """Second step."""
    if sure.strip() != SURE:
        error = f"请输入“{SURE}”两个字"
        return render(request, "resident/erase_confirm.html", status=422, sure=SURE, error=error)
    await erasure.erase(session, person_id=person.person_id, now=now)
    response = go(request, "/goodbye")
    cookies.drop(request, response, cookies.SESSION)
    return response


@router.get("/goodbye")
@public
async def say_goodbye(request: Request) -> Response:
    return render(request, "resident/goodbye.html")
