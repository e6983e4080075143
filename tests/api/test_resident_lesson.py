"""A lesson by its page: beats, answers, the way without scripts, what is told afterwards."""

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from app.api.pages import forgery, frame
from app.content.service import withdraw
from app.core.clock import utcnow
from app.core.db import transaction
from tests.api.browser import Browser, browsing, form_of
from tests.api.service import RIGHT, Resident, Service

WRONG = ([0], [2], [1])
JSON = {"accept": "application/json"}


@pytest.fixture
async def browser(service: Service, resident: Resident) -> AsyncIterator[Browser]:
    async with browsing(service) as opened:
        await opened.sign_in(resident)
        yield opened


@pytest.fixture
async def lesson_id(service: Service) -> int:
    return await service.lesson()


async def beat(browser: Browser, lesson_id: int, key: str = "", query: str = "") -> httpx.Response:
    """As lesson.js does it."""
    page = await browser.get(f"/lessons/{lesson_id}")
    _, hidden = form_of(page, "/beat")
    keyed = {"idempotency-key": key} if key else {}
    headers = {**JSON, forgery.HEADER: hidden[forgery.FIELD], **keyed}
    return await browser.client.post(f"/lessons/{lesson_id}/beat{query}", headers=headers)


def ticked(page: httpx.Response, *chosen: list[int]) -> dict[str, list[str]]:
    """The fields of the page's questions, in order."""
    names = list(dict.fromkeys(re.findall(r'name="(q\d+)"', page.text)))
    return {
        name: [str(one) for one in options] for name, options in zip(names, chosen, strict=True)
    }


async def answer(
    browser: Browser, page: httpx.Response, *chosen: list[int], **headers: str
) -> httpx.Response:
    to, hidden = form_of(page, "/answers")
    return await browser.post(to, {**hidden, **ticked(page, *chosen)}, **headers)


async def read_all(service: Service, browser: Browser, lesson_id: int) -> dict[str, Any]:
    said = {}
    for _ in range(5):
        said = (await beat(browser, lesson_id)).json()
        service.forward(seconds=15)
    return said


