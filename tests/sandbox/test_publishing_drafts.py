import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import httpx
import pytest

from app.core import clock
from app.sandbox.articles import clean, split_styles
from app.wechat import drafts, errors, materials
from app.wechat.client import WeChatClient
from tests.sandbox.draft_box import delete_draft, has_draft
from tests.sandbox.platform import Platform, travel
from tests.sandbox.press import ARTICLE, JPEG, PNG, SITE, make_draft, seen, upload

UPLOADIMG, ADD_MATERIAL, UPLOAD = (
    "/cgi-bin/media/uploadimg",
    "/cgi-bin/material/add_material",
    "/cgi-bin/media/upload",
)
MEGA = 1024 * 1024


UPLOADS: list[tuple[str, str | None, bytes, int]] = [
    (UPLOADIMG, None, PNG, 0),
    (UPLOADIMG, None, JPEG, 0),
    (UPLOADIMG, None, JPEG + b"x" * (MEGA - len(JPEG) - 1), 0),
    (UPLOADIMG, None, JPEG + b"x" * (MEGA - len(JPEG)), 40009),
    (UPLOADIMG, None, b"GIF89a....", 40137),
    (UPLOADIMG, None, b"<svg/>", 40137),
    (UPLOADIMG, None, b"", 44001),
    (ADD_MATERIAL, "image", b"GIF89a....", 0),
    (ADD_MATERIAL, "image", b"hello", 40113),
    (ADD_MATERIAL, "image", PNG + b"x" * (10 * MEGA), 45001),
    (ADD_MATERIAL, "thumb", PNG, 40113),
    (ADD_MATERIAL, "thumb", JPEG + b"x" * 65536, 45001),
    (ADD_MATERIAL, "poem", PNG, 40004),
    (UPLOAD, "image", PNG, 0),
]


async def test_uploads(platform: Platform) -> None:
    for path, kind, content, errcode in UPLOADS:
        answer = await upload(platform, path, content, kind=kind)
        assert answer.get("errcode", 0) == errcode, (path, kind, content[:8], len(content))


async def test_an_upload_without_the_field_misses_its_file(platform: Platform) -> None:
    assert (await upload(platform, UPLOADIMG, PNG, field="file"))["errcode"] == 41005
    assert (await platform.post(UPLOADIMG, {"media": "x"}))["errcode"] == 41005


async def test_pictures_are_served_and_counted(
    platform: Platform, client: httpx.AsyncClient, wechat: WeChatClient
) -> None:
    url = await materials.upload_body_image(wechat, name="槐花.png", content=PNG)
    assert url.startswith(f"{SITE}/mmbiz_png/")
    assert await materials.upload_body_image(wechat, name="again.png", content=PNG) == url
    picture = await client.get(url.removeprefix(SITE))
    assert (picture.content, picture.headers["content-type"]) == (PNG, "image/png")
    assert (await client.get("/mmbiz_jpeg/unknown/0")).status_code == 404
    await materials.add_cover(wechat, name="cover.jpg", content=JPEG)
    await upload(platform, UPLOAD, PNG, kind="image")
    assert (await platform.get("/cgi-bin/material/get_materialcount"))["image_count"] == 1
    counts = await seen(platform, "publishing")
    assert (counts["images"], counts["materials"]) == (2, 1)


LIMITS: list[tuple[dict[str, str], type[Exception] | None]] = [
    ({"title": "题" * 32}, None),
    ({"title": "题" * 33}, errors.ContentTooLong),
    ({"title": ""}, errors.ContentTooLong),
    ({"author": "作" * 16}, None),
    ({"author": "作" * 17}, errors.ContentTooLong),
    ({"digest": "摘" * 128}, None),
    ({"digest": "摘" * 129}, errors.ContentTooLong),
    ({"content": "文" * 19_999}, None),
    ({"content": "文" * 20_000}, errors.ContentTooLong),
    ({"content": ""}, errors.PayloadMissing),
    ({"source_url": "https://a.cn/" + "x" * 1011}, None),
    ({"source_url": "https://a.cn/" + "x" * 1012}, errors.ContentTooLong),
]


async def test_limits_of_an_article(wechat: WeChatClient) -> None:
    cover = await materials.add_cover(wechat, name="cover.png", content=PNG)
    for changes, kind in LIMITS:
        articles = [replace(ARTICLE, cover_media_id=cover, **changes)]
        if kind is None:
            media_id = await drafts.add_draft(wechat, articles)
            assert await has_draft(wechat, media_id=media_id)
            continue
        with pytest.raises(kind):
            await drafts.add_draft(wechat, articles)


WRONG: list[tuple[dict[str, Any], int]] = [
    ({"articles": []}, 44003),
    ({}, 44003),
    ({"articles": ["x"]}, 47001),
    ({"articles": [{"title": "a", "content": "b"}]}, 40007),
    ({"articles": [{"title": "a", "content": "b", "thumb_media_id": "x"}]}, 40007),
    ({"articles": [{"title": "a", "content": 5}]}, 47001),
    ({"articles": [{"article_type": "newspic", "title": "a", "content": "b"}]}, 40007),
    ({"articles": [{"article_type": "poem"}]}, 40097),
    ({"articles": [{}] * 9}, 45008),
]


