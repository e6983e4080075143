"""A request that hangs is answered all the same; what is under way in order is not touched."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import structlog
from starlette.types import Message, Receive, Scope, Send

from app.api import me
from app.api.deadline import LONGER, SECONDS, Deadline
from app.api.middleware import RequestFrame
from tests.api.service import Resident, Service
from tests.fast_forward import clock_of_this_loop

LONG = SECONDS + 1


async def ask(app: object, path: str = "/api/v1/x", **parts: object) -> httpx.Response:
    framed = RequestFrame(Deadline(app))  # type: ignore[arg-type]
    transport = httpx.ASGITransport(framed)
    async with httpx.AsyncClient(transport=transport, base_url="http://service") as client:
        return await client.post(path, **parts)  # type: ignore[arg-type]


async def answer(send: Send, *parts: bytes) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    for part in parts:
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body"})


def it_was_too_long(said: httpx.Response) -> None:
    assert (said.status_code, said.json()["code"]) == (503, "TookTooLong")
    assert said.json()["request_id"] == said.headers["x-request-id"]
    assert int(said.headers["retry-after"]) >= 1
    assert said.headers["x-content-type-options"] == "nosniff"


async def test_the_answer_leaves_before_the_hanging_work_has_ended() -> None:
    """As with psycopg, which waits for the server's word that a statement is cancelled."""
    answered, ended, messages = asyncio.Event(), [], []
    forward = clock_of_this_loop()

    async def hangs(scope: Scope, _: Receive, send: Send) -> None:
        forward(LONG)
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            await answered.wait()
            ended.append(scope["path"])
            await answer(send, b"too late")  # Nobody hears it.
            raise LookupError from None

    async def heard(message: Message) -> None:
        messages.append(message["type"])
        answered.set()

    async def body() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    with structlog.testing.capture_logs() as logged:
        await Deadline(hangs)({"type": "http", "path": "/api/v1/x", "headers": []}, body, heard)
    assert ended == ["/api/v1/x"]
    assert messages == ["http.response.start", "http.response.body"]
    assert [one["event"] for one in logged] == ["request.overdue", "request.ended_late"]


async def test_the_service_says_so_in_the_one_form_and_goes_on(
    service: Service, resident: Resident, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = clock_of_this_loop()

    async def hangs(*_: object, **__: object) -> None:
        forward(LONG)
        await asyncio.Event().wait()

    monkeypatch.setattr(me, "person_out", hangs)
    it_was_too_long(await service.call("GET", "/me", resident))
    monkeypatch.undo()
    assert (await service.call("GET", "/me", resident)).status_code == 200


async def test_an_answer_that_has_begun_is_not_touched() -> None:
    forward = clock_of_this_loop()

    async def streams(_: Scope, __: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        forward(LONG)
        await asyncio.sleep(0.001)
        await send({"type": "http.response.body", "body": b"all of it"})

    said = await ask(streams)
    assert (said.status_code, said.text) == (200, "all of it")


async def test_a_slow_line_is_no_fault_of_ours() -> None:
    forward = clock_of_this_loop()

    async def trickle() -> AsyncIterator[bytes]:
        for _ in range(3):
            forward(SECONDS - 1)
            yield b"x"

    async def reads(_: Scope, receive: Receive, send: Send) -> None:
        parts = b""
        while (message := await receive()).get("more_body"):
            parts += message["body"]
            await asyncio.sleep(0)
        await asyncio.sleep(0.001)
        await answer(send, parts)

    assert (await ask(reads, content=trickle())).text == "xxx"


async def test_long_work_has_its_time() -> None:
    forward = clock_of_this_loop()

    async def works(_: Scope, __: Receive, send: Send) -> None:
        forward(LONG)
        await asyncio.sleep(0.001)
        await answer(send, b"made")

    it_was_too_long(await ask(works))
    for path, most in LONGER:
        assert most > LONG
        assert (await ask(works, path)).text == "made"


async def test_whoever_ends_the_server_ends_a_hanging_request_too() -> None:
    begun = asyncio.Event()

    async def hangs(_: Scope, __: Receive, ___: Send) -> None:
        begun.set()
        await asyncio.Event().wait()

    async def nobody(*_: object) -> Message:
        raise AssertionError

    scope = {"type": "http", "path": "/"}
    task = asyncio.ensure_future(Deadline(hangs)(scope, nobody, nobody))  # type: ignore[arg-type]
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
