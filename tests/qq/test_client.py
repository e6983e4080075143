import json
import logging
from typing import Any

import httpx
import pytest
import structlog

from app.core.errors import Conflict, DomainError, Forbidden, Invalid, Unavailable
from app.core.exchange import open_http
from app.core.settings import QQ
from app.qq import errors
from app.qq.client import QQClient
from app.qq.groups import send_group_text
from tests.sandbox.companies import BOT

SAID = {"id": "ROBOT1.0_x", "timestamp": "2026-11-23T10:00:00+08:00"}
FAMILIES = (Conflict, Forbidden, Invalid, Unavailable)


class Server:
    """Gives tokens, and to other calls its answers, the last one for ever."""

    def __init__(self, *answers: Any, token: Any = None) -> None:
        self.answers = list(answers) or [SAID]
        self.token = token
        self.fetches: list[httpx.Request] = []
        self.requests: list[httpx.Request] = []

    def handle(self, request: httpx.Request) -> httpx.Response:
        if request.url.host == "bots.qq.com":
            self.fetches.append(request)
            token = {"access_token": f"token-{len(self.fetches)}", "expires_in": "7200"}
            return give(self.token or token)
        self.requests.append(request)
        return give(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0])

    def client(self, settings: QQ = BOT) -> QQClient:
        http = open_http(settings.api_url, httpx.MockTransport(self.handle))
        return QQClient(settings, http=http)

    async def say(self, msg_id: str | None = None, settings: QQ = BOT) -> str:
        return await send_group_text(
            self.client(settings), group_openid="G/1", text="今日一课", msg_id=msg_id, msg_seq=2
        )


def refused(code: int, status: int = 400, **facts: Any) -> httpx.Response:
    body = {"message": "no", "code": code, "err_code": code, "trace_id": "d233ffd4"}
    return httpx.Response(status, json=body | facts)


def give(answer: Any) -> httpx.Response:
    if isinstance(answer, Exception):
        raise answer
    return answer if isinstance(answer, httpx.Response) else httpx.Response(200, json=answer)


@pytest.mark.parametrize("code", [304023, 304024])
async def test_what_waits_for_an_audit_may_still_appear(code: int) -> None:
    server = Server(refused(code, status=202, message="push message is waiting for audit now"))
    with pytest.raises(errors.QQAudited) as raised:
        await server.say()
    assert raised.value.maybe_done


async def test_the_bot_speaks_first_or_answers() -> None:
    server = Server()
    assert await server.say() == "ROBOT1.0_x"
    await server.say("member-message-1")
    first, second = server.requests
    assert str(first.url) == "https://api.sgroup.qq.com/v2/groups/G%2F1/messages"
    assert first.headers["authorization"] == "QQBot token-1"
    assert json.loads(first.content) == {"msg_type": 0, "content": "今日一课"}
    assert json.loads(second.content)["msg_id"] == "member-message-1"
    assert json.loads(second.content)["msg_seq"] == 2
    asked = server.fetches[0]
    assert str(asked.url) == "https://bots.qq.com/app/getAppAccessToken"
    assert json.loads(asked.content) == {"appId": "100000004", "clientSecret": "qq-secret"}


async def test_a_token_is_kept_and_renewed_once_when_refused() -> None:
    server = Server(SAID, refused(11244, 401), SAID)
    client = server.client()
    for _ in range(2):
        await send_group_text(client, group_openid="g", text="x", msg_id=None, msg_seq=1)
    used = [one.headers["authorization"] for one in server.requests]
    assert used == ["QQBot token-1", "QQBot token-1", "QQBot token-2"]
    for_ever = Server(refused(11244, 401))
    with pytest.raises(errors.QQTokenRefused):
        await for_ever.say()
    assert (len(for_ever.requests), len(for_ever.fetches)) == (2, 2)
    await client.aclose()


