import asyncio
import logging
from typing import Any

import httpx
import pytest
import structlog

from app.core import exchange
from app.core.errors import DomainError
from app.core.exchange import Unsendable
from app.core.settings import Account
from app.wechat import errors, transport
from tests.wechat.pushes import OA
from tests.wechat.server import RID, FakeTokens, Server, refused

PATH = "/cgi-bin/menu/get"
OKAY = {"errcode": 0, "errmsg": "ok", "a": "学"}


async def call(server: Server, **parts: Any) -> dict[str, Any]:
    return await server.client().call(OA, "POST", PATH, **parts)


async def test_a_call() -> None:
    server = Server([OKAY])
    assert await call(server, json={"name": "首善学堂"}, params={"lang": "zh_CN"}) == OKAY
    request = server.requests[0]
    assert str(request.url) == (f"https://api.weixin.qq.com{PATH}?lang=zh_CN&access_token=token-1")
    assert "首善学堂".encode() in request.content


async def test_no_errcode_is_success_and_no_token_is_sent_unasked() -> None:
    server = Server([{"openid": "o1"}])
    assert await call(server, token=False) == {"openid": "o1"}
    assert server.used_tokens() == [None]


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_refused_token_is_renewed_once(errcode: int) -> None:
    server = Server([refused(errcode), OKAY])
    assert await call(server) == OKAY
    assert server.tokens.expired == ["token-1"]
    assert server.used_tokens() == ["token-1", "token-2"]


@pytest.mark.parametrize("errcode", [40001, 40014, 42001])
async def test_a_token_refused_for_ever_costs_two_calls(errcode: int) -> None:
    server = Server([refused(errcode)])
    with pytest.raises(errors.TokenRefused):
        await call(server)
    assert len(server.requests) == 2


@pytest.mark.parametrize("errcode", [40164, 48001, 45009, 45011, 43101, 99999])
async def test_other_refusals_are_final(errcode: int) -> None:
    server = Server([refused(errcode)])
    with pytest.raises(errors.WeChatRefused) as found:
        await call(server)
    assert found.value.errcode == errcode
    assert found.value.facts["rid"] == RID
    assert (len(server.requests), server.sleeps, server.tokens.expired) == (1, [], [])


async def test_busy_is_tried_thrice_with_pauses() -> None:
    server = Server([refused(-1), refused(-1), OKAY])
    assert await call(server) == OKAY
    assert server.sleeps == [1, 2]
    server = Server([refused(-1)])
    with pytest.raises(errors.WeChatBusy):
        await call(server)
    assert (len(server.requests), server.sleeps) == (3, [1, 2])


async def test_no_mixture_of_answers_makes_more_than_four_calls() -> None:
    server = Server([refused(code) for code in (-1, 40001, -1, 42001, -1, 40014)])
    with pytest.raises(errors.WeChatRefused):
        await call(server)
    assert len(server.requests) == 4


async def test_without_a_token_its_refusal_is_final() -> None:
    server = Server([refused(40001)])
    with pytest.raises(errors.TokenRefused):
        await call(server, token=False)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(502, html="<html>Bad Gateway</html>"),
        httpx.Response(200, html="<html>please log in</html>"),
        httpx.Response(200, text='{"errcode": 0, "a'),
        httpx.Response(200, text=""),
        httpx.Response(200, text="[]"),
        httpx.Response(200, text="null"),
        httpx.Response(200, text='{"errcode": null}'),
        httpx.Response(200, text='{"errcode": 1e999}'),
        httpx.Response(200, content=b"\xff\xfe\x00"),
        httpx.Response(200, content=b"[" * 100_000),
        httpx.Response(500, json={"errcode": 0}),
        httpx.Response(302, headers={"location": "https://evil.example/"}),
        httpx.Response(200, content=b"\x89PNG\r\n"),
        httpx.ConnectError("refused"),
        httpx.ConnectTimeout("slow"),
        httpx.PoolTimeout("busy"),
        httpx.ProxyError("no"),
        httpx.UnsupportedProtocol("no"),
        httpx.ReadTimeout("slow"),
        httpx.WriteTimeout("slow"),
        httpx.ReadError("reset"),
        httpx.WriteError("reset"),
        httpx.RemoteProtocolError("reset"),
    ],
)
async def test_no_answer_is_unavailable_and_not_repeated(answer: Any) -> None:
    server = Server([answer])
    with pytest.raises(errors.WeChatUnavailable) as found:
        await call(server)
    assert len(server.requests) == 1
    assert found.value.__cause__ is None
    assert found.value.maybe_done is not isinstance(answer, exchange.NEVER_ARRIVED)


