"""Certificates: to look at, to print, to show to others with one's consent, to be verified."""

import asyncio
from typing import Annotated
from urllib.parse import quote

from fastapi import Form as Field
from fastapi import Path, Query, Request, Response

from app.api.deps import LimiterDep, Now, SessionDep, SettingsDep, address_of, public
from app.api.pages.doors import WebPerson, WebPersonFirst, go
from app.api.pages.frame import VIEWED, render
from app.api.pages.qr_pictures import qr_svg
from app.api.pages.router import page_router
from app.core.db import transaction
from app.core.settings import Settings
from app.flows import certificates
from app.flows.certificates import Press
from app.people import consents
from app.people.errors import GuardianNeeded
from app.recognition.certificates import Certificate, card, pdf

router = page_router()
Number = Annotated[str, Path(max_length=64)]


@router.get("/certificates/{number}.pdf")
async def download(number: Number, person: WebPersonFirst, settings: SettingsDep) -> Response:
    async with transaction() as session:
        made = await certificates.own(
            session, number=number, person_id=person.person_id, press=press_of(settings)
        )
    # Drawing is the processor's work: not inside a transaction, and not on the loop.
    paper = await asyncio.to_thread(pdf, made)
    headers = {"Content-Disposition": f'inline; filename="{made.number}.pdf"', **VIEWED}
    return Response(paper, media_type="application/pdf", headers=headers)


@router.get("/certificates/{number}/card.png")
async def show_picture(number: Number, person: WebPersonFirst, settings: SettingsDep) -> Response:
    async with transaction() as session:
        made = await certificates.own_to_share(
            session, number=number, person_id=person.person_id, press=press_of(settings)
        )
    picture = await asyncio.to_thread(card, made)
    return Response(picture, media_type="image/png", headers=VIEWED)


@router.get("/certificates/{number}/card")
async def show_card(
    request: Request, number: Number, person: WebPerson, session: SessionDep, settings: SettingsDep
) -> Response:
    made = await certificates.own_to_share(
        session, number=number, person_id=person.person_id, press=press_of(settings)
    )
    return render(request, "resident/card.html", certificate=made)


@router.post("/certificates/{number}/card")
async def agree_to_card(
    request: Request,
    number: Number,
    person: WebPerson,
    session: SessionDep,
    settings: SettingsDep,
    now: Now,
    agree: Annotated[str, Field(max_length=10)] = "",
) -> Response:
    """The tick is a consent like any other: in a version, kept, taken back under 我的."""
    made = await certificates.own(
        session, number=number, person_id=person.person_id, press=press_of(settings)
    )
    error = "" if agree == "yes" else "请先勾选同意"
    version = consents.PURPOSES["sharing"].version
    if not error:
        try:
            await consents.give(
                session, person_id=person.person_id, purpose="sharing", version=version, now=now
            )
        except GuardianNeeded as refused:
            error = refused.title
    if error:
        return _certificate_page(request, made, agreed=False, error=error)
    return go(request, f"/certificates/{made.number}/card")


@router.get("/certificates/{number}")
async def show_certificate(
    request: Request, number: Number, person: WebPerson, session: SessionDep, settings: SettingsDep
) -> Response:
    made = await certificates.own(
        session, number=number, person_id=person.person_id, press=press_of(settings)
    )
    given = await consents.current(session, person_id=person.person_id, purpose="sharing")
    return _certificate_page(request, made, agreed=given is not None, error="")


@router.get("/verify")
@public
async def ask_number(
    request: Request, number: Annotated[str, Query(max_length=64)] = ""
) -> Response:
    """For who holds the paper and cannot scan it: the number is typed."""
    wanted = "".join(number.split())
    if wanted:
        return go(request, f"/verify/{quote(wanted, safe='')}")
    return render(request, "resident/verify.html", found=None, number="", asked=False)


@router.get("/verify/{number}")
@public
async def verify(
    request: Request,
    number: Number,
    session: SessionDep,
    settings: SettingsDep,
    limiter: LimiterDep,
) -> Response:
    """For everybody who holds the paper: whether it is ours, with a masked name, nothing else."""
    limiter.hit("login", address_of(request))
    found = await certificates.verify(session, number=number, press=press_of(settings))
    status = 200 if found else 404
    return render(
        request, "resident/verify.html", status=status, found=found, number=number, asked=True
    )


def _certificate_page(request: Request, made: Certificate, *, agreed: bool, error: str) -> Response:
    return render(
        request,
        "resident/certificate.html",
        status=422 if error else 200,
        certificate=made,
        nameless=made.holder == certificates.NAMELESS,
        qr=qr_svg(made.link),
        agreed=agreed,
        error=error,
        purpose=consents.PURPOSES["sharing"],
    )


def press_of(settings: Settings) -> Press:
    return Press(base_url=settings.base_url, secret=settings.secret_key)
