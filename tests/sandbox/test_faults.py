import asyncio
import socket
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from tests.sandbox.platform import Platform

MENU = {"button": [{"type": "click", "name": "今日", "key": "today"}]}


async def fault(client: httpx.AsyncClient, path: str, kind: str, **facts: Any) -> None:
    body = {"path": path, "kind": kind, **facts}
    assert (await client.post("/_sandbox/faults", json=body)).status_code == 200


async def test_an_errcode_hits_so_many_calls(platform: Platform, client: httpx.AsyncClient) -> None:
    await fault(client, "/cgi-bin/menu/*", "errcode", errcode=45011, count=2)
    errcodes = [(await platform.get("/cgi-bin/menu/get"))["errcode"] for _ in range(3)]
    assert errcodes == [45011, 45011, 46003]


async def test_busy_is_minus_one_and_does_nothing(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    await fault(client, "/cgi-bin/menu/create", "errcode")
    assert (await platform.post("/cgi-bin/menu/create", MENU))["errcode"] == -1
    assert (await platform.get("/cgi-bin/menu/get"))["errcode"] == 46003


async def test_a_gateway_answers_with_html_and_a_body_can_be_cut(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    token = await platform.token()
    query = {"access_token": token}
    await fault(client, "/cgi-bin/getcallbackip", "html502")
    answer = await client.get("/cgi-bin/getcallbackip", params=query)
    assert answer.status_code == 502
    assert answer.headers["content-type"].startswith("text/html")
    await fault(client, "/cgi-bin/getcallbackip", "truncated")
    answer = await client.get("/cgi-bin/getcallbackip", params=query)
    with pytest.raises(ValueError, match="Expecting"):
        answer.json()


async def test_an_answer_can_be_json_of_the_wrong_types(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    token = await platform.token()
    await fault(client, "/cgi-bin/getcallbackip", "wrong_types")
    answer = await client.get("/cgi-bin/getcallbackip", params={"access_token": token})
    assert answer.status_code == 200
    assert all(isinstance(value, list) for value in answer.json().values())


async def test_latency_delays_the_answer(platform: Platform, client: httpx.AsyncClient) -> None:
    token = await platform.token()
    await fault(client, "/cgi-bin/getcallbackip", "latency", seconds=5)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await client.get("/cgi-bin/getcallbackip", params={"access_token": token})


@pytest.fixture
async def address(sandbox: FastAPI) -> AsyncIterator[str]:
    """The stand-in on a real port: a cut connection needs one."""
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(sandbox, log_level="critical", lifespan="off"))
    running = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110  uvicorn offers no event
        await asyncio.sleep(0.01)
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await running
    listener.close()


async def test_a_connection_is_cut_after_the_menu_was_made(
    platform: Platform, client: httpx.AsyncClient, address: str
) -> None:
    token = await platform.token()
    await fault(client, "/cgi-bin/menu/create", "reset")
    async with httpx.AsyncClient(base_url=address) as real:
        with pytest.raises(httpx.RemoteProtocolError):
            await real.post("/cgi-bin/menu/create", params={"access_token": token}, json=MENU)
    assert "menu" in await platform.get("/cgi-bin/menu/get")


async def test_calls_are_listed_with_their_errcodes(
    platform: Platform, client: httpx.AsyncClient
) -> None:
    await platform.get("/cgi-bin/menu/get")
    calls = (await client.get("/_sandbox/calls")).json()
    assert [(call["path"], call["errcode"]) for call in calls] == [
        ("/cgi-bin/stable_token", 0),
        ("/cgi-bin/menu/get", 46003),
    ]
    last = calls[0]["number"]
    assert len((await client.get("/_sandbox/calls", params={"after": last})).json()) == 1
    await client.post("/_sandbox/reset")
    assert (await client.get("/_sandbox/calls")).json() == []


async def test_the_quota_tells_what_is_left(platform: Platform) -> None:
    await platform.get("/cgi-bin/menu/get")
    path = "/cgi-bin/openapi/quota/get"
    known = await platform.post(path, {"cgi_path": "/cgi-bin/menu/get"})
    assert known["quota"] == {"daily_limit": 10_000, "used": 1, "remain": 9999}
    assert (await platform.post(path, {"cgi_path": "/x"}))["errcode"] == 76021
