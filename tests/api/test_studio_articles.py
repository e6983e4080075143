"""An issue from the studio: its articles, their files, and two who write at once."""

import io
from typing import Any

import pytest
from PIL import Image

from app.api.pages import static
from tests.api.browser import Browser, form_of
from tests.api.newsroom import Newsroom, open_newsroom
from tests.api.service import Service
from tests.api.studio import XSS, harm_in, number_of, said, send, word_file, working
from tests.factories.editorial import picture

pytestmark = pytest.mark.usefixtures("our_town")
LIST = "/studio/manuscripts?kind=issue"
WORD = "application/vnd.openxmlformats"


@pytest.fixture
async def room(service: Service) -> Newsroom:
    return await open_newsroom(service)


async def begun(browser: Browser) -> tuple[int, str]:
    """(issue, address of its first article)."""
    page = await browser.get(LIST)
    made = await send(browser, page, "/new-issue")
    again = await send(browser, page, "/new-issue")  # A second click makes no second issue.
    assert made.headers["location"] == again.headers["location"]
    return number_of(made), made.headers["location"]


async def save(browser: Browser, path: str, files: Any = None, **typed: str) -> Any:
    form = await browser.get(path)
    facts = {"a_title": "双槐这一周", "a_author": "", "a_digest": "", "markdown": "正文。"}
    return await send(browser, form, path, files, **{**facts, **typed})


def png(pixels: tuple[int, int]) -> bytes:
    out = io.BytesIO()
    Image.new("1", pixels).save(out, "PNG")
    return out.getvalue()


