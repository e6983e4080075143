"""The real client in front of the stand-in, and what publishing begins with."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
from fastapi import FastAPI

from app.core.settings import Account, Settings
from app.wechat import drafts, materials
from app.wechat.client import WeChatClient
from app.wechat.drafts import Article
from tests.sandbox.platform import Platform

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 64
JPEG = b"\xff\xd8\xff\xe0" + b"\x00" * 64
SITE = "http://127.0.0.1:8100"
ARTICLE = Article(
    title="本周学习：防诈骗",
    author="双槐镇",
    digest="三分钟学会识别骗局",
    content="<p>正文</p>",
    source_url="https://xuetang.example.cn/issues/1",
    cover_media_id="",
)


@dataclass
class StableTokens:
    """The stand-in's tokens, kept as the service keeps them."""

    kept: dict[str, str] = field(default_factory=dict)
    expired: list[str] = field(default_factory=list)

    async def get_token(self, http: httpx.AsyncClient, account: Account) -> str:
        if account.appid not in self.kept:
            body = {
                "grant_type": "client_credential",
                "appid": account.appid,
                "secret": account.secret,
            }
            answer = await http.post("/cgi-bin/stable_token", json=body)
            self.kept[account.appid] = str(answer.json()["access_token"])
        return self.kept[account.appid]

    async def expire(self, appid: str, failed_value: str) -> None:
        self.expired.append(failed_value)
        self.kept.pop(appid, None)


@dataclass
class Sleeps:
    seconds: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


class CuttableTransport(httpx.ASGITransport):
    """Without a port a connection that ends too early is only an assertion of httpx."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return await super().handle_async_request(request)
        except AssertionError as early:
            if str(early):
                raise
            raise httpx.RemoteProtocolError("cut", request=request) from None


@asynccontextmanager
async def real_client(
    sandbox: FastAPI, settings: Settings, tokens: StableTokens | None = None
) -> AsyncIterator[WeChatClient]:
    transport = CuttableTransport(sandbox)
    http = httpx.AsyncClient(transport=transport, base_url="http://sandbox")
    client = WeChatClient(
        settings.wechat, http=http, tokens=tokens or StableTokens(), sleep=Sleeps()
    )
    try:
        yield client
    finally:
        await client.aclose()


async def make_draft(client: WeChatClient, *titles: str, **changes: Any) -> str:
    """The media_id of a draft with one article a title."""
    cover = await materials.add_cover(client, name="cover.png", content=PNG)
    article = replace(ARTICLE, cover_media_id=cover, **changes)
    wanted = [replace(article, title=title) for title in titles or (ARTICLE.title,)]
    return await drafts.add_draft(client, wanted)


async def knobs(platform: Platform, **changes: Any) -> None:
    answer = await platform.client.patch("/_sandbox/publishing", json=changes)
    assert answer.status_code == 200, answer.text


async def settle(platform: Platform) -> int:
    return int((await platform.client.post("/_sandbox/publications/settle")).json()["settled"])


async def seen(platform: Platform, what: str) -> Any:
    return (await platform.client.get(f"/_sandbox/{what}")).json()


async def ask(platform: Platform, path: str, /, **body: Any) -> Any:
    answer = await platform.client.post(f"/_sandbox/{path}", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def upload(
    platform: Platform, path: str, content: bytes, *, field: str = "media", kind: str | None = None
) -> dict[str, Any]:
    params = {"access_token": await platform.token()} | ({"type": kind} if kind else {})
    files = {field: ("a.png", content, "image/png")}
    return dict((await platform.client.post(path, params=params, files=files)).json())