async def test_beats_count_the_server_s_time_only(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    first = await beat(browser, lesson_id)
    assert first.json()["seconds"] == 0
    service.forward(seconds=15)
    said = (await beat(browser, lesson_id)).json()
    assert (said["seconds"], said["required_seconds"]) == (15, 60)
    assert said["said"] == "15 秒 / 1 分"
    assert not said["completed"]
    page = await browser.get(f"/lessons/{lesson_id}")
    assert "15 秒 / 1 分" in page.text
    assert "25%" in page.text


async def test_a_beat_needs_our_own_form_and_a_session(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    bare = await browser.client.post(f"/lessons/{lesson_id}/beat", headers=JSON)
    assert bare.status_code == 403
    async with browsing(service) as stranger:
        page = await stranger.get("/text-size")
        _, hidden = form_of(page)
        refused = await stranger.post(f"/lessons/{lesson_id}/beat", hidden)
        assert refused.status_code == 401
    service.forward(days=31)
    assert (await beat_with(browser, lesson_id, "0" * 80)).status_code in {401, 403}


async def beat_with(browser: Browser, lesson_id: int, token: str) -> httpx.Response:
    headers = {**JSON, forgery.HEADER: token}
    return await browser.client.post(f"/lessons/{lesson_id}/beat", headers=headers)


async def test_without_scripts_a_button_notes_the_time(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    for _ in range(2):
        page = await browser.get(f"/lessons/{lesson_id}")
        noted = await browser.press(page, "/beat")
        assert noted.headers["location"] == f"/lessons/{lesson_id}"
        service.forward(seconds=25)
    assert "25 秒 / 1 分" in (await browser.get(f"/lessons/{lesson_id}")).text


async def test_the_beat_that_earned_is_told_again_under_its_key(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    page = await browser.get(f"/lessons/{lesson_id}")
    await answer(browser, page, *RIGHT)
    for _ in range(4):
        assert (await beat(browser, lesson_id)).json()["awards"] == 0
        service.forward(seconds=15)
    token = form_of(await browser.get(f"/lessons/{lesson_id}"), "/beat")[1][forgery.FIELD]
    headers = {**JSON, forgery.HEADER: token, "idempotency-key": "the-last-beat"}
    lost, again = [
        (await browser.client.post(f"/lessons/{lesson_id}/beat", headers=headers)).json()
        for _ in range(2)
    ]
    assert lost["completed"]
    assert lost["awards"] > 0
    assert again == lost
    assert await service.count("transfer") == lost["awards"]


async def test_a_wrong_attempt_is_explained_kindly_and_gives_nothing_away(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    page = await browser.get(f"/lessons/{lesson_id}")
    tried = await answer(browser, page, [1], [2], [0])
    assert tried.headers["location"] == f"/lessons/{lesson_id}"
    page = await browser.get(f"/lessons/{lesson_id}")
    assert "3 题里答对了 2 题" in page.text
    assert "公检法机关没有“安全账户”。" in page.text  # why the first is right
    assert page.text.count("这一题再想想") == 1
    assert "秒后可以再交卷" in page.text
    assert page.text.count("checked") == 3 + 1  # what was ticked, and the size of the text
    early = await answer(browser, page, *RIGHT)
    assert early.status_code == 429
    assert "再试一次" in early.text
    service.forward(seconds=20)
    # The refused one left nothing, not even its key.
    assert (await answer(browser, page, *RIGHT)).status_code == 303
    page = await browser.get(f"/lessons/{lesson_id}")
    assert "题都答对了" in page.text
    assert "题目和说明" in page.text


async def test_an_answer_left_out_costs_no_attempt(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    page = await browser.get(f"/lessons/{lesson_id}")
    lacking = await answer(browser, page, [1], [], [0])
    assert lacking.status_code == 422
    assert "还有 1 题没有选" in lacking.text
    assert lacking.text.count("checked") == 2 + 1
    assert await service.count("attempt") == 0
    assert (await answer(browser, lacking, *RIGHT)).status_code == 303


async def test_an_answer_sent_twice_is_one_attempt(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    page = await browser.get(f"/lessons/{lesson_id}")
    key = form_of(page, "/answers")[1]["once"]
    for _ in range(3):
        sent = await answer(browser, page, *WRONG, idempotency_key=key)
        assert (sent.status_code, sent.headers["location"]) == (303, f"/lessons/{lesson_id}")
    assert await service.count("attempt") == 1
    other = await answer(browser, page, *RIGHT, idempotency_key=key)
    assert other.status_code == 409


@pytest.mark.parametrize("value", ["x", "-1", "１", "1e3", "999", "99"])
async def test_an_answer_that_is_none(browser: Browser, lesson_id: int, value: str) -> None:
    page = await browser.get(f"/lessons/{lesson_id}")
    to, hidden = form_of(page, "/answers")
    fields = {**hidden, **ticked(page, *RIGHT)}
    fields[next(name for name in fields if name.startswith("q"))] = [value]
    assert (await browser.post(to, fields)).status_code == 400


async def test_the_result_tells_all_that_was_earned(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    early = await browser.get(f"/lessons/{lesson_id}/result")
    assert early.headers["location"] == f"/lessons/{lesson_id}"
    assert not (await read_all(service, browser, lesson_id))["completed"]
    page = await browser.get(f"/lessons/{lesson_id}")
    assert "时间够了，答对下面的题就学完" in page.text
    done = await answer(browser, page, *RIGHT)
    assert done.headers["location"] == f"/lessons/{lesson_id}/result"
    result = (await browser.get(f"/lessons/{lesson_id}/result")).text
    for words in ("+0.02 学分", "+2 积分", "开卷有益", "首次满分", "距离“识善”", "回到今日"):
        assert words in result
    assert "这一课您已经学完" in (await browser.get(f"/lessons/{lesson_id}")).text


async def test_what_is_begun_can_be_finished_though_withdrawn(
    service: Service, browser: Browser, lesson_id: int
) -> None:
    await beat(browser, lesson_id)
    async with transaction() as session:
        await withdraw(session, lesson_id=lesson_id, reason="内容有误", now=utcnow())
    assert (await browser.get(f"/lessons/{lesson_id}")).status_code == 200
    assert (await browser.get("/lessons/4711")).status_code == 404
    async with browsing(service) as stranger:
        assert (await stranger.get(f"/lessons/{lesson_id}")).status_code == 404


async def test_a_recording_may_come_from_its_own_host_and_nothing_else(
    service: Service, browser: Browser
) -> None:
    film = await service.lesson("film", kind="video", media_url="https://media.example/a.mp4")
    page = await browser.get(f"/lessons/{film}")
    assert '<video class="recording" controls' in page.text
    policy = page.headers["content-security-policy"]
    assert policy == f"{frame.CSP}; media-src 'self' https://media.example"
    text = await browser.get(f"/lessons/{await service.lesson()}")
    assert text.headers["content-security-policy"] == frame.CSP


async def test_a_lesson_s_own_markup_is_cleaned_again(service: Service, browser: Browser) -> None:
    html = '<p>正文<img src="x" onerror="alert(1)"></p><script>alert(1)</script>'
    lesson_id = await service.lesson("dirty", html=html)
    page = (await browser.get(f"/lessons/{lesson_id}")).text
    assert "正文" in page
    assert "alert(1)" not in page
