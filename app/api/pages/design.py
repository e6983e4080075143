"""The style guide: every component in every state, with the content that breaks layouts."""

from collections.abc import Callable

import sqlalchemy.exc
from fastapi import Depends, Request, Response
from starlette.exceptions import HTTPException

from app.api.deps import SettingsDep, public
from app.api.pages.errors import NoSuchPage, StaleForm
from app.api.pages.forgery import Form
from app.api.pages.frame import Me, render
from app.api.pages.qr_pictures import qr_svg
from app.api.pages.router import page_router
from app.core import errors


def in_development(settings: SettingsDep) -> None:
    if settings.env != "development":
        raise NoSuchPage


TROUBLES: dict[int, Callable[[], Exception]] = {
    401: lambda: errors.Unauthenticated("登录已过期"),
    403: lambda: errors.Forbidden("这是管理员的页面"),
    404: lambda: NoSuchPage("没有编号为 7 的课"),
    409: lambda: StaleForm("竹青在 10:02 保存了新的一版"),
    413: lambda: HTTPException(413, "最多 256 KB"),
    422: lambda: HTTPException(400, "第 3 题没有答案"),
    429: lambda: errors.TooMany("每分钟最多 300 次", retry_after=30),
    500: lambda: RuntimeError("shown by the style guide"),
    503: lambda: sqlalchemy.exc.OperationalError("", None, Exception("the database is away")),
}


def made(status: int) -> Exception:
    return TROUBLES.get(status, NoSuchPage)()


router = page_router("/design")
router.dependencies.append(Depends(in_development))


@router.get("")
@public
async def residents(request: Request) -> Response:
    code = qr_svg("https://xuetang.example/verify/SHXT-2026-000128")
    return render(request, "design/resident.html", qr=code)


@router.get("/{part}")
@public
async def other_part(request: Request, part: str) -> Response:
    if part not in {"staff", "foundation", "print"}:
        raise NoSuchPage
    me = Me(0, "槐小花", "双槐镇社区教育学校（文坪村教学点）", in_studio=True, at_desk=True)
    return render(request, f"design/{part}.html", statuses=sorted(TROUBLES), me=me)


@router.get("/trouble/{status}")
@public
async def trouble(status: int) -> Response:
    raise made(status)


@router.post("/trouble/{status}")
@public
async def trouble_in_a_form(status: int, form: Form) -> Response:  # noqa: ARG001  read, as any form
    raise made(status)


@router.post("")
@public
async def refused_form(form: Form) -> Response:  # noqa: ARG001  read, as any form
    raise made(409)
