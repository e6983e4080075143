"""What the tests do over and over with the stand-in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app.core import clock
from app.core.settings import Settings


@dataclass(frozen=True)
class Platform:
    client: httpx.AsyncClient
    settings: Settings

    async def token(self, account: str = "oa") -> str:
        found = getattr(self.settings.wechat, account)
        body = {
            "grant_type": "client_credential",
            "appid": found.appid,
            "secret": found.secret,
        }
        answer = await self.client.post("/cgi-bin/stable_token", json=body)
        return str(answer.json()["access_token"])

    async def get(self, path: str, account: str = "oa", **query: Any) -> dict[str, Any]:
        params = {"access_token": await self.token(account), **query}
        return dict((await self.client.get(path, params=params)).json())

    async def post(self, path: str, body: Any, account: str = "oa") -> dict[str, Any]:
        params = {"access_token": await self.token(account)}
        return dict((await self.client.post(path, params=params, json=body)).json())

    async def resident(self, name: str = "槐小花", **facts: Any) -> dict[str, Any]:
        answer = await self.client.post("/_sandbox/users", json={"name": name, **facts})
        return dict(answer.json())

    async def act(self, user: dict[str, Any], act: str, **body: Any) -> Any:
        answer = await self.client.post(f"/_sandbox/users/{user['id']}/{act}", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def knob(self, account: str, **changes: Any) -> None:
        appid = getattr(self.settings.wechat, account).appid
        answer = await self.client.patch(f"/_sandbox/accounts/{appid}", json=changes)
        assert answer.status_code == 200, answer.text


def travel(monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """Put the machine's clock forward by so much."""
    real, ahead = clock.real_now, timedelta(seconds=seconds)

    def later() -> datetime:
        return real() + ahead

    monkeypatch.setattr(clock, "real_now", later)
