"""Settings under which the stand-in knows our company in WeCom and our bot in QQ."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import uvicorn
from fastapi import FastAPI

from app.core.exchange import open_http
from app.core.settings import QQ, Settings, WeCom
from app.qq.client import QQClient
from app.wecom.client import WeComClient

WECOM = WeCom(corp_id="ww00000000000000c3", secret="wecom-secret", agent_id=1000002)
BOT = QQ(app_id="100000004", client_secret="qq-secret")


def with_companies() -> Settings:
    return Settings(_env_file=None, wecom=WECOM, qq=BOT)


async def no_sleep(_: float) -> None:
    """The pauses of a client in a test."""


def wecom_client(sandbox: FastAPI, settings: WeCom = WECOM) -> WeComClient:
    http = open_http(settings.api_url, httpx.ASGITransport(sandbox))
    return WeComClient(settings, http=http, sleep=no_sleep)


def qq_client(sandbox: FastAPI, settings: QQ = BOT) -> QQClient:
    return QQClient(settings, http=open_http(settings.api_url, httpx.ASGITransport(sandbox)))


async def make_group(client: httpx.AsyncClient, kind: str, **facts: Any) -> dict[str, Any]:
    body = {"kind": kind, "name": "双槐村学习群", **facts}
    answer = await client.post("/_sandbox/groups", json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


async def read_group(client: httpx.AsyncClient, group: dict[str, Any]) -> list[dict[str, Any]]:
    return list((await client.get(f"/_sandbox/groups/{group['id']}/messages")).json())


async def add_fault(client: httpx.AsyncClient, path: str, kind: str, **facts: Any) -> None:
    body = {"path": path, "kind": kind, **facts}
    assert (await client.post("/_sandbox/faults", json=body)).status_code == 200


@asynccontextmanager
async def running(sandbox: FastAPI) -> AsyncIterator[str]:
    """The stand-in on a real port: a cut connection needs one."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(sandbox, log_level="critical", lifespan="off"))
        serving = asyncio.create_task(server.serve([listener]))
        while not server.started:  # noqa: ASYNC110  uvicorn offers no event
            await asyncio.sleep(0.01)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        await serving
