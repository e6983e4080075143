"""校外学习成果认定, the resident's side: file an application, see how far it is.

Of the paper only its name and digest are kept: the two people who decide see the paper itself.
"""

import re
from datetime import date
from hashlib import sha256
from typing import Annotated

from fastapi import Form as Field
from fastapi import Request, Response
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import UploadFile

from app.api.deps import Now, SessionDep
from app.api.pages.doors import WebPerson, go
from app.api.pages.forgery import Form
from app.api.pages.frame import render
from app.api.pages.repeats import once
from app.api.pages.router import page_router
from app.core.clock import BEGINNING, local_day
from app.credit_bank import prior_learning
from app.credit_bank.models import PriorLearning
from app.people import queries as people

router = page_router("/credits/prior-learning")
SHOWN = 20
LENGTH_MIN, LENGTH_MAX, FILE_NAME_MAX = 2, 60, 100
HOURS = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,2})?", re.ASCII)
STATES = {
    "applied": ("等辅导员看材料", "warn"),
    "confirmed": ("材料已核实，等认定", "info"),
    "approved": ("已认定", "good"),
    "refused": ("没有认定", "bad"),
}
Text = Annotated[str, Field(max_length=1000)]


@router.get("")
async def show_papers(
    request: Request, person: WebPerson, session: SessionDep, now: Now
) -> Response:
    return await _page(request, session, person_id=person.person_id, now=now)


@router.post("")
@once
async def apply(
    request: Request,
    person: WebPerson,
    form: Form,
    session: SessionDep,
    now: Now,
    title: Text = "",
    institution: Text = "",
    hours: Text = "",
    achieved_on: Text = "",
) -> Response:
    typed = {
        "title": title.strip(),
        "institution": institution.strip(),
        "hours": hours.strip(),
        "achieved_on": achieved_on.strip(),
    }
    errors = _wrong(typed, local_day(now))
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.size:
        errors["file"] = "请选择证明的照片或文件"
    if not errors:
        assert isinstance(file, UploadFile)
        try:
            await prior_learning.apply(
                session,
                person_id=person.person_id,
                title=typed["title"],
                institution=typed["institution"],
                hours_hundredths=_hundredths(typed["hours"]),
                achieved_on=date.fromisoformat(typed["achieved_on"]),
                document_name=_name_of(file),
                document_sha256=await _digest_of(file),
                now=now,
            )
        except prior_learning.DocumentAlreadyUsed as error:
            errors["file"] = error.title
    if errors:
        return await _page(
            request, session, person_id=person.person_id, typed=typed, errors=errors, now=now
        )
    return go(request, "/credits/prior-learning")


def _wrong(typed: dict[str, str], today: date) -> dict[str, str]:
    errors = {
        name: f"“{label}”请写 {LENGTH_MIN}–{LENGTH_MAX} 个字"
        for name, label in (("title", "学了什么"), ("institution", "在哪里学的"))
        if not LENGTH_MIN <= len(typed[name]) <= LENGTH_MAX
    }
    if not 0 < _hundredths(typed["hours"]) <= prior_learning.HOURS_MAX * 100:
        errors["hours"] = f"学时请写数字，最多 {prior_learning.HOURS_MAX}，例如 12 或 12.5"
    try:
        day = date.fromisoformat(typed["achieved_on"])
    except ValueError:
        errors["achieved_on"] = "请选择取得的日期"
    else:
        if not BEGINNING <= day <= today:
            errors["achieved_on"] = "取得的日期不能在将来，也不能太早"
    return errors


def _hundredths(said: str) -> int:
    """12.5 → 1250; 0 for what is no number of hours."""
    if HOURS.fullmatch(said) is None:
        return 0
    whole, _, rest = said.partition(".")
    return int(whole) * 100 + int(rest.ljust(2, "0"))


def _name_of(file: UploadFile) -> str:
    shown = "".join(char for char in file.filename or "" if char.isprintable()).strip()
    return shown[-FILE_NAME_MAX:] or "证明"


async def _digest_of(file: UploadFile) -> str:
    digest = sha256()
    while piece := await file.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


async def _page(
    request: Request,
    session: AsyncSession,
    *,
    person_id: int,
    typed: dict[str, str] | None = None,
    errors: dict[str, str] | None = None,
    now: Now,
) -> Response:
    filed = await prior_learning.list_applications(
        session,
        person_ids=await people.list_selves(session, person_id),
        states=None,
        limit=SHOWN,
    )
    return render(
        request,
        "resident/prior_learning.html",
        status=422 if errors else 200,
        typed=typed or dict.fromkeys(("title", "institution", "hours", "achieved_on"), ""),
        errors=errors or {},
        length_max=LENGTH_MAX,
        today=local_day(now).isoformat(),
        filed=[(one, *STATES[one.state], _hours_of(one)) for one in filed],
    )


def _hours_of(one: PriorLearning) -> str:
    whole, rest = divmod(one.hours_hundredths, 100)
    return f"{whole}.{rest:02}".rstrip("0").rstrip(".")