@pytest.mark.parametrize("code", [*errors.BY_CODE, 12345])
def test_each_refusal_has_one_family_and_a_chinese_title(code: int) -> None:
    error = errors.refusal(code)
    assert sum(isinstance(error, family) for family in FAMILIES) == 1
    assert error.title != DomainError.title


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (refused(40034102), errors.ProactiveRefused),
        (refused(40034105), errors.ProactiveRefused),
        (refused(40054005), errors.QQDuplicate),
        (refused(40034128), errors.ReplyWindowClosed),
        (refused(304103), errors.ReplyWindowClosed),
        (refused(40034024), errors.ReplyWindowClosed),
        (refused(40054003), errors.QQGroupClosed),
        (refused(40054010), errors.QQContentRefused),
        (refused(22009, 429), errors.QQRateLimited),
        (refused(100001), errors.QQRateLimited),
        (refused(99999), errors.QQUnexpected),
        (refused(99999, 200), errors.QQUnexpected),
        (refused(0, err_code=40034102), errors.ProactiveRefused),
        (refused(1, err_code="40034102"), errors.ProactiveRefused),
    ],
)
async def test_codes_have_names(answer: httpx.Response, kind: type[errors.QQRefused]) -> None:
    server = Server(answer)
    with pytest.raises(errors.QQRefused) as found:
        await server.say()
    assert type(found.value) is kind
    assert found.value.facts["trace_id"] == "d233ffd4"
    assert len(server.requests) == 1


@pytest.mark.parametrize("settings", [QQ(), QQ(app_id="1"), QQ(client_secret="x")])
async def test_without_credentials_nothing_is_asked(settings: QQ) -> None:
    server = Server()
    with pytest.raises(errors.QQNotConfigured):
        await server.say(settings=settings)
    assert (server.requests, server.fetches) == ([], [])


UNREADABLE = [
    httpx.Response(502, html="<html>Bad Gateway</html>"),
    httpx.Response(200, text='{"id": "x'),
    httpx.Response(200, json={"timestamp": "x"}),
    httpx.Response(200, json=["x"]),
    httpx.Response(404, json={}),
    httpx.Response(400, json={"code": "many"}),
    refused(40034102, 500),
    httpx.ReadTimeout("slow"),
    httpx.ReadError("reset"),
]
UNREACHED = [httpx.ConnectError("refused"), httpx.ConnectTimeout("slow"), httpx.PoolTimeout("x")]


@pytest.mark.parametrize(
    ("answer", "maybe_done"),
    [*((one, True) for one in UNREADABLE), *((one, False) for one in UNREACHED)],
)
async def test_no_answer_is_never_repeated_and_says_if_it_may_be_done(
    answer: Any, maybe_done: bool
) -> None:
    server = Server(answer)
    with pytest.raises(errors.QQUnavailable) as found:
        await server.say()
    assert found.value.maybe_done is maybe_done
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        *UNREADABLE,
        *UNREACHED,
        {"access_token": "t", "expires_in": "soon"},
        {"access_token": "", "expires_in": 7200},
    ],
)
async def test_without_a_token_nothing_was_done(answer: Any) -> None:
    server = Server(token=answer)
    with pytest.raises(errors.QQUnavailable) as found:
        await server.say()
    assert not found.value.maybe_done
    assert server.requests == []


async def test_a_wrong_secret_is_told_with_status_200() -> None:
    with pytest.raises(errors.QQMisconfigured):
        await Server(token=refused(100016, 200)).say()


@pytest.mark.parametrize(
    "answer",
    [
        refused(40034102, message="token-1 qq-secret"),
        httpx.ReadError("Authorization: QQBot token-1"),
        httpx.Response(200, html="token-1"),
    ],
)
async def test_nothing_secret_is_told(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx")  # as app.core.logging sets it
    with structlog.testing.capture_logs() as lines, pytest.raises(DomainError) as found:
        await Server(answer).say()
    told = f"{lines} {caplog.text} {found.value!r} {found.value.facts} {BOT!r}"
    assert [one for one in ("token-1", "qq-secret", "G/1", "G%2F1") if one in told] == []
    assert lines[0]["path"] == "/v2/groups/{group_openid}/messages"
