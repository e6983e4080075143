"""What holds for every page: headers, addresses, budgets, errors."""

import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request
from jinja2 import StrictUndefined

from app.api.pages import design, frame, navigation, static, trouble
from app.core.settings import Settings
from app.main import create_app

APP = Path(static.__file__).parent.parent
SOURCES = sorted([*frame.TEMPLATES.rglob("*.html"), *static.ROOT.rglob("*.*")])
DESIGN = ("/design", "/design/staff", "/design/print", "/design/foundation", "/text-size")
BROWSER = {"accept": "text/html,application/xhtml+xml", "accept-encoding": "gzip"}
CSS_BYTES_MAX, JS_BYTES_MAX, PAGE_BYTES_MAX = 12 * 1024, 4 * 1024, 30 * 1024
NOWHERE = "postgresql://nowhere/x"


@pytest.fixture
def app() -> FastAPI:
    """Without its life: these pages need no database."""
    return create_app(Settings(_env_file=None, database_url=NOWHERE))


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(
        transport=transport, base_url="http://town", headers=BROWSER
    ) as opened:
        yield opened


def sent_bytes(answer: httpx.Response) -> int:
    return int(answer.headers["content-length"])


@pytest.mark.parametrize("path", [*DESIGN, "/nowhere", "/design/trouble/503"])
async def test_every_page_has_the_headers_and_a_small_size(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.headers["content-security-policy"] == frame.CSP
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-encoding"] == "gzip"
    assert "Cookie" in answer.headers["vary"]
    assert answer.text.startswith("<!doctype html>")
    for needed in ('lang="zh-CN"', 'class="skip"', '<main id="main"', "<title>"):
        assert needed in answer.text
    asked = sum(len(static.ASSETS[name].compressed) for name in static.BUNDLES)
    assert sent_bytes(answer) + asked < PAGE_BYTES_MAX


@pytest.mark.parametrize("path", DESIGN)
async def test_a_page_names_nothing_the_policy_forbids(
    client: httpx.AsyncClient, path: str
) -> None:
    text = (await client.get(path)).text
    assert not re.search(r"<[^>]+\son\w+\s*=", text)
    assert not re.search(r"<[^>]+\sstyle\s*=", text)
    assert "<style" not in text
    assert re.findall(r"<script(?![^>]*\ssrc=)", text) == []
    assert re.findall(r'id="([^"]+)"', text).count("main") == 1


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(APP).as_posix())
def test_no_template_style_or_script_calls_another_host(path: Path) -> None:
    text = path.read_text("utf-8")
    hosts = set(re.findall(r"(?:https?:)?//([a-z0-9-]+\.[a-z0-9.-]+)", text))
    # The name of a format is no address, and the guide shows links as people would paste them.
    assert hosts <= {"www.w3.org", "xuetang.example"}
    assert text.count("\n") <= 300
    if path.suffix == ".html":
        assert "| safe" not in text or path.name == "icons.html"


def test_the_style_sheet_and_the_script_are_small() -> None:
    assert len(static.ASSETS["site.css"].compressed) < CSS_BYTES_MAX
    assert len(static.ASSETS["site.js"].compressed) < JS_BYTES_MAX
    bundled = {part for bundle in static.BUNDLES.values() for part in bundle}
    written = {f"{path.parent.name}/{path.name}" for path in static.ROOT.glob("*/*.[cj]s*")}
    assert bundled <= written  # others are one page's own


