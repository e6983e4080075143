"""What a group's link leads to: the lesson, for everybody, and its poster.

A click is counted once a phone, by a cookie that says only that this link was opened; nothing
about who opened it is kept.
"""

import asyncio
import re
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import HTMLResponse
from sqlalchemy.ext.asyncio import AsyncSession

from app.api.deps import LimiterDep, Now, SessionDep, SettingsDep, address_of, public
from app.api.errors import problems
from app.api.pages.frame import VIEWED, render
from app.api.pages.lesson import headers_for
from app.api.pages.prose import shown_html
from app.content import queries as content
from app.core.db import transaction
from app.core.errors import NotFound
from app.core.settings import Settings
from app.editorial import queries as editorial
from app.flows import delivery_acts
from app.people import queries as people
from app.push import deliveries, groups, posters
from app.push.links import LOOK, Links, read_code
from app.push.models import Delivery
from app.push.posters import Poster

router = APIRouter(tags=["links"])
CODE = Path(max_length=64, description="The delivery's signed code")
PAGE = "pages/lesson/lesson"
COOKIE_SECONDS = 60 * 60 * 24 * 60
POSTER_SECONDS = 60 * 60 * 24
UNKNOWN = "可能少了几个字，或者多了几个字。请回到群里，重新点一下原来的链接。"
WITHDRAWN = "这一课的内容正在更新，暂时看不到。"
PREVIEW = re.compile(
    r"bot\b|spider|crawl|preview|facebookexternalhit|slackbot|dingtalkbot|mpcrawler"
    r"|qqbrowser-link",
    re.IGNORECASE,
)
"""Machines that fetch an address to draw its card: they name themselves so."""


class LinkUnknown(NotFound):
    title = "没有这个链接"


@router.get(
    "/g/{code}", summary="A group's link", response_class=HTMLResponse,
    responses=problems(429) | {
        status: {"description": said, "content": {"text/html": {}}}
        for status, said in ((404, "No such link: a page that says so"), (410, "Withdrawn: a page"))
    },
)  # fmt: skip
@router.head("/g/{code}", include_in_schema=False)
@public
async def follow(
    code: Annotated[str, CODE],
    request: Request,
    session: SessionDep,
    settings: SettingsDep,
    limiter: LimiterDep,
    now: Now,
) -> Response:
    """The lesson as it was pushed, and where its credit is earned. Clicks are a proof."""
    limiter.hit("address", address_of(request))
    delivery_id = read_code(code, secret=settings.secret_key)
    delivery = None if delivery_id is None else await session.get(Delivery, delivery_id)
    if delivery is None:
        return _sorry(request, 404, "没有这个链接", UNKNOWN)
    lesson, body = await _lesson_of(session, delivery)
    if not await content.is_on_show(session, lesson_id=lesson.id):
        # What was taken off the shelf may be wrong: an old message does not spread it on.
        return _sorry(request, 410, "这一课已下架", WITHDRAWN)
    query = urlencode({"id": body["lesson_id"], "via": code})
    answer = render(
        request,
        "lesson_link.html",
        headers=headers_for(lesson),
        lesson=lesson,
        prose=shown_html(request, lesson.html),
        pushed_on=delivery.local_day,
        learn=f"/lessons/{body['lesson_id']}?{urlencode({'via': code})}",
        open_url=_mini_program(settings, query),
    )
    cookie = f"g{delivery.id}"
    if _is_a_phone(request) and cookie not in request.cookies:
        await delivery_acts.clicked(session, delivery_id=delivery.id, now=now)
        answer.set_cookie(
            cookie, "1", max_age=COOKIE_SECONDS, path=f"/g/{code}", httponly=True, samesite="lax",
            secure=settings.base_url.startswith("https"),
        )  # fmt: skip
    return answer


@router.get(
    "/posters/{code}.png", summary="A delivery's poster", response_class=Response,
    responses={200: {"content": {"image/png": {}}}, **problems(404, 429)},
)  # fmt: skip
@public
async def get_poster(
    code: Annotated[str, CODE],
    request: Request,
    settings: SettingsDep,
    limiter: LimiterDep,
) -> Response:
    """1080 × 1620, with the day's lesson and a QR code of the group's link."""
    limiter.hit("address", address_of(request))
    delivery_id = read_code(code, secret=settings.secret_key)
    async with transaction() as session:
        delivery = None if delivery_id is None else await session.get(Delivery, delivery_id)
        if delivery is None:
            raise LinkUnknown
        poster = await _poster_of(session, delivery, settings)
    # Drawing is the processor's work: not inside a transaction, and not on the loop.
    directory = settings.data_dir / "posters"
    picture = await asyncio.to_thread(posters.drawn, poster, directory=directory)
    headers = {"Cache-Control": f"public, max-age={POSTER_SECONDS}", **VIEWED}
    return Response(picture, media_type="image/png", headers=headers)


async def _lesson_of(
    session: AsyncSession, delivery: Delivery
) -> tuple[content.LessonView, dict[str, Any]]:
    """The version that was reviewed, though the lesson may have moved on."""
    body = await editorial.body_of(
        session, manuscript_id=delivery.manuscript_id, version=delivery.version
    )
    lesson = await content.get_lesson(
        session, lesson_id=body["lesson_id"], version_id=body["lesson_version_id"]
    )
    return lesson, body


async def _poster_of(session: AsyncSession, delivery: Delivery, settings: Settings) -> Poster:
    lesson, body = await _lesson_of(session, delivery)
    group = await groups.get_group(session, group_id=delivery.group_id)
    place = await people.get_organisation(session, group.org_id)
    links = Links(base_url=settings.base_url, secret=settings.secret_key)
    notice = deliveries.notice_of(delivery, lesson, body["text"], links=links)
    return posters.poster_of(notice, place=place.name, platform=lesson.platform)


def _mini_program(settings: Settings, query: str) -> str:
    """A plain URL scheme: WeChat opens the page if the account has declared its path for it.

    明文 URL Scheme: developers.weixin.qq.com/miniprogram/dev/framework/open-ability/url-scheme.html
    """
    facts = {"appid": settings.wechat.mini.appid, "path": PAGE, "query": query}
    return f"weixin://dl/business/?{urlencode(facts, safe='/')}"


def _is_a_phone(request: Request) -> bool:
    """Not a look ahead: no HEAD, no prefetch, no machine that draws a preview, no tutor's look."""
    if LOOK in request.query_params:
        return False
    agent = request.headers.get("user-agent", "")
    ahead = request.headers.get("sec-purpose") or request.headers.get("purpose")
    return request.method == "GET" and not ahead and bool(agent) and not PREVIEW.search(agent)


def _sorry(request: Request, status: int, title: str, said: str) -> Response:
    return render(request, "link_unknown.html", status=status, title=title, said=said)