async def test_without_a_token_the_call_is_certainly_not_made() -> None:
    class Tokens(FakeTokens):
        async def get_token(self, _: httpx.AsyncClient, __: Account) -> str:
            raise errors.WeChatUnavailable(reason="ReadTimeout")

    server = Server([OKAY], tokens=Tokens())
    with pytest.raises(errors.WeChatUnavailable) as found:
        await call(server)
    assert not found.value.maybe_done
    assert server.requests == []


async def test_an_errcode_counts_under_any_status() -> None:
    with pytest.raises(errors.NotGranted):
        await call(Server([httpx.Response(412, json={"errcode": 48001, "errmsg": "x"})]))
    with pytest.raises(errors.NotGranted):
        await call(Server([httpx.Response(200, json={"errcode": "48001"})]))


async def test_control_characters_do_not_spoil_an_answer() -> None:
    found = await call(Server([httpx.Response(200, content=b'{"a": "x\x01y"}')]))
    assert found == {"a": "x\x01y"}


async def test_what_utf8_cannot_spell_is_our_callers_mistake() -> None:
    server = Server([OKAY])
    with pytest.raises(Unsendable):
        await call(server, json={"a": "\ud800"})
    with pytest.raises(Unsendable):
        await call(server, params={"a": "\ud800"})
    assert server.requests == []


async def test_a_call_is_bounded_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "CALL_SECONDS_MAX", 0.05)

    async def drip(_: httpx.Request) -> httpx.Response:
        await asyncio.sleep(60)
        raise AssertionError

    http = transport.make_http(Server([OKAY]).client().settings, httpx.MockTransport(drip))
    with pytest.raises(errors.WeChatUnavailable) as found:
        await transport.exchange(http, "GET", PATH)
    assert found.value.maybe_done


async def test_an_upload_is_whole_the_second_time() -> None:
    server = Server([refused(42001), {"url": "https://mmbiz.qpic.cn/a"}])
    await call(server, files={"media": ("a.png", b"\x89PNG" + b"x" * 1000, "image/png")})
    sizes = [len(request.content) for request in server.requests]
    assert sizes[0] == sizes[1] > 1000


async def test_a_download_is_told_by_content() -> None:
    client = Server([httpx.Response(200, content=b"\xff\xd8\xffjpeg")]).client()
    assert await client.download(OA, "/x", json={}) == b"\xff\xd8\xffjpeg"
    wrong = httpx.Response(
        200, content=b'{"errcode":41030,"errmsg":"x"}', headers={"content-type": "image/jpeg"}
    )
    with pytest.raises(errors.PageInvalid):
        await Server([wrong]).client().download(OA, "/x", json={})
    with pytest.raises(errors.WeChatUnavailable):
        await Server([OKAY]).client().download(OA, "/x", json={})


SECRETS = ("token-1", "s3cret", "o-resident", "js-code-1", "AppSecret-in-errmsg")


@pytest.mark.parametrize(
    "answer",
    [
        refused(40003, "invalid openid o-resident-9 AppSecret-in-errmsg"),
        refused(99999, "token-1"),
        httpx.ConnectError("https://api.weixin.qq.com/x?access_token=token-1"),
        httpx.Response(200, html="token-1"),
    ],
)
async def test_nothing_secret_is_told(answer: Any, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.WARNING, "httpx")  # as app.core.logging sets it
    params = {"secret": "s3cret", "js_code": "js-code-1", "openid": "o-resident-9"}
    with structlog.testing.capture_logs() as lines, pytest.raises(DomainError) as found:
        await call(Server([answer]), params=params)
    told = f"{lines} {caplog.text} {found.value!r} {found.value} {found.value.facts}"
    assert lines[0]["path"] == PATH
    for secret in SECRETS:
        assert secret not in told


async def test_clues_are_told() -> None:
    text = "invalid ip 1.2.3.4 ipv6 ::ffff:1.2.3.4, not in whitelist"
    with pytest.raises(errors.NotWhitelisted) as found:
        await call(Server([refused(40164, text)]))
    assert found.value.facts == {"errcode": 40164, "rid": RID, "ip": "1.2.3.4"}
    with pytest.raises(errors.ArgumentInvalid) as wrong:
        await call(Server([refused(47003, "argument invalid! data.thing1.value")]))
    assert wrong.value.facts["argument"] == "thing1"


async def test_the_first_msg_id_comes_with_a_repeated_mass_send() -> None:
    with pytest.raises(errors.AlreadySent) as found:
        await call(Server([{"errcode": 45065, "errmsg": "x", "msg_id": 7}]))
    assert found.value.answer["msg_id"] == 7
