import json
import logging
from typing import Any

import httpx
import pytest
import structlog

from app.core import clock
from app.core.errors import DomainError
from app.core.exchange import open_http
from app.core.settings import WeCom
from app.wecom import errors
from app.wecom.app_messages import send_app_text
from app.wecom.client import WeComClient
from tests.sandbox.companies import WECOM

PATH = "/cgi-bin/message/send"
OKAY = {"errcode": 0, "errmsg": "ok"}


class Server:
    """Gives tokens, and to other calls its answers, the last one for ever."""

    def __init__(self, *answers: Any, token: Any = None) -> None:
        self.answers = list(answers) or [OKAY]
        self.token = token
        self.fetched = 0
        self.requests: list[httpx.Request] = []
        self.sleeps: list[float] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/cgi-bin/gettoken":
            self.fetched += 1
            return give(self.token or token(self.fetched))
        self.requests.append(request)
        return give(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)

    def client(self, settings: WeCom = WECOM) -> WeComClient:
        http = open_http(settings.api_url, httpx.MockTransport(self.handle))
        return WeComClient(settings, http=http, sleep=self.sleep)


def token(number: int, expires_in: Any = 7200) -> dict[str, Any]:
    return {**OKAY, "access_token": f"token-{number}", "expires_in": expires_in}


def refused(errcode: int) -> dict[str, Any]:
    return {"errcode": errcode, "errmsg": "no"}


def give(answer: Any) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


async def test_a_token_is_fetched_once_and_goes_with_each_call() -> None:
    server = Server()
    client = server.client()
    assert [await client.call(PATH, json={"a": "学"}) for _ in range(3)] == [OKAY] * 3
    assert server.fetched == 1
    address = "https://qyapi.weixin.qq.com/cgi-bin/message/send?access_token=token-1"
    assert {str(one.url) for one in server.requests} == {address}
    assert "学".encode() in server.requests[0].content
    await client.aclose()


async def test_a_token_is_renewed_shortly_before_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    server, real = Server(), clock.monotonic
    client = server.client()
    await client.call(PATH, json={})
    for ahead, fetched in ((7100, 1), (7171, 2)):
        monkeypatch.setattr(clock, "monotonic", lambda by=ahead: real() + by)
        await client.call(PATH, json={})
        assert server.fetched == fetched


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_refused_token_is_renewed_once(errcode: int) -> None:
    server = Server(refused(errcode), OKAY)
    assert await server.client().call(PATH, json={}) == OKAY
    assert server.requests[1].url.params["access_token"] == "token-2"
    for_ever = Server(refused(errcode))
    with pytest.raises(errors.WeComTokenRefused):
        await for_ever.client().call(PATH, json={})
    assert (len(for_ever.requests), for_ever.fetched) == (2, 2)


async def test_busy_is_tried_thrice_with_pauses() -> None:
    server = Server(refused(-1), refused(-1), OKAY)
    assert await server.client().call(PATH, json={}) == OKAY
    assert server.sleeps == [1, 2]
    busy = Server(refused(-1))
    with pytest.raises(errors.WeComBusy):
        await busy.client().robot("k", {})
    assert (len(busy.requests), busy.sleeps) == (3, [1, 2])


@pytest.mark.parametrize("errcode", [93000, 45009, 60020, 48002, 81013, 99999])
async def test_other_refusals_are_final(errcode: int) -> None:
    server = Server(refused(errcode))
    with pytest.raises(errors.WeComRefused) as found:
        await server.client().call(PATH, json={})
    assert found.value.errcode == errcode
    assert (len(server.requests), server.sleeps, server.fetched) == (1, [], 1)


async def test_a_robot_needs_no_credentials() -> None:
    server = Server()
    await server.client(WeCom()).robot("key-1", {"msgtype": "text"})
    assert dict(server.requests[0].url.params) == {"key": "key-1"}
    assert server.fetched == 0


@pytest.mark.parametrize("missing", ["corp_id", "secret"])
async def test_without_credentials_nothing_is_asked(missing: str) -> None:
    server = Server()
    with pytest.raises(errors.WeComNotConfigured):
        await server.client(WECOM.model_copy(update={missing: None})).call(PATH, json={})
    assert (server.requests, server.fetched) == ([], 0)


