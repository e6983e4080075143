import re

import httpx
import pytest

from app.wechat import materials
from app.wechat.client import WeChatClient
from tests.sandbox.platform import Platform
from tests.sandbox.press import PNG, SITE, ask, make_draft
from tests.sandbox.test_pages import test_a_page_runs_nothing_but_its_own_files as check_page

EVIL = "<script>alert(1)</script>"


@pytest.fixture
async def url(platform: Platform, wechat: WeChatClient) -> str:
    """The path of a mass-sent article with a picture, styles and an evil title."""
    picture = await materials.upload_body_image(wechat, name="a.png", content=PNG + b"body")
    content = f'<section style="color:#b4321f"><img src="{picture}"><b>正文</b></section>'
    media_id = await make_draft(wechat, EVIL, "次条", content=content)
    await ask(platform, "mass/by-hand", media_id=media_id)
    posts = (await platform.client.get("/_sandbox/posts")).json()
    return str(posts[0]["articles"][0]["url"]).removeprefix(SITE)


async def test_pages_run_nothing_but_their_own_files(client: httpx.AsyncClient, url: str) -> None:
    for path in ("/account", url):
        await check_page(client, path)


async def test_an_article_is_shown_with_its_styles_in_a_sheet(
    client: httpx.AsyncClient, url: str
) -> None:
    page = (await client.get(url)).text
    assert EVIL not in page
    assert "&lt;script&gt;" in page
    assert '<section class="s0">' in page
    sheet = await client.get(f"{url}/style.css")
    assert sheet.text == ".content .s0 { color:#b4321f }"
    assert sheet.headers["content-type"].startswith("text/css")
    assert "阅读原文" in page
    assert (await client.get("/s/unknown")).status_code == 404


async def test_the_account_page_tells_what_was_sent_and_what_was_published(
    platform: Platform, client: httpx.AsyncClient, wechat: WeChatClient, url: str
) -> None:
    for title in ("先发表", "后发表"):
        media_id = await make_draft(wechat, title)
        await ask(platform, "publications/by-hand", media_id=media_id)
    await platform.resident(followed=True)
    page = (await client.get("/account")).text
    assert url in page
    assert "1 位关注者" in page
    assert EVIL not in page
    shown = re.findall(r"<h2>([^<]+)|<b>([^<]+)</b>", page)
    assert ["".join(one) for one in shown] == [
        "群发消息", "&lt;script&gt;alert(1)&lt;/script&gt;", "次条", "已发表", "后发表", "先发表",
    ]  # fmt: skip


async def test_an_empty_account_page_and_its_links(client: httpx.AsyncClient) -> None:
    assert (await client.get("/account")).text.count("还没有。") == 2
    for path in ("/", "/_sandbox/docs"):
        assert 'href="/account"' in (await client.get(path)).text
