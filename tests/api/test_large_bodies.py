"""How much of whom is read: of a stranger a text, of who has ever signed in also his pictures."""

from collections.abc import AsyncIterator

import psycopg
import pytest

from app.api.pages import cookies
from app.api.strangers import STRANGERS_BYTES_MAX
from app.people import web_sessions
from tests.api.browser import Browser, browsing, form_of
from tests.api.newsroom import Newsroom, open_newsroom
from tests.api.service import Service
from tests.api.studio import number_of, send, working

pytestmark = pytest.mark.usefixtures("our_town")
LARGE = ("a.docx", b"x" * (2 * STRANGERS_BYTES_MAX))
WORDS = {"a_title": "写了半天", "a_author": "", "a_digest": "", "markdown": "很长的正文"}


@pytest.fixture
async def room(service: Service) -> Newsroom:
    return await open_newsroom(service)


async def begun(browser: Browser) -> str:
    made = await send(browser, await browser.get("/studio/manuscripts?kind=issue"), "/new-issue")
    number_of(made)
    return made.headers["location"]


class Pouring:
    """A body that counts how much of it was taken."""

    def __init__(self) -> None:
        self.taken = 0

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for _ in range(64):
            self.taken += 64 * 1024
            yield b"x" * 64 * 1024


@pytest.mark.parametrize("cookie", [None, "made-up", "x" * 43])
@pytest.mark.parametrize("is_measured", [True, False])
async def test_nothing_large_is_read_of_a_stranger(
    service: Service, cookie: str | None, *, is_measured: bool
) -> None:
    body = Pouring()
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    headers |= {"Content-Length": str(64 * 64 * 1024)} if is_measured else {}
    async with browsing(service) as browser:
        if cookie:
            browser.client.cookies.set(cookies.SESSION, cookie)
        for path in ("/studio/manuscripts/1/articles/1", "/credits/prior-learning"):
            answer = await browser.client.post(path, content=body, headers=headers)
            assert answer.status_code == 401, path
            # Nothing of it was kept, so nothing can be gone on with.
            assert "请先登录，再提交图片或长文章" in answer.text
            assert "没有收下" in answer.text
            assert "接着做刚才的事" not in answer.text
    assert body.taken <= STRANGERS_BYTES_MAX


@pytest.mark.parametrize("said", [{}, {"Authorization": "Bearer made-up"}])
@pytest.mark.parametrize("is_measured", [True, False])
async def test_nothing_large_is_read_by_the_api_either(
    service: Service, said: dict[str, str], *, is_measured: bool
) -> None:
    body = Pouring()
    measured = {"Content-Length": str(1024 * 1024)} if is_measured else {}
    for path, kind in (("uploads", "multipart/form-data; boundary=x"), ("issues", "text/json")):
        headers = {"Content-Type": kind, **said, **measured}
        answer = await service.client.post(f"/api/v1/{path}", content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "SignInFirst")
    assert body.taken <= STRANGERS_BYTES_MAX


async def test_a_strangers_text_still_waits_for_its_owner(service: Service) -> None:
    async with browsing(service) as browser:
        _, hidden = form_of(await browser.get("/text-size"))
        kept = await browser.post("/me/complaints", {**hidden, "text": "写" * 10_000})
        assert (kept.status_code, "写" * 10_000 in kept.text) == (401, True)


async def test_who_has_signed_in_sends_files(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as browser:
        path = await begun(browser)
        told = await send(browser, await browser.get(path), path, {"word": LARGE}, **WORDS)
        assert told.status_code == 400  # It was read, and is no Word file.
        assert "很长的正文" in told.text


async def test_a_session_that_ended_loses_no_text_beside_a_file(
    service: Service, room: Newsroom
) -> None:
    async with working(service, room.tutor) as browser:
        path = await begun(browser)
        form = await browser.get(path)
        service.forward(hours=13)  # A shift of the staff is twelve.
        kept = await send(browser, form, path, {"word": LARGE}, **WORDS)
        assert (kept.status_code, "很长的正文" in kept.text) == (401, True)


async def test_a_database_that_is_away_loses_no_text(
    service: Service, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away(*_: object, **__: object) -> bool:
        raise psycopg.OperationalError

    async with working(service, room.tutor) as browser:
        path = await begun(browser)
        form = await browser.get(path)
        monkeypatch.setattr(web_sessions, "was_given", away)
        monkeypatch.setattr(web_sessions, "visit", away)
        kept = await send(browser, form, path, {"word": LARGE}, **WORDS)
        assert kept.status_code >= 500
        assert "很长的正文" in kept.text