async def test_a_file_s_address_holds_its_digest_and_is_kept_for_a_year(
    client: httpx.AsyncClient,
) -> None:
    for name, asset in static.ASSETS.items():
        address = static.path_of(name)
        assert asset.digest in address
        kept = await client.get(address)
        assert kept.headers["cache-control"] == static.FOREVER
        assert kept.content == asset.body
        assert sent_bytes(kept) == len(asset.compressed)
        old = await client.get(address.replace(asset.digest, "0" * 12))
        assert (old.status_code, old.headers["cache-control"]) == (200, "no-store")
    plain = await client.get(static.path_of("site.css"), headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers
    assert plain.headers["content-type"].startswith("text/css")
    for wrong in ("/static/0/nothing.css", "/static/0/../frame.py", "/static/0/%2e%2e/main.py"):
        assert not (await client.get(wrong)).is_success


async def test_every_address_of_a_page_is_below_the_root(app: FastAPI) -> None:
    transport = httpx.ASGITransport(app, root_path="/learn")
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        for path in (*DESIGN, "/nowhere"):
            text = (await client.get(f"/learn{path}", headers=BROWSER)).text
            named = re.findall(r'(?:href|src|action)="([^"]+)"', text)
            assert len(named) > 3
            assert [one for one in named if not one.startswith(("/learn/", "#"))] == []
        style = re.search(r'"(/learn/static/[^"]+site.css)"', text)
        assert style is not None
        assert (await client.get(style[1])).is_success


async def test_the_style_guide_is_not_there_in_production(app: FastAPI) -> None:
    app.state.settings = app.state.settings.model_copy(update={"env": "production"})
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://town") as client:
        for path in ("/design", "/design/staff", "/design/trouble/500"):
            assert (await client.get(path)).status_code == 404
        assert (await client.get("/text-size")).status_code == 200


@pytest.mark.parametrize("status", sorted(design.TROUBLES))
async def test_an_error_is_a_page_for_people_and_a_problem_for_programs(
    client: httpx.AsyncClient, status: int
) -> None:
    shown = await client.get(f"/design/trouble/{status}", follow_redirects=False)
    if status == 401:
        assert shown.status_code == 303  # to /login
        return
    assert shown.status_code == status
    assert shown.headers["content-type"] == "text/html; charset=utf-8"
    assert shown.headers["x-request-id"] in shown.text
    assert re.search(r"<h1>[^<]*[一-鿿]", shown.text)
    assert ("retry-after" in shown.headers) == (status in {429, 503})


async def test_programs_still_get_problems(client: httpx.AsyncClient) -> None:
    for path in ("/api/v1/nothing", "/wechat/nobody", "/nowhere"):
        answer = await client.get(path, headers={"accept": "*/*"})
        assert answer.headers["content-type"] == "application/problem+json", path
    asked_by_a_browser = await client.get("/api/v1/nothing")
    assert asked_by_a_browser.headers["content-type"] == "application/problem+json"
    too_long = await client.post("/text-size", content=b"x" * 300_000)
    assert too_long.status_code == 413
    assert "文件太大了" in too_long.text


def form_of(page: str, marker: str) -> dict[str, str]:
    """The hidden fields of the form whose text holds this."""
    form = next(one for one in re.findall(r"<form.*?</form>", page, re.DOTALL) if marker in one)
    return dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', form))


@pytest.mark.parametrize("status", [409, 422, 429, 500, 503])
async def test_what_was_typed_survives_an_error(client: httpx.AsyncClient, status: int) -> None:
    hidden = form_of((await client.get("/design")).text, 'name="village"')
    typed = "想学手机上交医保 <b>&"
    answer = await client.post(f"/design/trouble/{status}", data={**hidden, "note": typed})
    assert answer.status_code == status
    assert "想学手机上交医保 &lt;b&gt;&amp;" in answer.text
    again = status in {429, 500, 503}
    assert ('<textarea name="note" hidden>' in answer.text) == again
    if again:  # The page's own form can be sent once more.
        fresh = form_of(answer.text, "再试一次")
        repeated = await client.post(f"/design/trouble/{status}", data={**fresh, "note": typed})
        assert repeated.status_code == status


async def test_the_size_of_the_text_is_kept_in_a_cookie(client: httpx.AsyncClient) -> None:
    page = (await client.get("/text-size?next=/credits")).text
    assert 'data-text="18"' in page
    hidden = form_of(page, "data-text-size")
    chosen = await client.post(
        "/text-size?next=/design/print", data={**hidden, "size": "26"}, follow_redirects=True
    )
    assert chosen.url.path == "/design/print"
    assert 'data-text="26"' in chosen.text
    wrong = await client.post("/text-size", data={**hidden, "size": "999"})
    assert wrong.status_code == 400
    away = await client.post("/text-size?next=//evil.example", data={**hidden, "size": "18"})
    assert away.headers["location"] == "/"
    client.cookies.set(frame.TEXT_COOKIE, '"><script>')
    assert 'data-text="18"' in (await client.get("/text-size")).text


def test_a_path_never_leaves_the_house(app: FastAPI) -> None:
    for path in ("//evil.example/x", "/learn//evil.example/x"):
        scope: dict[str, Any] = {"type": "http", "path": path, "root_path": "/learn", "app": app}
        scope |= {"headers": [(b"host", b"town")], "query_string": b""}
        assert frame.path_in(Request(scope)) == "/evil.example/x"


def test_templates_are_strict_and_can_all_be_read() -> None:
    assert frame.environment.undefined is StrictUndefined
    for name in frame.environment.list_templates():
        frame.environment.get_template(name)


def test_an_address_of_a_route_s_name(app: FastAPI) -> None:
    scope: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/x",
        "root_path": "/learn",
        "app": app,
    }
    scope |= {"headers": [(b"host", b"town")], "query_string": b"", "router": app.router}
    url = frame.globals_of(Request(scope))["url"]
    assert callable(url)
    assert url("/credits") == "/learn/credits"
    assert url("static_file", digest="d", name="a.css") == "/learn/static/d/a.css"


def test_every_known_state_has_a_chip() -> None:
    states = frame.environment.get_template("components/states.html").module
    assert {kind for _, kind in [*states.manuscript.values(), *states.delivery.values()]} <= {  # type: ignore[attr-defined]
        *("", "good", "warn", "bad", "info", "brick")
    }


@pytest.mark.parametrize(
    ("path", "current"),
    [("/", "/"), ("/credits", "/credits"), ("/credits/3", "/credits"), ("/creditsx", "")],
)
def test_the_tab_of_a_path(path: str, current: str) -> None:
    assert navigation.current_of(navigation.RESIDENT, path) == current


def test_trouble_is_told_in_chinese_only() -> None:
    assert trouble.CHINESE.match("“文坪村”没有")
    assert not trouble.CHINESE.match("Not Found")
