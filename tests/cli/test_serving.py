"""The protocol around the application, over a real socket."""

import asyncio
import gc
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack

import pytest
import uvicorn
import uvloop
from fastapi import FastAPI, Request
from uvicorn.server import ServerState

from app.cli.serving import HEAD_BYTES_MAX, BoundedHead, Server

HEAD = b"POST / HTTP/1.1\r\nHost: x\r\n"


@pytest.fixture
async def port() -> AsyncIterator[int]:
    app = FastAPI()

    @app.post("/")
    async def measure(request: Request) -> dict[str, int]:
        return {"head": len(request.headers), "body": len(await request.body())}

    config = uvicorn.Config(app, http=BoundedHead, log_config=None, access_log=False)
    config.load()
    state = ServerState()
    server = await asyncio.get_running_loop().create_server(
        lambda: BoundedHead(config=config, server_state=state, app_state={}), "127.0.0.1", 0
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


async def ask(port: int, *parts: bytes) -> bytes:
    """What comes back until the connection is closed, whoever closes it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0)
        return await asyncio.wait_for(reader.read(), 10)
    except ConnectionError:
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("name", [b"X: ", b"X-"])
async def test_a_head_without_end_is_refused(port: int, name: bytes) -> None:
    """One header of any length, and any number of them."""
    endless = [b"a" * 8192] if name == b"X: " else [b"%d: b\r\nX-" % n for n in range(1000)]
    piece = b"".join(endless)
    said = await ask(port, HEAD + name, *[piece] * (3 * HEAD_BYTES_MAX // len(piece)))
    assert said.startswith(b"HTTP/1.1 400 ") or said == b""
    assert await ask(port, HEAD + b"Content-Length: 0\r\nConnection: close\r\n\r\n"), "still here"


async def test_a_long_head_and_a_long_body_are_read(port: int) -> None:
    body = b"b" * 1_000_000
    head = HEAD + b"Connection: close\r\nContent-Length: %d\r\nX-Long: " % len(body)
    said = await ask(port, head, b"a" * (HEAD_BYTES_MAX // 2), b"\r\n\r\n" + body)
    assert said.startswith(b"HTTP/1.1 200 ")
    assert said.endswith(b'{"head":4,"body":1000000}')


async def test_one_connection_brings_many_requests(port: int) -> None:
    """What is bounded is one head, not all of a connection's."""
    one = HEAD + b"Content-Length: 2\r\nX-Long: " + b"a" * 30_000 + b"\r\n\r\nhi"
    last = one.replace(b"Host: x", b"Host: x\r\nConnection: close")
    said = await ask(port, *[one] * 5, last)
    assert said.count(b"HTTP/1.1 200 ") == 6


async def test_what_is_no_http_is_refused(port: int) -> None:
    assert (await ask(port, b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


NEWCOMERS, TURNS = 60, 6


def test_all_who_wait_at_the_door_are_let_in_together() -> None:
    """On the loop that we serve on: it takes one in each turn, and a turn may take long."""

    async def scene() -> list[object]:
        config = uvicorn.Config(FastAPI(), port=0, http=BoundedHead, log_config=None)
        config.load()
        server = Server(config)
        server.lifespan = config.lifespan_class(config)
        await server.startup()
        address = server.servers[0].sockets[0].getsockname()
        with ExitStack() as stack:
            # The operating system shakes hands while nothing of ours runs.
            for _ in range(NEWCOMERS):
                stack.enter_context(socket.create_connection(address))
            for _ in range(TURNS):
                await asyncio.sleep(0)
            inside: list[object] = [*server.server_state.connections]
        await asyncio.sleep(0.1)  # uvloop does not end while connections come in
        await server.shutdown()
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(address).close()
        return inside

    try:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            inside = runner.run(scene())
    finally:
        gc.unfreeze()
    assert len(inside) == NEWCOMERS
    assert {type(one) for one in inside} == {BoundedHead}, "their heads have a bound, too"
