"""A stand-in for api.weixin.qq.com behind httpx, and one for the table of tokens."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx

from app.core.settings import Account, OfficialAccount, WeChat
from app.wechat.client import WeChatClient
from app.wechat.transport import make_http

RID = "663b1e1c-2f0d9c5a-1a2b3c4d"
Answer = Callable[[httpx.Request], httpx.Response]


def refused(errcode: int, errmsg: str = "no") -> httpx.Response:
    return httpx.Response(200, json={"errcode": errcode, "errmsg": f"{errmsg} rid: {RID}"})


@dataclass
class FakeTokens:
    value: str = "token-1"
    expired: list[str] = field(default_factory=list)

    async def get_token(self, _: httpx.AsyncClient, __: Account) -> str:
        return self.value

    async def expire(self, _: str, failed_value: str) -> None:
        self.expired.append(failed_value)
        self.value = f"token-{len(self.expired) + 1}"


@dataclass
class Server:
    """Answers what it is given, the last answer for ever."""

    answers: list[Any]
    requests: list[httpx.Request] = field(default_factory=list)
    sleeps: list[float] = field(default_factory=list)
    tokens: FakeTokens = field(default_factory=FakeTokens)

    def handle(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, dict):
            return httpx.Response(200, json=answer)
        assert isinstance(answer, httpx.Response)
        return answer

    async def sleep(self, seconds: float) -> None:
        self.sleeps.append(seconds)

    def client(self, oa: OfficialAccount | None = None) -> WeChatClient:
        settings = WeChat(oa=oa or OfficialAccount())
        http = make_http(settings, httpx.MockTransport(self.handle))
        return WeChatClient(settings, http=http, tokens=self.tokens, sleep=self.sleep)

    def body(self, index: int = 0) -> Any:
        return json.loads(self.requests[index].content)

    def used_tokens(self) -> list[str | None]:
        return [request.url.params.get("access_token") for request in self.requests]
