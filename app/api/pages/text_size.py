"""The size of the text: one page, one cookie, for this browser only."""

from datetime import timedelta

from fastapi import Request, Response

from app.api.deps import public
from app.api.pages import cookies, doors
from app.api.pages.forgery import Form
from app.api.pages.frame import TEXT_COOKIE, TEXT_SIZES, render
from app.api.pages.router import page_router
from app.core.errors import Invalid

router = page_router()


class NoSuchTextSize(Invalid):
    title = "没有这个字号"


@router.get("/text-size")
@public
async def text_size_page(request: Request, next_: doors.Next = None) -> Response:
    return render(request, "text_size.html", next=doors.local_path(next_) or "/")


@router.post("/text-size")
@public
async def choose_text_size(request: Request, form: Form, next_: doors.Next = None) -> Response:
    size = form.get("size")
    if size not in {str(one) for one in TEXT_SIZES}:
        raise NoSuchTextSize(f"可以选 {'、'.join(map(str, TEXT_SIZES))}")
    response = doors.go(request, doors.local_path(next_) or "/")
    cookies.put(request, response, TEXT_COOKIE, str(size), life=timedelta(days=400))
    return response
