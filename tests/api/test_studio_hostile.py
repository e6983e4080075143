"""What a studio must bear: bombs, forgeries, files that lie, and a session that ends in between."""

import io
import re
import struct
import zipfile
import zlib
from typing import Any

import pytest

from app.api import middleware
from app.content.question_sheet import UNPACKED_BYTES_MAX
from app.editorial import pictures
from tests.api.browser import Browser, form_of
from tests.api.newsroom import Newsroom, open_newsroom
from tests.api.service import Service
from tests.api.studio import LINKS, XSS, harm_in, number_of, said, send, word_file, working
from tests.api.test_studio_lessons import sheet
from tests.factories.editorial import picture

pytestmark = pytest.mark.usefixtures("our_town")
LISTED = "/studio/manuscripts?kind=issue"
LESSON = {
    "org": "T", "title": "接到陌生电话", "platform": "微讲堂", "kind": "article", "audience": "",
    "summary": "", "source": "", "media_url": "", "required_seconds": "", "markdown": "先挂断。",
}  # fmt: skip
TEN_THOUSAND = [("判断", f"第 {number} 题", *[""] * 8, "对", "") for number in range(10_000)]
WORDS = {"a_title": "留着的标题", "a_author": "", "a_digest": "", "markdown": "留着的正文"}


@pytest.fixture
async def room(service: Service) -> Newsroom:
    return await open_newsroom(service)


async def begun(browser: Browser) -> str:
    """The address of a new issue's first article."""
    page = await browser.get(LISTED)
    return str((await send(browser, page, "/new-issue")).headers["location"])


