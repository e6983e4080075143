"""A browser without a window: cookies of its own, forms sent as a person would."""

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from html import unescape
from typing import Any
from urllib.parse import urlsplit

import httpx

from app.api.pages import cookies
from tests.api.service import Resident, Service

COMPUTER = "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/130.0 Safari/537.36 Edg/130.0"
WECHAT = "Mozilla/5.0 (Linux; Android 13) AppleWebKit/537.36 Chrome/116 MicroMessenger/8.0.49"
FORM = re.compile(r'<form[^>]*?method="post"[^>]*?action="([^"]*)"[^>]*>(.*?)</form>', re.DOTALL)
HIDDEN = re.compile(r'<input type="hidden" name="([^"]*)" value="([^"]*)">')


class Browser:
    def __init__(self, service: Service, client: httpx.AsyncClient) -> None:
        self.service = service
        self.client = client

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=headers)

    async def post(
        self, path: str, fields: Mapping[str, Any] | None = None, **headers: str
    ) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(path, data=dict(fields or {}), headers=named)

    async def press(self, page: httpx.Response, action: str = "", **typed: str) -> httpx.Response:
        """Send the page's form (the one whose address holds `action`) with what is typed."""
        to, fields = form_of(page, action)
        origin = f"{self.client.base_url.scheme}://{self.client.base_url.netloc.decode()}"
        return await self.post(to, {**fields, **typed}, origin=origin, sec_fetch_site="same-origin")

    @property
    def session(self) -> str | None:
        return self.client.cookies.get(cookies.SESSION)

    async def sign_in(self, who: Resident) -> None:
        """By the way of the mini-program's web view."""
        ticket = await self.service.ask("POST", "/login/ticket", who)
        path = urlsplit(ticket["url"]).path
        answer = await self.press(await self.get(path))
        assert answer.status_code == 303, answer.text


def form_of(page: httpx.Response, action: str = "") -> tuple[str, dict[str, str]]:
    """Where a page's form goes, and its hidden fields."""
    for to, inside in FORM.findall(page.text):
        if action in to:
            return unescape(to), {name: unescape(value) for name, value in HIDDEN.findall(inside)}
    raise AssertionError(f"no form to {action!r} in {page.status_code} {page.text[:2000]}")


@asynccontextmanager
async def browsing(service: Service, agent: str = COMPUTER) -> AsyncIterator[Browser]:
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(service.app),
        base_url=service.settings.base_url,
        headers={"User-Agent": agent, "Accept": "text/html"},
    ) as client:
        yield Browser(service, client)
