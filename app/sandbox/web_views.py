"""WeChat's own browser, and the page of the demo town's staff that opens it for each of them.

A page of the service is opened as WeChat would open it: the account's web authorisation says who
holds the phone; where the account has none, the mini-program takes a one-time address for its web
view. Both are the service's real ways in. Nothing here knows a password or makes a session.
"""

from typing import Annotated
from urllib.parse import urlencode

import httpx
from fastapi import APIRouter, Query
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.sandbox.admin_users import Here, Resident
from app.sandbox.oauth import USER_COOKIE
from app.sandbox.pages import render_page
from app.sandbox.permissions import Power
from app.sandbox.world import User, World, make_code

# ruff: noqa: FAST003  the dependency `user_of` takes the path's user_id

router = APIRouter(include_in_schema=False)
AWAY = "学习服务没有应答，请过一会儿再试。"


@router.get("/staff")
async def show_staff(world: Here) -> HTMLResponse:
    staff = [user for user in world.users.values() if user.duty is not None]
    return render_page("staff.html", staff=staff, service=world.settings.base_url)


@router.get("/web/{user_id}")
async def open_page(
    world: Here, user: Resident, to: Annotated[str, Query(max_length=500)] = "/"
) -> Response:
    """The page `to` of the service, in this person's WeChat."""
    service = world.settings.base_url
    there = f"{service}/login/oauth?{urlencode({'next': to})}"
    if not world.oa.has(Power.OAUTH):
        try:
            there = await _web_view(world, user, to)
        except (httpx.HTTPError, KeyError):
            response = render_page("sorry.html", sentence=AWAY)
            response.status_code = 502
            return response
    answer = RedirectResponse(there, status_code=303, headers={"Cache-Control": "no-store"})
    answer.set_cookie(USER_COOKIE, user.id, samesite="lax")
    return answer


async def _web_view(world: World, user: User, to: str) -> str:
    """What the mini-program does: wx.login, then an address for its web view."""
    api = f"{world.settings.base_url}/api/v1/login"
    code = make_code(world, "mini", world.mini.appid, user).value
    said = await world.http.post(f"{api}/mini", json={"code": code})
    headers = {"Authorization": f"Bearer {said.raise_for_status().json()['token']}"}
    made = await world.http.post(f"{api}/ticket", params={"next": to}, headers=headers)
    return str(made.raise_for_status().json()["url"])