def png_bomb() -> bytes:
    """A square of 30,000 pixels a side: 900 million, in a hundred bytes of data."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        crc = struct.pack(">I", zlib.crc32(kind + data))
        return struct.pack(">I", len(data)) + kind + data + crc

    head = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 2, 0, 0, 0)
    data = zlib.compress(bytes(1000))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def archive_of(**parts: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return out.getvalue()


def with_macro(content: bytes) -> bytes:
    """The same Word file with a macro, and a template that wants to be fetched from elsewhere."""
    out = io.BytesIO()
    elsewhere = LINKS.replace("hyperlink", "attachedTemplate").replace(
        "javascript:alert(1)", "http://203.0.113.1/evil.dotm"
    )
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(out, "w") as new:
        for name in old.namelist():
            new.writestr(name, old.read(name))
        new.writestr("word/vbaProject.bin", b"\xd0\xcf\x11\xe0Sub AutoOpen()")
        new.writestr("word/_rels/settings.xml.rels", elsewhere)
    return out.getvalue()


def big_table(rows: int) -> str:
    cell = "<w:tc><w:p><w:r><w:t>格</w:t></w:r></w:p></w:tc>"
    return f"<w:tbl>{f'<w:tr>{cell * 4}</w:tr>' * rows}</w:tbl>"


async def test_bombs_and_lies_cost_no_word(service: Service, room: Newsroom) -> None:
    spaces = b" " * (UNPACKED_BYTES_MAX + 1)
    async with working(service, room.tutor) as browser:
        path = await begun(browser)
        page = await browser.get(path)
        for field, name, content, told in (
            ("word", "a.docx", archive_of(word__document_xml=spaces + spaces), "Word 文档太大"),
            ("word", "a.docx", b"PK\x03\x04" + bytes(50 * 1024 * 1024), "Word 文档太大"),
            ("word", "a.docm", b"PK\x05\x06" + bytes(18), "不是可用的 Word 文档"),
            ("picture", f"{XSS}.png", png_bomb(), "图片太大"),
            ("picture", "a.png", bytes(50 * 1024 * 1024), "图片太大"),
            ("cover_file", "a.svg", f"<svg>{XSS}</svg>".encode(), "不是可用的图片"),
            ("cover_file", "a.png", picture()[:40], "不是可用的图片"),
        ):
            answer = await send(browser, page, path, {field: (name, content)}, **WORDS)
            assert (answer.status_code, harm_in(answer)) == (400, []), name
            assert told in said(answer), (name, said(answer)[:400])
            assert 'value="留着的标题"' in answer.text
            assert "留着的正文</textarea>" in answer.text
        # The editor's own way for pictures says it in one sentence, and is bounded before it reads.
        fields = form_of(page, path)[1]
        for content, status in ((png_bomb(), 400), (b"no", 400), (bytes(12 * 1024 * 1024), 413)):
            sent = await browser.client.post(
                "/studio/pictures", data=fields, files={"file": (f"{XSS}.png", content)}
            )
            assert sent.status_code == status
        # Far beyond any file, nothing is read at all.
        headers = {"content-type": "multipart/form-data; boundary=b"}
        headers["content-length"] = str(middleware.LARGER[2][1] + 1)
        assert (await browser.client.post(path, headers=headers)).status_code == 413
    assert await service.count("manuscript_version") == 1
    assert list((service.settings.data_dir / "uploads").glob("*.part")) == []


async def test_a_word_file_with_macros_links_and_a_huge_table(
    service: Service, room: Newsroom
) -> None:
    link = "<w:p><w:hyperlink r:id='rId8'><w:r><w:t>点我</w:t></w:r></w:hyperlink></w:p>"
    file = with_macro(word_file("第一段。", raw=link + big_table(600)))
    async with working(service, room.tutor) as browser:
        path = await begun(browser)
        page = await browser.get(path)
        done = await send(browser, page, path, {"word": ("宏.docm.docx", file)}, **WORDS)
        assert done.headers["location"] == f"{path}?said=saved"
        kept = await browser.get(path)
        assert harm_in(kept) == []
        text = kept.text.partition("data-markdown>")[2].partition("</textarea>")[0]
        assert "留着的正文" in text
        assert "点我" in text
        assert text.count("\n| 格 ") >= 600
        for gone in ("AutoOpen", "evil.dotm", "javascript"):
            assert gone not in kept.text


async def test_sheets_that_explode_or_never_end(service: Service, room: Newsroom) -> None:
    async with working(service, room.tutor) as browser:
        new = "/studio/lessons/new"
        lesson = number_of(await send(browser, await browser.get(new), new, **LESSON))
        path = f"/studio/lessons/{lesson}/questions"
        form = await browser.get(path)
        asked = {"q1_kind": "judge", "q1_text": "留着的题", "q1_answer": "0", "q1_why": ""}
        for content, told in (
            (archive_of(xl__worksheets__sheet1_xml=b" " * (UNPACKED_BYTES_MAX + 1)), "表格太大"),
            (archive_of(xl__workbook_xml=b"<!DOCTYPE x [<!ENTITY a 'x'>]><x>&a;</x>"), "不是可用"),
            (b"\xef\xbb\xbf=cmd|' /C calc'!A0,B\n".ljust(99), "不是可用"),
            (sheet(*TEN_THOUSAND), "最多 20 题"),
        ):
            answer = await send(
                browser, form, path, {"sheet": ("=1+1.xlsx", content)}, **asked, do="import"
            )
            assert answer.status_code == 400
            assert told in said(answer), said(answer)[:300]
            assert "留着的题" in answer.text
    assert await service.count("question") == 0


async def test_forged_forms_and_a_session_that_ends_in_the_middle(
    service: Service, room: Newsroom
) -> None:
    async with working(service, room.tutor) as browser:
        path = await begun(browser)
        page = await browser.get(path)
        fields = {**form_of(page, path)[1], **WORDS}
        forged: list[tuple[dict[str, Any], dict[str, str]]] = [
            ({**fields, "csrf": ""}, {}),
            ({**fields, "csrf": "0" * 80}, {}),
            (fields, {"origin": "https://evil.example"}),
            (fields, {"sec-fetch-site": "cross-site"}),
        ]
        for data, headers in forged:
            for to in (path, "/studio/pictures", "/studio/preview", "/studio/lessons/new"):
                answer = await browser.client.post(to, data=data, headers=headers)
                assert answer.status_code == 403, (to, headers)
        assert await service.count("manuscript_version") == 1

        # What the rich editor holds survives the end of the session, as what is typed does.
        service.forward(hours=13)
        rich = {**WORDS, "format": "html", "html": "<p>写了<strong>半天</strong></p>"}
        kept = await send(browser, page, path, **rich)
        assert (kept.status_code, "登录已过期" in kept.text) == (401, True)
        await browser.sign_in(room.tutor)
        done = await browser.press(kept)
        assert done.status_code == 303
        assert "写了**半天**" in (await browser.get(path)).text
        # Back, and sent once more: the other wording is told, nothing is written over in silence.
        back = await send(browser, page, path, **{**WORDS, "markdown": "更早的正文"})
        assert (back.status_code, "更早的正文" in back.text) == (403, True)
        again = await browser.press(back)
        assert (again.status_code, "更早的正文" in again.text) == (409, True)
        assert "写了**半天**" in again.text


async def test_pictures_below_a_root_and_a_cover_from_the_text(
    service: Service, room: Newsroom, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with working(service, room.tutor) as browser:
        path = await begun(browser)
        page = await browser.get(path)
        fields = form_of(page, path)[1]
        with monkeypatch.context() as below:
            below.setattr("app.api.pages.cookies.root_of", lambda _request: "/learn")
            sent = await browser.client.post(
                "/studio/pictures", data=fields, files={"file": ("a.png", picture(size=(90, 40)))}
            )
            url = sent.json()["url"]
            assert url.startswith("/learn/uploads/")
            html = f'<p>字</p><p><img src="{url}"></p>'
            await send(browser, page, path, **{**WORDS, "format": "html", "html": html})
        kept = await browser.get(path)
        assert f"]({url.removeprefix('/learn')})" in kept.text
        assert "/learn/" not in kept.text
        assert "现在的封面" in kept.text  # Nobody had to choose it twice.
        assert pictures.PIXELS_MAX < 30_000**2


async def test_a_change_that_voids_reviews_is_warned_of(service: Service, room: Newsroom) -> None:
    lesson = await service.lesson()
    body = {"date": "2026-11-25", "org_code": "T", "lesson_id": lesson, "text": "学一学"}
    push = (await service.ask("POST", "/pushes", room.tutor, json=body))["id"]
    issue = await room.approve(await room.begin())
    await service.ask("POST", f"/issues/{issue['id']}/schedule", room.editor, json={})
    async with working(service, room.tutor) as browser:
        draft = await browser.get(f"/studio/manuscripts/{push}/push")
        assert "作废" not in draft.text
        sent = await send(browser, draft, "/push", lesson=str(lesson), text="再学", do="submit")
        assert sent.headers["location"].endswith("?said=submitted")
        edit = await browser.get(f"/studio/manuscripts/{push}/push")
        assert "这份推送已经送审" in said(edit)
        assert len(re.findall(r'data-confirm="保存以后回到草稿', edit.text)) == 2
        # Unchanged, it goes on where it was.
        same = await send(browser, edit, "/push", lesson=str(lesson), text="再学", do="submit")
        assert same.status_code == 303
        assert await service.count("manuscript", "state = 'first_review'") == 1
        article = await browser.get(f"/studio/manuscripts/{issue['id']}/articles/1")
        assert "这一期已经排好期" in said(article)
        # Who wrote it and may not publish hears whose deed it is, and nothing about a village.
        shown = await browser.get(f"/studio/manuscripts/{issue['id']}")
        fields = {"csrf": form_of(shown)[1]["csrf"], "reason": "不发了"}
        for deed in ("withdraw", "schedule"):
            refused = await browser.post(f"/studio/manuscripts/{issue['id']}/{deed}", fields)
            assert refused.status_code == 403
            assert "要由编辑、主编或管理员来办" in said(refused)
    writer = await service.officer("lecturer", "T")
    told = await service.ask("POST", "/issues", writer, json={"articles": [room.article()]})
    told = (await service.call("POST", f"/issues/{told['id']}/submit", writer)).json()
    mine = await room.review(told, writer)
    assert (mine.status_code, mine.json()["code"]) == (403, "NotYourReview")
    # The account is the town's: a village's tutor is not offered what could never appear.
    async with working(service, await service.officer("tutor", "T-1")) as village:
        listed = await village.get(LISTED)
        assert "公众号由镇里统一编写" in said(listed)
        fields = {"csrf": re.findall(r'name="csrf" value="([^"]+)"', listed.text)[0]}
        fields["once"] = "f" * 32
        refused = await village.post("/studio/manuscripts/new-issue", fields)
        assert (refused.status_code, "统一编写" in said(refused)) == (403, True)
