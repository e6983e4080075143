"""The desk's first page: who gets in, what it counts, how it looks with nothing in it."""

import re
from collections.abc import AsyncIterator
from datetime import date

import pytest
from sqlalchemy import text

from app.core import clock
from app.core.db import transaction
from tests.api.browser import Browser, browsing, form_of
from tests.api.desk_town import furnish
from tests.api.service import Service

PAGES = (
    "/desk",
    "/desk/rankings",
    "/desk/rankings/print",
    "/desk/rankings/places/T-1",
    "/desk/rankings/residents/1",
    "/desk/rankings/transfers/1",
    "/desk/rankings/transfers/1/reversal",
    "/desk/honours",
    "/desk/honours/title.2",
)
TILE = re.compile(r'tile-name">([^<]+)</span>.*?tile-value[^>]*><span>([^<]+)</span>', re.DOTALL)


@pytest.fixture
async def browser(service: Service) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        yield opened


async def desk_of(service: Service, browser: Browser, org_code: str = "T") -> Browser:
    await browser.sign_in(await service.officer("admin", org_code))
    return browser


async def test_residents_and_tutors_stay_out(service: Service, browser: Browser) -> None:
    async with browsing(service) as tutors:
        await browser.sign_in(await service.villager("T-1"))
        await tutors.sign_in(await service.officer("tutor", "T"))
        for one in (browser, tutors):
            for path in PAGES:
                answer = await one.get(path)
                assert answer.status_code == 403, path
                assert "这里是管理员的页面" in answer.text
            _, fields = form_of(await one.get("/logout"))
            answer = await one.post("/desk/rankings/export", {**fields, "kind": "csv"})
            assert answer.status_code == 403


async def test_visitors_are_sent_to_sign_in(browser: Browser) -> None:
    for path in PAGES:
        answer = await browser.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/login?next={path}")


async def test_another_branch_is_not_mine(service: Service, browser: Browser) -> None:
    await desk_of(service, browser, "T-1")
    stranger = await service.villager("T-2")
    refused = {
        "/desk?org=T": 403,
        "/desk?org=T-2": 403,
        "/desk/rankings?org=T": 403,
        "/desk/rankings/print?org=T-2": 403,
        "/desk/rankings/places/T-2": 403,
        "/desk/rankings/places/T": 403,
        f"/desk/rankings/residents/{stranger.id}": 403,
        "/desk/honours?org=T": 403,
        "/desk/honours/title.2?org=T-2": 403,
        "/desk?org=nowhere": 404,
        "/desk/rankings/places/nowhere": 404,
        f"/desk/rankings/residents/{2**62}": 404,
        f"/desk/rankings/transfers/{2**62}": 404,
        "/desk/honours/title.99": 404,
        "/desk/rankings/residents/x": 422,
        "/desk/rankings?of=nobody": 422,
        "/desk/rankings?day=0001-01-01": 422,
        "/desk/rankings?page=0": 422,
    }
    seen = {path: (await browser.get(path)).status_code for path in refused}
    assert seen == refused
    assert (await browser.get("/desk?org=T-1")).status_code == 200


async def test_an_empty_town_has_pages_without_holes(service: Service, browser: Browser) -> None:
    await desk_of(service, browser)
    for path in ("/desk", "/desk/rankings", "/desk/rankings?of=people", "/desk/honours"):
        page = await browser.get(path)
        assert page.status_code == 200, page.text
        assert "None" not in page.text
    overview = (await browser.get("/desk")).text
    found = dict(TILE.findall(overview))
    assert found["已加入居民"] == "1", "the administrator"
    assert found["今天发放"] == "0.00"
    assert found["账目日结"] == "还没有"
    assert "文坪村" in overview
    assert "没有等您处理的事" in overview
    for path in ("/desk/rankings/print", "/desk/rankings/places/T-1", "/desk/honours/title.2"):
        assert (await browser.get(path)).status_code == 200


async def test_one_look(service: Service, browser: Browser) -> None:
    desk = await furnish(service)
    await browser.sign_in(desk.admin)
    page = (await browser.get("/desk")).text
    found = dict(TILE.findall(page))
    assert (found["今天学完一课"], found["本周学完一课"]) == ("1", "1")
    today = clock.local_day(clock.utcnow())
    for tile, first in (("今天发放", today), ("本月发放", today.replace(day=1))):
        assert found[tile].replace(",", "") == f"{await issued(service, first) / 100:.2f}", tile
    silent = re.findall(r"/desk/rankings/places/(\d+)", page)
    assert len(silent) == 18, "all villages but that of the one who completed a lesson"
    village = (await browser.get("/desk?org=500117126217")).text
    theirs = dict(TILE.findall(village))
    assert theirs["本周学完一课"] == "1"
    assert theirs["本月发放"] != found["本月发放"]


async def issued(service: Service, first: date) -> int:
    """Hundredths of credit that rules gave since this day, less reversals, from the ledger."""
    assert service
    async with transaction() as session:
        return int(
            await session.scalar(
                text(
                    "SELECT coalesce(sum(CASE WHEN reverses_id IS NULL THEN amount ELSE -amount"
                    " END), 0) FROM transfer"
                    " WHERE rule_id IS NOT NULL AND unit = 'credit' AND local_day >= :first"
                ),
                {"first": first},
            )
            or 0
        )
