"""Calls to WeChat's API on behalf of an account: the token, and what may be tried again.

Tried again: once with a new token (40001, 40014, 42001), twice after a pause (-1). Never: 40164,
48001, quotas, and a lost connection, after which nobody knows whether the call was carried out.
Loops without a bound have burnt other projects' quotas (wechatpy 1.8.18: 974 calls for one).
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, Protocol

import httpx

from app.core.exchange import nothing_done
from app.core.settings import Account, WeChat
from app.wechat import token as shared_tokens
from app.wechat.errors import TokenRefused, WeChatBusy, WeChatUnavailable
from app.wechat.transport import Files, exchange, make_http

BUSY_PAUSES = (1.0, 2.0)
"""Seconds before the second and the third attempt, as WxJava's 1 s x 2^n."""

Method = Literal["GET", "POST"]


class Tokens(Protocol):
    async def get_token(self, http: httpx.AsyncClient, account: Account, /) -> str: ...
    async def expire(self, appid: str, failed_value: str, /) -> None: ...


class WeChatClient:
    """An open connection pool; `aclose` it. Never call it inside a transaction."""

    def __init__(
        self,
        settings: WeChat,
        *,
        http: httpx.AsyncClient | None = None,
        tokens: Tokens = shared_tokens,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self._http = http or make_http(settings)
        self._tokens = tokens
        self._sleep = sleep

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(
        self,
        account: Account,
        method: Method,
        path: str,
        *,
        json: Any = None,
        params: Mapping[str, str] | None = None,
        files: Files | None = None,
        token: bool = True,
    ) -> dict[str, Any]:
        """The answer's JSON, whose errcode was 0 or absent.

        Raises a kind of WeChatRefused, WeChatUnavailable, or TokenUnavailable.
        """
        answer = await self._attempt(
            account, method, path, json=json, params=params, files=files, token=token
        )
        if isinstance(answer, bytes):
            raise WeChatUnavailable(reason="an image")
        return answer

    async def download(self, account: Account, path: str, *, json: Any) -> bytes:
        """The image that a POST answers. Raises as `call` does."""
        answer = await self._attempt(account, "POST", path, json=json, token=True)
        if not isinstance(answer, bytes):
            raise WeChatUnavailable(reason="no image")
        return answer

    async def _attempt(
        self, account: Account, method: Method, path: str, *, token: bool, **parts: Any
    ) -> dict[str, Any] | bytes:
        """At most four exchanges: one, one with a new token, two after pauses."""
        pauses, renewed = list(BUSY_PAUSES), False
        given = dict(parts.pop("params", None) or {})
        while True:
            value = None
            try:
                if token:
                    with nothing_done():
                        value = await self._tokens.get_token(self._http, account)
                    given["access_token"] = value
                return await exchange(self._http, method, path, params=given, **parts)
            except TokenRefused:
                # Without a value it was the secret that stable_token refused: no cure.
                if value is None or renewed:
                    raise
                renewed = True
                await self._tokens.expire(account.appid, value)
            except WeChatBusy:
                if not pauses:
                    raise
                await self._sleep(pauses.pop(0))