async def test_wrong_drafts(platform: Platform) -> None:
    for body, errcode in WRONG:
        assert (await platform.post("/cgi-bin/draft/add", body))["errcode"] == errcode, body


async def test_a_temporary_cover_is_no_cover(platform: Platform) -> None:
    media_id = (await upload(platform, UPLOAD, PNG, kind="image"))["media_id"]
    article = {"title": "a", "content": "b", "thumb_media_id": media_id}
    answer = await platform.post("/cgi-bin/draft/add", {"articles": [article]})
    assert answer["errcode"] == 40007


async def test_escaped_chinese_is_refused(platform: Platform, client: httpx.AsyncClient) -> None:
    answer = await client.post(
        "/cgi-bin/draft/add",
        params={"access_token": await platform.token()},
        content=rb'{"articles":[{"title":"\u5b66"}]}',
    )
    assert answer.json()["errcode"] == 40033


async def test_a_draft_is_read_changed_listed_and_deleted(
    platform: Platform, wechat: WeChatClient
) -> None:
    first = await make_draft(wechat, "一", "二", digest="")
    second = await make_draft(wechat, "三")
    read = await platform.post("/cgi-bin/draft/get", {"media_id": first})
    assert [item["title"] for item in read["news_item"]] == ["一", "二"]
    assert read["news_item"][0]["digest"] == "正文"
    changed = read["news_item"][1] | {"title": "二改"}
    body = {"media_id": first, "index": 1, "articles": changed}
    assert (await platform.post("/cgi-bin/draft/update", body))["errcode"] == 0
    wrong = await platform.post("/cgi-bin/draft/update", body | {"index": 2})
    assert wrong["errcode"] == 40060
    listed = await platform.post("/cgi-bin/draft/batchget", {"offset": 0, "count": 20})
    assert [item["media_id"] for item in listed["item"]] == [second, first]
    assert listed["item"][1]["content"]["news_item"][1]["title"] == "二改"
    brief = {"offset": 1, "count": 1, "no_content": 1}
    page = await platform.post("/cgi-bin/draft/batchget", brief)
    assert (page["total_count"], page["item_count"]) == (2, 1)
    assert page["item"][0]["content"]["news_item"] == []
    assert (await platform.get("/cgi-bin/draft/count"))["total_count"] == 2
    for _ in range(2):
        await delete_draft(wechat, media_id=first)
    assert not await has_draft(wechat, media_id=first)
    assert await has_draft(wechat, media_id=second)


async def test_a_page_holds_twenty(platform: Platform) -> None:
    for offset, count in ((0, 21), (0, 0), (-1, 1)):
        for path in ("/cgi-bin/draft/batchget", "/cgi-bin/freepublish/batchget"):
            answer = await platform.post(path, {"offset": offset, "count": count})
            assert answer["errcode"] == 40097


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("<p>文<script>alert(1)</script></p>", "<p>文</p>"),
        ('<p onclick="x()">文</p>', "<p>文</p>"),
        (f'<img src="{SITE}/mmbiz_png/a/0">', f'<img src="{SITE}/mmbiz_png/a/0">'),
        ('<img src="https://other.cn/a.png" alt="图">', '<img alt="图">'),
        ('<img src="data:image/png;base64,AA">', "<img>"),
        (f'<img src="{SITE}.evil.cn/mmbiz_png/a/0">', "<img>"),
        ('<a href="https://other.cn/">外链</a>', "<a>外链</a>"),
        ('<a href="javascript:alert(1)">坏</a>', "<a>坏</a>"),
        ('<section style="color:red">红</section>', '<section style="color:red">红</section>'),
        ("<style>p{}</style><iframe src=x></iframe>好", "好"),
    ],
)
def test_what_the_platform_takes_out(given: str, kept: str) -> None:
    assert clean(SITE, given) == kept


def test_styles_move_into_a_sheet() -> None:
    text = '<p style="color:red">style="style-0123456789abcdef-0" <b style="x:1}*{y:2">b</b></p>'
    html, sheet = split_styles(SITE, f'{text}<img src="{SITE}/mmbiz_png/a/0">')
    assert re.findall(r"<[^>]+>", html) == [
        '<p class="s0">', '<b class="s1">', "</b>", "</p>", '<img src="/mmbiz_png/a/0">',
    ]  # fmt: skip
    assert sheet == ".content .s0 { color:red }\n.content .s1 { x:1*y:2 }"


async def test_a_temporary_file_does_not_count_after_three_days(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = await upload(platform, UPLOAD, PNG, kind="image")
    assert answer["created_at"] <= clock.utcnow().timestamp()
    travel(monkeypatch, timedelta(days=4).total_seconds())
    assert (await platform.get("/cgi-bin/material/get_materialcount"))["image_count"] == 0
