"""Signing in behind a sub-path, by the operator's command, and on a clock that runs."""

import asyncio
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import httpx
import pytest

from app.api.pages import cookies
from app.api.pages.doors import local_path
from app.core import clock
from app.core.settings import PROJECT
from app.people.web_sessions import STAFF_LIFE
from tests.api.browser import COMPUTER, Browser, browsing, form_of
from tests.api.service import Resident, Service
from tests.processes import environment_of


async def test_behind_a_sub_path_everything_stays_below_it(
    service: Service, resident: Resident
) -> None:
    ticket = await service.ask("POST", "/login/ticket", resident)
    path = ticket["url"].removeprefix(service.settings.base_url)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app, root_path="/learn"),
        base_url=service.settings.base_url,
        headers={"User-Agent": COMPUTER, "Accept": "text/html"},
    ) as client:
        browser = Browser(service, client)
        nobody = await browser.get("/learn/me/sessions")
        assert nobody.headers["location"] == "/learn/login?next=/me/sessions"
        assert 'src="/learn/login/scan/' in (await browser.get("/learn/login")).text
        page = await browser.get(f"/learn{path}?next=/me/sessions")
        assert form_of(page)[0] == f"/learn{path}?next=/me/sessions"
        answer = await browser.press(page)
        assert answer.headers["location"] == "/learn/me/sessions"
        assert all("Path=/learn;" in one for one in answer.headers.get_list("set-cookie"))
        assert 'action="/learn/me/sessions/' in (await browser.get("/learn/me/sessions")).text


async def test_the_operators_link_signs_somebody_in(
    service: Service, resident: Resident, tmp_path: Path
) -> None:
    mini = service.settings.wechat.mini.appid
    who = f"{mini}:{resident.user['openids'][mini]}"
    url = str(service.settings.database_url)
    made = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "app.cli.main", "login-link", "--identity", who],
        env=environment_of(tmp_path, SHOUSHAN_DATABASE_URL=url),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    link = httpx.URL(made.stdout.strip())
    async with browsing(service) as browser:
        await browser.press(await browser.get(link.path))
        assert browser.session
    assert await service.count("person_token", "kind = 'web' AND person_id = :id", id=resident.id)
    assert await service.count("staff_act", "act = 'login_link.make' AND person_id IS NULL") == 1


async def test_minutes_are_the_machines_where_somebody_waits(service: Service) -> None:
    """With a fast clock of development, a code still lives as long as a person needs."""
    now = clock.real_now()
    clock.settle(clock.Origin(first_start=now, start=now, rate=3600))
    assert clock.machine_span(timedelta(minutes=5)) == timedelta(hours=300)
    officer = await service.officer("tutor", "T-1")
    async with browsing(service) as browser:
        await browser.sign_in(officer)
        before = clock.utcnow()
        clock.settle(clock.Origin(first_start=now, start=now + timedelta(days=20), rate=3600))
        assert clock.utcnow() - before > STAFF_LIFE
        assert (await browser.get("/me/sessions")).status_code == 200


async def test_a_cookie_that_is_none(service: Service) -> None:
    async with browsing(service) as browser:
        for value in ("x" * 4000, "%00", "a b", "..", "0"):
            for name in (cookies.SESSION, cookies.SCAN, cookies.OAUTH, cookies.VISIT):
                browser.client.cookies.set(name, value)
            for path in ("/login", "/login/oauth/back?code=a&state=b", "/me/sessions", "/logout"):
                assert (await browser.get(path)).status_code in {200, 303}, (path, value)


@pytest.mark.parametrize(
    ("given", "path"),
    [
        ("/", "/"),
        ("/lessons/3?from=卡片", "/lessons/3?from=卡片"),
        ("/credits#top", "/credits#top"),
        ("/a//b", "/a//b"),
        (None, None),
        ("", None),
        ("lessons", None),
        ("//host", None),
        ("///host", None),
        ("/\\host", None),
        ("/\r\nSet-Cookie: a=b", None),
        ("/ //host", None),
        ("/\u2028/host", None),
        ("http:/credits", None),
        ("/login", None),
        ("/login/link/x", None),
        ("/logout", None),
    ],
)
def test_next_is_a_path_of_ours(given: str | None, path: str | None) -> None:
    assert local_path(given) == path
