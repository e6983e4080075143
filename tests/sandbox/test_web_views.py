"""The staff's page, and the service's pages opened as in somebody's WeChat."""

from urllib.parse import parse_qs, urlsplit

import httpx

from app.core.settings import Settings
from app.sandbox.world import World
from tests.sandbox.platform import Platform
from tests.sandbox.service import Service

TUTOR = {"duty": "青龙村<辅导员>", "opens": "/studio?a=1&b=2"}


async def test_the_staff_is_listed_and_nobody_else(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    assert "还没有工作人员" in (await client.get("/staff")).text
    await platform.resident("槐小花")
    tutor = await platform.resident("青龙老师", openid_base="one", **TUTOR)
    again = await platform.resident("青龙老师", openid_base="one")
    assert (again["id"], again["duty"], again["opens"]) == (tutor["id"], *TUTOR.values())
    page = (await client.get("/staff")).text
    assert "青龙村&lt;辅导员&gt;" in page
    assert f'href="/web/{tutor["id"]}?to=/studio%3Fa%3D1%26b%3D2"' in page
    assert "槐小花" not in page


async def test_a_page_opens_by_web_authorisation(
    platform: Platform, client: httpx.AsyncClient, settings: Settings
) -> None:
    """The service itself asks who it is; the cookie tells the stand-in whose phone this is."""
    user = await platform.resident()
    answer = await client.get(f"/web/{user['id']}", params={"to": "/studio?a=1"})
    assert answer.status_code == 303
    assert answer.headers["location"] == (f"{settings.base_url}/login/oauth?next=%2Fstudio%3Fa%3D1")
    assert client.cookies["sandbox_user"] == user["id"]
    assert (await client.get("/web/u000000000000")).status_code == 404


async def test_without_web_authorisation_the_mini_program_takes_a_ticket(
    platform: Platform, client: httpx.AsyncClient, world: World, service: Service
) -> None:
    world.oa.profile = "subscription"
    user = await platform.resident()
    # This service answers, but not with a token.
    answer = await client.get(f"/web/{user['id']}", params={"to": "/credits"})
    assert answer.status_code == 502
    assert "没有应答" in answer.text
    assert service.requests[-1].url.path == "/api/v1/login/mini"

    def play(request: httpx.Request) -> httpx.Response:
        if request.url.path.endswith("/mini"):
            return httpx.Response(200, json={"token": "t"})
        assert request.headers["authorization"] == "Bearer t"
        assert parse_qs(urlsplit(str(request.url)).query) == {"next": ["/credits"]}
        return httpx.Response(200, json={"url": "http://service/login/link/x?next=/credits"})

    async with httpx.AsyncClient(transport=httpx.MockTransport(play)) as http:
        world.http = http
        answer = await client.get(f"/web/{user['id']}", params={"to": "/credits"})
    assert answer.headers["location"] == "http://service/login/link/x?next=/credits"
