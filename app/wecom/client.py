"""Calls to WeCom's API (企业微信): the token, and what may be tried again.

Tried again: once with a new token (40001, 40014, 42001), twice after a pause (-1, "仅系统失败需要
重试": developer.work.weixin.qq.com 90313). Never a lost answer: see `maybe_done`. WeCom answers 200
whatever happened, so the errcode decides; apprise, which reads the status only, counts a robot
that is gone as delivered.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import httpx

from app.core.exchange import (
    Unanswered,
    nothing_done,
    open_http,
    read_code,
    read_json,
    send,
    watched,
)
from app.core.held_token import HeldToken
from app.core.settings import WeCom
from app.wecom.errors import (
    WeComBusy,
    WeComNotConfigured,
    WeComTokenRefused,
    WeComUnavailable,
    refusal,
)

BUSY_PAUSES = (1.0, 2.0)
"""Seconds before the second and the third attempt."""


class WeComClient:
    """An open connection pool; `aclose` it. Never call it inside a transaction."""

    def __init__(
        self,
        settings: WeCom,
        *,
        http: httpx.AsyncClient | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.settings = settings
        self._http = http or open_http(settings.api_url)
        self._token = HeldToken(self._fetch_token)
        self._sleep = sleep

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(self, path: str, *, json: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a POST of our app, whose errcode was 0.

        Raises a kind of WeComRefused, WeComUnavailable or WeComNotConfigured.
        """
        renewed = False
        while True:
            with nothing_done():
                token = await self._token.get()
            try:
                return await self._patiently(path, {"access_token": token}, json)
            except WeComTokenRefused:
                self._token.forget(token)
                if renewed:
                    raise
                renewed = True

    async def robot(self, key: str, message: Mapping[str, Any]) -> dict[str, Any]:
        """Let a group robot speak. Its key is all it needs: no token, and no credentials of ours.

        POST /cgi-bin/webhook/send (developer.work.weixin.qq.com 91770).
        """
        return await self._patiently("/cgi-bin/webhook/send", {"key": key}, message)

    async def _patiently(
        self, path: str, params: Mapping[str, str], json: Mapping[str, Any]
    ) -> dict[str, Any]:
        for pause in BUSY_PAUSES:
            try:
                return await self._exchange("POST", path, params=params, json=json)
            except WeComBusy:
                await self._sleep(pause)
        return await self._exchange("POST", path, params=params, json=json)

    async def _exchange(self, method: str, path: str, **parts: Any) -> dict[str, Any]:
        with watched("wecom", path):
            try:
                response = await send(self._http, method, path, **parts)
                answer = read_json(response)
                errcode = read_code(answer.get("errcode"))
            except Unanswered as error:
                raise WeComUnavailable(reason=error.reason, maybe_done=error.maybe_done) from None
            if errcode != 0:
                raise refusal(errcode, answer)
            if not response.is_success:
                raise WeComUnavailable(reason="status")
            return answer

    async def _fetch_token(self) -> tuple[str, float]:
        """GET /cgi-bin/gettoken (91039): the same token to everybody while it lasts, 7200 s."""
        corp_id, secret = self.settings.corp_id, self.settings.secret
        if not corp_id or not secret:
            raise WeComNotConfigured
        params = {"corpid": corp_id, "corpsecret": secret}
        answer = await self._exchange("GET", "/cgi-bin/gettoken", params=params)
        match answer:
            case {"access_token": str(value), "expires_in": int(seconds)} if value and seconds > 0:
                return value, seconds
        raise WeComUnavailable(reason="no access_token")
