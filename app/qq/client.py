"""Calls to the official QQ bot's API: the token, and what may be tried again.

Unlike WeChat and WeCom it answers with real statuses: 400 and {message, code, err_code, trace_id}
for a refusal. Tried again: once with a new token. Nothing else: a lost answer is `maybe_done`.
"""

from collections.abc import Mapping
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
from app.core.settings import QQ
from app.qq.errors import (
    AUDITED,
    BY_CODE,
    QQAudited,
    QQNotConfigured,
    QQTokenRefused,
    QQUnavailable,
    refusal,
)

TOKEN_PATH = "/app/getAppAccessToken"  # noqa: S105  an address


class QQClient:
    """An open connection pool; `aclose` it. Never call it inside a transaction."""

    def __init__(self, settings: QQ, *, http: httpx.AsyncClient | None = None) -> None:
        self.settings = settings
        self._http = http or open_http(settings.api_url)
        self._token = HeldToken(self._fetch_token)

    async def aclose(self) -> None:
        await self._http.aclose()

    async def call(self, path: str, *, template: str, json: Mapping[str, Any]) -> dict[str, Any]:
        """The answer to a POST. `template` is the path without the group's id, for the metrics.

        Raises a kind of QQRefused, QQUnavailable or QQNotConfigured.
        """
        renewed = False
        while True:
            with nothing_done():
                token = await self._token.get()
            headers = {"Authorization": f"QQBot {token}"}
            try:
                return await self._exchange(path, template, json=json, headers=headers)
            except QQTokenRefused:
                self._token.forget(token)
                if renewed:
                    raise
                renewed = True

    async def _exchange(self, path: str, template: str, **parts: Any) -> dict[str, Any]:
        with watched("qq", template):
            try:
                response = await send(self._http, "POST", path, **parts)
                answer = read_json(response)
                codes = [read_code(answer.get(name, 0)) for name in ("code", "err_code")]
            except Unanswered as error:
                raise QQUnavailable(reason=error.reason, maybe_done=error.maybe_done) from None
            # A failure behind the gateway is no refusal, whatever code it carries.
            if response.is_server_error or not (response.is_success or any(codes)):
                raise QQUnavailable(reason="status")
            if not AUDITED.isdisjoint(codes):
                raise QQAudited(reason="audit")
            if any(codes):
                # The two may differ: 11242 with 40012002 (tencent-connect/bot-node-sdk#84).
                known = [code for code in codes if code in BY_CODE]
                raise refusal((known or [code for code in codes if code])[0], answer)
            return answer

    async def _fetch_token(self) -> tuple[str, float]:
        """The same token to everybody until its last 60 s, then a new one beside the old.

        bot.q.qq.com/wiki 获取访问凭证; expires_in is a string, and a refusal comes with status 200.
        """
        app_id, secret = self.settings.app_id, self.settings.client_secret
        if not app_id or not secret:
            raise QQNotConfigured
        # On a host of its own, so the address is whole.
        address = f"{str(self.settings.token_url).rstrip('/')}{TOKEN_PATH}"
        asked = {"appId": app_id, "clientSecret": secret}
        answer = await self._exchange(address, TOKEN_PATH, json=asked)
        value, seconds = answer.get("access_token"), _seconds(answer.get("expires_in"))
        if not isinstance(value, str) or not value or seconds <= 0:
            raise QQUnavailable(reason="no access_token")
        return value, seconds


def _seconds(value: Any) -> int:
    try:
        return int(value)
    except (ValueError, TypeError, OverflowError):
        return 0