async def test_without_an_app_nobody_is_written_to() -> None:
    client = Server().client(WECOM.model_copy(update={"agent_id": None}))
    with pytest.raises(errors.WeComNotConfigured):
        await send_app_text(client, userid="huai", text="x")


UNREADABLE = [
    httpx.Response(502, html="<html>Bad Gateway</html>"),
    httpx.Response(200, text='{"errcode": 0, "a'),
    httpx.Response(200, text="[]"),
    httpx.Response(200, json={"errmsg": "ok"}),
    httpx.Response(200, json={"errcode": None}),
    httpx.Response(500, json={"errcode": 0}),
    httpx.ReadTimeout("slow"),
    httpx.WriteError("reset"),
    httpx.RemoteProtocolError("reset"),
]
UNREACHED = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("slow"),
    httpx.PoolTimeout("busy"),
    httpx.UnsupportedProtocol("no"),
]


@pytest.mark.parametrize(
    ("answer", "maybe_done"),
    [*((one, True) for one in UNREADABLE), *((one, False) for one in UNREACHED)],
)
async def test_no_answer_is_never_repeated_and_says_if_it_may_be_done(
    answer: Any, maybe_done: bool
) -> None:
    server = Server(answer)
    with pytest.raises(errors.WeComUnavailable) as found:
        await server.client().call(PATH, json={})
    assert found.value.maybe_done is maybe_done
    assert found.value.facts["maybe_done"] is maybe_done
    assert len(server.requests) == 1


@pytest.mark.parametrize("answer", [*UNREADABLE, *UNREACHED, OKAY, token(1, 0), token(1, "soon")])
async def test_without_a_token_nothing_was_done(answer: Any) -> None:
    server = Server(token=answer)
    with pytest.raises(errors.WeComUnavailable) as found:
        await server.client().call(PATH, json={})
    assert not found.value.maybe_done
    assert server.requests == []


async def test_a_wrong_secret_is_final() -> None:
    server = Server(token=refused(40001))
    with pytest.raises(errors.WeComTokenRefused):
        await server.client().call(PATH, json={})
    assert server.fetched == 1


SECRETS = ("token-1", "wecom-secret", "robot-key", "zhang.san")


@pytest.mark.parametrize(
    "answer",
    [
        {"errcode": 81013, "errmsg": "invaliduser zhang.san token-1"},
        {**OKAY, "invaliduser": "zhang.san"},
        httpx.ReadError("https://qyapi.weixin.qq.com/x?access_token=token-1&key=robot-key"),
        httpx.Response(200, html="token-1"),
    ],
)
async def test_nothing_secret_is_told(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx")  # as app.core.logging sets it
    with structlog.testing.capture_logs() as lines, pytest.raises(DomainError) as found:
        await send_app_text(Server(answer).client(), userid="zhang.san", text="x")
    told = f"{lines} {caplog.text} {found.value!r} {found.value} {found.value.facts}"
    told += f"{found.value.__cause__!r} {WECOM!r}"
    assert [one for one in SECRETS if one in told] == []


@pytest.mark.parametrize("userid", ["", "@all", "a|b", "名", "a b", "x" * 65])
async def test_one_member_is_written_to_and_not_several(userid: str) -> None:
    server = Server()
    with pytest.raises(errors.RecipientInvalid):
        await send_app_text(server.client(), userid=userid, text="x")
    assert server.requests == []


async def test_an_invalid_member_in_a_success_is_a_refusal() -> None:
    client = Server({**OKAY, "invaliduser": "huai"}).client()
    with pytest.raises(errors.RecipientInvalid):
        await send_app_text(client, userid="huai", text="x")


async def test_an_app_message_asks_not_to_be_shown_twice() -> None:
    server = Server()
    await send_app_text(server.client(), userid="huai", text="今天值班")
    assert json.loads(server.requests[0].content) == {
        "touser": "huai",
        "msgtype": "text",
        "agentid": 1000002,
        "text": {"content": "今天值班"},
        "enable_duplicate_check": 1,
        "duplicate_check_interval": 1800,
    }
