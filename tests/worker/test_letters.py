"""Letters on their way through the official account, with a stand-in for WeChat behind httpx."""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from app.core import clock
from app.core.db import transaction
from app.push import letters
from app.push.models import Letter
from app.push.routes import Ways
from app.wechat.client import WeChatClient
from app.wechat.token import TokenUnavailable
from app.worker import notices
from app.worker.resources import Resources
from tests.factories.people import NOW, make_person
from tests.wechat.server import Server, refused

pytestmark = pytest.mark.usefixtures("database", "_at_ten")


@pytest.fixture
def _at_ten(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "real_now", lambda: NOW)


@pytest.fixture
def wechat() -> Iterator[Server]:
    """Answers `ok` unless told otherwise."""
    server = Server([{"errcode": 0, "errmsg": "ok"}])
    Resources.wechat = server.client()
    yield server
    del Resources.wechat


async def write(openid: str = "o-one") -> int:
    async with transaction() as session:
        person = await make_person(session, openid=openid)
        letter = await letters.write(
            session, key=f"to:{openid}", person_id=person.id, kind="honour", text="恭喜", now=NOW
        )
        assert letter is not None
        return letter.id


async def state_of(letter_id: int) -> tuple[str, str | None]:
    async with transaction() as session:
        letter = await session.get_one(Letter, letter_id)
        return letter.state, letter.detail


async def test_a_letter_is_sent_once(wechat: Server) -> None:
    letter_id = await write()
    for _ in range(2):
        await notices.deliver_letter(letter_id=letter_id)
    assert await state_of(letter_id) == ("sent", None)
    (request,) = wechat.requests
    assert request.url.path == "/cgi-bin/message/custom/send"
    assert wechat.body() == {
        "touser": "o-one",
        "msgtype": "text",
        "text": {"content": "恭喜"},
    }


async def test_a_refused_letter_is_final(wechat: Server) -> None:
    wechat.answers = [refused(45015, "response out of time limit")]
    letter_id = await write()
    for _ in range(2):
        await notices.deliver_letter(letter_id=letter_id)
    state, detail = await state_of(letter_id)
    assert state == "refused"
    assert detail is not None
    assert detail.startswith("客服消息：WindowClosed")
    assert len(wechat.requests) == 1


async def test_a_letter_without_an_answer_is_in_doubt_for_ever(wechat: Server) -> None:
    wechat.answers = [httpx.ReadTimeout("no answer")]
    letter_id = await write()
    for _ in range(2):
        await notices.deliver_letter(letter_id=letter_id)
    assert (await state_of(letter_id))[0] == "unknown"
    assert len(wechat.requests) == 1


async def test_a_letter_waits_while_there_is_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was sent, so the queue may try again; nobody needs to be told that it failed."""

    async def no_token(*_: object, **__: object) -> None:
        raise TokenUnavailable

    monkeypatch.setattr(WeChatClient, "call", no_token)
    monkeypatch.setattr(Resources, "wechat", Server([{}]).client(), raising=False)
    letter_id = await write()
    with pytest.raises(TokenUnavailable):
        await notices.deliver_letter(letter_id=letter_id)
    assert (await state_of(letter_id))[0] == "waiting"


async def test_a_letter_that_is_not_there_is_no_error(wechat: Server) -> None:
    await notices.deliver_letter(letter_id=10**9)
    assert wechat.requests == []


@pytest.mark.usefixtures("wechat")
async def test_a_claim_that_was_lost_becomes_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    letter_id = await write()
    async with transaction() as session:
        await letters.claim(session, letter_id=letter_id, ways=Ways(window_opened_at=NOW), now=NOW)
    later = NOW + timedelta(minutes=6)
    monkeypatch.setattr(clock, "real_now", lambda: later)
    async with transaction() as session:
        assert await letters.settle_lost_claims(session, now=later) == 1
    await notices.deliver_letter(letter_id=letter_id)
    assert (await state_of(letter_id))[0] == "unknown"