async def test_an_article_s_words_and_pictures(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as browser:
        issue, path = await begun(browser)
        photo = (f"{XSS}.png", picture(size=(900, 383), exif=exif()))
        files = {"cover_file": photo, "picture": photo}
        done = await save(
            browser, path, files, a_title=XSS, a_author=XSS, a_digest=XSS,
            markdown=f"{XSS}\n\n[x](javascript:alert(1)) ![]({XSS})", format="markdown",
        )  # fmt: skip
        # A picture came in: the same page once more, to look at it.
        assert done.headers["location"] == f"{path}?said=saved"
        page = await browser.get(path)
        assert harm_in(page) == []
        assert "/uploads/" in page.text
        assert "现在的封面" in page.text
        shown = await browser.get(f"/studio/manuscripts/{issue}")
        assert harm_in(shown) == []
        assert "<img src=x" not in shown.text
        kept = next((service.settings.data_dir / "uploads").glob("*.png"))
        assert not Image.open(kept).getexif()
        refused = await send(browser, shown, f"/{issue}/submit")
        assert refused.status_code == 400
        assert "最多 32 字" in said(refused)


def exif() -> bytes:
    facts = Image.Exif()
    facts[0x010E] = "谁家门口"
    return facts.tobytes()


async def test_the_editor_s_html_is_cleaned(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as browser:
        issue, path = await begun(browser)
        pasted = (
            "<p class=MsoNormal onclick=x style='mso-x:1'>先<b>挂断</b></p>"
            "<script>alert(1)</script><p>&lt;img src=x onerror=alert(1)&gt;</p>"
        )
        await save(browser, path, format="html", html=pasted, markdown="旧的")
        page = await browser.get(path)
        assert harm_in(page) == []
        assert "先**挂断**" in page.text
        assert "旧的" not in page.text
        preview = await browser.post(
            "/studio/preview",
            {**form_of(page, path)[1], "html": pasted, "format": "html", "preview": "article"},
        )
        assert "<strong>挂断</strong>" in preview.text
        assert "<!doctype" not in preview.text
        assert harm_in(preview) == []
        assert issue


async def test_without_the_editor_s_package_the_text_area_is_there(
    service: Service, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(static, "VENDOR", {"vendor/x.js": ("no_such_package", "x.js")})
    assert static.read_vendor() == {}
    monkeypatch.setattr(static, "HAS_EDITOR", False)
    async with working(service, room.tutor) as browser:
        page = await browser.get("/studio/lessons/new")
        assert "vendor/" not in page.text
        assert "data-rich" not in page.text
        assert "data-markdown>" in page.text


async def test_a_word_file_is_added_to_the_text(service: Service, room: Newsroom) -> None:
    hostile = word_file("第二段。", "&lt;script&gt;alert(1)&lt;/script&gt;", image=picture())
    async with working(service, room.tutor) as browser:
        _, path = await begun(browser)
        done = await save(browser, path, {"word": (f"{XSS}.docx", hostile)}, markdown="第一段。")
        assert done.headers["location"] == f"{path}?said=saved"
        page = await browser.get(path)
        assert harm_in(page) == []
        text = page.text.partition("data-markdown>")[2].partition("</textarea>")[0]
        assert text.index("第一段。") < text.index("第二段。") < text.index("/uploads/")
        old = await save(browser, path, {"word": ("x.doc", b"\xd0\xcf\x11\xe0")}, markdown="留着")
        assert (old.status_code, "不是可用的 Word 文档" in old.text) == (400, True)
        assert ">\n留着</textarea>" in old.text
        lost = word_file("带不进来的图", image=b"no picture")
        told = await save(browser, path, {"word": ("x.docx", lost)}, markdown="留着")
        assert told.status_code == 400
        assert "1 张图片不能用" in told.text
        assert "带不进来的图" in told.text


async def test_files_that_are_refused_cost_no_text(service: Service, room: Newsroom) -> None:
    typed = {"a_title": "标题还在", "markdown": "正文还在", "a_digest": "摘要还在"}
    bad = {
        "太大": b"x" * (50 * 1024 * 1024),
        "不是可用的图片": b"<svg onload=alert(1)>",
        "图片太大": png((10_000, 10_000)),
    }
    async with working(service, room.tutor) as browser:
        _, path = await begun(browser)
        for name in ("cover_file", "picture"):
            for told, content in bad.items():
                answer = await save(browser, path, {name: (f"{XSS}.jpg", content)}, **typed)
                assert answer.status_code == 400, (name, told)
                assert told in said(answer)
                for kept in typed.values():
                    assert kept in answer.text
                assert harm_in(answer) == []
        word = await save(browser, path, {"word": ("x.docx", bad["太大"])}, **typed)
        assert "Word 文档太大" in said(word)
        assert "正文还在" in word.text
        fields = form_of(await browser.get(path), path)[1]
        for content, status in ((picture(), 200), (b"no", 400), (bad["图片太大"], 400)):
            files = {"file": ("x.png", content)}
            answer = await browser.client.post(
                "/studio/pictures", data={"csrf": fields["csrf"]}, files=files
            )
            assert answer.status_code == status
            assert "url" in answer.json() if status == 200 else "图片" in answer.json()["said"]
        far = await browser.client.post(path, content=b"", headers={"content-length": "99999999"})
        assert far.status_code == 413
        assert await service.count("upload") == 1  # The same picture as the room's cover.


async def test_two_in_one_issue(service: Service, room: Newsroom) -> None:
    """Different articles do not disturb each other; the same one is told, and loses nothing."""
    async with working(service, room.tutor) as one, working(service, room.editor) as two:
        issue, path = await begun(one)
        page = await one.get(f"/studio/manuscripts/{issue}")
        added = await send(one, page, "/articles")
        assert added.headers["location"].endswith("/articles/2")
        first, same = await one.get(path), await two.get(path)
        other = await two.get(added.headers["location"])
        facts = {"a_author": "", "a_digest": "", "markdown": "正文"}
        done = await send(one, first, path, **facts, a_title="甲改的标题")
        assert done.status_code == 303
        done = await send(two, other, "/articles/2", **facts, a_title="第二篇")
        assert done.status_code == 303
        told = await send(two, same, path, **facts, a_title="乙改的标题")
        assert told.status_code == 409
        assert "甲改的标题" in said(told)
        assert 'value="乙改的标题"' in told.text
        mine = await send(two, told, path, **facts, a_title="乙改的标题")
        assert mine.status_code == 303
        shown = said(await one.get(f"/studio/manuscripts/{issue}"))
        assert shown.index("乙改的标题") < shown.index("第二篇")
        stale = await send(one, page, "/articles")
        assert stale.status_code == 409
        page = await one.get(f"/studio/manuscripts/{issue}")
        assert (await send(one, page, "/order", up="2")).status_code == 303
        page = await one.get(f"/studio/manuscripts/{issue}")
        assert said(page).index("第二篇") < said(page).index("乙改的标题")
        assert (await send(one, page, "/order", remove="1")).status_code == 303
        assert "第二篇" not in said(await one.get(f"/studio/manuscripts/{issue}")).split("经过")[0]


async def test_a_session_that_ended_loses_no_article(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as browser:
        issue, path = await begun(browser)
        form = await browser.get(path)
        service.forward(hours=13)  # A shift of the staff is twelve.
        kept = await send(
            browser, form, path, a_title="写了半天", a_author="", a_digest="", markdown="很长的正文"
        )
        assert kept.status_code == 401
        assert "登录已过期" in kept.text
        await browser.sign_in(room.tutor)  # In another tab.
        done = await browser.press(kept)
        assert done.status_code == 303
        shown = await browser.get(f"/studio/manuscripts/{issue}")
        assert "写了半天" in shown.text
        assert "很长的正文" in shown.text


async def test_submitted_withdrawn_and_written_once_more(service: Service, room: Newsroom) -> None:
    cover = {"cover_file": ("c.png", picture(size=(900, 383)))}
    async with working(service, room.editor) as browser:
        issue, path = await begun(browser)
        await save(browser, path, cover, do="save")
        page = await browser.get(f"/studio/manuscripts/{issue}")
        assert "送审前还要改" not in page.text
        assert (await send(browser, page, f"/{issue}/submit")).status_code == 303
        # A change takes it back: what was reviewed is another text.
        assert "改了再保存，就回到草稿" in (await browser.get(path)).text
        await save(browser, path, markdown="改过的正文。")
        assert await service.count("manuscript", "state = 'draft'") == 1
        page = await browser.get(f"/studio/manuscripts/{issue}")
        assert (await send(browser, page, "/withdraw", reason="不发了")).status_code == 303
        assert (await browser.get(path)).status_code == 409
        copied = number_of(await send(browser, page, "/copy"))
        assert copied != issue
        assert "改过的正文" in (await browser.get(f"/studio/manuscripts/{copied}")).text


async def test_an_issue_has_eight_articles_at_most(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as browser:
        issue, _ = await begun(browser)
        for _ in range(7):
            page = await browser.get(f"/studio/manuscripts/{issue}")
            assert (await send(browser, page, "/articles")).status_code == 303
        full = await browser.get(f"/studio/manuscripts/{issue}")
        assert "加一篇" not in full.text
        fields = form_of(full, "/order")[1]
        refused = await browser.post(f"/studio/manuscripts/{issue}/articles", fields)
        assert (refused.status_code, "一期最多 8 篇" in refused.text) == (409, True)
