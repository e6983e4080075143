import re
from pathlib import Path

import httpx
import pytest

from app.sandbox.pages import STATIC
from app.sandbox.world import World
from tests.sandbox.platform import Platform
from tests.sandbox.service import Service

FILES = sorted(path.relative_to(STATIC).as_posix() for path in STATIC.rglob("*.*"))
SCRIPTS = sorted(STATIC.rglob("*.js"))


@pytest.mark.parametrize("path", ["/", "/staff", "/account", "/groups", "/_sandbox/docs"])
async def test_a_page_runs_nothing_but_its_own_files(client: httpx.AsyncClient, path: str) -> None:
    page = await client.get(path)
    assert page.status_code == 200
    assert page.headers["content-security-policy"].startswith("default-src 'self'")
    assert "unsafe" not in page.headers["content-security-policy"]
    assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page.text)
    for url in re.findall(r'(?:src|href)="(/[^"]+)"', page.text):
        assert (await client.get(url)).status_code == 200, url


@pytest.mark.parametrize("name", FILES)
async def test_every_static_file_is_served_under_the_policy(
    client: httpx.AsyncClient, name: str
) -> None:
    answer = await client.get(f"/static/{name}")
    assert answer.status_code == 200
    assert answer.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_scripts_import_what_exists_and_write_no_markup(script: Path) -> None:
    source = script.read_text(encoding="utf-8")
    for name in re.findall(r'from "\./([^"]+)"', source):
        assert (script.parent / name).exists(), name
    assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", source)


async def test_it_lives(client: httpx.AsyncClient) -> None:
    assert (await client.get("/healthz")).json()["status"] == "ok"
    assert (await client.get("/nowhere/else")).status_code == 404


async def test_the_mini_program_reaches_the_service_through_the_proxy(
    platform: Platform, client: httpx.AsyncClient, service: Service
) -> None:
    user = await platform.resident()
    headers = {
        "Authorization": "Bearer t",
        "Idempotency-Key": "k",
        "X-Sandbox-User": user["id"],
        "Cookie": "a=b",
    }
    answer = await client.patch(
        "/_sandbox/mini/api/v1/me?x=1", headers=headers, json={"name": "新名"}
    )
    assert answer.json() == {"path": "/api/v1/me", "query": {"x": "1"}}
    seen = service.requests[-1]
    assert seen.method == "PATCH"
    assert seen.headers["authorization"] == "Bearer t"
    assert seen.headers["idempotency-key"] == "k"
    assert "cookie" not in seen.headers
    assert "x-sandbox-user" not in seen.headers


async def test_a_service_that_is_down_is_told_in_chinese(
    client: httpx.AsyncClient, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("down")

    down = httpx.AsyncClient(transport=httpx.MockTransport(fail))
    monkeypatch.setattr(world, "http", down)
    answer = await client.get("/_sandbox/mini/api/v1/me")
    assert answer.status_code == 502
    assert answer.headers["content-type"] == "application/problem+json"
    assert "连接不上" in answer.json()["title"]
    await down.aclose()


async def test_names_with_markup_stay_text_in_the_api(platform: Platform) -> None:
    user = await platform.resident('<img src=x onerror="alert(1)">')
    assert user["name"] == '<img src=x onerror="alert(1)">'
